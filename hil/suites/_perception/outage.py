"""Without GNSS for a minute, with the ego filter aided by lidar odometry: a drive in closed loop, replayed with outages."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hil.suites._perception.case import Case

CONFIG, SCENARIO = "vehicles/demo_truck_lidar", "motorway_lidar"
# The drive begins at 80 km/h, not at a standstill that would show the gyro's bias: the first outages find it half learned
STARTS_S, SETTLED_S, OUTAGE_S = (12, 18, 24, 45, 60, 75, 90, 105), 45, 60


def outages_of(case: Case) -> dict:
    """Per cent of distance that the position drifts by in each outage, those that begin before SETTLED_S and the others."""
    import hil
    from autonomy import Stack, replay
    from hil.sensors import Bytes
    from hil.worlds.motorway import Motorway

    stack = Stack.from_config(CONFIG)
    with TemporaryDirectory() as folder:
        drive = hil.run(Motorway(_scenario(case.seconds)), stack, Bytes(stack.config, case.seed), case.seconds, case.seed, None,
                        Path(folder), report=False)  # fmt: skip
        wanted = ",".join(f"at={start}:{OUTAGE_S}" for start in STARTS_S)
        found = replay(drive.log_path, outages=wanted, report=False).metrics
    drifts = [outage["drift_percent"] for outage in found["outages"]]
    early = sum(start < SETTLED_S for start in STARTS_S)
    return {"scans": found["aids"]["odometry"]["accepted"], "early_percent": drifts[:early], "drift_percent": drifts[early:]}


def _scenario(seconds: float):
    """The demonstration's, its bends once more in place of the queue, so that the truck drives all the time."""
    from msgspec.structs import replace as changed

    from hil.worlds import scenario

    told = scenario.load(SCENARIO)
    *bends, straight = told.road.segments
    return changed(told, duration_s=seconds, queue=[], road=changed(told.road, segments=[*bends, *bends, straight]))
