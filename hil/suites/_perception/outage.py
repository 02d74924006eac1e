"""Without GNSS for a minute, with the ego filter aided by lidar odometry: a drive in closed loop, replayed with outages."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hil.suites._perception.case import Case

CONFIG, SCENARIO = "vehicles/demo_truck_lidar", "motorway_lidar"
STARTS_S, OUTAGE_S = (12, 18, 24), 60  # the truck drives all the time


def outages_of(case: Case) -> dict:
    """Per cent of distance that the position drifts by in each outage."""
    import hil
    from autonomy import Stack, replay
    from hil.sensors import Bytes
    from hil.worlds.motorway import Motorway

    stack = Stack.from_config(CONFIG)
    with TemporaryDirectory() as folder:
        drive = hil.run(Motorway(SCENARIO), stack, Bytes(stack.config, case.seed), case.seconds, case.seed, None, Path(folder),
                        report=False)  # fmt: skip
        wanted = ",".join(f"at={start}:{OUTAGE_S}" for start in STARTS_S)
        found = replay(drive.log_path, outages=wanted, report=False).metrics
    accepted = found["aids"]["odometry"]["accepted"]
    return {"scans": accepted, "drift_percent": [outage["drift_percent"] for outage in found["outages"]]}
