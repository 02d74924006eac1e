"""Output files appear whole or not at all: they are written under another name and renamed when they are complete.

A killed command leaves OUT.part.mcap, never a half OUT.mcap that looks whole; such a log can be read up to its last chunk
(`autonomy log recover OUT.part.mcap -o OUT.mcap`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from autonomy.errors import EnvironmentFault, UsageError

MARK = ".part"


@contextmanager
def finished(output: str | os.PathLike) -> Iterator[Path]:
    """The path to write to; it becomes `output` when the block ends well and is removed when it does not."""
    output = Path(output)
    partial = output.with_name(f"{output.stem}{MARK}{output.suffix}")
    try:
        yield partial
        os.replace(partial, output)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise EnvironmentFault(f"cannot write {output}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink()


def refuse_own_input(output: Path, inputs: Iterable[Path], command: str) -> None:
    """Raises UsageError when the output is one of the files to be read."""
    for source in inputs:
        if output.exists() and source.exists() and output.samefile(source):
            raise UsageError(f"{command}: {output} is the recording to be read; give another name to write to")
