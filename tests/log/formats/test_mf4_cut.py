"""Cut and unfinished MF4 files: every whole record comes, every cut that can be seen is told, nothing is printed beside."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from autonomy.cli.main import main
from autonomy.errors import LogError
from autonomy.log.formats import bus_logging, mf4, mf4_salvage
from autonomy.log.formats.foreign import ForeignReader
from autonomy.log.formats.mf4_blocks import Blocks, Fragment, _inflate
from autonomy.log.opening import open_recording
from tests.log.formats.recordings import START_NS, Frame, frames_of, read_frames, write_log
from tests.log.formats.test_round_trip import export


def read_cut(path: Path, data: bytes, end: int) -> tuple[list[Frame], str | None, dict[str, int]]:
    path.write_bytes(data[:end])
    with open_recording(path) as reader:
        assert reader.check() == reader.counts
        return frames_of(reader), reader.problem, dict(reader.unused)


def by_salvage(path: Path) -> ForeignReader:
    blocks = Blocks(path)
    return ForeignReader(mf4_salvage.Salvage(path, blocks, blocks.examine()))


def recorded(data_directory: Path, pattern: str) -> Path:
    return next(data_directory.glob(pattern))


RECORDINGS = ["j1939/J1939_idle*.MF4", "j1939/J1939_FCBF*.MF4", "j1939/LOG_TP*.MF4", "canedge/*00000005-*.MF4"]


@pytest.mark.real_data
@pytest.mark.parametrize("pattern", RECORDINGS)
def test_unfinished_and_sorted_files_are_what_asammdf_reads(data_directory, pattern):
    path = recorded(data_directory, pattern)
    with ForeignReader(mf4.Mf4(path)) as judge, by_salvage(path) as ours:
        assert ours.counts == judge.counts and not ours.problem and not ours.unused
        for topic in judge.topics:
            assert judge.read_topic(topic).tobytes() == ours.read_topic(topic).tobytes()


@pytest.mark.real_data
def test_blocks_may_break_anywhere(data_directory, monkeypatch):
    """A record and its data bytes stand apart in these files: small blocks lose neither."""
    for pattern in RECORDINGS[1:]:
        path = recorded(data_directory, pattern)
        with by_salvage(path) as whole:
            expected = frames_of(whole)
        monkeypatch.setattr(mf4_salvage, "BLOCK_BYTES", 7001)
        with by_salvage(path) as pieces:
            assert len(pieces._sections) >= 10
            pieces._kept.clear()
            assert sorted(frames_of(pieces)) == sorted(expected)
        monkeypatch.undo()


@pytest.mark.real_data
def test_pain_15_a_cut_in_the_middle_of_a_record_loses_that_record_only(data_directory, tmp_path, capsys):
    data = recorded(data_directory, "j1939/J1939_idle*.MF4").read_bytes()
    found, problem, unused = read_cut(tmp_path / "cut.MF4", data, 1_047_343)
    assert len(found) == 28_718 and "ends within a record" in problem
    assert unused == {"frames whose data bytes are not there": 1}
    assert main(["log", "check", str(tmp_path / "cut.MF4"), "--json"]) == 3
    printed = capsys.readouterr()
    assert json.loads(printed.out)["truncated"] and "NoneType" not in printed.err
    assert main(["log", "recover", str(tmp_path / "cut.MF4"), "-o", str(tmp_path / "r.mcap")]) == 0
    assert "the log was not whole" in capsys.readouterr().out
    assert read_frames(tmp_path / "r.mcap") == found


@pytest.mark.real_data
def test_cut_at_each_of_its_last_bytes(data_directory, tmp_path):
    data = recorded(data_directory, "j1939/J1939_FCBF*.MF4").read_bytes()
    whole, problem, _ = read_cut(tmp_path / "a.MF4", data, len(data))
    assert problem is None
    told = 0
    for lost in range(1, 160):
        found, problem, _ = read_cut(tmp_path / "a.MF4", data, len(data) - lost)
        assert len(whole) - 5 <= len(found) < len(whole) and found == whole[: len(found)]
        told += problem is not None
    assert told == 159 - 4  # a cut between two records of an unfinished file cannot be seen


@pytest.mark.real_data
@pytest.mark.parametrize("share", [0.3, 0.5, 0.66, 0.9, 0.99])
def test_a_cut_finished_file_gives_the_frames_whose_data_bytes_are_there(data_directory, tmp_path, share):
    """CANedge's own finishing puts all data bytes behind all records."""
    path = recorded(data_directory, "canedge/*00000004-*.MF4")
    data = path.read_bytes()
    whole = read_frames(path)
    found, problem, unused = read_cut(tmp_path / "a.MF4", data, int(len(data) * share))
    assert "the file ends at byte" in problem
    assert sorted(found) == sorted(whole[: len(found)])
    if share > 0.66:
        assert len(found) + unused["frames whose data bytes are not there"] == len(whole)
        assert abs(len(found) / len(whole) - (share * len(data) - 1_638_200) / 872_572) < 0.01


def test_a_file_without_the_description_of_its_records_is_said_to_be_one(tmp_path):
    export(write_log(tmp_path / "a.mcap", [Frame(START_NS + n, 0x100, 0, 0, bytes(8)) for n in range(500)]), tmp_path / "b.mf4")
    data = (tmp_path / "b.mf4").read_bytes()
    for share in (0.5, 0.9, 0.99):
        (tmp_path / "c.mf4").write_bytes(data[: int(len(data) * share)])
        with pytest.raises(LogError, match="what describes the records of its CAN frames lay behind it"):
            open_recording(tmp_path / "c.mf4")


def test_a_cut_deflated_block_unpacks_as_far_as_it_goes():
    content = np.random.default_rng(0).integers(0, 4, 10_000, np.uint8).tobytes()
    packed = zlib.compress(content)
    part = _inflate(packed[: len(packed) // 2], Fragment(0, len(content), 0, len(packed), 0))
    assert 2000 < len(part) < len(content) and content.startswith(part)
    table = np.frombuffer(content[:9996], np.uint8).reshape(-1, 7)
    transposed = zlib.compress(table.T.tobytes() + content[9996:])
    assert _inflate(transposed, Fragment(0, len(content), 0, len(transposed), 7)) == content
    assert _inflate(transposed[:-100], Fragment(0, len(content), 0, len(transposed), 7)) == b""


def test_times_beyond_all_reason_are_out_of_range_without_a_warning(recwarn):
    raw = np.array([np.nan, np.inf, -np.inf, 1e300, 5.0])
    for factor in (1.0, 1e-6, 1e-9):
        times = bus_logging.nanoseconds(raw, factor, 0.0)
        assert times[-1] == round(5 * factor * 1e9) and (np.abs(times[:-1]) > 1 << 62).all()
    assert not recwarn.list


@pytest.mark.real_data
def test_commands_on_an_odd_mf4_print_nothing_of_asammdf_and_leave_no_copy(data_directory, tmp_path):
    data = recorded(data_directory, "j1939/J1939_FCBF*.MF4").read_bytes()
    for name, content in {
        "cut.MF4": data[:60_000],
        "other.MF4": data[:60] + struct.pack("<H", 0x21) + data[62:],  # tells of other things left undone
        "garbled.MF4": data[:4104] + bytes(96) + data[4200:],
    }.items():
        (tmp_path / name).write_bytes(content)
        folder = tmp_path / f"{name}.tmp"
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-m", "autonomy", "log", "info", str(tmp_path / name), "--json"],
            capture_output=True, text=True, check=False, env={"TMPDIR": str(folder), "PATH": "", "PYTHONPATH": "."},
        )  # fmt: skip
        assert done.returncode in (0, 3) and "Traceback" not in done.stderr and "ERROR" not in done.stderr
        assert not done.stdout or json.loads(done.stdout)
        assert all(line.startswith("autonomy: ") for line in done.stderr.splitlines()), done.stderr
        assert not list(folder.iterdir())
