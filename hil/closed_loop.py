"""Closes the loop: world, sensors, stack, world. The stack is the one that replays and drives.

    result = run(world, stack, sensors, duration_s, seed=0)

The stack takes over as soon as it reports itself fit (health level below 2, lane tracked) after ENGAGE_AFTER_S; until
then its actuation repeats what the driver does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autonomy import msg
from autonomy.errors import UsageError
from autonomy.geodesy import enu_rotation, geodetic_to_ecef
from hil.drive import centre_line
from hil.metrics import RunMetrics
from hil.sensors import Bytes, put

TICK_S = 0.01
ENGAGE_AFTER_S = 5.0
WINDOW_TICKS, WINDOW_POINTS, POINTS_BEHIND = 20, 64, 6  # as replay cuts the lane path
OUTPUTS = ("vehicle", "ego", "truck", "lane", "plan", "control", "actuation", "health", "tracks")


@dataclass
class Result:
    """What a run gave; `metrics` as docs/closed-loop.md names them."""

    verdict: str
    exit_code: int
    metrics: dict[str, Any]
    outputs: np.ndarray
    log_path: Path | None = None
    report_path: Path | None = None

    def topic(self, name: str) -> np.ndarray:
        return self.outputs[name.removeprefix("/out/")]


def run(world, stack, sensors, duration_s: float, seed: int = 0, faults=None, output_dir=None, *, scenario=None,
        set_speed_mps: float | None = None) -> Result:  # fmt: skip
    """Runs `duration_s` of closed loop. Metrics count from the moment the stack drives.

    Verdict "fail" (exit code 1) on a collision or a lane departure, "inconclusive" (5) when the stack never took over.
    Raises UsageError.
    """
    if faults is not None:
        raise UsageError("hil.run: fault timelines are not carried out in closed loop yet; leave `faults` out")
    vehicle = stack.parameters["vehicle"]
    wanted = set_speed_mps if set_speed_mps is not None else getattr(world, "set_speed", 22.0)
    metrics = RunMetrics(vehicle, wanted)
    path = centre_line(world) if isinstance(sensors, Bytes) and hasattr(world, "lane_path") else None
    router = _router(stack) if isinstance(sensors, Bytes) else None
    truth = world.reset(seed, scenario)
    ticks = round(duration_s / TICK_S)
    outputs = np.zeros(ticks, msg.dtype("OutputFrame"))
    engaged = False
    count = 0
    for tick in range(ticks):
        frame = stack.new_input()
        frame["tick_index"], frame["tick_time_ns"] = tick, truth.time_ns
        frame["set_speed_mps"], frame["engage"] = wanted, engaged
        _fill(frame, sensors.sense(truth), router)
        if path is not None and tick % WINDOW_TICKS == 0 and tick:
            _put_window(frame, path, outputs[tick - 1]["ego"])
        stack.tick(frame, out=outputs[tick : tick + 1])
        out = outputs[tick]
        engaged = engaged or (tick * TICK_S >= ENGAGE_AFTER_S and out["health"]["level"] < 2 and out["lane"]["status"] == 1)
        if out["actuation"]["mode"] in (1, 2):
            metrics(truth)
        truth = world.step(out["actuation"], TICK_S)
        count = tick + 1
        if truth.done:
            break
    world.close()
    outputs = outputs[:count]
    if not metrics.rows:
        return Result("inconclusive", 5, {}, outputs)
    found = metrics.as_dict()
    passed = found["collisions"] == 0 and found["out_of_lane_share"] == 0.0
    result = Result("pass" if passed else "fail", 0 if passed else 1, found, outputs)
    if output_dir is not None:
        result.log_path = _write(result, Path(output_dir))
    return result


def _router(stack):
    from drivers.can.router import Router

    return Router.from_config(stack.config)


def _fill(frame: np.void, sensed, router) -> None:
    if router is None:
        put(frame, sensed)
    elif sensed:
        frames = np.frombuffer(b"".join(record.data for record in sensed), msg.dtype("CanFrame"))
        router.route(frames, frame)


def _put_window(frame: np.void, path: np.ndarray, ego: np.void) -> None:
    """The stretch of the lane path about the vehicle, in the ego filter's ENU frame."""
    if not int(ego["status"]) & msg.constants("EgoState")["STATUS_POSITION_VALID"]:
        return
    latitude, longitude, altitude = (float(ego[f"origin_{name}"]) for name in ("latitude_deg", "longitude_deg", "altitude_m"))
    enu = (path[:, :3] - geodetic_to_ecef(latitude, longitude, altitude)) @ enu_rotation(latitude, longitude).T
    nearest = int(np.argmin(np.sum((enu[:, :2] - ego["position"][:2]) ** 2, axis=1)))
    first = max(0, nearest - POINTS_BEHIND)
    window = slice(first, min(first + WINDOW_POINTS, len(path)))
    count = window.stop - window.start
    items = frame["lane_path"]["items"]
    items["x_m"][:count], items["y_m"][:count] = enu[window, 0], enu[window, 1]
    items["width_left_m"][:count], items["width_right_m"][:count] = path[window, 3], path[window, 4]
    frame["lane_path"]["count"] = count


def _write(result: Result, directory: Path) -> Path:
    """`run.mcap` with every output message and `metrics.json`."""
    from autonomy.log.writer import LogWriter

    directory.mkdir(parents=True, exist_ok=True)
    with LogWriter(directory / "run.mcap") as log:
        for name in OUTPUTS:
            log.write_batch(f"/out/{name}", result.outputs["tick_time_ns"], result.outputs[name])
    (directory / "metrics.json").write_text(json.dumps(result.metrics, indent=2) + "\n")
    return directory / "run.mcap"
