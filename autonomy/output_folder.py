"""Files and folders that a command writes: whatever keeps it from writing is one sentence, and the exit code of the machine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from autonomy.errors import EnvironmentFault


@contextlib.contextmanager
def writing(target: str | Path) -> Iterator[None]:
    """Turns an OSError of the block into an EnvironmentFault that names what was to be written."""
    try:
        yield
    except OSError as error:
        raise EnvironmentFault(f"{target}: cannot be written: {error.strerror or error}; give another place") from None


def prepare(directory: str | Path) -> Path:
    """Makes a folder and finds out whether files can be made in it. Raises EnvironmentFault."""
    directory = Path(directory)
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise PermissionError(None, "no right to write there")
    return directory
