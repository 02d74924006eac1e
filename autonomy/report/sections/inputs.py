"""What came in: samples by source, what could not be used, and the delays the filter found."""

from __future__ import annotations

from autonomy.report.drive import Drive
from autonomy.report.plot import Band, Line, time_figure
from autonomy.report.sections.section import Section, Table
from autonomy.report.words import CLOCKS, INPUTS, number, percent, plain, whole

CLOCK_COLUMNS = {  # key, unit, digits; a column that nobody estimates is left out
    "Delay": ("delay_s", "s", 3),
    "1 sigma": ("sigma_s", "s", 2),
    "Clock offset": ("offset_s", "s", 3),
    "Clock rate": ("rate_ppm", "ppm", 3),
}


def section(drive: Drive) -> Section:
    found = (_drops(drive), _serial(drive), _oddities(drive), _clocks(drive), _faults(drive))
    tables = tuple(table for table in found if table is not None)
    return Section(
        "inputs",
        "Inputs and clocks",
        "Every sample is counted: used, or left out and why. Delay: from when a measurement was "
        "true to when it came, as the filter estimates it.",
        tuple(_plots(drive)),
        tables,
        "" if drive.metrics.get("drops") else "No input was received.",
    )


def _drops(drive: Drive) -> Table | None:
    drops = drive.metrics.get("drops") or {}
    if not drops:
        return None
    rows, flags = [], []
    for name, source in drops.items():
        received, unusable = source.get("received") or 0, source.get("unusable") or 0
        rows.append(
            (
                INPUTS.get(name, name),
                whole(source.get("received")),
                whole(source.get("used")),
                whole(unusable),
                percent(unusable / received if received else None),
                number(source.get("max_gap_ms"), "ms"),
            )
        )
        flags.append(unusable > 0)
    return Table(
        "Samples",
        ("Source", "Received", "Used", "Unusable", "Share unusable", "Longest silence"),
        tuple(rows),
        flags=tuple(flags),
    )


def _serial(drive: Drive) -> Table | None:
    """What was heard on serial ports."""
    entries = drive.metrics.get("serial") or {}
    if not entries:
        return None
    columns = ("bytes", "messages", "samples", "unused", "malformed", "skipped", "incomplete")
    rows = tuple((name, *(whole(counts.get(column)) for column in columns)) for name, counts in entries.items())
    flags = tuple(bool(counts.get("malformed") or counts.get("incomplete")) for counts in entries.values())
    return Table("Serial ports", ("Port", *(column.capitalize() for column in columns)), rows, flags=flags)


def _oddities(drive: Drive) -> Table | None:
    """Counts of what is not as it should be; only those that happened."""
    found = {name: count for name, count in (drive.metrics.get("oddities") or {}).items() if count}
    if not found:
        return None
    return Table("Found odd in the log", ("What", "Count"), tuple((plain(name), whole(count)) for name, count in found.items()))


def _clocks(drive: Drive) -> Table | None:
    clocks = drive.metrics.get("clocks") or {}
    if not clocks:
        return None
    columns = [name for name, key in CLOCK_COLUMNS.items() if any(clock.get(key[0]) is not None for clock in clocks.values())]
    rows = tuple(
        (
            CLOCKS.get(name, plain(name)),
            *(number(clock.get(CLOCK_COLUMNS[column][0]), *CLOCK_COLUMNS[column][1:]) for column in columns),
        )
        for name, clock in clocks.items()
    )
    return Table("Delays and clocks at the end", ("Source", *columns), rows)


def _faults(drive: Drive) -> Table | None:
    faults = [fault for fault in drive.metrics.get("faults") or [] if isinstance(fault, dict)]
    if not faults:
        return None
    rows = tuple(
        (
            str(fault.get("source")),
            str(fault.get("kind")),
            number(fault.get("start_s"), "s"),
            number(fault.get("end_s"), "s"),
            number(fault.get("value")),
        )
        for fault in faults[:100]
    )
    return Table("Injected faults", ("Source", "Kind", "From", "To", "Value"), rows, text_columns=2)


def _plots(drive: Drive):
    ego = drive.ego
    if not len(ego):
        return
    time = drive.seconds(ego["time_ns"])
    bands, lines = [], []
    for number_of, (source, name) in enumerate(CLOCKS.items(), 1):
        delay, sigma = ego[f"{source}_delay_s"], ego[f"{source}_delay_sigma_s"]
        if (sigma > 0).any():
            bands.append(Band(time, delay - 2 * sigma, delay + 2 * sigma, f"s{number_of}"))
            lines.append(Line(time, delay, f"s{number_of}", name))
    if lines:
        yield time_figure(
            "Delays as estimated, shaded two sigma",
            bands + lines,
            "delay (s)",
            drive.x_range,
            least_span=0.02,
            shape="wide",
            height=220,
        )
