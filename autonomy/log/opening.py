"""Opens any recording the tools can read: the one place that knows which format a file has."""

from __future__ import annotations

import os

from autonomy.log.reader import LogReader


def open_recording(path: str | os.PathLike) -> LogReader:
    """A reader of the recording. Raises LogError when it is absent, empty or of no known format."""
    return LogReader(path)
