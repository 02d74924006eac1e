"""Opens any recording the tools can read: the one place that knows which format a file has.

A format is told by what the file begins with, never by its name alone.
"""

from __future__ import annotations

import os
from functools import partial
from importlib import import_module
from pathlib import Path

from autonomy.errors import LogError
from autonomy.log import layouts, records, unpacking
from autonomy.log.reader import LogReader, OrderedReader

HEAD_BYTES = 1 << 14
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# In the order they are asked: those with a signature first
FORMATS = ("blf", "mf4", "pcap", "rosbag1", "rosbag2", "asc", "trc", "csv", "candump", "nmfta")


def open_recording(path: str | os.PathLike, *, as_is: bool = False) -> OrderedReader:
    """A reader of the recording, of whatever format. Raises LogError when it is absent, empty or of no known format.

    `as_is` leaves the standard messages of an MCAP log what they are instead of making them ours: for copying records.
    """
    path = Path(path)
    head = _head(path)
    if head.startswith(unpacking.MAGIC):
        return unpacking.open_packed(path, partial(open_recording, as_is=as_is))
    if head.startswith(records.MAGIC):
        return LogReader(path) if as_is else _open_mcap(path)
    for name in FORMATS:
        format_ = import_module(f"autonomy.log.formats.{name}")
        if format_.recognises(head, path):
            from autonomy.log.formats.foreign import ForeignReader

            return ForeignReader(format_.open_format(path))
    raise LogError(_unknown(path, head))


def _open_mcap(path: Path) -> OrderedReader:
    reader = LogReader(path)
    if all(layouts.message_name(channel.schema) for channel in reader.channels.values()):
        return reader
    from autonomy.log.formats.ros_mcap import RosMcap, needs_translation

    if not needs_translation(reader):
        return reader
    from autonomy.log.formats.foreign import ForeignReader

    return ForeignReader(RosMcap(path, [reader]))


def _head(path: Path) -> bytes:
    if path.is_dir():
        return b""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise LogError(f"cannot read {path}: {error.strerror}") from error
    if not head:
        raise LogError(f"{path} is empty")
    return head


def _unknown(path: Path, head: bytes) -> str:
    from autonomy.log.formats.candump import lacks_times

    if head.startswith(ZSTD_MAGIC):
        return f"{path} is packed with zstd; unpack it first: zstd -d {path}"
    if path.is_dir():
        return (
            f"{path} is a folder, and neither a comma2k19 segment (processed_log, global_pose) nor a ROS 2 bag; "
            "give the files themselves, or --map mapping.toml for columns"
        )
    if lacks_times(head):
        return f"{path} is what candump shows without times; record with 'candump -L' (or -t a)"
    names = ", ".join(["MCAP", *(import_module(f"autonomy.log.formats.{name}").NAME for name in FORMATS)])
    return f"{path} is of no known format; it is not an MCAP file and none of {names} begins as it does"
