"""The fault table alone, every row of it, on a tick that brings a sample of each sender."""

from __future__ import annotations

import numpy as np

AIM_NS = 3_000.0
ROUNDS, TICKS = 15, 2000


def rows() -> list[dict]:
    """One row: it has no peer, its aim is a time."""
    from autonomy import config, msg
    from autonomy.parameters import load_section
    from autonomy.safety._faults import FaultsStep

    loaded = config.load("vehicles/demo_truck")
    step = FaultsStep(load_section(loaded, "faults", "FaultParameters"), load_section(loaded, "vehicle", "VehicleParameters"),
                      load_section(loaded, "plausibility", "PlausibilityParameters"))  # fmt: skip
    frame, vehicle, ego, truck = (
        np.zeros((), msg.dtype(name)) for name in ("InputFrame", "VehicleState", "EgoState", "TruckState")
    )
    ego["status"], ego["speed"], vehicle["yaw_rate"] = 15, 20.0, 0.01
    names = msg.constants("SignalSample")
    told = ("ENGINE_SPEED", "ENGINE_TORQUE", "ENGINE_FRICTION_TORQUE", "GEAR_RATIO", "BRAKE_PEDAL", "RETARDER_TORQUE", "YAW_RATE")
    for kind in ("imu", "shaft", "wheel", "steering"):
        frame[kind]["count"], frame[kind]["items"]["source"] = 1, 11
    frame["signal"]["count"] = len(told)
    for place, name in enumerate(told):
        frame["signal"]["items"]["signal"][place] = names[name]
    median = float(np.median([step.nanoseconds(frame, vehicle, ego, truck, TICKS) for _ in range(ROUNDS)]))
    return [{"kernel": "fault table, a sample of each sender a tick", "ours_ns": median, "peer": None, "peer_version": None,
             "peer_ns": None, "ratio": None, "aim": f"<= {AIM_NS / 1e3:g} us", "met": median <= AIM_NS}]  # fmt: skip
