"""Logs that are there before a run: those of a crash are kept, closed ones give way only to a run that has something to tell.

    for path, kept in keep_unfinished(log): ...
    with standing_aside(log) as earlier:      # run.mcap, run_0000.mcap ... are *.earlier now
        ...
        earlier.give_way()                    # else they come back in place of what the refused run left
"""

from __future__ import annotations

import contextlib
import glob
import itertools
from collections.abc import Iterator
from pathlib import Path

from autonomy.log.container import is_closed

__all__ = ["EarlierLogs", "keep_unfinished", "standing_aside", "told_of_earlier"]

ASIDE = ".earlier"


def keep_unfinished(path: Path) -> list[tuple[Path, Path]]:
    """Logs of that name, pieces and snapshots too, that were never closed go aside, for they tell of a crash; (from, to) of each.
    Closed ones are written over."""
    found = []
    for log in sorted({path, *_pieces(path)}):
        if log.is_file() and not is_closed(log):
            free = (log.with_stem(f"{log.stem}_unfinished_{number:04}") for number in itertools.count(1))
            found.append((log, log.rename(next(place for place in free if not place.exists()))))
    return found


def told_of_earlier(path: Path) -> list[str]:
    """A line on pieces and snapshots that are there before: what comes is written over them or beside them."""
    there = sorted(log.name for log in _pieces(path))
    return [f"{path.parent}: {', '.join(there)} of an earlier recording: written over, or left beside"] if there else []


class EarlierLogs:
    """Of one run: whether those before it have given way."""

    def __init__(self) -> None:
        self.have_given_way = False

    def give_way(self) -> None:
        self.have_given_way = True


@contextlib.contextmanager
def standing_aside(path: Path) -> Iterator[EarlierLogs]:
    """Of the logs of that name, closed ones all. What a killed run left aside is back before."""
    _come_back(path)
    for log in (path, *_pieces(path)):
        if log.is_file():
            log.rename(log.with_name(log.name + ASIDE))
    earlier = EarlierLogs()
    try:
        yield earlier
    finally:
        if not earlier.have_given_way:
            for log in (path, *_pieces(path)):
                log.unlink(missing_ok=True)
        _come_back(path)


def _come_back(path: Path) -> None:
    """Where nothing new stands; elsewhere they are gone."""
    for log in (path, *_pieces(path, ASIDE)):
        place = log.with_name(log.name + ASIDE)
        if log.exists():
            place.unlink(missing_ok=True)
        elif place.exists():
            place.rename(log)


def _pieces(path: Path, behind: str = "") -> list[Path]:
    """Pieces and snapshots of that name; with `behind` those of which the file that ends so is there, by their own names."""
    stem, number = glob.escape(path.stem), 4 * "[0-9]"
    found = [piece for kind in ("", "event_") for piece in path.parent.glob(f"{stem}_{kind}{number}.mcap{behind}")]
    return [piece.with_name(piece.name.removesuffix(behind)) for piece in found]
