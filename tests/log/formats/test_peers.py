"""Beside python-can: its writers read by us, our exports read by it, and both on real recordings.

The library oracle of the kernels autonomy.log.formats._blf and _candump.
"""

from __future__ import annotations

import struct
from pathlib import Path

import can
import numpy as np
import pytest

from autonomy import msg
from autonomy.log.formats import frames as ours
from autonomy.log.opening import open_recording
from tests.log.formats.recordings import Frame, frames_of, ordered, read_frames, write_log
from tests.log.formats.test_round_trip import export

START_S = 1_700_000_000.0  # a float holds it to 0.24 us: peers are compared to the microsecond


def messages(count: int = 400, seed: int = 0, with_fd: bool = True, with_errors: bool = True) -> list[can.Message]:
    generator = np.random.default_rng(seed)
    found = []
    for number in range(count):
        is_fd = with_fd and number % 7 == 3
        is_error = with_errors and number % 11 == 5 and not is_fd
        is_remote = number % 13 == 6 and not is_fd and not is_error
        length = int(generator.choice(ours.LENGTHS)) if is_fd else int(generator.integers(0, 9))
        is_extended = bool(generator.integers(2)) and not is_error
        found.append(can.Message(
            timestamp=START_S + number * 0.0125, is_extended_id=is_extended, is_fd=is_fd, is_error_frame=is_error,
            arbitration_id=0 if is_error else int(generator.integers(0, 1 << (29 if is_extended else 11))),
            is_remote_frame=is_remote, dlc=length if not is_error else 0, channel=int(number % 2), is_rx=bool(number % 3),
            bitrate_switch=is_fd and bool(number % 2), error_state_indicator=is_fd and bool(number % 4),
            data=b"" if is_remote or is_error else generator.integers(0, 256, length, np.uint8).tobytes(),
        ))  # fmt: skip
    return found


def frame_of(message: can.Message, bus: int | None = None) -> Frame:
    flags = (
        ours.TRANSMITTED * (not message.is_rx) | ours.ERROR * message.is_error_frame | ours.REMOTE * message.is_remote_frame
        | ours.BIT_RATE_SWITCH * message.bitrate_switch | ours.ERROR_STATE_INDICATOR * message.error_state_indicator
    )  # fmt: skip
    identifier = message.arbitration_id | (ours.EXTENDED if message.is_extended_id else 0)
    channel = bus if bus is not None else int(message.channel or 0)
    time_ns = round(message.timestamp * 1e6) * 1000
    return Frame(time_ns, identifier, channel, flags, bytes(message.data), message.is_fd,
                 message.dlc if message.is_remote_frame else 0)  # fmt: skip


def to_the_microsecond(found: list[Frame]) -> list[Frame]:
    return ordered([frame._replace(time_ns=(frame.time_ns + 500) // 1000 * 1000) for frame in found])


def write(path: Path, found: list[can.Message], **options) -> None:
    with can.Logger(path, **options) as logger:
        for message in found:
            logger(message)


def without(frame: Frame, *fields: str, flags: int = 0) -> Frame:
    blank = {"identifier": 0, "data": b"", "asked": 0, "bus": 0}
    return frame._replace(flags=frame.flags & ~flags, **{name: blank[name] for name in fields})


def test_blf_of_python_can(tmp_path):
    found = messages()
    write(tmp_path / "a.blf", found)
    expected = []
    for message in found:
        frame = frame_of(message)
        expected.append(without(frame, flags=ours.TRANSMITTED)._replace(identifier=0) if message.is_error_frame else frame)
    got = [frame._replace(identifier=0) if frame.flags & ours.ERROR else frame for frame in read_frames(tmp_path / "a.blf")]
    assert to_the_microsecond(got) == ordered(expected)


def test_blf_of_python_can_with_objects_across_containers(tmp_path):
    found = messages(3000)
    write(tmp_path / "a.blf", found, max_container_size=1000)
    with open_recording(tmp_path / "a.blf") as reader:
        assert sum(reader.counts.values()) == 3000 and not reader.truncated and not reader.unused


def test_candump_of_python_can(tmp_path):
    found = messages()
    write(tmp_path / "a.log", found)
    expected = []
    for message in found:
        frame = frame_of(message)
        if message.is_error_frame:
            frame = frame._replace(identifier=0x80, flags=ours.ERROR)  # what it writes for all of them
        expected.append(without(frame, "asked"))  # it does not write what a remote request asks for
    assert to_the_microsecond(read_frames(tmp_path / "a.log")) == ordered(expected)


def test_csv_of_python_can(tmp_path):
    found = messages(with_fd=False)
    write(tmp_path / "a.csv", found)
    expected = [without(frame_of(message), "bus", flags=ours.TRANSMITTED) for message in found]
    assert to_the_microsecond(read_frames(tmp_path / "a.csv")) == ordered(expected)


def test_trc_of_python_can(tmp_path):
    found = messages(with_fd=False, with_errors=False)  # it writes neither
    write(tmp_path / "a.trc", [message for message in found if not message.is_remote_frame])
    expected = [frame_of(message) for message in found if not message.is_remote_frame]
    assert to_the_microsecond(read_frames(tmp_path / "a.trc")) == ordered(expected)


def test_asc_of_python_can(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    import time

    time.tzset()  # it writes the local time
    found = messages()
    write(tmp_path / "a.asc", found)
    expected = []
    for message in found:
        frame = frame_of(message)
        expected.append(without(frame, flags=ours.TRANSMITTED) if message.is_error_frame else frame)
    got = [without(frame, "identifier") if frame.flags & ours.ERROR else frame for frame in read_frames(tmp_path / "a.asc")]
    expected = [without(frame, "identifier") if frame.flags & ours.ERROR else frame for frame in expected]
    assert to_the_microsecond(got) == ordered(expected)


@pytest.mark.parametrize("ending", [".blf", ".asc", ".log", ".trc", ".mf4"])
def test_python_can_reads_what_we_write(tmp_path, ending, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    import time

    time.tzset()
    # It takes TRC's error frames for nothing and an empty CAN FD frame of ASC for a remote request
    found = [
        frame_of(message)
        for message in messages()
        if not (ending == ".trc" and message.is_error_frame) and not (ending == ".asc" and message.is_fd and not message.data)
    ]
    # The class "bus error" makes it take a line of candump for an error frame
    found = [frame._replace(identifier=0x80) if frame.flags & ours.ERROR else frame for frame in found]
    export(write_log(tmp_path / "a.mcap", found), tmp_path / ("b" + ending))
    options = {"relative_timestamp": False} if ending == ".asc" else {}
    got = []
    for message in can.LogReader(tmp_path / ("b" + ending), **options):
        bus = int(str(message.channel or 0).removeprefix("can"))
        got.append(frame_of(message, bus - 1 if ending == ".trc" else bus))
    lost = ("identifier", "bus", "data")  # of error frames, differently by format
    forget = [without(frame, *lost, flags=ours.TRANSMITTED) if frame.flags & ours.ERROR else frame for frame in found]
    known = [without(frame, *lost, flags=ours.TRANSMITTED) if frame.flags & ours.ERROR else frame for frame in got]
    assert to_the_microsecond([frame._replace(asked=0) for frame in known]) == to_the_microsecond(
        [frame._replace(asked=0) for frame in forget]
    )


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["candump-2023-08-08_152318.log", "candump-2023-08-22_1.log", "candump-2023-08-22_2.log"])
def test_recorded_candumps_as_python_can_reads_them(data_directory, name):
    path = data_directory / "j1939" / name
    expected = [frame_of(message, 1) for message in can.CanutilsLogReader(path)]
    assert read_frames(path) == ordered(expected)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["J1939_FCBF0606__00003482__00000001.MF4", "LOG_TP__FCBF0606__00002058__00000001-5FAB8E54.MF4"])
def test_recorded_mf4_as_python_can_reads_it(data_directory, name):
    path = data_directory / "j1939" / name
    expected = [frame_of(message) for message in can.MF4Reader(path)]
    assert to_the_microsecond(read_frames(path)) == ordered(expected)


@pytest.mark.real_data
def test_canedge_times_are_the_counts_of_the_file(data_directory):
    """The logger counts nanoseconds in steps of 50 us, here and there one more: its counts come, not seconds rounded."""
    path = sorted((data_directory / "canedge").glob("*.MF4"))[0]
    with open_recording(path) as reader:
        times = np.concatenate([batch.records["log_time_ns"] for batch in reader.batches()])
        start_ns = 1_627_274_454 * 10**9
        assert len(times) == 65_296 and set((times - start_ns) % 50_000) == {0, 1}
        assert ((times - start_ns) % 50_000).sum() == 47
        assert times[0] - start_ns == 1_012_500_000


@pytest.mark.real_data
def test_the_truck_logger_against_struct(data_directory):
    path = data_directory / "j1939" / "SampleTruckData.bin"
    content = path.read_bytes()
    expected = []
    for page in range(0, len(content), 512):
        (count,) = struct.unpack_from("<H", content, page)
        for number in range(count):
            second, _, word, identifier, data = struct.unpack_from("<IIII8s", content, page + 4 + 24 * number)
            length = word >> 24
            identifier |= ours.EXTENDED if identifier > 0x7FF else 0
            expected.append(Frame(second * 10**9 + (word & 0xFFFFFF) * 1000, identifier, 0, 0, data[:length]))
    with open_recording(path) as reader:
        rows = reader.read_topic("/raw/can/0")
        assert len(rows) == len(expected) == 145_278
    sample = slice(None, None, 97)
    assert [(int(row["time_ns"]), int(row["id"]), row["data"][: row["length"]].tobytes()) for row in rows[sample]] == [
        (frame.time_ns, frame.identifier, frame.data) for frame in expected[sample]
    ]
    assert rows.dtype == msg.dtype("CanFrame")


@pytest.mark.real_data
@pytest.mark.parametrize("ending", [".blf", ".asc", ".log", ".trc", ".csv", ".mf4"])
def test_a_recording_through_each_format(data_directory, tmp_path, ending):
    source = data_directory / "j1939" / "J1939_FCBF0606__00003482__00000001.MF4"
    with open_recording(source) as reader:
        expected = frames_of(reader)
    export(source, tmp_path / ("b" + ending))
    assert read_frames(tmp_path / ("b" + ending)) == expected


def fd64(channel: int, valid: int, there: bytes, flags: int, extension: bytes = b"") -> bytes:
    """A CAN_FD_MESSAGE_64 object, of which python-can's writer makes none; an extension may stand behind its bytes."""
    offset = 32 + 40 + len(there) if extension else 0
    body = struct.pack("<BBBBLLLLLLLHBBL", channel, 15, valid, 0, 0x80000123, 0, flags, 0, 0, 0, 0, 0, 1, offset, 0)
    content = body + there + extension
    return struct.pack("<4sHHLLLHHQ", b"LOBJ", 32, 1, 32 + len(content), 101, 2, 0, 0, 5_000_000) + content


@pytest.mark.parametrize("extension", [b"", b"\xff" * 8])
@pytest.mark.parametrize("there", [64, 20, 0])
@pytest.mark.parametrize("flags", [0x1000, 0x7000, 0x3000])
def test_can_fd_message_64(tmp_path, extension, there, flags):
    """Bytes it tells of and does not hold are zero; what stands behind them is no data."""
    export(write_log(tmp_path / "a.mcap", []), tmp_path / "a.blf")
    objects = fd64(3, 64, bytes(range(1, there + 1)), flags, extension)
    container = struct.pack("<4sHHLL", b"LOBJ", 16, 1, 32 + len(objects), 10) + struct.pack("<H6xL4x", 0, len(objects)) + objects
    (tmp_path / "a.blf").write_bytes((tmp_path / "a.blf").read_bytes() + container)
    expected = [frame_of(message) for message in can.BLFReader(tmp_path / "a.blf")]
    assert read_frames(tmp_path / "a.blf") == expected and len(expected) == 1
    assert expected[0].data == bytes(range(1, there + 1)).ljust(64, b"\0") and expected[0].bus == 2
