"""Recordings packed with gzip (.log.gz, .asc.gz, .blf.gz ...): unpacked into a folder for temporary files, then opened."""

from __future__ import annotations

import gzip
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from autonomy.errors import EnvironmentFault, LogError
from autonomy.log.ordered import OrderedReader

MAGIC = b"\x1f\x8b"
_SEVERAL_FILES = ("MF4", "ROS 1 bag", "ROS 2 bag")  # formats whose libraries open a file more than once


def open_packed(path: Path, open_plain: Callable[[Path], OrderedReader]) -> OrderedReader:
    """A reader of the recording inside. Raises LogError, EnvironmentFault.

    The unpacked file has lost its name when this returns, so that nothing is left of it, whatever ends the process.
    """
    with TemporaryDirectory(prefix="autonomy-gzip-") as folder:
        plain = Path(folder, path.stem or "recording")
        problem = _unpack(path, plain)
        if plain.stat().st_size == 0:
            raise LogError(f"{path} is empty" + (f": {problem}" if problem else ""))
        try:
            reader = open_plain(plain)
        except LogError as error:
            raise LogError(str(error).replace(str(plain), str(path))) from error
        if reader.library in _SEVERAL_FILES:
            reader.close()
            raise LogError(f"{path} is a packed {reader.library} file; unpack it first: gunzip -k {path}")
    reader.path = path
    reader.problem = problem or reader.problem
    return reader


def _unpack(path: Path, plain: Path) -> str | None:
    """Why it ends early, None for a whole file."""
    with plain.open("wb") as target:
        try:
            with gzip.open(path) as source:
                while part := source.read1(1 << 20):
                    target.write(part)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            return f"the packed file is cut or damaged: {error}"
        except OSError as error:
            free = shutil.disk_usage(plain.parent).free
            sentence = f"cannot unpack {path} into {plain.parent}, {free >> 20} MB free: {error.strerror}"
            raise EnvironmentFault(sentence) from error
    return None
