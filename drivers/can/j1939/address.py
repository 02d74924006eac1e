"""Who is on the bus: address claims (PGN EE00) and the 64 bit NAME they carry (SAE J1939-81).

The same NAME claiming its address once more is no contention. Another NAME claiming it is; the smaller number has the
right to it and must say so again, so the last claim tells who holds the address. A NAME that says "cannot claim" from
the null address has none.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from drivers.can.j1939.identifier import NULL

__all__ = ["AddressTable", "ClaimEvent", "Holder", "Name"]

MOST_NAMES = 4096
MOST_EVENTS = 1000
MOST_RIVALS = 8


class Name(NamedTuple):
    """The fields of a NAME (SPN 2837 to 2846), from bit 0 upwards."""

    identity: int  # 21 bits, the manufacturer's serial number
    manufacturer: int  # 11, assigned by SAE
    ecu_instance: int  # 3
    function_instance: int  # 5
    function: int  # 8; from 128 on its meaning depends on industry group and vehicle system
    vehicle_system: int  # 7
    vehicle_system_instance: int  # 4
    industry_group: int  # 3
    arbitrary_address: bool  # may take another address when it loses its own

    @classmethod
    def parse(cls, data: bytes) -> Name:
        """From the 8 data bytes of a claim. Raises ValueError for fewer."""
        if len(data) < 8:
            raise ValueError(f"a NAME has 8 bytes, not {len(data)}")
        return cls.from_number(int.from_bytes(data[:8], "little"))

    @classmethod
    def from_number(cls, number: int) -> Name:
        return cls(number & 0x1FFFFF, number >> 21 & 0x7FF, number >> 32 & 7, number >> 35 & 0x1F, number >> 40 & 0xFF,
                   number >> 49 & 0x7F, number >> 56 & 0xF, number >> 60 & 7, bool(number >> 63))  # fmt: skip

    @property
    def number(self) -> int:
        """All 64 bits (the reserved one zero); the smaller number wins an address."""
        return (
            self.identity | self.manufacturer << 21 | self.ecu_instance << 32 | self.function_instance << 35
            | self.function << 40 | self.vehicle_system << 49 | self.vehicle_system_instance << 56
            | self.industry_group << 60 | self.arbitrary_address << 63
        )  # fmt: skip


@dataclass
class Holder:
    """The NAME that claimed an address last."""

    address: int
    number: int
    first_ns: int
    last_ns: int
    claims: int = 1
    rivals: tuple[int, ...] = ()  # other NAMEs that have claimed the address, newest first

    @property
    def name(self) -> Name:
        return Name.from_number(self.number)


class ClaimEvent(NamedTuple):
    """`kind`: "claimed" (first time), "moved" (from the address `other`), "contention" and "defended" (against the NAME
    `other`), "cannot claim"."""

    time_ns: int
    kind: str
    address: int
    number: int
    other: int | None = None


class AddressTable:
    """The claims of one bus, in bounded memory: `events` keeps the newest 1000, `left_out` counts NAMEs beyond 4096."""

    def __init__(self) -> None:
        self.holders: dict[int, Holder] = {}
        self.without_address: dict[int, int] = {}  # NAME: time of its last "cannot claim"
        self.events: deque[ClaimEvent] = deque(maxlen=MOST_EVENTS)
        self.claims = self.contentions = self.malformed = self.left_out = 0
        self._address_of: dict[int, int] = {}

    def receive(self, time_ns: int, source: int, data: bytes) -> ClaimEvent | None:
        """Takes one address claim; returns what it changes, None when nothing."""
        if len(data) < 8:
            self.malformed += 1
            return None
        number = int.from_bytes(data[:8], "little")
        self.claims += 1
        is_known = number in self._address_of or number in self.without_address
        if not is_known and len(self._address_of) + len(self.without_address) >= MOST_NAMES:
            self.left_out += 1
            return None
        before = self._address_of.pop(number, None)
        if source >= NULL:
            self._leave(before, number)
            is_new = number not in self.without_address
            self.without_address[number] = time_ns
            return self._note(ClaimEvent(time_ns, "cannot claim", source, number, before)) if is_new else None
        self.without_address.pop(number, None)
        self._address_of[number] = source
        holder = self.holders.get(source)
        if holder is not None and holder.number == number:
            holder.last_ns = time_ns
            holder.claims += 1
            return None
        if before != source:
            self._leave(before, number)
        if holder is not None:
            rivals = (holder.number, *(rival for rival in holder.rivals if rival != number))[:MOST_RIVALS]
            self.holders[source] = Holder(source, number, time_ns, time_ns, rivals=rivals)
            if number in holder.rivals:
                return self._note(ClaimEvent(time_ns, "defended", source, number, holder.number))
            self.contentions += 1
            return self._note(ClaimEvent(time_ns, "contention", source, number, holder.number))
        self.holders[source] = Holder(source, number, time_ns, time_ns)
        if before is not None and before != source:
            return self._note(ClaimEvent(time_ns, "moved", source, number, before))
        return self._note(ClaimEvent(time_ns, "claimed", source, number))

    def _leave(self, address: int | None, number: int) -> None:
        if address is not None and address in self.holders and self.holders[address].number == number:
            del self.holders[address]

    def _note(self, event: ClaimEvent) -> ClaimEvent:
        self.events.append(event)
        return event
