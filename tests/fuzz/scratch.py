"""Where a target puts its bytes when a reader wants a file: one folder a process, in memory where the machine has such."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

MEMORY = Path("/dev/shm")


@cache
def folder() -> Path:
    if told := os.environ.get("FUZZ_SCRATCH"):
        return Path(told)  # of the runner, which clears it away: a fuzzer may end its process without a word
    path = Path(tempfile.mkdtemp(prefix="fuzz-", dir=MEMORY if MEMORY.is_dir() else None))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def write(name: str, data: bytes) -> Path:
    """The file of that name with these bytes; what was in it is gone."""
    path = folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
