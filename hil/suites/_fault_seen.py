"""What the table says during a drive with a fault: when it was told and acted on, what was truly wrong, and who else spoke."""

from __future__ import annotations

from typing import Any

from autonomy import msg
from hil.suites._fault_truth import TrueDisagreement

STANDBY, MINIMAL_RISK = 0, 2  # Actuation.mode
WORDS = msg.constants("FaultRow")


class Seen:
    """Follows one row of the table through a drive of a case, and the others beside it."""

    def __init__(self, parameters, row: int, case, true: TrueDisagreement):
        rows = parameters["row"]
        self.row, self.own = row, rows[row].copy()
        self.fault_s, self.start_ns, self.true = case.fault_s, None, true
        self.action = int(rows[row]["action"])
        self.hand_over = self.action == WORDS["ACTION_HAND_OVER"]
        self.names = [msg.words("FaultRow", "FAULT_")[int(number)] for number in rows["fault"]]
        known = {name: int(rows[place]["action"]) for place, name in enumerate(self.names)}
        self.most = max([self.action, *(known[name] for name in case.consequences)])
        if self.most == WORDS["ACTION_HAND_OVER"]:
            self.most = WORDS["ACTION_MINIMAL_RISK"]  # nobody takes over
        self.hand_over_s = float(parameters["hand_over_s"])
        self.detector = msg.words("FaultRow", "DETECTOR_")[int(rows[row]["detector"])]
        self.passed_s = self.told_s = self.acted_s = self.value = None
        self.early: set[int] = set()
        self.others: set[int] = set()
        self.before: set[int] = set()  # that acted before this row was told
        self.truly_passed_s = self.true_when_told = None
        self.engaged_s = self.over_s = None
        self.speeds: list[float] = []
        self.highest = 0
        self.stops_s: float | None = None
        self.used = False

    def __call__(self, truth, out) -> None:
        if self.start_ns is None:
            self.start_ns = truth.time_ns
        now_s = (truth.time_ns - self.start_ns) / 1e9
        faults = out["faults"]
        status = faults["status"]
        told = {int(place) for place in (status >= 4).nonzero()[0]}
        true = self.true(truth, out, now_s)
        if now_s < self.fault_s:
            self.early |= told
            return
        self.others |= told - {self.row}
        self.speeds.append(truth.ego.velocity)
        self.highest = max(self.highest, int(faults["action"]))
        if self.truly_passed_s is None and self.true.passed(true):
            self.truly_passed_s = now_s
        mode = int(out["actuation"]["mode"])
        if self.engaged_s is None and mode != STANDBY:
            self.engaged_s = now_s
        if self.stops_s is None and mode == MINIMAL_RISK:
            self.stops_s = now_s
        own, value = int(status[self.row]), float(faults["value"][self.row])
        if self.told_s is None:
            if own >= 3 or (self.detector == "event" and value > 0.0):
                self.passed_s = now_s if self.passed_s is None else self.passed_s
            else:
                self.passed_s = None
            if own >= 4:
                self.told_s, self.value, self.true_when_told = now_s, value, true
            else:
                self.before |= {int(place) for place in (status >= 5).nonzero()[0]}
        elif self.over_s is None and own < 4:
            self.over_s = now_s
        if own >= 5 and self.acted_s is None:
            self.acted_s = now_s
        if own >= 5:
            self.used = self.used or uses(int(self.own["unusable"]), out["actuation"])

    def figures(self, metrics: dict) -> dict[str, Any]:
        stops, acted = self.stops_s, self.acted_s
        return {"detector": self.detector, "told_s": self.told_s, "passed_s": self.passed_s, "acted_s": acted,
                "value": self.value,
                "period_s": float(self.own["period_s"]), "speed_limit": float(self.own["speed_limit_mps"]),
                "unused": None if not int(self.own["unusable"]) else not self.used,
                "minimal_risk_after_s": None if None in (stops, acted) else stops - acted,
                "expected_after_s": self.hand_over_s if self.hand_over else 0.0, "highest": self.highest,
                "injected_s": self.fault_s, "truly_passed_s": self.truly_passed_s, "true_when_told": self.true_when_told,
                "true_threshold": self.true.threshold, "true_unit": self.true.unit,
                "engaged_s": self.engaged_s, "over_s": self.over_s, "most": self.most,
                "early": sorted(self.early), "others": [self.names[place] for place in sorted(self.others)],
                "acted_before": [self.names[place] for place in sorted(self.before)],
                "end_speed": self.speeds[-1] if self.speeds else None,
                "margin": metrics["line_margin_min_m"], "collisions": metrics["collisions"],
                "rolled_over": metrics["rolled_over"], "output_sha256": metrics["output_sha256"]}  # fmt: skip


def uses(unusable: int, actuation) -> bool:
    """Whether the actuation asks for what is not to be used; bits as FaultRow UNUSABLE_*."""
    return bool(unusable & 1 and float(actuation["retarder_torque_nm"]) < 0.0
                or unusable & 2 and float(actuation["engine_torque_nm"]) > 0.0
                or unusable & 4 and int(actuation["steering_channel"]) == 0)  # fmt: skip
