"""What a run gave, as about ten lines for a terminal."""

from __future__ import annotations

import math
from typing import Any

from autonomy.evaluation.reference import RECEIVER
from autonomy.report import verdict
from autonomy.report.words import (
    AIDS,
    CLOCKS,
    INPUTS,
    UNKNOWN,
    duration,
    is_number,
    known,
    number,
    percent,
    plain,
    short_hash,
    whole,
)  # fmt: skip

_WIDTH = 13  # of the first column


def replay_lines(metrics: dict[str, Any]) -> list[str]:
    """Verdict first, then one aligned line a topic; what is not known is left out or shown as a dash."""
    lines = [_line(str(metrics.get("verdict") or "no verdict").upper(), verdict.reason(metrics))]
    for name, words in (
        ("log", _log(metrics)),
        ("ticks", _ticks(metrics)),
        ("drive", _drive(metrics)),
        ("traffic", _traffic(metrics)),
        ("bus", _bus(metrics)),
        ("tick time", _tick_time(metrics)),
        ("reference", _reference(metrics)),
        ("aids", _aids(metrics)),
        ("GNSS outages", _outages(metrics)),
        ("learned", _learned(metrics)),
        ("driver", _driver(metrics)),
        ("inputs", _inputs(metrics)),
        ("found odd", _oddities(metrics)),
        ("perception", _perception(metrics)),
        ("repeatable", _repeatable(metrics)),
        ("faults", _faults(metrics)),
        ("report", metrics.get("report")),
    ):
        if words:
            lines.append(_line(name, str(words)))
    return lines


def _line(name: str, words: str) -> str:
    return f"{name:<{_WIDTH}} {words}".rstrip()


def _log(metrics: dict[str, Any]) -> str:
    log = metrics.get("log") or {}
    words = f"{log.get('path') or UNKNOWN}, {duration(log.get('duration_s'))}"
    return words + (", truncated" if log.get("truncated") else "")


def _ticks(metrics: dict[str, Any]) -> str:
    words = whole(metrics.get("ticks")) + (f" from {metrics['mode']}" if metrics.get("mode") else "")
    if is_number(metrics.get("realtime_factor")):
        words += f", {number(metrics['realtime_factor'])} times real time"
    if is_number(metrics.get("startup_s")):
        words += f" (start-up {number(metrics['startup_s'], 's', 2)} apart)"
    return words


def _perception(metrics: dict[str, Any]) -> str | None:
    """Of a replay from packets: what they give now beside what the log has."""
    found = metrics.get("perception")
    if not found:
        return None
    words = f"{whole(found['scans'])} scans from packets; results equal to the log's {whole(found['equal'])}"
    words += f", different {whole(found['different'])}, without a partner in the log {whole(found['without_partner'])}"
    return words + (f"; {whole(found['after_last_tick'])} after the last tick" if found.get("after_last_tick") else "")


def _drive(metrics: dict[str, Any]) -> str | None:
    """Of a drive in closed loop: how the combination kept its lane and speed."""
    if not metrics.get("driven_s"):
        return None
    words = (
        f"axles off the lane middle {number(metrics.get('axle_offset_p99_m'), 'm', 2)} (99 %), "
        f"{number(metrics.get('axle_offset_max_m'), 'm', 2)} at most; nearest corner to the line "
        f"{number(metrics.get('line_margin_min_m'), 'm', 2)}; speed kept {percent(metrics.get('speed_kept'))}; "
        f"fallback path valid, share of driven ticks {percent(metrics.get('fallback_valid_share'))}"
    )
    if is_number(metrics.get("fuel_l_per_100km")):
        words += (f"; {number(metrics['fuel_l_per_100km'], 'l/100 km', 3)}, "
                  f"{number(metrics.get('co2_g_per_tkm'), 'g', 3)} of CO2 per tonne-kilometre")  # fmt: skip
    if metrics.get("plant_differences"):
        names = ", ".join(found["parameter"] for found in metrics["plant_differences"])
        words += f"; stack and plant differ in {names}"
    return words


def _traffic(metrics: dict[str, Any]) -> str | None:
    if not metrics.get("driven_s"):
        return None
    return (
        f"{whole(metrics.get('collisions'))} collisions, {whole(metrics.get('hard_brakes'))} hard brakes, time to collision "
        f"at least {number(metrics.get('min_ttc_s'), 's', 2)}, headway {number(metrics.get('min_headway_s'), 's', 2)}; "
        f"jerk {number(metrics.get('jerk_p99_mps3'), 'm/s3', 2)} (99 %)"
    )


def _bus(metrics: dict[str, Any]) -> str | None:
    bus = metrics.get("command_bus")
    if not bus:
        return None
    groups = sorted({row["name"] for row in bus["groups"] if row["direction"] == "sent"})
    words = (f"{whole(bus['sent'])} frames sent, {number(bus['sent_per_s'], '1/s')}, {percent(bus['sent_load'])} of "
             f"{bus['bit_rate'] // 1000} kbit/s: {', '.join(groups)}")  # fmt: skip
    troubled = [item["name"] or f"{item['address']:#04x}" for item in bus["partners"] if item["worst_lamps"]]
    return words + (f"; lamps on: {', '.join(troubled)}" if troubled else "")


def _tick_time(metrics: dict[str, Any]) -> str | None:
    times = metrics.get("tick_us") or {}
    if not any(map(is_number, times.values())):
        return None
    return f"median {number(times.get('p50'))}, 99 % below {number(times.get('p99'))}, longest {number(times.get('max'), 'us')}"


def _reference(metrics: dict[str, Any]) -> str:
    found = known(metrics.get("reference"))
    if not found:
        return "none in this log"
    parts = [
        f"position {number(found.get('position_rms_m'), 'm', 2)} RMS "
        f"({number(found.get('position_rms_offset_free_m'), 'm', 2)} offset-free)",
        f"velocity {number(found.get('velocity_rms_mps'), digits=2)} m/s "
        f"({number(found.get('velocity_rms_3d_mps'), digits=2)} in space)",
        f"course {number(found.get('course_rms_deg'), 'deg', 2)}",
        f"heading {number(found.get('heading_rms_deg'), 'deg', 2)}",
        f"{percent(found.get('inside_3_sigma_share'))} inside 3 sigma",
    ]
    return ", ".join(parts)


def _aids(metrics: dict[str, Any]) -> str | None:
    aids = metrics.get("aids") or {}
    parts = [
        f"{AIDS.get(name, name)} {_two_places(aid['nis_per_dof'])}{'' if verdict.consistent(aid) else ' (!)'}"
        for name, aid in aids.items()
        if is_number(aid.get("nis_per_dof"))
    ]
    if not parts:
        return None
    accepted = sum(aid.get("accepted") or 0 for aid in aids.values())
    offered = accepted + sum(aid.get("rejected") or 0 for aid in aids.values())
    share = f"; {percent(accepted / offered)} accepted" if offered else ""
    beyond = max((aid["share_over_95"] for aid in aids.values() if is_number(aid.get("share_over_95"))), default=None)
    share += f", at most {percent(beyond)} of one aid beyond its 95 % point" if beyond is not None else ""
    return "NIS per degree of freedom " + ", ".join(parts) + share


def _two_places(value: float) -> str:
    return number(value, decimals=2)


def _outages(metrics: dict[str, Any]) -> str | None:
    outages = metrics.get("outages") or []
    if not outages:
        return None
    of_receiver = " against the receiver's own fixes" if metrics.get("outage_reference") == RECEIVER else ""
    if len(outages) == 1:
        only = outages[0]
        return (
            f"{number(only.get('drift_percent'), '%', 2)} of distance: {number(only.get('drift_m'), 'm', 2)} off after "
            f"{number(only.get('distance_m'), 'm', 4)} from {number(only.get('start_s'), 's')}{_outage_notes(outages)}"
        )
    return (
        f"{len(outages)} outages{of_receiver}, drift of distance: "
        f"median {number(metrics.get('outage_median_percent'), digits=2)}, "
        f"90 % below {number(metrics.get('outage_p90_percent'), digits=2)}, "
        f"worst {number(metrics.get('outage_max_percent'), '%', 2)}{_outage_notes(outages)}"
    )


def _outage_notes(outages: list[dict[str, Any]]) -> str:
    """What is odd about some of them: the first of the sentences, and how many more there are."""
    odd = [item for item in outages if item.get("note")]
    if not odd:
        return ""
    more = f", {len(odd) - 1} more such" if len(odd) > 1 else ""
    return f"; (!) from {number(odd[0].get('start_s'), 's')}: {odd[0]['note']}{more}"


def _learned(metrics: dict[str, Any]) -> str | None:
    parts = [
        f"{CLOCKS.get(name, name)} {number(clock['delay_s'], decimals=3)} +- {number(clock.get('sigma_s'), 's', decimals=3)} late"
        for name, clock in (metrics.get("clocks") or {}).items()
        if is_number(clock.get("delay_s"))
    ]
    if is_number(metrics.get("speed_scale")):
        parts.append(f"speed scale {number(metrics['speed_scale'], decimals=4)}")
    return ", ".join(parts) or None


def _oddities(metrics: dict[str, Any]) -> str | None:
    """What was left out or out of order: never silent."""
    found = [f"{plain(name).lower()} {whole(count)}" for name, count in (metrics.get("oddities") or {}).items() if count]
    return ", ".join(found) or None


def _driver(metrics: dict[str, Any]) -> str | None:
    if metrics.get("driven_s"):
        return None  # the stack drove: nobody to compare with
    shadow = metrics.get("shadow") or {}
    lead = (shadow.get("lead_distance_m") or {}).get("rms")
    parts = [
        _apart("road wheel", shadow.get("road_wheel_angle_rad"), math.degrees(1.0), "deg"),
        _apart("acceleration", shadow.get("acceleration_mps2"), 1.0, "m/s2"),
        f"lead {number(lead, 'm', 2)} from the radar's" if is_number(lead) else None,
    ]
    return "; ".join(filter(None, parts)) or None


def _apart(name: str, difference: dict[str, Any] | None, scale: float, unit: str) -> str | None:
    """Stack minus driver: spread, mean and whether the two move together."""
    if not difference or not is_number(difference.get("rms")):
        return None
    return (
        f"{name} {number(difference['rms'] * scale, unit, 2)} RMS apart "
        f"(mean {number(difference['mean'] * scale, digits=2)}, correlation {number(difference.get('correlation'), decimals=2)})"
    )


def _inputs(metrics: dict[str, Any]) -> str | None:
    drops = metrics.get("drops") or {}
    if not drops:
        return "none received"
    received = sum(source.get("received") or 0 for source in drops.values())
    unusable = {name: source["unusable"] for name, source in drops.items() if source.get("unusable")}
    gap_ms, name = max((source.get("max_gap_ms") or 0.0, name) for name, source in drops.items())
    words = f"{whole(received)} samples, {whole(sum(unusable.values()))} unusable"
    if unusable:
        words += " (" + ", ".join(f"{INPUTS.get(name, name)} {whole(count)}" for name, count in unusable.items()) + ")"
    return f"{words}, longest silence {number(gap_ms, 'ms')} ({INPUTS.get(name, name)})"


def _repeatable(metrics: dict[str, Any]) -> str:
    words = f"output {short_hash(metrics.get('output_sha256'))}"
    found = metrics.get("determinism")
    if found is not None:
        words += ", the same in a second process" if found.get("equal") else ", another one in a second process"
    if metrics.get("replay_equal") is not None:
        words += f", {'the same' if metrics['replay_equal'] else 'another one'} in the drive and in its replay"
    if metrics.get("reference_run") is not None:
        words += ", equal to the reference run" if metrics["reference_run"].get("equal") else ", differs from the reference run"
    return words


def _faults(metrics: dict[str, Any]) -> str | None:
    faults = metrics.get("faults") or []
    if not faults:
        return None
    happened = [fault for fault in faults if fault.get("records", {}).get("touched", 1)]
    kinds = [f"{fault.get('source')} {fault.get('kind')}" for fault in happened]
    words = f"{len(happened)} injected" + (": " + ", ".join(kinds[:4]) if kinds else "") + (" ..." if len(kinds) > 4 else "")
    idle = len(faults) - len(happened)
    return words + (f"; {idle} of the timeline touched nothing" if idle else "")
