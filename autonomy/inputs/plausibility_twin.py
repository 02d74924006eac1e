"""Who of several senders of one quantity is frozen or against the majority, stated plainly."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

TICK = 1e-9
REPEATS = 3  # samples of the same value


@dataclass
class Sender:
    """One row: what it may be off by, its time-out and whom it shares a vote with; then what is known of it."""

    absolute: float
    relative: float
    timeout_s: float
    group: int
    value: float = 0.0
    time_ns: int | None = None
    changed_ns: int = 0
    repeats: int = 0
    witness: int | None = None
    witness_value: float = 0.0
    watched_ns: int = 0
    moved_ns: int | None = None
    accused_ns: int | None = None
    trusted_ns: int | None = None
    suspect_ns: int | None = None
    reason: str = ""

    def hear(self, value: float, time_ns: int, now_ns: int) -> None:
        if time_ns > now_ns or (self.time_ns is not None and time_ns <= self.time_ns):
            return
        if self.time_ns is None or value != self.value:
            self.changed_ns, self.witness, self.repeats = now_ns, None, -1
        self.repeats += 1
        self.value, self.time_ns = value, time_ns

    def speaks(self, now_ns: int) -> bool:
        return self.time_ns is not None and (now_ns - self.time_ns) * TICK <= self.timeout_s


class Quantity:
    """`limits`: a mapping with the keys of PlausibilityLimits. `step` judges; then ask `senders` and `disputed`."""

    def __init__(self, limits, senders: list[Sender]):
        self.limits, self.senders = limits, senders
        self.disputed_ns: int | None = None

    def disputed(self, now_ns: int) -> bool:
        return self.disputed_ns is not None and (now_ns - self.disputed_ns) * TICK >= self.limits["disagree_after_s"]

    def agree(self, a: Sender, b: Sender) -> bool:
        allowed = a.absolute + a.relative * abs(a.value) + b.absolute + b.relative * abs(b.value)
        return abs(a.value - b.value) <= allowed + self.limits["slew"] * abs((a.time_ns - b.time_ns) * TICK)

    def step(self, now_ns: int) -> None:
        speaking = [i for i, sender in enumerate(self.senders) if sender.speaks(now_ns)]
        voters = {i for i in speaking if self.senders[i].suspect_ns is None}
        votes = {i: 1.0 / sum(j == i or self._share(i, j) for j in voters) for i in voters}
        speaks_for, against = dict.fromkeys(speaking, 0.0), dict.fromkeys(speaking, 0.0)
        for i, j in combinations(speaking, 2):
            side = speaks_for if self.agree(self.senders[i], self.senders[j]) else against
            side[i] += votes.get(j, 0.0)
            side[j] += votes.get(i, 0.0)
        accused = {i for i in voters if against[i] > speaks_for[i] + votes[i]}
        is_decided = bool(accused) and accused != voters
        differs = any(against[i] > 0.0 for i in voters)
        self.disputed_ns = None if is_decided or not differs else self.disputed_ns or now_ns
        for i, sender in enumerate(self.senders):
            if i not in speaking:
                sender.accused_ns = sender.trusted_ns = sender.witness = None
                continue
            frozen = self._stands_still(i, against[i] > 0.0, voters, now_ns)
            if sender.suspect_ns is None:
                sender.accused_ns = (sender.accused_ns or now_ns) if is_decided and i in accused else None
                if frozen or self._long_enough(sender.accused_ns, "disagree_after_s", now_ns):
                    sender.suspect_ns, sender.reason = now_ns, "frozen" if frozen else "disagrees"
                    sender.accused_ns = sender.trusted_ns = None
                    voters.discard(i)
                continue
            has_moved = sender.reason != "frozen" or sender.changed_ns > sender.suspect_ns
            if frozen or not has_moved or speaks_for[i] <= 0.0 or against[i] > speaks_for[i]:
                sender.trusted_ns = None
            elif sender.trusted_ns is None:
                sender.trusted_ns = now_ns
            elif self._long_enough(sender.trusted_ns, "clear_after_s", now_ns):
                sender.suspect_ns = sender.trusted_ns = None
                voters.add(i)

    def _share(self, i: int, j: int) -> bool:
        return self.senders[i].group != 0 and self.senders[i].group == self.senders[j].group

    def _long_enough(self, since_ns: int | None, limit: str, now_ns: int) -> bool:
        return since_ns is not None and (now_ns - since_ns) * TICK >= self.limits[limit]

    def _stands_still(self, i: int, differs: bool, voters: set[int], now_ns: int) -> bool:
        sender = self.senders[i]
        if sender.value == 0.0:
            return False
        if sender.witness not in voters:
            others = [j for j in sorted(voters) if j != i]
            sender.witness, sender.moved_ns = (others[0] if others else None), None
            if others:
                sender.witness_value, sender.watched_ns = self.senders[others[0]].value, now_ns
            return False
        has_moved = abs(self.senders[sender.witness].value - sender.witness_value) > self.limits["frozen_change"]
        if not (differs and has_moved and sender.repeats >= REPEATS):
            sender.moved_ns = None
            return False
        sender.moved_ns = sender.moved_ns or now_ns
        return self._long_enough(sender.watched_ns, "frozen_after_s", now_ns) and self._long_enough(
            sender.moved_ns, "disagree_after_s", now_ns
        )
