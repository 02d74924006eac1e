"""The top of the page: the verdict, why, and ten key figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from autonomy.report import verdict
from autonomy.report.words import INPUTS, UNKNOWN, duration, is_number, known, number, percent, short_hash, whole

STYLES = {"pass": "good", "fail": "bad", "error": "bad", "inconclusive": "warn"}
WORDS = {"pass": "Pass", "fail": "Fail", "error": "Error", "inconclusive": "Inconclusive"}


@dataclass(frozen=True)
class Tile:
    name: str
    value: str
    unit: str
    detail: str


@dataclass(frozen=True)
class Head:
    title: str
    word: str
    style: str
    reason: str
    tiles: tuple[Tile, ...]


def head(metrics: dict[str, Any]) -> Head:
    log = metrics.get("log") or {}
    name = str(log.get("path") or "run").replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    said = str(metrics.get("verdict"))
    shown = driven_tiles(metrics) if metrics.get("driven_s") else tiles(metrics)
    return Head(name, WORDS.get(said, "No verdict"), STYLES.get(said, "warn"), sentence(verdict.reason(metrics)), shown)


def tiles(metrics: dict[str, Any]) -> tuple[Tile, ...]:
    """Ten, always the same ones in the same order."""
    log, times = metrics.get("log") or {}, metrics.get("tick_us") or {}
    reference = known(metrics.get("reference"))
    none = "" if reference else "no reference in this log"
    return (
        _tile("Log", duration(log.get("duration_s")), f"{whole(metrics.get('ticks'))} ticks"),
        _tile("Replay", number(metrics.get("realtime_factor"), "\N{MULTIPLICATION SIGN}"), "real time, recording included"),
        _tile(
            "Tick, median",
            number(times.get("p50"), "\N{MICRO SIGN}s"),
            f"99 % below {number(times.get('p99'))}, longest {number(times.get('max'))}",
        ),
        _tile(
            "Position error",
            number(reference.get("position_rms_m"), "m", 2),
            none or f"RMS; {number(reference.get('position_rms_offset_free_m'), 'm', 2)} without the constant part",
        ),
        _tile(
            "Velocity error",
            number(reference.get("velocity_rms_mps"), "m/s", 2),
            none or f"RMS; {number(reference.get('velocity_rms_3d_mps'), 'm/s', 2)} with the vertical part",
        ),
        _tile(
            "Heading error",
            number(reference.get("heading_rms_deg"), "\N{DEGREE SIGN}", 2),
            none or f"RMS; course {number(reference.get('course_rms_deg'), chr(176), 2)}",
        ),
        _tile("Inside 3 sigma", percent(reference.get("inside_3_sigma_share")), none or "of the position and velocity errors"),
        _outage_tile(metrics),
        _steering_tile(metrics),
        _input_tile(metrics),
    )


def driven_tiles(metrics: dict[str, Any]) -> tuple[Tile, ...]:
    """Eleven of a drive in closed loop: the truck's first, then the estimate's and the machine's."""
    times, reference = metrics.get("tick_us") or {}, known(metrics.get("reference"))
    speed = number(3.6 * metrics["set_speed_mps"], "km/h", decimals=0) if is_number(metrics.get("set_speed_mps")) else UNKNOWN
    brakes = whole(metrics.get("hard_brakes"))
    return (
        _tile("Driven by the stack", number(metrics.get("driven_s"), "s", 3), f"{number(metrics.get('distance_m'), 'm', 4)}"),
        _tile("Collisions", whole(metrics.get("collisions")), f"{brakes} brakings beyond 3 m/s²"),
        _tile("Nearest corner to a line", number(metrics.get("line_margin_min_m"), "m", 2), "inside it, of tractor and trailer"),
        _tile("Axles off the lane's middle", number(metrics.get("axle_offset_p99_m"), "m", 2),
              f"99 % of the time; {number(metrics.get('axle_offset_max_m'), 'm', 2)} at most"),
        _tile("Smallest headway", number(metrics.get("min_headway_s"), "s", 2),
              f"time to collision {number(metrics.get('min_ttc_s'), 's', 2)} at least"),
        _tile("Speed kept", percent(metrics.get("speed_kept")), f"of {speed}, traffic and climbs included"),
        _tile("Fuel", number(metrics.get("fuel_l_per_100km"), "l/100 km", 3),
              f"{number(metrics.get('co2_g_per_tkm'), 'g', 3)} of CO2 per tonne and kilometre of payload"),
        _tile("Jerk", number(metrics.get("jerk_p99_mps3"), "m/s³", 2),
              f"99 % of the time; hardest braking {number(metrics.get('acceleration_min_mps2'), 'm/s²', 2)}"),
        _tile("Position error", number(reference.get("position_rms_m"), "m", 2),
              f"RMS; {number(reference.get('position_rms_offset_free_m'), 'm', 2)} without the constant part"),
        _tile("Tick, median", number(times.get("p50"), "\N{MICRO SIGN}s"),
              f"99 % below {number(times.get('p99'))}, longest {number(times.get('max'))}"),
        _tile("Speed of the run", number(metrics.get("realtime_factor"), "\N{MULTIPLICATION SIGN}"),
              f"real time, {whole(metrics.get('ticks'))} ticks, recording included"),
    )  # fmt: skip


def _tile(name: str, text: str, detail: str) -> Tile:
    value, _, unit = text.partition(" ")
    return Tile(name, value, unit, detail)


def _outage_tile(metrics: dict[str, Any]) -> Tile:
    outages = metrics.get("outages") or []
    if not outages:
        return Tile("Drift without GNSS", UNKNOWN, "", "no outage was driven")
    detail = (
        "of distance"
        if len(outages) == 1
        else f"of distance, median of {len(outages)}; worst {number(metrics.get('outage_max_percent'), '%', 2)}"
    )
    return _tile("Drift without GNSS", number(metrics.get("outage_median_percent"), "%", 2), detail)


def _steering_tile(metrics: dict[str, Any]) -> Tile:
    angle = (metrics.get("shadow") or {}).get("road_wheel_angle_rad") or {}
    if not is_number(angle.get("rms")):
        return Tile("Steering and driver", UNKNOWN, "", "nothing to compare")
    return _tile(
        "Steering and driver",
        number(math.degrees(angle["rms"]), "\N{DEGREE SIGN}", 2),
        f"RMS apart at the road wheel; correlation {number(angle.get('correlation'), digits=2)}",
    )


def _input_tile(metrics: dict[str, Any]) -> Tile:
    drops = metrics.get("drops") or {}
    if not drops:
        return Tile("Inputs unusable", UNKNOWN, "", f"no inputs; output {short_hash(metrics.get('output_sha256'))}")
    received = sum(source.get("received") or 0 for source in drops.values())
    unusable = sum(source.get("unusable") or 0 for source in drops.values())
    gap_ms, name = max((source.get("max_gap_ms") or 0.0, name) for name, source in drops.items())
    return _tile(
        "Inputs unusable",
        percent(unusable / received if received else None),
        f"of {whole(received)}; longest silence {number(gap_ms / 1e3, 's', 2)} ({INPUTS.get(name, name)})",
    )


def sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + ("." if words and not words.endswith(".") else "")
