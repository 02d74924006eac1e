"""Two runs compared: by the time of their ticks, within tolerances, in bounded memory, across builds."""

from __future__ import annotations

import json
import xml.etree.ElementTree as tree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy import msg, replay
from autonomy.cli.main import main
from autonomy.errors import UsageError
from autonomy.log.writer import LogWriter
from autonomy.playback import difference, output_log, stored, tolerance
from autonomy.playback.tolerance import Limit, Tolerances

PLAN = msg.dtype("Plan")


def rows(times: np.ndarray, **fields) -> np.ndarray:
    found = np.zeros(len(times), PLAN)
    found["time_ns"] = times
    for name, values in fields.items():
        found[name] = values
    return found


def blocks(table: np.ndarray, size: int):
    return [(table["time_ns"][at : at + size], table[at : at + size]) for at in range(0, len(table), size)]


@given(
    a=st.sets(st.integers(0, 40), max_size=30),
    b=st.sets(st.integers(0, 40), max_size=30),
    size_a=st.integers(1, 9),
    size_b=st.integers(1, 9),
)
def test_ticks_are_paired_by_their_time_however_the_logs_are_cut(a, b, size_a, size_b):
    times_a, times_b = (np.array(sorted(times), np.int64) for times in (a, b))
    left, right = rows(times_a, target_speed=times_a % 3), rows(times_b, target_speed=times_b % 3 + (times_b == 7))
    found = difference.compare_blocks("/out/plan", blocks(left, size_a), blocks(right, size_b))
    assert (found.common, found.only_a, found.only_b) == (len(a & b), len(a - b), len(b - a))
    if 7 in a & b:
        (only,) = found.differences
        assert only.field == "target_speed" and only.first_tick == sorted(a).index(7) and only.first_time_ns == 7
        assert only.ticks == 1 and only.largest == only.rms == 1.0
    else:
        assert found.differences == []


def test_nan_equals_the_same_nan_and_nothing_else():
    times = np.arange(3)
    left, right = rows(times, gap_error=[np.nan, np.nan, 1.0]), rows(times, gap_error=[np.nan, 2.0, np.nan])
    wide = Tolerances((Limit("plan", absolute=10.0),))
    for tolerances in (None, wide):
        (found,) = difference.compare_blocks("/out/plan", blocks(left, 2), blocks(right, 3), tolerances).beyond
        assert found.ticks == found.beyond == 2 and np.isnan(found.largest)


@pytest.mark.parametrize(
    "limit, beyond",
    [
        (Limit("plan.target_speed", absolute=0.1), 0),
        (Limit("plan.target_speed", absolute=0.01), 1),
        (Limit("plan", relative=0.01), 0),
        (Limit("plan.*", ignore=True), 0),
        (Limit("ego", ignore=True), 1),
    ],
)
def test_tolerances(limit, beyond):
    times = np.arange(4)
    left, right = rows(times, target_speed=20.0), rows(times, target_speed=[20.0, 20.05, 20.0, 20.0])
    found = difference.compare_blocks("/out/plan", blocks(left, 4), blocks(right, 4), Tolerances((limit,)))
    assert len(found.beyond) == beyond and found.equal == (not beyond)


def test_whole_turns_of_an_angle_do_not_count():
    times = np.arange(2)
    left, right = rows(times, lateral_target=[3.1, 0.0]), rows(times, lateral_target=[3.1 - 2 * np.pi, 0.0])
    exact = Tolerances((Limit("plan.lateral_target", absolute=1e-9, angle=True),))
    assert difference.compare_blocks("/out/plan", blocks(left, 2), blocks(right, 2), exact).equal


def test_fields_of_lists_are_told_by_their_place():
    left, right = np.zeros(2, msg.dtype("TrackList")), np.zeros(2, msg.dtype("TrackList"))
    right["tracks"]["x"][1, 3] = 5.0
    (found,) = difference.compare_blocks("/out/tracks", [(np.arange(2), left)], [(np.arange(2), right)]).differences
    assert found.field == "tracks[3].x" and found.first_tick == 1 and (found.a, found.b) == (0.0, 5.0)


@pytest.mark.parametrize(
    "text, said",
    [
        ("[[field]]\nabsolute = 1.0\n", "needs match"),
        ('[[field]]\nmatch = "a"\nabsolute = -1\n', "absolute = -1"),
        ('[[field]]\nmatch = "a"\nfar = 1\n', "unknown key 'far'"),
        ('[[metric]]\nmatch = "a"\nallow = "worse"\n', "allow"),
        ("[other]\n", "unknown table 'other'"),
        ("[[field", "not valid TOML"),
    ],
)
def test_mistakes_in_a_tolerance_file_are_named(tmp_path, text, said):
    (tmp_path / "t.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        tolerance.load(tmp_path / "t.toml")


@pytest.fixture(scope="module")
def runs(small_log, tmp_path_factory):
    """Folders of three runs: one, the same again, one of a heavier vehicle."""
    folder = tmp_path_factory.mktemp("runs")
    for name, overrides in (("a", {}), ("same", {}), ("heavy", {"vehicle.mass_kg": 1800.0})):
        replay(small_log, output_dir=folder / name, overrides=overrides, outages="at=2:1")
    return folder


def test_a_run_read_back_is_the_run(runs, small_log):
    again, back = replay(small_log, outages="at=2:1"), stored.load(runs / "a")
    assert back.outputs.tobytes() == again.outputs.tobytes()
    assert back.metrics["output_sha256"] == again.metrics["output_sha256"]
    assert [run.tobytes() for run in back.outage_runs] == [run.tobytes() for run in again.outage_runs]
    assert (back.tick_times.counts == back.tick_times.counts).all() and back.tick_times.counts.sum() == 400


def test_without_result_json_the_outputs_tell_what_they_can(runs, tmp_path):
    (tmp_path / "output.mcap").symlink_to(runs / "a" / "output.mcap")
    back, whole = stored.load(tmp_path), stored.load(runs / "a")
    for key in (
        "ticks",
        "output_sha256",
        "config_hash",
        "calibration_hash",
        "aids",
        "clocks",
        "reference",
        "speed_scale",
        "tick_us",
    ):
        assert back.metrics[key] == whole.metrics[key], key
    assert main(["report", str(tmp_path), "-o", str(tmp_path / "page")]) == 0
    assert (tmp_path / "page" / "report.html").is_file()


def test_equal_runs_compare_equal(runs, tmp_path, capsys):
    assert main(["report", str(runs / "a"), str(runs / "same"), "-o", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "pass" and told["differences"] == [] and all(item["allowed"] for item in told["figures"])
    assert told["report"] == str(tmp_path / "comparison.html")


def test_different_runs_are_told_field_by_field(runs, tmp_path, capsys):
    arguments = [
        "report",
        str(runs / "a"),
        str(runs / "heavy"),
        "-o",
        str(tmp_path),
        "--junit",
        str(tmp_path / "j.xml"),
        "--json",
    ]
    assert main(arguments) == 1
    told = json.loads(capsys.readouterr().out)
    assert any(item["topic"] == "/out/truck" and item["field"] == "mass_kg" for item in told["differences"])
    assert {item["name"] for item in told["identity"] if not item["equal"]} == {
        "SHA-256 of the configuration", "SHA-256 of the calibration", "SHA-256 of the outputs",
    }  # fmt: skip
    suite = tree.parse(tmp_path / "j.xml").getroot()
    failed = {case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None}
    assert "/out/truck" in failed and "/out/vehicle" not in failed
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert "mass_kg" in page and "Picture by picture" in page
    tree.fromstring(page)


def test_ignored_fields_and_tolerances_turn_the_verdict(runs, tmp_path, capsys):
    assert main(["report", str(runs / "a"), str(runs / "heavy"), "--ignore-fields", "truck"]) in (0, 1)
    told = capsys.readouterr().out
    assert "/out/truck" not in told
    (tmp_path / "wide.toml").write_text('[[field]]\nmatch = "*"\nignore = true\n[[metric]]\nmatch = "*"\nignore = true\n')
    assert main(["report", str(runs / "a"), str(runs / "heavy"), "--tolerance", str(tmp_path / "wide.toml")]) == 0


def test_runs_with_no_common_tick_are_inconclusive(runs, small_log, tmp_path, capsys):
    replay(small_log, start=3.0, output_dir=tmp_path / "late", report=False)
    replay(small_log, end=1.0, output_dir=tmp_path / "early", report=False)
    assert main(["report", str(tmp_path / "early"), str(tmp_path / "late"), "-o", str(tmp_path / "page")]) == 5
    assert "no tick at the same time" in capsys.readouterr().out


def test_a_part_compares_with_the_whole_by_time(runs, small_log, tmp_path):
    replay(small_log, end=1.0, output_dir=tmp_path / "part", report=False)
    found = difference.compare_topics(runs / "a" / "output.mcap", tmp_path / "part" / "output.mcap")
    assert all(topic.differences == [] and topic.only_b == 0 and topic.only_a == 400 - topic.common for topic in found)


@pytest.mark.parametrize("end", [1.0, 1.0031, 2.4999])
@pytest.mark.parametrize("mode", ["raw", "cuts", "frames"])
def test_the_last_tick_of_a_part_is_that_of_the_whole(runs, small_log, tmp_path, capsys, end, mode):
    log = small_log if mode == "raw" else runs / "a" / "output.mcap"
    replay(log, end=end, mode=mode, output_dir=tmp_path / "part", report=False)
    found = difference.compare_topics(runs / "a" / "output.mcap", tmp_path / "part" / "output.mcap")
    assert {(len(topic.differences), topic.only_b) for topic in found} == {(0, 0)}
    (alone,) = {topic.only_a for topic in found}
    assert alone == pytest.approx(400 - 100 * end, abs=2.0)
    assert main(["report", str(runs / "a"), str(tmp_path / "part")]) == 1
    assert f"in both is the same; {alone} ticks are in run A only" in capsys.readouterr().out


def test_one_count_of_fields_wherever_they_are_counted(runs, small_log, tmp_path, capsys):
    replay(small_log, output_dir=tmp_path / "other", report=False, overrides={"ego.wheel_sigma_mps": 0.06})
    arguments = ["report", str(runs / "a"), str(tmp_path / "other"), "-o", str(tmp_path)]
    assert main([*arguments, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    count = sum(topic["beyond_tolerance"] for topic in told["topics"])
    assert count > 0 and all(topic["differing"] <= topic["fields"] for topic in told["topics"])
    assert told["reason"].startswith(f"{count} fields differ, the first in ")
    assert f">{count}<" in (tmp_path / "comparison.html").read_text(encoding="utf-8")
    (tmp_path / "wide.toml").write_text('[[field]]\nmatch = "*"\nabsolute = 1e9\n[[metric]]\nmatch = "*"\nignore = true\n')
    assert main([*arguments, "--tolerance", str(tmp_path / "wide.toml"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["reason"] == f"no field of 400 ticks differs beyond its tolerance; {count} fields differ within it"


def test_a_tolerance_that_fits_nothing_is_told(runs, tmp_path, capsys):
    pair = ["report", str(runs / "a"), str(runs / "same")]
    assert main([*pair, "--ignore-fields", "ego.positon"]) == 2
    assert "no field of the outputs has this name; near it are ego.position" in capsys.readouterr().err
    (tmp_path / "t.toml").write_text('[[metric]]\nmatch = "referense.*"\n')
    assert main([*pair, "--tolerance", str(tmp_path / "t.toml")]) == 0
    assert "tolerance 'referense.*': neither run has a figure of this name" in capsys.readouterr().out
    assert main([*pair, "--ignore-fields", "tracks.tracks*.x", "/out/plan", "ego.position"]) == 0


def test_a_run_that_ends_early_is_told_and_leaves_with_3(runs, tmp_path, capsys):
    whole = (runs / "a" / "output.mcap").read_bytes()
    (tmp_path / "cut.mcap").write_bytes(whole[: len(whole) * 2 // 3])
    command = ["report", str(runs / "a"), str(tmp_path / "cut.mcap"), "-o", str(tmp_path), "--junit", str(tmp_path / "j.xml")]
    assert main(command) == 3
    assert "ERROR         run B ends early" in capsys.readouterr().out
    assert int(tree.parse(tmp_path / "j.xml").getroot().get("errors")) == 1


def test_outages_and_aids_are_drawn_of_both_runs(runs, tmp_path):
    assert main(["report", str(runs / "a"), str(runs / "heavy"), "-o", str(tmp_path)]) == 1
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    for title in ("Drift without GNSS, by the start", "GNSS position: accepted so far", "GNSS position: consistency so far"):
        assert title in page
    tree.fromstring(page)


def test_another_builds_message_is_compared_by_the_fields_both_have(tmp_path):
    times = np.arange(5) * 10
    with LogWriter(tmp_path / "now.mcap", {"vehicle": "x"}) as writer:
        writer.write_batch("/out/plan", times, rows(times, target_speed=3.0, desired_gap=2.0))
    text = (
        msg.schema_text("Plan")
        .replace("float64 desired_gap ", "float64 gap_wanted ")
        .replace("uint8[5] padding", "uint8 colour\nuint8[4] padding")
    )
    theirs = output_log.dtype_of_schema("Plan", text)
    assert theirs.itemsize == PLAN.itemsize and "gap_wanted" in theirs.names
    _write_foreign(tmp_path / "then.mcap", text, times, rows(times, target_speed=[3, 3, 4, 3, 3]))
    for one, other in (("now", "then"), ("then", "now")):
        (found,) = difference.compare_topics(tmp_path / f"{one}.mcap", tmp_path / f"{other}.mcap")
        assert found.common == 5 and [item.field for item in found.differences] == ["target_speed"]
        assert {*found.fields_only_a, *found.fields_only_b} == {"desired_gap", "gap_wanted", "colour"}
    assert main(["report", str(tmp_path / "now.mcap"), str(tmp_path / "then.mcap"), "-o", str(tmp_path / "page")]) == 1


def _write_foreign(path, schema_text, times, table) -> None:
    from mcap.writer import Writer

    with open(path, "wb") as file:
        writer = Writer(file)
        writer.start()
        schema = writer.register_schema("autonomy/msg/Plan", "ros2msg", schema_text.encode())
        channel = writer.register_channel("/out/plan", "cdr", schema)
        for time, row in zip(times.tolist(), table, strict=True):
            writer.add_message(channel, time, msg.to_cdr("Plan", row), time)
        writer.finish()
