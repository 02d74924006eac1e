"""`autonomy log cat | cut | merge | sort | diff`: what they print and the codes they end with."""

from __future__ import annotations

import json

import numpy as np
import pytest

from autonomy import msg
from autonomy.log.writer import LogWriter
from tests.cli.log_command import run
from tests.log.samples import START_NS, can_frames, messages, write_small


@pytest.fixture
def log(tmp_path):
    write_small(tmp_path / "a.mcap")
    return tmp_path / "a.mcap"


def test_cat_prints_frames_as_candump_does(tmp_path, capsys):
    frames = np.zeros(4, msg.dtype("CanFrame"))
    frames["id"] = [0x123, 0x98FEF100 & 0xFFFFFFFF, 0x7, 0x8]
    frames["length"], frames["data"] = [2, 8, 0, 1], np.arange(8)
    frames["flags"] = [0, 1, 4, 2]
    with LogWriter(tmp_path / "a.mcap") as writer:
        writer.write_batch(
            "/raw/can/0", np.array([1_436_509_052_249_713_001, *range(1_436_509_053 * 10**9, 1_436_509_053 * 10**9 + 3)]), frames
        )
    code, out, _ = run(capsys, "cat", tmp_path / "a.mcap")
    assert code == 0
    assert out.splitlines() == [
        " (1436509052.249713001)  can0       123   [2]  00 01",
        " (1436509053.000000000)  can0  TX - -  18FEF100   [8]  00 01 02 03 04 05 06 07",
        " (1436509053.000000001)  can0       007   [0]  remote request",
        " (1436509053.000000002)  can0  20000008   [1]  00                        ERRORFRAME",
    ]


def test_cat_json_has_one_object_a_line_and_no_nan(log, capsys):
    code, out, _ = run(capsys, "cat", log, "--json", "--start", "0.1", "--duration", "0.02")
    rows = [json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON")) for line in out.splitlines()]
    assert code == 0 and len(rows) == 20 + 2 + 2
    frame = next(row for row in rows if row["topic"] == "/raw/can/0")
    assert frame["schema"] == "autonomy/msg/CanFrame" and len(frame["message"]["data"]) == 16
    imu = next(row for row in rows if row["topic"] == "/in/imu")
    assert len(imu["message"]["items"]) == imu["message"]["count"]
    assert min(row["time_ns"] for row in rows) == START_NS + 100_000_000


def test_cat_of_a_topic_prints_its_fields(log, capsys):
    code, out, _ = run(capsys, "cat", log, "--topics", "/out/tracks", "--duration", "0.01")
    assert code == 0 and out.startswith(" (46408.000000000)  /out/tracks  ") and "lead_distance=" in out and "padding" not in out


def test_cat_prints_what_it_cannot_decode_as_bytes(tmp_path, capsys):
    from tests.log.test_cutting import foreign

    foreign(tmp_path / "a.mcap", {"/x": [(5, 5, b"\0\1\0\0" + bytes(range(40)))]})
    _, out, _ = run(capsys, "cat", tmp_path / "a.mcap")
    assert out.startswith(" (0.000000005)  /x  other/msg/Thing  [40]  00 01 02") and out.endswith("1F ...\n")
    _, out, _ = run(capsys, "cat", tmp_path / "a.mcap", "--json")
    assert json.loads(out)["data"] == bytes(range(40)).hex()


def test_cut_keeps_the_wanted_topics_of_the_stretch(log, tmp_path, capsys):
    out = tmp_path / "b.mcap"
    code, printed, _ = run(
        capsys, "cut", log, "--start", 0.05, "--end", 0.1, "--topics", "/in/*", "/out/tracks", "-o", out, "--json"
    )
    assert code == 0 and json.loads(printed)["messages"] == {"/in/imu": 5, "/out/tracks": 5}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["cut", "a.mcap", "--end", "1", "--duration", "1", "-o", "b.mcap"], "either --end or --duration"),
        (["cut", "a.mcap", "--start", "2", "--end", "1", "-o", "b.mcap"], "must lie after"),
        (["cut", "a.mcap", "--start", "9", "-o", "b.mcap"], "is only 0.299 s long"),
        (["cut", "a.mcap", "--start", "-1", "-o", "b.mcap"], "zero or more seconds"),
        (["cut", "a.mcap", "-o", "b.blf"], "must end in .mcap"),
        (["cut", "a.mcap", "--topics", "/no", "-o", "b.mcap"], "no such topic; there are /in/imu"),
        (["diff", "a.mcap", "a.mcap", "--tolerance", "x"], "write FIELD=X"),
        (["diff", "a.mcap", "a.mcap", "--tolerance", "x=-1"], "write FIELD=X"),
        (["export", "a.mcap", "b.xyz"], "cannot write '.xyz'"),
    ],
)
def test_a_mistake_ends_in_one_sentence_and_code_2(log, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(log.parent)
    code, _, err = run(capsys, *arguments)
    assert code == 2 and sentence in err


def test_an_output_folder_that_cannot_be_made_is_named(log, capsys):
    code, _, err = run(capsys, "cut", log, "-o", log / "none" / "b.mcap")  # the log is a file, not a folder
    assert code == 4 and "cannot write" in err


def test_merge_and_sort_give_the_log_back(log, tmp_path, capsys):
    a, b = tmp_path / "1.mcap", tmp_path / "2.mcap"
    run(capsys, "cut", log, "--end", 0.1, "-o", a)
    run(capsys, "cut", log, "--start", 0.1, "-o", b)
    assert run(capsys, "merge", b, a, "-o", tmp_path / "m.mcap")[0] == 0
    assert run(capsys, "sort", tmp_path / "m.mcap", "-o", tmp_path / "s.mcap")[0] == 0
    code, out, _ = run(capsys, "diff", log, tmp_path / "s.mcap")
    assert code == 0 and out.rstrip().endswith("equal")


def test_several_logs_are_a_list_in_json(log, capsys):
    code, out, _ = run(capsys, "info", log, log, "--json")
    assert code == 0 and [row["path"] for row in json.loads(out)] == [str(log)] * 2


@pytest.fixture
def pair(tmp_path):
    """Two logs: message 3 of /out/ego differs in two fields, message 7 is missing in b, b has one topic more."""
    rows = messages("EgoState", 10)
    times = START_NS + np.arange(10) * 10_000_000
    tracks = messages("TrackList", 4, most=3)
    for name in ("a", "b"):
        with LogWriter(tmp_path / f"{name}.mcap") as writer:
            kept = np.arange(10) if name == "a" else np.delete(np.arange(10), 7)
            writer.write_merged({"/out/ego": (times[kept], rows[kept]), "/out/tracks": (times[:4], tracks)})
            if name == "b":
                writer.write("/raw/can/0", START_NS, can_frames(1)[0])
        rows = rows.copy()
        rows["yaw"][3] = rows["yaw"][3] + 0.25
        rows["position"][3, 1] = 7.0
    return tmp_path / "a.mcap", tmp_path / "b.mcap"


def test_pain_22_diff_names_the_first_difference_with_field_and_both_values(pair, capsys):
    code, out, _ = run(capsys, "diff", *pair)
    assert code == 1
    assert "first at 0.030000 s (46408030000000 ns): " in out and " | 7" in out
    assert "1 only in a, the first at 0.070000 s" in out and "only in b" in out and "2 of 3 topics differ" in out
    code, out, _ = run(capsys, "diff", *pair, "--json")
    found = json.loads(out)
    ego = found["topics"]["/out/ego"]
    assert (
        code == 1
        and not found["equal"]
        and (ego["a"], ego["b"], ego["only_a"], ego["only_b"], ego["differing"]) == (10, 9, 1, 0, 1)
    )
    assert {item["name"] for item in ego["fields"]} == {"yaw", "position[1]"}
    assert found["topics"]["/out/tracks"]["equal"] and found["topics"]["/raw/can/0"]["only_b"] == 1


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        (["--ignore-fields", "yaw"], {"position[1]"}),
        (["--ignore-fields", "position", "/out/ego.yaw"], set()),
        (["--ignore-fields", "/out/truck.yaw", "pos*"], {"yaw"}),
        (["--tolerance", "yaw=0.3"], {"position[1]"}),
        (["--tolerance", "yaw=0.2"], {"yaw", "position[1]"}),
        (["--tolerance", "yaw=0.3", "--tolerance", "position=1e9"], set()),
    ],
)
def test_pain_22_fields_can_be_ignored_or_given_a_tolerance(pair, capsys, options, fields):
    code, out, _ = run(capsys, "diff", *pair, "--topics", "/out/ego", "--json", *options)
    ego = json.loads(out)["topics"]["/out/ego"]
    assert {item["name"] for item in ego["fields"]} == fields and ego["differing"] == bool(fields) and code == 1


def test_diff_compares_lists_only_as_far_as_they_go(tmp_path, capsys):
    rows = messages("TrackList", 1, most=3)
    rows["count"], rows["tracks"] = 2, np.zeros(1, rows["tracks"].dtype)
    for name, count in (("a", 2), ("b", 1)):
        rows["count"] = count
        with LogWriter(tmp_path / f"{name}.mcap") as writer:
            writer.write("/out/tracks", 1, rows[0])
    code, out, _ = run(capsys, "diff", tmp_path / "a.mcap", tmp_path / "b.mcap", "--json")
    assert code == 1 and [item["name"] for item in json.loads(out)["topics"]["/out/tracks"]["fields"]] == ["count"]


def test_diff_of_foreign_messages_tells_the_first_byte(tmp_path, capsys):
    from tests.log.test_cutting import foreign

    foreign(tmp_path / "a.mcap", {"/x": [(5, 5, b"\0\1\0\0abc"), (5, 5, b"\0\1\0\0abc")]})
    foreign(tmp_path / "b.mcap", {"/x": [(5, 5, b"\0\1\0\0abc"), (5, 5, b"\0\1\0\0abd")]})
    code, out, _ = run(capsys, "diff", tmp_path / "a.mcap", tmp_path / "b.mcap")
    assert code == 1 and "payload[2] 63 | 64" in out


def test_diff_of_equal_logs_with_equal_nan_is_equal(log, capsys):
    code, out, _ = run(capsys, "diff", log, log)
    assert code == 0 and out.rstrip().endswith("equal")


def test_work_tells_how_far_it_is_where_it_takes_long(log, tmp_path, capsys, monkeypatch):
    from autonomy.cli import progress

    monkeypatch.setattr(progress, "PLAIN_STEP_S", -1.0)
    code, _, err = run(capsys, "cut", log, "-o", tmp_path / "b.mcap")
    lines = err.splitlines()
    assert code == 0 and lines[-1].startswith("cut: 100%") and "\r" not in err
