"""The truck step alone, on a drive in which every tick brings a sample of shaft, wheels, engine, gearbox, brakes, steering and
trailer, and a command that the steering follows."""

from __future__ import annotations

import numpy as np

AIM_NS = 25_000.0
ROUNDS, TICKS = 15, 2000


def rows() -> list[dict]:
    """One row: it has no peer, its aim is a time."""
    from autonomy import config, msg
    from autonomy.estimation.truck._truck import TruckStep
    from autonomy.parameters import load_section

    loaded = config.load("vehicles/demo_truck")
    step = TruckStep(load_section(loaded, "truck", "TruckParameters"), load_section(loaded, "vehicle", "VehicleParameters"))
    frame, vehicle, ego = (np.zeros((), msg.dtype(name)) for name in ("InputFrame", "VehicleState", "EgoState"))
    ego["status"], ego["speed"], ego["speed_scale"], vehicle["speed_source"] = 15, 20.0, 1.0, 11
    signals = msg.constants("SignalSample")
    told = {"ENGINE_SPEED": 102.0, "ENGINE_TORQUE": 900.0, "ENGINE_FRICTION_TORQUE": 190.0, "GEAR_RATIO": 1.0, "BRAKE_PEDAL": 0.0,
            "RETARDER_TORQUE": 0.0, "TRAILER_ARTICULATION": 0.001}  # fmt: skip
    shaft, wheel, rows_of = frame["shaft"]["items"], frame["wheel"]["items"], frame["signal"]["items"]
    shaft["shaft_speed"], shaft["driveline_engaged"], wheel["vehicle_speed"], wheel["source"] = 102.0, 1, 20.0, 11
    for place, (name, value) in enumerate(told.items()):
        rows_of["signal"][place], rows_of["value"][place] = signals[name], value
    frame["shaft"]["count"], frame["wheel"]["count"], frame["signal"]["count"] = 1, 1, len(told)
    median = float(np.median([step.nanoseconds(frame, vehicle, ego, TICKS) for _ in range(ROUNDS)]))
    return [{"kernel": "truck step, all told in every tick", "ours_ns": median, "peer": None, "peer_version": None,
             "peer_ns": None, "ratio": None, "aim": f"<= {AIM_NS / 1e3:g} us", "met": median <= AIM_NS}]  # fmt: skip
