"""Our log -> a foreign format -> our reader: identifiers, flags, bytes and nanoseconds as far as the format has them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import can as python_can
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.cli.main import main
from autonomy.log.exporters import EXPORTERS
from autonomy.log.formats import frames as can
from autonomy.log.opening import open_recording
from tests.log.formats.recordings import START_NS, Frame, frames, ordered, read_frames, write_log


def export(log: Path, output: Path):
    with open_recording(log) as reader:
        return import_module(EXPORTERS[output.suffix]).export(reader, output)


def without_error_content(frame: Frame) -> Frame:
    return frame._replace(identifier=0, data=b"") if frame.flags & can.ERROR else frame


def without_error_direction(frame: Frame) -> Frame:
    return frame._replace(flags=frame.flags & ~can.TRANSMITTED) if frame.flags & can.ERROR else frame


# What a format does not keep, as docs/formats.md says
LOSSES = {
    ".log": lambda frame: frame,
    ".csv": lambda frame: frame,
    ".mf4": lambda frame: frame,
    ".blf": without_error_direction,
    ".asc": lambda frame: without_error_direction(without_error_content(frame)),
    ".trc": lambda frame: frame,
}
STEPS_NS = {".trc": 1000}
MF4_GROUP = can.REMOTE | can.ERROR


def by_group(found: list[Frame]) -> list[Frame]:
    """MF4 keeps data, remote and error frames in groups of their own: among equal times their order is not told."""
    return sorted(ordered(found), key=lambda frame: (frame.time_ns, frame.flags & MF4_GROUP))


@pytest.mark.parametrize("ending", sorted(EXPORTERS))
def test_pain_18_int_ns_round_trip(ending):
    @settings(max_examples=10 if ending == ".mf4" else 60, deadline=None)
    @given(st.data())
    def check(data):
        found = data.draw(frames(step_ns=STEPS_NS.get(ending, 1)))
        with TemporaryDirectory() as folder:
            log, output = write_log(Path(folder, "a.mcap"), found), Path(folder, "b" + ending)
            exported = export(log, output)
            assert sum(exported.rows.values()) == len(found) and not exported.left_out
            arrange = by_group if ending == ".mf4" else ordered
            assert not found or arrange(read_frames(output)) == arrange([LOSSES[ending](frame) for frame in found])

    check()


@pytest.mark.parametrize("ending", sorted(EXPORTERS))
@pytest.mark.parametrize("clock", ["boot", "utc"])
def test_the_clock_survives(tmp_path, ending, clock):
    start_ns = START_NS if clock == "utc" else 46_408_000_001_000
    found = [Frame(start_ns // 1000 * 1000 + n * 1_000_000, 0x100, 0, 0, bytes([n])) for n in range(5)]
    export(write_log(tmp_path / "a.mcap", found, clock), tmp_path / ("b" + ending))
    with open_recording(tmp_path / ("b" + ending)) as reader:
        assert reader.metadata["autonomy"]["clock"] == ("utc" if clock == "utc" else "unknown")
        assert not reader.truncated and not reader.unused and reader.counts == {"/raw/can/0": 5}
    assert read_frames(tmp_path / ("b" + ending)) == found


def test_what_is_cut_or_left_out_is_counted(tmp_path):
    found = [
        Frame(START_NS, 0x100, 0, 0, b"ab"),
        Frame(START_NS + 1, 0x100, 0, 0, b"abcdefghi", True),  # no length code for nine
        Frame(START_NS + 2, 1, 0, can.ERROR, b"x"),
    ]
    log = write_log(tmp_path / "a.mcap", found)
    told = export(log, tmp_path / "a.trc")
    assert told.left_out == {"CAN FD frames of a length that has no code": 1}
    assert told.notes == {"times cut to the microsecond": 3}
    told = export(log, tmp_path / "a.asc")
    assert told.notes == {"error frames whose identifier and bytes were not kept": 1}
    assert export(log, tmp_path / "a.csv").notes == {"more columns than python-can reads": 1}


def test_names_of_interfaces_come_back(tmp_path):
    found = [Frame(START_NS, 0x100, 0, 0, b"ab"), Frame(START_NS + 1000, 0x100, 3, 0, b"ab")]
    export(write_log(tmp_path / "a.mcap", found, buses="0=vcan0 3=powertrain"), tmp_path / "a.log")
    assert (tmp_path / "a.log").read_text().splitlines()[1].split()[1] == "powertrain"
    with open_recording(tmp_path / "a.log") as reader:
        assert reader.metadata["autonomy"]["buses"] == "0=vcan0 1=powertrain"


@pytest.mark.parametrize("ending", sorted(EXPORTERS))
def test_a_recording_without_frames_is_still_of_its_format(tmp_path, ending):
    export(write_log(tmp_path / "a.mcap", []), tmp_path / ("b" + ending))
    if ending == ".log":
        return  # nothing distinguishes an empty text file
    with open_recording(tmp_path / ("b" + ending)) as reader:
        assert reader.counts == {} and reader.start_ns is None and not reader.truncated


def test_pain_19_logs_of_a_rotated_drive_become_one_blf_that_python_can_reads_whole(tmp_path):
    parts = []
    for n in range(1, 4):
        frames_of_part = [Frame(n * 1_000_000_000 + 1000 * i, 0x100 + i % 7, 0, 0, bytes([n, i % 256])) for i in range(3000)]
        parts.append(write_log(tmp_path / f"{n}.mcap", frames_of_part))
    assert main(["log", "merge", *map(str, parts), "-o", str(tmp_path / "whole.mcap")]) == 0
    assert main(["log", "export", str(tmp_path / "whole.mcap"), str(tmp_path / "whole.blf")]) == 0
    with python_can.BLFReader(tmp_path / "whole.blf") as reader:
        read = [(message.arbitration_id, bytes(message.data)) for message in reader]
    assert read == [(0x100 + i % 7, bytes([n, i % 256])) for n in range(1, 4) for i in range(3000)]
