"""How the commands end: Ctrl-C is a way to stop, not a failure, and what was left out is told on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from autonomy.cli.can.source import LiveSource, LogSource


@contextmanager
def patient() -> Iterator[None]:
    """Lets Ctrl-C end the work inside, so that what follows still happens."""
    try:
        yield
    except KeyboardInterrupt:
        print(file=sys.stderr)  # behind the terminal's ^C


def tell(source: LogSource | LiveSource, *lines: str) -> None:
    """The command's own count and what the source left out, on stderr."""
    sys.stdout.flush()
    for line in [*lines, *source.notes()]:
        print(f"can: {line}", file=sys.stderr)
