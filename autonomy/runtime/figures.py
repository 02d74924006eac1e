"""What a live run is judged by, from the loop's histograms and everybody's counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy.errors import FAIL, INCONCLUSIVE, PASS

PERCENTILES = (50.0, 99.0, 99.9)
OTHER_SCALE_S = 0.5  # a PTP clock that far from a GNSS line runs in another scale than was told
MOST_MISSED_SHARE = 0.01  # of the ticks; beyond it the run says nothing about the truck


def percentiles(counts: np.ndarray, longest: float) -> dict[str, float | int | None]:
    """{"p50", "p99", "p99.9", "max"} in the unit of the bins, rounded up to the bin; None without a count."""
    total = int(counts.sum())
    if not total:
        return {**{f"p{q:g}": None for q in PERCENTILES}, "max": None}
    upto = np.cumsum(counts)
    found = {f"p{q:g}": int(np.searchsorted(upto, np.ceil(total * q / 100.0))) + 1 for q in PERCENTILES}
    return {**found, "max": longest}


def percentiles_us(counts: np.ndarray, longest_ns: int) -> dict[str, float | int | None]:
    """`percentiles` of a histogram by microsecond."""
    return percentiles(counts, longest_ns / 1e3)


def lost(counts: dict[str, int]) -> dict[str, int]:
    """What should be there and is not, by where it got lost; only what is not zero."""
    names = ("arrivals_lost", "bus_lost", "frames_unrecorded", "ticks_unrecorded", "commands_lost", "send_failed",
             "datagrams_lost", "datagrams_unrecorded", "lists_lost", "node_frames_lost")  # fmt: skip
    return {name: counts[name] for name in names if counts.get(name)}


def verdict(counts: dict[str, int], errors: list[str], *, soft: bool, p99_lateness_us: float | None, limit_us: float,
            interrupted: bool = False) -> tuple[str, int, list[str]]:  # fmt: skip
    """(verdict, exit code, why). `interrupted`: somebody ended it."""
    reasons = list(errors) + [f"{name}: {number}" for name, number in lost(counts).items()]
    if not counts["ticks"] and not interrupted:
        reasons.append("no tick was run")
    if reasons:
        return "fail", FAIL, reasons
    if not counts["ticks"]:
        return "inconclusive", INCONCLUSIVE, ["ended before the first tick"]
    if not any(counts.get(name) for name in ("received", "serial_bytes", "datagrams")):
        reasons.append("nothing was heard on any bus, line or socket")
    if counts["missed"] > MOST_MISSED_SHARE * counts["ticks"]:
        reasons.append(f"{counts['missed']} ticks missed beside {counts['ticks']} run")
    if not soft and p99_lateness_us is not None and p99_lateness_us > limit_us:
        reasons.append(f"p99 of the lateness is {p99_lateness_us:.0f} us, the limit {limit_us:.0f} us")
    return ("inconclusive", INCONCLUSIVE, reasons) if reasons else ("pass", PASS, reasons)


def partner_lines(partners: list[dict[str, Any]]) -> list[str]:
    """Who else is on the bus and how they are, a line each."""
    found = []
    for item in partners:
        parts = [text for name in ("component", "vehicle", "software") if (text := item.get(name))]
        if item["weight_kg"] is not None:
            parts.append(f"combination {item['weight_kg']:.0f} kg")
        if item["worst_lamps"] or item["worst_codes"]:
            parts.append("told " + ", ".join([*item["worst_lamps"], *(code["text"] for code in item["worst_codes"])]))
        found.append(f"{item['address']:#04x} {item['name']}".rstrip() + ": " + ("; ".join(parts) or "no trouble"))
    return found


def clock_lines(clocks: dict[str, dict[str, Any]]) -> list[str]:
    """What told UTC, a line each."""
    found = []
    for name, row in clocks.items():
        if not row["samples"]:
            found.append(f"UTC          {name}: not told" + (f": {row['error']}" if row.get("error") else ""))
            continue
        apart = [f"{row[key]} {key}" for key in ("rejected", "steps") if row[key]]
        if abs(row.get("ahead_of_line_s") or 0.0) > OTHER_SCALE_S:
            apart.append(f"{row['ahead_of_line_s']:+.0f} s from the line: another scale than told")
        known = f"to {row['sigma_s'] * 1e6:.3g} us (1 sigma), our clock {row['rate_ppm']:+.2f} ppm fast"
        counts = ", ".join([f"{row['samples']} samples", *apart])
        found.append(f"UTC          {name}: {known}, {counts}")
    return found


def scan_lines(sensors: dict[str, dict[str, Any]]) -> list[str]:
    """A line each: what came, and what was made of it."""
    found = []
    for name, row in sensors.items():
        text = f"{row['kind']:<13}{name}: {row['datagrams']} datagrams, {row['scans']} scans"
        if row["scans"]:
            late = row["latency_ms"]
            text += f", told {late['p50']} ms behind their last packet (p99 {late['p99']}, at most {late['max']:.0f})"
        words = {"skipped": "scans left out", "without_ego": "scans without the tick before them",
                 "malformed": "malformed packets", "other": "packets of another kind", "missing": "packets missing"}  # fmt: skip
        apart = [f"{row[key]} {word}" for key, word in words.items() if row[key]]
        found.append(", ".join([text, *apart]))
    return found


def route_lines(route: dict[str, Any]) -> list[str]:
    """What the predictive cruise control did."""
    text = f"route        {route['file']}: {route['plans']} plans"
    if route["plans"]:
        spent, late = route["replan_ms"], route["latency_ms"]
        text += (f", {spent['p50']} ms each (p99 {spent['p99']}, at most {spent['max']:.1f}), told {late['p50']} ms behind their "
                 f"tick (p99 {late['p99']}, at most {late['max']:.0f})")  # fmt: skip
    apart = [f"{count / 10.0:.1f} s {name.replace('_', ' ')}" for name, count in route["standings"].items() if count]
    return [", ".join([text, *apart])]


def stage_lines(stages: dict[str, dict[str, float]]) -> list[str]:
    """Where late ticks spent their time; nothing when none was late."""
    late = [f"{stage['late']} in {name} (at most {stage['max_us']:.0f} us)" for name, stage in stages.items() if stage["late"]]
    return ["late ticks   " + ", ".join(late)] if late else []


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures for a terminal."""
    counts = figures["counts"]

    def times(name: str) -> str:
        values = figures[name]
        if values["p50"] is None:
            return "none"
        return ", ".join(f"{key} {value:.0f}" for key, value in values.items()) + " us"

    shown = [f"{finding['what']:<12} {finding['found']}" + ("" if finding["good"] else f"  -> {finding['remedy']}")
             for finding in figures["realtime"]]  # fmt: skip
    shown += [
        f"ticks        {counts['ticks']} run, {counts['late']} late, {counts['overrun']} overrun, {counts['missed']} missed",
        *stage_lines(figures.get("stages") or {}),
        f"lateness     {times('lateness_us')}",
        f"tick         {times('work_us')}",
        f"tick to bus  {times('latency_us')}",
        f"byte to bus  {times('response_us')}",
        f"frames       {counts['received']} received, {counts['sent']} sent, {counts['records']} in the log's order",
        *([f"host         took {figures['stolen_ms']:.0f} ms from the processors"] if figures.get("stolen_ms") else []),
        "lost         " + (", ".join(f"{name} {number}" for name, number in lost(counts).items()) or "nothing"),
    ]
    if figures.get("startup_s") is not None:
        shown.append(f"startup      {figures['startup_s']:.2f} s from the start of the process to the first output")
    if figures.get("standby"):
        shown.append(f"standby      {figures['standby']}")
    if node := figures.get("node"):
        shown.append(f"address      {node['address']:#04x} {node['state']}, {node['intruders']} frames of others from it")
    shown += [f"partner      {line}" for line in partner_lines(figures.get("partners") or [])]
    for name, line in (figures.get("serial") or {}).items():
        shown.append(f"serial       {name}: {line['bytes']} bytes, {line['samples']} samples, {line['skipped']} bytes skipped")
    shown += scan_lines(figures.get("scan_sensors") or {})
    shown += route_lines(figures["route"]) if figures.get("route") else []
    if shown_live := figures.get("telemetry"):
        shown.append(f"telemetry    {shown_live['moments']} moments on port {shown_live['port']}"
                     + (f", its process started again {shown_live['restarts']} times" if shown_live["restarts"] else ""))
    shown += clock_lines(figures.get("clocks") or {})
    if figures.get("events"):
        shown.append(f"events       {figures['events']}")
    shown += [f"log          {path}" for path in figures.get("logs") or []]
    shown.append(f"verdict      {figures['verdict']}" + (f": {'; '.join(figures['reasons'])}" if figures["reasons"] else ""))
    return shown
