"""Who drives, stated plainly: the driver's switch asks, whatever he does with pedal and wheel takes back."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Condition:
    """A row of [engagement] condition; `holds(value)` compares."""

    signal: int
    above: bool
    limit: float
    after_s: float
    timeout_s: float
    required: bool
    ends: bool
    value: float = 0.0
    heard_ns: int | None = None
    holds_ns: int | None = None

    def active(self, now_ns: int) -> bool:
        unknown = self.heard_ns is None or (now_ns - self.heard_ns) * 1e-9 > self.timeout_s
        holds = self.required if unknown else (self.value > self.limit if self.above else self.value < self.limit)
        self.holds_ns = (now_ns if self.holds_ns is None else self.holds_ns) if holds else None
        return holds and (now_ns - self.holds_ns) * 1e-9 >= self.after_s


@dataclass
class Engagement:
    """`step` gives {"driver_override", "override_reason", "refusal", "driver_request", "awaits_driver", "driver_drives"}."""

    by_driver: bool
    switch_timeout_s: float
    conditions: list[Condition] = field(default_factory=list)
    switch: int | None = None  # None = not known
    switch_ns: int = 0
    taken_back: bool = False
    reason: int = 0

    def step(self, now_ns: int, allowed: bool, presses: list[bool], acts: int, values: dict[int, float],
             drove: bool = False) -> dict[str, int]:  # fmt: skip
        """`presses`: of the engage switch, in order. `acts`: OVERRIDE_* of what the driver does. `values`: {signal: value}.
        `drove`: the stack, in the tick before."""
        if (now_ns - self.switch_ns) * 1e-9 > self.switch_timeout_s:
            self.switch = None
        asks = False
        for pressed in presses:
            asks |= pressed and self.switch == 0
            self.switch, self.switch_ns = int(pressed), now_ns
        for condition in self.conditions:
            if condition.signal in values:
                condition.value, condition.heard_ns = values[condition.signal], now_ns
        active = [row for row, condition in enumerate(self.conditions) if condition.active(now_ns)]
        ending = [row for row in active if self.conditions[row].ends]
        refusal = 1 + (ending or active)[0] if active else 0
        if acts or ending:
            if acts or not self.taken_back:
                self.reason = acts or 4
            self.taken_back = True
        elif asks and not refusal:
            self.taken_back = False
        if not allowed and not ending:
            self.taken_back = False
        self.reason = self.reason if self.taken_back else 0
        return {"driver_override": self.taken_back, "override_reason": self.reason, "refusal": refusal,
                "driver_request": self.by_driver and asks, "awaits_driver": self.by_driver and not asks,
                "driver_drives": self.taken_back or (self.by_driver and not asks and not drove)}  # fmt: skip
