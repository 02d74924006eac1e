"""Export to CSV, Parquet and MF4: the same numbers come back, integers to the last nanosecond."""

from __future__ import annotations

import csv
import json
import sys

import numpy as np
import pytest

from autonomy.cli.main import main
from autonomy.log.exporters import columns
from autonomy.log.writer import LogWriter
from drivers.can.codec import Codec
from drivers.can.database import parse
from tests.log.samples import START_NS, can_frames, messages, write_small

DBC = """VERSION ""
BU_: X
BO_ 256 SPEED: 8 X
 SG_ speed : 0|16@1+ (0.01,0) [0|0] "km/h" X
 SG_ level : 16|8@1- (1,-40) [0|0] "" X
BO_ 2566844478 EEC1: 8 X
 SG_ torque : 16|8@1+ (1,-125) [0|0] "%" X
"""


@pytest.fixture
def log(tmp_path):
    write_small(tmp_path / "a.mcap")
    return tmp_path / "a.mcap"


@pytest.fixture
def can_log(tmp_path):
    """Frames of two DBC messages and of one nobody knows; the DBC travels in the log."""
    frames = can_frames(300)
    frames["id"] = np.tile([0x100, 0x98FEF0 << 8 | 0x3E, 0x7FF], 100)
    frames["data"][:, 2] = 3
    with LogWriter(tmp_path / "can.mcap") as writer:
        writer.attach("can/0.dbc", DBC.encode())
        writer.write_batch("/raw/can/0", frames["time_ns"], frames)
    return tmp_path / "can.mcap", frames


def table(path) -> dict[str, list[str]]:
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return {name: [row[place] for row in rows[1:]] for place, name in enumerate(rows[0])}


def test_one_topic_without_list_is_the_file_itself(tmp_path, capsys):
    rows = messages("EgoState", 20)
    times = START_NS + np.arange(20) * 10_000_000 + 1
    with LogWriter(tmp_path / "a.mcap") as writer:
        writer.write_batch("/out/ego", times, rows)
        writer.write("/raw/can/0", START_NS, can_frames(1)[0])
    assert main(["log", "export", str(tmp_path / "a.mcap"), str(tmp_path / "ego.csv"), "--topics", "/out/ego", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == [str(tmp_path / "ego.csv")]
    found = table(tmp_path / "ego.csv")
    assert list(map(int, found["log_time_ns"])) == times.tolist() and list(map(int, found["time_ns"])) == rows["time_ns"].tolist()
    for index in range(3):
        values = np.array([float(text) if text else np.nan for text in found[f"position[{index}]"]])
        np.testing.assert_array_equal(values, rows["position"][:, index])
    assert not any("padding" in name for name in found)


def test_several_topics_are_several_files_and_lists_have_their_own(log, tmp_path, capsys):
    folder = tmp_path / "out"
    folder.mkdir()
    assert main(["log", "export", str(log), str(folder / "x.csv")]) == 0
    names = sorted(path.name for path in folder.iterdir())
    assert {"x.in.imu.csv", "x.in.imu.items.csv", "x.out.tracks.csv", "x.out.tracks.tracks.csv"} < set(names)
    assert not any(".part" in name for name in names)
    heads, elements = table(folder / "x.out.tracks.csv"), table(folder / "x.out.tracks.tracks.csv")
    rows = messages("TrackList", 20, most=3)
    assert list(map(int, heads["count"])) == rows["count"].tolist()
    assert len(elements["index"]) == rows["count"].sum()
    place = [(int(time), int(index)) for time, index in zip(elements["log_time_ns"], elements["index"], strict=True)]
    assert place == [(START_NS + k * 10_000_000, i) for k, count in enumerate(rows["count"].tolist()) for i in range(count)]


def test_pain_25_can_frames_are_decoded_with_validity_and_the_rest_is_counted(can_log, tmp_path, capsys):
    path, frames = can_log
    assert main(["log", "export", str(path), str(tmp_path / "x.parquet"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == {"/raw/can/0/EEC1": 100, "/raw/can/0/SPEED": 100} and sum(found["left_out"].values()) == 100
    import pyarrow.parquet as parquet

    rows = parquet.read_table(tmp_path / "x.raw.can.0.SPEED.parquet").to_pydict()
    assert list(rows) == ["log_time_ns", "identifier", "speed", "speed.validity", "level", "level.validity"]
    chosen = frames[frames["id"] == 0x100]
    expected = Codec({0: parse(DBC)}).decode_batch(chosen)["SPEED"]
    np.testing.assert_array_equal(rows["speed"], expected.values[:, 0])
    assert rows["log_time_ns"] == chosen["time_ns"].tolist()
    rows = parquet.read_table(tmp_path / "x.raw.can.0.EEC1.parquet").to_pydict()
    assert set(rows["identifier"]) == {0x18FEF03E}


def test_a_dbc_given_serves_before_the_one_in_the_log(can_log, tmp_path, capsys):
    path, _ = can_log
    (tmp_path / "mine.dbc").write_text(DBC.replace("SPEED", "VELOCITY"))
    assert main(["log", "export", str(path), str(tmp_path / "x.csv"), "--dbc", f"0={tmp_path / 'mine.dbc'}", "--json"]) == 0
    assert "/raw/can/0/VELOCITY" in json.loads(capsys.readouterr().out)["rows"]


def test_frames_of_a_bus_without_dbc_stay_frames(tmp_path, capsys):
    frames = can_frames(5)
    with LogWriter(tmp_path / "a.mcap") as writer:
        writer.write_batch("/raw/can/7", frames["time_ns"], frames)
    assert main(["log", "export", str(tmp_path / "a.mcap"), str(tmp_path / "x.csv")]) == 0
    found = table(tmp_path / "x.csv")
    assert list(map(int, found["id"])) == frames["id"].tolist()
    assert list(map(int, found["data[7]"])) == frames["data"][:, 7].tolist()


def test_mf4_has_a_group_a_table_and_the_integer_times(can_log, tmp_path, monkeypatch):
    asammdf = pytest.importorskip("asammdf")
    path, frames = can_log
    monkeypatch.setattr(columns, "PENDING_BYTES", 2000)  # several blocks
    assert main(["log", "export", str(path), str(tmp_path / "x.mf4")]) == 0
    with asammdf.MDF(tmp_path / "x.mf4") as mdf:
        signal = mdf.get("speed")
        chosen = frames[frames["id"] == 0x100]
        group = mdf.whereis("speed")[0][0]
        np.testing.assert_array_equal(mdf.get("log_time_ns", group=group).samples, chosen["time_ns"])
        np.testing.assert_array_equal(np.rint(signal.timestamps * 1e9).astype(np.int64), chosen["time_ns"] - START_NS)
        np.testing.assert_array_equal(signal.samples, Codec({0: parse(DBC)}).decode_batch(chosen)["SPEED"].values[:, 0])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_blocks_do_not_show_in_the_output(log, tmp_path, monkeypatch, suffix):
    for name, size in (("one", 1 << 30), ("many", 1000)):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(columns, "PENDING_BYTES", size)
        assert main(["log", "export", str(log), str(tmp_path / name / f"x.{suffix}")]) == 0
    for path in (tmp_path / "one").iterdir():
        other = tmp_path / "many" / path.name
        if suffix == "csv":
            assert path.read_bytes() == other.read_bytes()
        else:
            import pyarrow.parquet as parquet

            assert str(parquet.read_table(path).to_pydict()) == str(parquet.read_table(other).to_pydict())  # NaN included


@pytest.mark.parametrize(("suffix", "module"), [("parquet", "pyarrow"), ("mf4", "asammdf")])
def test_a_missing_library_is_named_with_its_extra(log, tmp_path, monkeypatch, capsys, suffix, module):
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["log", "export", str(log), str(tmp_path / f"x.{suffix}")]) == 4
    assert f"needs {module}; install it with: pip install 'autonomy[replay]'" in capsys.readouterr().err


def test_foreign_messages_are_counted_as_left_out(tmp_path, capsys):
    from tests.log.test_cutting import foreign

    foreign(tmp_path / "a.mcap", {"/x": [(5, 5, b"\0\1\0\0abc")]})
    assert main(["log", "export", str(tmp_path / "a.mcap"), str(tmp_path / "x.csv")]) == 0
    assert "left out: /x: no message of this project: 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a.csv", "--dbc", "9=x.dbc"], "--dbc 9=x.dbc: there are no CAN frames of that bus; the buses are 0"),
        (["a.csv", "--topics", "/in/imu", "--dbc", "0=x.dbc"], "the buses are none"),
        (["a.log", "--dbc", "0=x.dbc"], "--dbc: a.log takes CAN frames as they are"),
        (["a.mf4", "--raw", "--dbc", "0=x.dbc"], "--dbc: a.mf4 takes CAN frames as they are"),
    ],
)
def test_a_dbc_that_decodes_nothing_is_a_mistake(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    write_small(tmp_path / "small.mcap")
    assert main(["log", "export", "small.mcap", *arguments]) == 2
    assert sentence in capsys.readouterr().err and not list(tmp_path.glob("a.*"))
