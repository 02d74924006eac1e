"""Readers of recordings: any bytes as a file of each format."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from autonomy.log import recovering
from autonomy.log.exporters import EXPORTERS
from autonomy.log.formats import frames as can
from autonomy.log.formats.foreign import ForeignReader
from autonomy.log.opening import HEAD_BYTES, open_recording
from autonomy.log.ordered import FLAG_LATE, OrderedReader
from autonomy.log.reader import LogReader
from autonomy.log.writer import LogWriter
from tests.fuzz import scratch
from tests.fuzz.targets.target import Target, refusals
from tests.log.formats import captures, ros_bags
from tests.log.formats.nmfta_pages import nmfta
from tests.log.formats.recordings import START_NS, Frame, frames_of, write_log
from tests.log.samples import can_frames

FRAMES = [
    Frame(START_NS // 1000 * 1000 + 1_000_000, 0x123, 0, 0, b"\1\2\3"),
    Frame(START_NS // 1000 * 1000 + 2_000_000, 0x18FEF100 | can.EXTENDED, 1, can.TRANSMITTED, bytes(range(8))),
    Frame(START_NS // 1000 * 1000 + 3_000_000, 0x77, 0, can.BIT_RATE_SWITCH, bytes(12), True),
    Frame(START_NS // 1000 * 1000 + 4_000_000, 0x77, 0, can.REMOTE, b"", asked=4),
]


def read_everything(reader: OrderedReader) -> int:
    """Reads it twice over and returns how many messages there are; what the reader says of them must hold."""
    counts = reader.check()
    total, last_ns = 0, -1
    for batch in reader.batches(as_bytes=reader.channels.values()):
        records = batch.records
        assert len(records)
        is_late = records["flags"] & FLAG_LATE != 0
        times = records["log_time_ns"][~is_late]
        assert (np.diff(times) >= 0).all() and (not len(times) or times[0] >= last_ns)
        last_ns = int(times[-1]) if len(times) else last_ns
        ends = records["offset"].astype(np.int64) + records["length"]
        assert (records["offset"] >= 0).all() and int(ends.max()) <= len(batch.data)
        total += len(records)
    assert total == sum(counts.values())
    for name in reader.attachments:
        with refusals(str(reader.path)):
            reader.attachment(name)
    assert all(isinstance(value, str) for table in reader.metadata.values() for value in table.values())
    return total


def mcap(data: bytes) -> None:
    """Also: what can be read can be recovered into a log that is whole."""
    path = scratch.write("a.mcap", data)
    with refusals(str(path)), LogReader(path) as reader:
        read_everything(reader)
        past_damage = sum(len(batch.records) for batch in reader.batches(as_bytes=reader.channels.values(), past_damage=True))
        output = scratch.folder() / "recovered.mcap"
        done = recovering.recover(reader, output)
        with LogReader(output) as written:
            assert not written.truncated and sum(written.check().values()) == past_damage == sum(done.messages.values())


def recording(data: bytes) -> None:
    """Bytes without a name: the format is told by what they begin with."""
    path = scratch.write("a", data)
    with refusals(str(path)), open_recording(path) as reader:
        read_everything(reader)


def of_format(name: str, data: bytes, *, blocks: Callable[[int], int], lines: Callable | None = None) -> None:
    """As a file of one format; `blocks(size)` are the most pieces a file of that size may be read in."""
    module = import_module(f"autonomy.log.formats.{name}")
    path = scratch.write(f"a.{name}", data)
    if not module.recognises(data[:HEAD_BYTES], path):
        return
    with refusals(str(path)):
        found = module.open_format(path)
        reads, read = 0, found.read

        def counted(*arguments):
            nonlocal reads
            reads += 1
            assert reads <= blocks(len(data)), "reads on and on"
            return read(*arguments)

        found.read = counted
        with ForeignReader(found) as reader:
            total = read_everything(reader)
            if lines is not None:
                assert total + sum(reader.unused.values()) == lines(data), "a line is neither a frame nor counted"


def with_start(run: Callable[[bytes], None], name: str, data: bytes) -> None:
    """The format's own target; then a sound beginning with the bytes behind it, of which all must be read."""
    run(data)
    start, known = beginning(name)
    path = scratch.write(f"kept.{name}", start + data)
    with open_recording(path) as reader:
        assert known <= set(frames_of(reader)), "what stood before the damage is lost"


@cache
def beginning(name: str) -> tuple[bytes, frozenset[Frame]]:
    """A recording without its end, and its frames."""
    data = exported("." + name) if name != "mcap" else logged()
    cut = {"mcap": _data_end(data) if name == "mcap" else 0, "asc": data.find(b"End Trigger")}.get(name, len(data))
    path = scratch.write(f"start.{name}", data[:cut])
    with open_recording(path) as reader:
        found = frozenset(frames_of(reader))
    assert found
    return data[:cut], found


def _data_end(data: bytes) -> int:
    position = 8
    while data[position] != 0x0F:
        position += 9 + int.from_bytes(data[position + 1 : position + 9], "little")
    return position


def _lines(data: bytes) -> list[str]:
    """As a reader of lines sees them: without a last one that has no end."""
    return data[: data.rfind(b"\n") + 1].decode("latin-1").split("\n")[:-1]


def csv_lines(data: bytes) -> int:
    return sum(bool(line.strip()) for line in _lines(data)[1:])


def trc_lines(data: bytes) -> int:
    return sum(bool(line.strip()) and not line.strip().startswith(";") for line in _lines(data))


def candump_lines(data: bytes) -> int:
    return sum(bool(line.strip(b" \t\r")) for line in data[: data.rfind(b"\n") + 1].split(b"\n"))


@cache
def logged() -> bytes:
    return write_log(scratch.folder() / "seed.mcap", FRAMES).read_bytes()


@cache
def exported(ending: str) -> bytes:
    """FRAMES as our exporter of that ending writes them."""
    path = scratch.folder() / ("seed" + ending)
    logged()
    with open_recording(scratch.folder() / "seed.mcap") as reader:
        import_module(EXPORTERS[ending]).export(reader, path)
    return path.read_bytes()


@cache
def chunked_log() -> bytes:
    """Several chunks and an attachment."""
    path, rows = scratch.folder() / "chunked.mcap", can_frames(12)
    with LogWriter(path, chunk_bytes=150) as writer:
        writer.attach("can/0.dbc", b'VERSION ""\n', "text/x-dbc")
        writer.write_batch("/raw/can/0", rows["time_ns"], rows)
    return path.read_bytes()


def plain_log() -> bytes:
    """Messages outside chunks, by the reference library: no index, no compression."""
    import mcap.writer

    path = scratch.folder() / "plain.mcap"
    with path.open("wb") as file:
        writer = mcap.writer.Writer(file, use_chunking=False)
        writer.start()
        channel = writer.register_channel("/text", "json", writer.register_schema("text", "jsonschema", b"{}"))
        for number in range(3):
            writer.add_message(channel, log_time=number, publish_time=number, data=b"{}")
        writer.add_metadata("more", {"a": "b"})
        writer.finish()
    return path.read_bytes()


@cache
def ros_bag(kind: str) -> bytes:
    with TemporaryDirectory() as folder:
        return ros_bags.write(Path(folder), kind, 2).read_bytes()


def capture_seeds() -> list[bytes]:
    parts = [(captures.FIRST_NS, captures.ethernet(part)) for part in captures.fragments(bytes(2000), 7)]
    return [captures.capture(2), captures.capture_ng(2), captures.classic(parts, order=">", nano=False)]


def few(size: int) -> int:
    """Twice over the file, in pieces of at least a byte, and once more at its end."""
    return 2 * size + 4


OPENING = ("autonomy.log.opening", "autonomy.log.reader", "autonomy.log.ordered", "autonomy.log.structure")
BLOCKS = ("autonomy.log.formats.foreign", "autonomy.log.formats.frames", "autonomy.log.formats.recording")


def _target(name: str, seeds: Callable[[], list[bytes]], *, lines=None, has_start: bool = False, more: tuple[str, ...] = (),
            largest: int = 4096) -> Target:  # fmt: skip
    run = partial(of_format, name, blocks=few, lines=lines)
    if has_start:
        run = partial(with_start, run, {"candump": "log"}.get(name, name))
    return Target(name, run, seeds, (*OPENING, *BLOCKS, f"autonomy.log.formats.{name}", *more), largest)


LINES = ("autonomy.log.formats.lines",)
TARGETS = [
    Target("mcap", partial(with_start, mcap, "mcap"), lambda: [logged(), plain_log(), chunked_log()],
           (*OPENING, "autonomy.log.recovering", "autonomy.log.copying", "autonomy.log.records"), 16384),
    _target("blf", lambda: [exported(".blf")], has_start=True),
    _target("asc", lambda: [exported(".asc")], has_start=True, more=LINES),
    _target("trc", lambda: [exported(".trc")], lines=trc_lines, has_start=True, more=LINES),
    _target("csv", lambda: [exported(".csv")], lines=csv_lines, has_start=True, more=LINES),
    _target("candump", lambda: [exported(".log")], lines=candump_lines, has_start=True),
    _target("mf4", lambda: [exported(".mf4")], more=("asammdf",), largest=16384),
    _target("nmfta", lambda: [nmfta(2)]),
    _target("pcap", capture_seeds, more=("autonomy.log.formats.network",)),
    _target("rosbag1", lambda: [ros_bag("bag")], more=("autonomy.log.formats.ros", "rosbags.rosbag1"), largest=16384),
    _target("rosbag2", lambda: [ros_bag("db3")], more=("autonomy.log.formats.ros",), largest=65536),
    Target("ros_mcap", recording, lambda: [ros_bag("mcap")],
           (*OPENING, *BLOCKS, "autonomy.log.formats.ros_mcap", "autonomy.log.formats.ros"), 16384),
    Target("recording", recording, lambda: [exported(ending) for ending in (".blf", ".asc", ".trc", ".csv", ".log")]
           + [logged(), nmfta(2), *capture_seeds()], (*OPENING, *BLOCKS), 8192),
]  # fmt: skip
