"""What is done to the truck for each row of the fault table, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hil.suites._truck_lateral import short_trailer

FAULT_S = 20.0  # the stack has taken over at 5 s and settled
DURATION_S = 45.0
BEND = [{"length_m": 300.0}, {"length_m": 100.0, "radius_m": 700.0}, {"length_m": 250.0, "radius_m": 700.0},
        {"length_m": 100.0}, {"length_m": 1500.0}]  # fmt: skip
STRAIGHT = [{"length_m": 2200.0}]
SLOWER = [
    {"kind": "truck", "gap_m": 75.0, "speed_mps": 22.0, "events": [{"at_s": 22.0, "speed_mps": 16.0, "acceleration_mps2": 0.8}]}
]
BRAKING = [
    {"kind": "truck", "gap_m": 75.0, "speed_mps": 22.0, "events": [{"at_s": 24.0, "speed_mps": 0.0, "acceleration_mps2": 3.5}]}
]
HILLS = [{"length_m": 300.0}, {"length_m": 200.0, "grade": 0.03}, {"length_m": 200.0, "grade": 0.0},
         {"length_m": 200.0, "grade": -0.02}, {"length_m": 1500.0, "grade": 0.02}]  # fmt: skip
DESCENT = [{"length_m": 150.0}, {"length_m": 100.0, "grade": -0.06}, {"length_m": 2000.0, "grade": -0.06}]
TURN = [{"length_m": 80.0, "radius_m": 120.0}, {"length_m": 60.0, "radius_m": 120.0}, {"length_m": 80.0}]
BACK = [{"length_m": 80.0, "radius_m": -120.0}, {"length_m": 60.0, "radius_m": -120.0}, {"length_m": 80.0}]
WINDING = [{"length_m": 200.0}, *(3 * (TURN + BACK)), {"length_m": 400.0}]

# A container chassis of 30 feet is told, 2.7 m shorter than the one behind, its load as far ahead of the axles
ANOTHER_TRAILER = dict(short_trailer(2.7)) | {"vehicle.trailer_cg_x_m": 2.9, "vehicle.trailer_tare_cg_x_m": 4.2}


@dataclass(frozen=True)
class Case:
    """`name`: the row's fault. `faults`: [[fault]] entries, times counted from FAULT_S. `ends`: what the row's action leads to,
    "drives", "slower", "stands" or, of a fault in standby that ends, "refuses"."""

    name: str
    faults: list[dict[str, Any]]
    ends: str
    segments: list[dict] = field(default_factory=lambda: BEND)
    label: str = ""
    sooner: bool = False  # the cross-checks of [plausibility] find it as well, and stop at once
    level: str = "Bytes"
    fault_s: float = FAULT_S
    duration_s: float = DURATION_S
    set_speed_mps: float = 22.0
    lead: list[dict] = field(default_factory=list)
    ego: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)  # overrides of the vehicle file
    sensed: bool = False  # a sensor tells the articulation
    consequences: tuple[str, ...] = ()  # rows that are told as well, because of this fault; any other is a wrong one

    @property
    def title(self) -> str:
        return self.label or self.name.replace("_", " ")

    def timeline(self) -> dict[str, Any]:
        """The tables of a fault timeline."""
        return {"schema": "autonomy.faults/1", "fault": [{"start_s": self.fault_s, **entry} for entry in self.faults]}

    def scenario(self) -> dict[str, Any]:
        segments = [{**segment, "speed_limit_mps": 27.0} for segment in self.segments]
        found = {"schema": "autonomy.scenario/1", "duration_s": self.duration_s, "set_speed_mps": self.set_speed_mps,
                 "ego": {"plant": "plants/eu_4x2_40t", **self.ego}, "road": {"segments": segments}}  # fmt: skip
        if self.lead:
            found["traffic"] = self.lead
        return found


def cases() -> list[Case]:
    """At least one for each row of configs/faults.toml, in its order."""
    return [
        Case("steering_silent", [{"source": "VDC2", "kind": "drop"}], "stands"),
        Case("steering_not_available", [{"source": "VDC2", "kind": "not_available"}], "stands"),
        Case("steering_frozen", [{"source": "steering", "kind": "freeze"}], "stands", fault_s=12.0),
        Case("steering_stuck", [{"source": "truck", "kind": "steering_stuck"}], "stands", fault_s=12.0),
        Case("steering_stuck", [{"source": "truck", "kind": "steering_stuck"}], "stands", label="steering stuck in the bend"),
        Case("steering_stuck", [{"source": "truck", "kind": "steering_stuck"}], "stands", STRAIGHT,
             "steering stuck on the straight"),
        Case("speed_silent", [{"source": "EBC2", "kind": "drop"}], "drives"),
        Case("speed_silent", [{"source": "EBC2", "kind": "drop", "end_s": 15.0}], "refuses", STRAIGHT, fault_s=2.0,
             duration_s=30.0, label="EBC2 silent in standby"),
        Case("speed_not_available", [{"source": "EBC2", "kind": "not_available"}], "drives"),
        Case("speed_frozen", [{"source": "EBC2", "kind": "freeze"}], "drives", lead=SLOWER, consequences=("sender_refused",)),
        Case("sender_refused", [{"source": "EBC2", "signal": "front_axle_speed", "kind": "bias", "value": 3.0}], "drives",
             label="EBC2 tells 3 m/s too much"),
        Case("yaw_rate_biased", [{"source": "imu", "kind": "bias", "value": 0.0175}], "stands",
             label="yaw rate biased by 1 deg/s"),
        Case("yaw_rate_biased", [{"source": "imu", "kind": "bias", "value": -0.1}], "stands", label="yaw rate biased by 6 deg/s",
             sooner=True),
        Case("engine_gone", [{"source": "truck", "kind": "engine_lost"}, {"source": "EEC1@00", "kind": "drop"},
                             {"source": "EEC3@00", "kind": "drop"}, {"source": "CCVS1@00", "kind": "drop"}], "stands"),
        Case("retarder_weak", [{"source": "truck", "kind": "retarder_lost"}], "stands", DESCENT),
        Case("retarder_gone", [{"source": "ERC1@10", "kind": "drop"}, {"source": "truck", "kind": "retarder_lost"}], "stands",
             DESCENT),
        Case("brake_circuit_1", [{"source": "truck", "kind": "brake_circuit_lost", "value": 1}], "stands"),
        Case("brake_circuit_2", [{"source": "truck", "kind": "brake_circuit_lost", "value": 2}], "stands"),
        Case("brakes_weak", [{"source": "truck", "kind": "brake_circuit_lost", "value": 3}], "stands", STRAIGHT, lead=BRAKING,
             label="trailer brakes lost, braking behind a lead"),
        Case("second_sender", [{"source": "EEC1@00", "kind": "impersonate", "value": 49}], "stands"),
        Case("own_address", [{"source": "EEC1@00", "kind": "impersonate", "value": 39}], "stands",
             consequences=("second_sender",)),
        Case("counter", [{"source": "IMU_ANGULAR_RATE", "kind": "freeze", "signal": "counter"}], "stands"),
        Case("checksum", [{"source": "STEERING_STATUS", "kind": "corrupt"}], "stands"),
        Case("partner_stop", [{"source": "truck", "kind": "stop_lamp", "value": 11}], "stands",
             label="the brakes' red lamp, two trouble codes"),
        Case("partner_warning", [{"source": "truck", "kind": "warning_lamp", "value": 0}], "drives",
             label="the engine's amber lamp"),
        Case("trailer_wrong", [{"source": "TRAILER_STATUS", "signal": "connected", "kind": "bias", "value": -1.0}], "stands",
             label="trailer told as gone"),
        Case("trailer_wrong", [], "stands", WINDING, fault_s=0.0, duration_s=110.0, set_speed_mps=7.0, ego={"speed_mps": 7.0},
             told=ANOTHER_TRAILER, level="Messages", sensed=True,
             label="trailer's wheelbase told 2.7 m short, articulation sensed, winding road at 25 km/h"),
        Case("mass_wrong", [], "slower", HILLS, fault_s=0.0, duration_s=90.0, ego={"plant": "plants/eu_4x2_empty",
             "speed_mps": 6.0}, told={"vehicle.mass_sigma_kg": 1000.0}, level="Messages",
             label="mass configured as 40 t, it is 15 t, no axle weighs: learned"),  # weighed, it would not be begun with
    ]  # fmt: skip


def driven(case: Case, seed: int, output=None, report: bool = False) -> dict[str, Any]:
    """Drives a case; what came of it."""
    import hil
    from autonomy import Stack, msg
    from hil import sensors
    from hil.suites._fault_seen import Seen
    from hil.suites._fault_truth import TrueDisagreement
    from hil.worlds.motorway import Motorway

    stack = Stack.from_config("vehicles/demo_truck", case.told)
    words = msg.constants("FaultRow")
    numbers = stack.parameters["faults"]["row"]["fault"].tolist()
    row = numbers.index(words[f"FAULT_{case.name.upper()}"])
    seen = Seen(stack.parameters["faults"], row, case, TrueDisagreement(case, stack.parameters["faults"], row))
    senses = getattr(sensors, case.level)(stack.config, seed, **({"trailer_sensing": True} if case.sensed else {}))
    result = hil.run(Motorway(case.scenario()), stack, senses, case.duration_s, seed, case.timeline() if case.faults else None,
                     output, watch=seen, report=report)  # fmt: skip
    return seen.figures(result.metrics)
