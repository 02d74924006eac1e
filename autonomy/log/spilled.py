"""Records that are wanted at a file's end, kept on disk until then: memory does not grow with a log's length."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Spilled"]

BLOCK_BYTES = 1 << 16


class Spilled:
    """In a file without a name beside the log; it goes with the process. `count` records of `size` bytes. Raises OSError."""

    def __init__(self, folder: Path):
        self.count = self.size = 0
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `close`

    def append(self, data: bytes) -> None:
        self._file.write(data)
        self.count, self.size = self.count + 1, self.size + len(data)

    def blocks(self) -> Iterator[bytes]:
        """All of it, a piece at a time."""
        self._file.seek(0)
        while block := self._file.read(BLOCK_BYTES):
            yield block

    def close(self) -> None:
        self._file.close()
