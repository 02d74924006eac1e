"""Which stretches of a log are driven again without GNSS, to see how far dead reckoning drifts."""

from __future__ import annotations

from dataclasses import dataclass

from autonomy.errors import UsageError

SHORTEST_S = 0.1  # ten ticks: below, nothing drifts
KEYS = ("at", "duration", "every", "from", "to", "min_speed")


@dataclass(frozen=True)
class Outage:
    """Seconds from the first record; `duration_s` None = to the end of the log."""

    start_s: float
    duration_s: float | None
    min_speed_mps: float = 0.0


def read(text: str) -> tuple[list[tuple[float, float | None]], dict[str, float]]:
    """(start, duration) of every `at=` and the numbers of the grid, as written. Raises UsageError."""
    single: list[tuple[float, float | None]] = []
    grid: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, separator, value = part.partition("=")
        if not separator or key not in KEYS:
            raise UsageError(f"--outages {text}: cannot read '{part}'; write at=START:end, at=START:SECONDS or "
                             "duration=,every=,from=,to=,min_speed=")  # fmt: skip
        if key == "at":
            start, _, duration = value.partition(":")
            single.append((_seconds(start, text), None if duration in ("end", "") else _seconds(duration, text)))
        else:
            grid[key] = _seconds(value, text)
    if grid.keys() - {"min_speed"} and ("duration" not in grid or "every" not in grid or grid["every"] < SHORTEST_S):
        raise UsageError(f"--outages {text}: a grid needs duration= and every=, both {SHORTEST_S:g} s or more")
    if not single and not grid.keys() - {"min_speed"}:
        raise UsageError(f"--outages {text}: names no outage; write at=START:end, at=START:SECONDS or duration=,every=")
    return single, grid


def parse(text: str, log_duration_s: float) -> list[Outage]:
    """Reads `at=20:end`, `at=15:end,at=20:30` (start:duration) or `duration=60,every=30,from=240,min_speed=12`.

    Grid outages that would pass the end of the log are left out. Raises UsageError.
    """
    single, grid = read(text)
    min_speed = grid.pop("min_speed", 0.0)
    outages = [Outage(start, duration, min_speed) for start, duration in single]
    if grid:
        start, last = grid.get("from", 0.0), grid.get("to", log_duration_s)
        while start + grid["duration"] <= min(last, log_duration_s):
            outages.append(Outage(start, grid["duration"], min_speed))
            start += grid["every"]
    if not outages:
        raise UsageError(f"--outages {text}: no outage fits into the log's {log_duration_s:.1f} s")
    for outage in outages:
        if outage.start_s < 0 or outage.start_s >= log_duration_s:
            raise UsageError(f"--outages {text}: {outage.start_s:g} s lies outside the log's {log_duration_s:.1f} s")
        length = log_duration_s - outage.start_s if outage.duration_s is None else outage.duration_s
        if length < SHORTEST_S:
            raise UsageError(
                f"--outages {text}: the outage from {outage.start_s:g} s lasts {length:.3g} s; give {SHORTEST_S:g} s or more"
            )
    return sorted(outages, key=lambda outage: outage.start_s)


def _seconds(text: str, whole: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise UsageError(f"--outages {whole}: '{text}' is not a number of seconds") from None
    if not 0 <= value < float("inf"):
        raise UsageError(f"--outages {whole}: {text} must be a finite number, zero or more")
    return value
