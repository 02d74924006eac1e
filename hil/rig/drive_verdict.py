"""The verdict on a drive over real buses: by both sides where both are ours, by the truck alone where the stack is elsewhere."""

from __future__ import annotations

from typing import Any

from autonomy.errors import FAIL, INCONCLUSIVE, PASS
from autonomy.stolen_time import because_stolen

__all__ = ["judged", "judged_alone"]

LATE_TRUCK_US = 5_000.0  # p99: half a period; a later rig says nothing about the stack
LATE_PACKETS_US = 1_000.0  # p99 [D]: 2.5 cm at 25 m/s
SILENT_TRUCK_US = 50_000.0  # at worst: half of what the stack lets pass without IMU before it stops (imu_timeout_s)


def judged(run: dict, truck: dict, interface: str, *, interrupted: bool = False) -> dict[str, Any]:
    """{"verdict", "exit_code", "reasons", "interface", "run", "truck", "lost"} of the accounts of both sides."""
    lost = {"to_loop": truck["sent"] - run["counts"]["received"], "to_truck": run["counts"]["sent"] - truck["received"]}
    scans = truck.get("scans")
    reasons = list(run["reasons"]) if run["verdict"] == "fail" else []
    reasons += [f"{number} frames lost {where.replace('_', ' ')}" for where, number in lost.items() if number]
    if truck.get("sent_bytes"):
        lost["serial_bytes"] = truck["sent_bytes"] - run["counts"]["serial_bytes"]
        reasons += [f"{lost['serial_bytes']} bytes of serial lines lost"] * bool(lost["serial_bytes"])
    if scans is not None:
        lost["datagrams"] = scans["sent"] - run["counts"]["datagrams"]
        reasons += [f"{lost['datagrams']} datagrams of lidars and radars lost"] * bool(lost["datagrams"])
    reasons += _failures(truck)
    stopped = f"a minimal-risk manoeuvre of {run['minimal_risk_ticks']} ticks that nothing asked for"
    silent = truck["lateness_us"]["max"] > SILENT_TRUCK_US
    reasons += [stopped] * (run["minimal_risk_ticks"] > 0 and not silent)
    doubts = [*run["reasons"], *_doubts(truck)] + ["interrupted"] * interrupted
    if run["minimal_risk_ticks"]:
        doubts.append(f"{stopped} but the truck, {_silence(truck)}")
    return {**_verdict(reasons, doubts), "interface": interface, "run": run, "truck": truck, "lost": lost}


def judged_alone(truck: dict, interface: str, *, interrupted: bool = False) -> dict[str, Any]:
    """{"verdict", "exit_code", "reasons", "interface", "truck"}: what the truck saw of a stack that runs elsewhere."""
    reasons, doubts = _failures(truck), _doubts(truck)
    if truck["abandoned_ticks"]:
        reasons.append(f"the stack drove {truck['engaged_ticks']} ticks and let go for {truck['abandoned_ticks']} behind them")
    if truck["minimal_risk_ticks"]:
        doubts.append(f"a minimal-risk manoeuvre of {truck['minimal_risk_ticks']} ticks: what called for it is not known here")
    if truck["lateness_us"]["max"] > SILENT_TRUCK_US:
        doubts.append(f"the truck was {_silence(truck)}")
    doubts += ["interrupted"] * interrupted
    return {**_verdict(reasons, doubts), "interface": interface, "truck": truck}


def _verdict(reasons: list[str], doubts: list[str]) -> dict[str, Any]:
    if reasons:
        return {"verdict": "fail", "exit_code": FAIL, "reasons": reasons}
    if doubts:
        return {"verdict": "inconclusive", "exit_code": INCONCLUSIVE, "reasons": doubts}
    return {"verdict": "pass", "exit_code": PASS, "reasons": []}


def _failures(truck: dict) -> list[str]:
    metrics, scans = truck["metrics"], truck.get("scans")
    found = []
    if scans is not None and scans["failed"]:
        found.append(f"{scans['failed']} datagrams of lidars and radars could not be sent")
    if metrics:
        found += ["collision"] * bool(metrics["collisions"]) + ["out of the lane"] * ((metrics["out_of_lane_share"] or 0.0) > 0.0)
        found += ["rolled over"] * bool(metrics["rolled_over"])
    return found


def _silence(truck: dict) -> str:
    return f"silent for {truck['lateness_us']['max'] / 1e3:.0f} ms{because_stolen(truck['stolen_ms'])}"


def _doubts(truck: dict) -> list[str]:
    """Why the rig was not good enough to say anything."""
    found, scans = [], truck.get("scans")
    if not truck["metrics"]:
        found.append("the stack never took over")
    if truck["lateness_us"]["p99"] > LATE_TRUCK_US:
        found.append(f"the truck's p99 of lateness is {truck['lateness_us']['p99'] / 1e3:.1f} ms")
    if scans is not None and (scans["lateness_us"]["p99"] or 0.0) > LATE_PACKETS_US:
        found.append(f"the truck's packets are {scans['lateness_us']['p99'] / 1e3:.1f} ms late at p99")
    return found
