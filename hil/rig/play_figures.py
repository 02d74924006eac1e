"""What a run of `hil play` is told by and judged by: each record accounted for, lateness, drift, verdict."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from autonomy.errors import FAIL, INCONCLUSIVE, INTERNAL, PASS
from autonomy.stolen_time import because_stolen
from hil.rig import lateness
from hil.rig.recorded import Stream

if TYPE_CHECKING:
    from hil.rig.session import Pace, Session
    from hil.rig.track import Track

__all__ = ["of_dry_run", "of_run", "of_session", "table_lines"]

DRIFT_LIMIT_MS_PER_HOUR = 1.0
LONGEST_LATE_US = 50_000.0  # at worst, as for the truck on the rig: longer silences look like a dead controller


def of_run(tracks: list[Track], session: Session, options: Pace) -> dict[str, Any]:
    """The figures of one run, `verdict`, `exit_code` and `reasons` among them."""
    return of_session(_common(tracks), session, options)


def of_session(found: dict[str, Any], session: Session, options: Pace) -> dict[str, Any]:
    """What was sent, when, and the verdict, added to what was meant to be (`streams`, `overrides`, `problems` ...)."""
    lanes, feeder = session.lanes, session.feeder
    targets = []
    for target, lane in lanes.items():
        account = lane.account()
        targets.append({
            "target": str(target), "where": lane.where, "queued": account["queued"], "sent": account["sent"],
            "bytes": account["bytes"], "failed": account["failed"], "not_reached": account["waiting"], "waits": account["waits"],
            "starved": account["starved"], "lateness_us": lateness.summed([lane.port.lateness()]), "error": lane.error,
        })  # fmt: skip
    found["targets"] = targets
    found["counts"] = {
        "read": sum(stream["read"] for stream in found["streams"]),
        "left_out": sum(sum(stream["left_out"].values()) for stream in found["streams"]),
        "sent": sum(item["sent"] for item in targets),
        "failed": sum(sum(item["failed"].values()) for item in targets),
        "not_reached": sum(item["not_reached"] for item in targets) + feeder.left(),
        "behind_the_end": sum(feeder.beyond.values()),
    }
    found["seconds"], found["bare"] = session.seconds, options.bare
    found["realtime"] = [{"what": finding.what, "found": finding.found, "good": finding.good, "remedy": finding.remedy}
                         for lane in list(lanes.values())[:1] for finding in lane.findings]  # fmt: skip
    found["lateness_us"] = lateness.summed([lane.port.lateness() for lane in lanes.values()])
    found["histogram_us"] = lateness.sparse([lane.port.lateness() for lane in lanes.values()])
    found["wakeup_us"] = lateness.summed([lane.port.wakeup() for lane in lanes.values()])
    found["drift"] = lateness.drift([lane.port.course() for lane in lanes.values()])
    found["interrupted"], found["stolen_ms"] = session.interrupted, session.stolen.milliseconds()
    found["verdict"], found["exit_code"], found["reasons"] = judged(found, options)
    return found


def of_dry_run(tracks: list[Track], end_s: float | None) -> dict[str, Any]:
    """What one pass would send."""
    found = _common(tracks)
    found["counts"] = {"read": sum(stream["read"] for stream in found["streams"]),
                       "left_out": sum(sum(stream["left_out"].values()) for stream in found["streams"]),
                       "would_be_sent": sum(stream["queued"] for stream in found["streams"])}  # fmt: skip
    reasons = _without_use(found)
    found["verdict"], found["exit_code"], found["reasons"] = ("fail", FAIL, reasons) if reasons else ("pass", PASS, [])
    return found


def judged(found: dict[str, Any], options: Pace) -> tuple[str, int, list[str]]:
    """(verdict, exit code, reasons)."""
    counts = found["counts"]
    if counts["read"] != sum(number for name, number in counts.items() if name != "read"):
        return "error", INTERNAL, [f"the account does not add up: {counts}"]
    reasons = [f"{item['target']}: {count} failed, {reason}" + (f" ({item['error']})" if item["error"] else "")
               for item in found["targets"] for reason, count in item["failed"].items()]  # fmt: skip
    reasons += _without_use(found) + [f"{path}: {problem}" for path, problem in found["problems"].items()]
    if not counts["sent"]:
        reasons.append("nothing was sent")
    if reasons:
        return "fail", FAIL, reasons
    late, limit_us = found["lateness_us"], options.late_limit_s * 1e6
    if late["p99"] > limit_us:
        reasons.append(f"p99 of the lateness is {late['p99']:.0f} us, the limit {limit_us:.0f} us")
    if late["max"] > LONGEST_LATE_US:
        longest = f"the latest record was {late['max'] / 1e3:.0f} ms late, the limit {LONGEST_LATE_US / 1e3:.0f} ms"
        reasons.append(longest + because_stolen(found["stolen_ms"]))
    slope, error = found["drift"]["ms_per_hour"], found["drift"]["two_sigma_ms_per_hour"]
    if slope is not None and abs(slope) - error > DRIFT_LIMIT_MS_PER_HOUR:
        reasons.append(f"drift of {slope:.1f} ms/h, the limit {DRIFT_LIMIT_MS_PER_HOUR:g} ms/h")
    if found["interrupted"] and not options.loop:
        reasons.append(f"interrupted with {counts['not_reached']} records to go")
    return ("inconclusive", INCONCLUSIVE, reasons) if reasons else ("pass", PASS, [])


def table_lines(found: dict[str, Any]) -> list[str]:
    """The account for a terminal."""
    from autonomy.cli.can.table import table

    counts = found["counts"]
    rows = []
    for stream in found["streams"]:
        notes = [f"{count} {reason}" for reason, count in stream["left_out"].items()]
        notes += [f"{stream['replaced']} with a replaced value"] if stream["replaced"] else []
        rows.append([stream["stream"], stream["target"] or "-", str(stream["read"]), str(stream["queued"]), ", ".join(notes)])
    shown = table(["stream", "to", ">read", ">to send", "left out, changed"], rows)
    for text, count in found["overrides"].items():
        shown.append(f"override     {text}: {count} frames")
    for text, count in found["counters"].items():
        shown.append(f"counters     {text}: {count} frames")
    shown += [f"not used     {reason}: {count}" for reason, count in found["unused"].items()]
    if "would_be_sent" in counts:
        shown.append(f"dry run      {counts['would_be_sent']} of {counts['read']} records would be sent in one pass, nothing was")
        return shown + _verdict_line(found)
    shown.append("")
    rows = []
    for item in found["targets"]:
        failed = ", ".join(f"{count} {reason}" for reason, count in item["failed"].items()) or "0"
        late = item["lateness_us"]
        numbers = ["-" if late[name] is None else f"{late[name]:.0f}" for name in ("p50", "p99", "p99.9", "max")]
        rows.append([item["target"], str(item["sent"]), failed, str(item["not_reached"]), *numbers, str(item["waits"])])
    shown += table(["target", ">sent", ">failed", ">not reached", ">p50 us", ">p99", ">p99.9", ">max", ">waits"], rows)
    shown.append("")
    for finding in found["realtime"]:
        if not finding["good"]:
            shown.append(f"{finding['what']:<12} {finding['found']}  -> {finding['remedy']}")
    late = found["lateness_us"]
    if late["p50"] is not None:
        shown.append("wake-up      " + ", ".join(f"{name} {value:.0f}" for name, value in found["wakeup_us"].items()) + " us")
        shown.append("lateness     " + ", ".join(f"{name} {value:.0f}" for name, value in late.items()) + " us")
    if baseline := found.get("baseline"):
        shown.append(
            "bare loop    " + ", ".join(f"{name} {value:.0f}" for name, value in baseline["lateness_us"].items()) + " us"
        )
    slope = found["drift"]["ms_per_hour"]
    if slope is not None:
        error, span_s = found["drift"]["two_sigma_ms_per_hour"], found["drift"]["span_s"]
        shown.append(f"drift        {slope:+.3f} ms/h +- {error:.3f}, over {span_s:.0f} s")
    parts = [f"{number} {name.replace('_', ' ')}" for name, number in counts.items() if name != "read"]
    shown.append(f"account      {counts['read']} read = {' + '.join(parts)}, in {found['seconds']:.1f} s")
    return shown + _verdict_line(found)


def _verdict_line(found: dict[str, Any]) -> list[str]:
    return [f"verdict      {found['verdict']}" + (f": {'; '.join(found['reasons'])}" if found["reasons"] else "")]


def _without_use(found: dict[str, Any]) -> list[str]:
    return [
        f"--override {text} replaced nothing: no such frame was sent" for text, count in found["overrides"].items() if not count
    ]


def _common(tracks: list[Track]) -> dict[str, Any]:
    streams: list[dict[str, Any]] = []
    overrides: Counter[str] = Counter()
    counters: Counter[str] = Counter()
    unused: Counter[str] = Counter()
    for track in tracks:
        for stream in track.recording.streams:
            target = track.plan.targets.get((track.number, stream))
            streams.append({
                "log": track.recording.path, "stream": _name(stream, track.number, len(tracks)),
                "target": None if target is None else str(target), "read": track.read[stream], "queued": track.queued[stream],
                "left_out": dict(track.left.get(stream, {})), "replaced": track.changed[stream], "passes": track.passes,
            })  # fmt: skip
        for text, count in track.overrides.replaced.items():
            overrides[text] += count
        counters.update(track.counters.counts)
        unused.update(track.recording.left_out())
    problems = {track.recording.path: track.recording.problem for track in tracks if track.recording.problem}
    return {
        "streams": streams,
        "overrides": dict(overrides),
        "counters": dict(+counters),
        "unused": dict(+unused),
        "problems": problems,
    }


def _name(stream: Stream, number: int, count: int) -> str:
    name = f"{stream.kind}{stream.name}" if stream.name.isdecimal() else f"{stream.kind} {stream.name}"
    return f"{number + 1}:{name}" if count > 1 else name
