"""Runs of a suite side by side, each in a process of its own; results in the order of the arguments."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from hil.suites._kept import kept_in


def mapped(function: Callable[[Any], Any], arguments: Iterable[Any], jobs: int, output: Path | None = None) -> list[Any]:
    """[function(argument)] of every argument; `function` must be importable. What it raises ends the suite.

    With `output`, results are kept in its folder `kept` and a second call goes on from there."""
    arguments = list(arguments)
    if output is not None:
        function = partial(kept_in(output / "kept").result, function)
    if jobs <= 1:
        return [_told(number, len(arguments), function(argument)) for number, argument in enumerate(arguments, start=1)]
    with multiprocessing.get_context("spawn").Pool(min(jobs, len(arguments))) as pool:
        return [_told(number, len(arguments), found) for number, found in enumerate(pool.imap(function, arguments), start=1)]


def _told(number: int, total: int, found: Any) -> Any:
    print(f"  {number} of {total}", file=sys.stderr, flush=True)
    return found
