from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autonomy.errors import USAGE, UsageError
from autonomy.faults import timeline

GOOD = 'schema = "autonomy.faults/1"\n[[fault]]\nsource = "gnss"\nkind = "drop"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "faults.toml"
    path.write_text(text)
    return path


def test_every_key_is_read_and_what_is_left_out_has_its_default(tmp_path):
    text = GOOD + (
        '[[fault]]\nsource = "can0"\nmessage = "EEC1@00"\nsignal = "engine_speed"\nkind = "bias"\n'
        "start_s = 20\nend_s = 60.5\nvalue = -3\nprobability = 0.5\nseed = 7\n"
    )
    found = timeline.load(write(tmp_path, text))
    assert found.faults[0] == timeline.Fault(1, "gnss", "drop")
    assert found.faults[1] == timeline.Fault(2, "can0", "bias", 20.0, 60.5, -3.0, 0.5, 7, "EEC1@00", "engine_speed")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (GOOD.replace("autonomy.faults/1", "autonomy.faults/2"), ["schema = 'autonomy.faults/2'", "'autonomy.faults/1'"]),
        ("", ["schema = None"]),
        ('schema = "autonomy.faults/1"', ["no [[fault]]"]),
        ('schema = "autonomy.faults/1"\nfault = 3', ["fault = 3", "list of tables"]),
        (GOOD.replace("[[fault]]", "[[faults]]"), ["key 'faults'"]),
        (GOOD.replace("drop", "dorp"), ["fault 1", "kind = 'dorp'", "use one of", "drop", "clock_jump"]),
        (GOOD + GOOD.replace('schema = "autonomy.faults/1"', "").replace('kind = "drop"', ""), ["fault 2", "kind is missing"]),
        (GOOD.replace('source = "gnss"', ""), ["fault 1", "source is missing"]),
        (GOOD.replace('"gnss"', "3"), ["source = 3", "name in quotes"]),
        (GOOD + "begin_s = 3", ["key 'begin_s'", "start_s"]),
        (GOOD + "start_s = -1", ["start_s = -1", "0 or more"]),
        (GOOD + 'start_s = "now"', ["start_s = 'now'", "seconds"]),
        (GOOD + "start_s = nan", ["start_s = nan", "finite"]),
        (GOOD + "start_s = true", ["start_s = True"]),
        (GOOD + "start_s = 5\nend_s = 5", ["end_s = 5", "above start_s = 5"]),
        (GOOD + "probability = 1.5", ["probability = 1.5", "within 0..1"]),
        (GOOD + "seed = 0.5", ["seed = 0.5", "whole number"]),
        (GOOD + "value = 3", ["value = 3", "no meaning for drop"]),
        (GOOD + 'signal = "speed"', ["signal = 'speed'", "no meaning for drop"]),
        (GOOD.replace("drop", "delay"), ["value is missing", "delay in seconds"]),
        (GOOD.replace("drop", "delay") + "value = 0", ["value = 0", "delay in seconds"]),
        (GOOD.replace("drop", "delay") + "value = 61", ["value = 61", "60"]),
        (GOOD.replace("drop", "bias") + "value = inf", ["value = inf", "finite"]),
        (GOOD.replace("drop", "noise") + "value = -1", ["value = -1", "standard deviation"]),
        (GOOD.replace("drop", "corrupt") + "value = 1.5", ["value = 1.5", "whole number of bits"]),
        (GOOD.replace("drop", "duplicate") + "value = 101", ["value = 101", "extra copies"]),
        (GOOD + "start_s = ", ["not valid TOML"]),
    ],
)
def test_each_mistake_gets_a_sentence(tmp_path, text, parts):
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        timeline.load(path)
    assert caught.value.exit_code == USAGE
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: ") and "\n" not in sentence
    for part in parts:
        assert part in sentence


@pytest.mark.parametrize("kind", timeline.RIG_KINDS)
def test_a_replay_refuses_what_needs_the_rig(tmp_path, kind):
    found = timeline.load(write(tmp_path, GOOD.replace("drop", kind)))
    with pytest.raises(UsageError, match=f"fault 1: kind = '{kind}' needs the rig"):
        found.refuse_rig_kinds()


def test_packaged_timelines_are_sound_and_found_by_name():
    names = sorted(path.stem for path in (Path(__file__).parents[2] / "configs" / "faults").glob("*.toml"))
    assert len(names) >= 5
    for name in names:
        timeline.load(name).refuse_rig_kinds()
    with pytest.raises(UsageError, match="gnss_drop"):
        timeline.load("no_such_timeline")


TEXTS = st.sampled_from(["", " ", "gnss", "3"])
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.lists(st.integers(), max_size=2)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(timeline.KEYS + ("other",)), ANYTHING | st.sampled_from(timeline.KINDS)))
def test_no_content_ends_in_anything_but_a_timeline_or_a_sentence(entry):
    try:
        timeline.from_tables({"schema": timeline.SCHEMA, "fault": [entry]}, "faults.toml")
    except UsageError as error:
        assert str(error).startswith("faults.toml: ")
