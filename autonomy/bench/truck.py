"""The truck step alone, on a drive with everything told: shaft, wheels, engine, gearbox, brakes."""

from __future__ import annotations

import time

import numpy as np

AIM_NS = 25_000.0
TICKS = 4000


def rows() -> list[dict]:
    """One row: it has no peer, its aim is a time."""
    from autonomy.estimation.truck._truck import TruckStep

    from autonomy import config, msg
    from autonomy.parameters import load_section

    loaded = config.load("vehicles/demo_truck")
    step = TruckStep(load_section(loaded, "truck", "TruckParameters"), load_section(loaded, "vehicle", "VehicleParameters"))
    frame, vehicle, ego = (np.zeros((), msg.dtype(name)) for name in ("InputFrame", "VehicleState", "EgoState"))
    ego["status"], ego["speed"], ego["speed_scale"], vehicle["speed_source"] = 15, 20.0, 1.0, 11
    signals = msg.constants("SignalSample")
    told = {"ENGINE_SPEED": 102.0, "ENGINE_TORQUE": 900.0, "ENGINE_FRICTION_TORQUE": 190.0, "GEAR_RATIO": 1.0, "BRAKE_PEDAL": 0.0,
            "RETARDER_TORQUE": 0.0}  # fmt: skip
    shaft, wheel, rows_of = frame["shaft"]["items"], frame["wheel"]["items"], frame["signal"]["items"]
    shaft["shaft_speed"], shaft["driveline_engaged"], wheel["vehicle_speed"], wheel["source"] = 102.0, 1, 20.0, 11
    for place, (name, value) in enumerate(told.items()):
        rows_of["signal"][place], rows_of["value"][place] = signals[name], value
    durations = []
    for tick in range(1, TICKS + 1):
        now = tick * 10_000_000
        frame["tick_time_ns"] = vehicle["time_ns"] = now
        ego["acceleration"][0] = 0.3 * np.sin(0.01 * tick)
        frame["shaft"]["count"], frame["wheel"]["count"] = 1, tick % 10 == 0
        frame["signal"]["count"] = len(told) if tick % 2 == 0 else 0
        shaft["valid_time_ns"], wheel["valid_time_ns"], rows_of["valid_time_ns"] = now - 5_000_000, now - 60_000_000, now
        begin = time.perf_counter_ns()
        step.step(frame, vehicle, ego)
        durations.append(time.perf_counter_ns() - begin)
    median, late = float(np.median(durations[100:])), float(np.percentile(durations[100:], 99))
    common = {"peer": None, "peer_version": None, "peer_ns": None, "ratio": None}
    return [
        common | {"kernel": "truck step, called from Python", "ours_ns": median, "aim": f"<= {AIM_NS / 1e3:g} us",
                  "met": median <= AIM_NS},
        common | {"kernel": "the same, 99th percentile", "ours_ns": late, "aim": "", "met": None},
    ]  # fmt: skip
