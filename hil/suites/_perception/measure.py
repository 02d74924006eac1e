"""A case into its tally, by kind."""

from __future__ import annotations

import hashlib

from hil.suites._perception.case import Case

RESULTS = ("labels", "instances", "points", "obstacles", "lanes", "free_space")


def measure(case: Case) -> dict:
    from hil.suites._perception.drive import Drive

    if case.kind == "determinism":
        return repeated(case)
    if case.kind == "outage":
        from hil.suites._perception.outage import outages_of

        return outages_of(case)
    drive = Drive(case)
    tally = _tallies()[case.kind](drive)
    for sight in drive.sights(tally.copied):
        tally.add(sight)
    return tally.tally()


def _tallies() -> dict:
    from hil.suites._perception.corridor import CorridorTally
    from hil.suites._perception.ground import GroundTally
    from hil.suites._perception.lanes import LaneTally
    from hil.suites._perception.odometry import OdometryTally
    from hil.suites._perception.users import UserTally

    return {"lanes": LaneTally, "worn": LaneTally, "sites": LaneTally, "users": UserTally, "corridor": CorridorTally,
            "ground": GroundTally, "odometry": OdometryTally}  # fmt: skip


def repeated(case: Case) -> dict:
    """Digests of a drive, of the same drive again, and of its recorded packets alone."""
    from hil.suites._perception.drive import Drive, Replay

    digests, recorded = [], []
    for _ in range(2):
        drive, digest = Drive(case), hashlib.sha256()
        drive.record = recorded = []
        for sight in drive.sights():
            digest.update(digest_of(sight.found))
        digests.append(digest.hexdigest())
    replay, digest = Replay(case.lidar), hashlib.sha256()
    for packets, told, time_ns in recorded:
        done = replay.feed(packets, told, time_ns)
        if done is not None:
            digest.update(digest_of(done[1]))
    digests.append(digest.hexdigest())
    return {"scans": len(recorded), "again": digests[0] == digests[1], "replayed": digests[1] == digests[2]}


def digest_of(found) -> bytes:
    return b"".join(getattr(found, name).tobytes() for name in RESULTS)
