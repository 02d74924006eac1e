"""Why an active stack does not take over, in words: what it lacks of sensors and health, told as it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autonomy import msg

if TYPE_CHECKING:
    from autonomy.runtime._loop import Loop

__all__ = ["Standby", "words"]

GRACE_TICKS = 100  # [D] a second behind the tick from which it may drive
UNKNOWN = "no fault is told; our address or the driver's leave may be missing"


def words(faults: int) -> str:
    """Of Loop.faults: 'imu stale, lane lost, brake fade (fault table)'."""
    bits = {name: bit for name, bit in msg.constants("Health").items() if name.startswith("FAULT_")}
    found = [_word(name) for name, bit in bits.items() if faults & bit and name != "FAULT_TABLE"]
    rows = {name: number for name, number in msg.constants("FaultRow").items() if name.startswith("FAULT_") and number}
    found += [f"{_word(name)} (fault table)" for name, number in rows.items() if faults >> (32 + number) & 1]
    return ", ".join(found) or UNKNOWN


class Standby:
    """`look()` now and then: news, each reason once. `reason`: the last one; None once the stack has taken over."""

    def __init__(self, loop: Loop, engage_tick: int):
        self._loop, self._from_tick = loop, engage_tick + GRACE_TICKS
        self._told: set[str] = set()
        self.reason: str | None = None
        self._has_driven = False

    def look(self) -> list[str]:
        if self._has_driven or self._loop.tick_index < self._from_tick:
            return []
        if self._loop.engaged:
            self._has_driven, self.reason = True, None
            return ["the stack takes over"] if self._told else []
        self.reason = words(self._loop.faults)
        if self.reason in self._told:
            return []
        self._told.add(self.reason)
        return [f"standby, because: {self.reason}"]


def _word(name: str) -> str:
    return name.removeprefix("FAULT_").replace("_", " ").lower()
