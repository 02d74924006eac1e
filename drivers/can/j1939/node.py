"""Our own place on the bus (SAE J1939-81, -21, -73): claims an address, defends it, answers requests, tells trouble codes.

Pure: frames go in with their times, frames to send come out. `receive` wants what others sent, not our own echo; a frame
from our address that we did not send is an intruder and counted, for whoever sends as us may command as us.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from drivers.can.j1939.address import Name
from drivers.can.j1939.broadcast import broadcast_frames
from drivers.can.j1939.diagnostics import TroubleCode
from drivers.can.j1939.identifier import (
    ACKNOWLEDGEMENT,
    ADDRESS_CLAIMED,
    DM1,
    GLOBAL,
    NULL,
    REQUEST,
    SOFTWARE_IDENTIFICATION,
    build,
    parse,
)  # fmt: skip

__all__ = ["Node", "NodeState"]

PRIORITY = 6
CLAIM_NS = 250_000_000  # after a claim, nobody objecting, before anything else may be sent (J1939-81)
DM1_NS = 1_000_000_000
NEGATIVE = 1  # acknowledgement: the group is not supported
LAMP_STOP, LAMP_WARNING, LAMPS_OFF, NO_FLASH = 0x10, 0x04, 0x00, 0xFF  # red, amber; the flash byte says "not available"
FREE_ADDRESSES = range(128, 248)  # for whoever may take any (J1939-81)
SHORT_BYTES = 8

Frames = Iterator[tuple[int, bytes]]


class NodeState(Enum):
    SILENT = "silent"  # has not claimed yet
    CLAIMING = "claiming"
    CLAIMED = "claimed"
    LOST = "lost"  # another NAME has the right to the address: nothing may be sent from it


class Node:
    """One address on one bus. `intruders` counts frames of others that carried it.

    Who loses the address claims another when its NAME says that it may (`name.arbitrary_address`): `address` is then the new
    one. `answers`: what is told on request beside DM1, by PGN.
    """

    def __init__(self, name: Name, address: int, software: str = "autonomy", answers: Mapping[int, bytes] | None = None):
        if not 0 <= address < NULL:
            raise ValueError(f"address {address:#x} is not within 0..{NULL - 1:#x}")
        self.name, self.address = name, address
        self.state = NodeState.SILENT
        self.intruders = 0
        self.rival: Name | None = None
        self._answers = {SOFTWARE_IDENTIFICATION: bytes([1]) + software.encode("ascii", "replace") + b"*", **(answers or {})}
        self._taken = {address}  # by others, or tried: a stronger NAME keeps what it has
        self._claim_ns = 0
        self._next_dm1_ns: int | None = None
        self._codes: tuple[TroubleCode, ...] = ()
        self._stop = False

    @property
    def may_send(self) -> bool:
        return self.state is NodeState.CLAIMED

    def start(self, time_ns: int) -> Frames:
        """The claim; before it, of a node that may have to move, the question who is where."""
        self.state, self._claim_ns = NodeState.CLAIMING, time_ns
        if self.name.arbitrary_address:
            yield build(PRIORITY, REQUEST, NULL, GLOBAL), ADDRESS_CLAIMED.to_bytes(3, "little")
        yield self._claim(self.address)

    def report(self, codes: Sequence[TroubleCode], stop: bool = False) -> None:
        """The trouble codes that DM1 tells from now on, `stop`: with the red lamp; told at once when they change."""
        if (tuple(codes), stop) != (self._codes, self._stop):
            self._codes, self._stop, self._next_dm1_ns = tuple(codes), stop, None

    def step(self, time_ns: int) -> Frames:
        """What is due by now: the end of the claim, DM1 once a second."""
        if self.state is NodeState.CLAIMING and time_ns - self._claim_ns >= CLAIM_NS:
            self.state = NodeState.CLAIMED
        if self.may_send and (self._next_dm1_ns is None or time_ns >= self._next_dm1_ns):
            self._next_dm1_ns = time_ns + DM1_NS
            yield from self._message(DM1, self._trouble())

    def receive(self, time_ns: int, identifier: int, data: bytes) -> Frames:
        """Answers to a frame of somebody else (29 bit identifier)."""
        fields = parse(identifier)
        if fields.pgn == ADDRESS_CLAIMED:
            self._taken.add(fields.source)
        if fields.pgn == ADDRESS_CLAIMED and fields.source == self.address:
            yield from self._contend(time_ns, data)
        elif fields.source == self.address:
            self.intruders += 1
        elif fields.pgn == REQUEST and fields.destination in (self.address, GLOBAL) and len(data) >= 3:
            yield from self._answer(int.from_bytes(data[:3], "little"), fields.source, fields.destination)

    def _contend(self, time_ns: int, data: bytes) -> Frames:
        if self.state is NodeState.SILENT or len(data) < 8:
            return
        number = int.from_bytes(data[:8], "little")
        if number == self.name.number:  # our very NAME: two of one device, no rule decides between them
            self.intruders += 1
            return
        self.rival = Name.from_number(number)
        if self.name.number < number and self.state is not NodeState.LOST:
            yield self._claim(self.address)
        elif (free := self._free_address()) is not None:
            self.address, self.state, self._claim_ns = free, NodeState.CLAIMING, time_ns
            self._taken.add(free)
            yield self._claim(free)
        else:
            self.state = NodeState.LOST
            yield self._claim(NULL)

    def _free_address(self) -> int | None:
        """Where to go, None when it must not be any or none is left."""
        if not self.name.arbitrary_address:
            return None
        return next((address for address in FREE_ADDRESSES if address not in self._taken), None)

    def _answer(self, pgn: int, source: int, destination: int) -> Frames:
        if pgn == ADDRESS_CLAIMED:
            if self.state is not NodeState.SILENT:
                yield self._claim(NULL if self.state is NodeState.LOST else self.address)
        elif not self.may_send:
            return
        elif pgn == DM1:
            yield from self._message(DM1, self._trouble())
        elif pgn in self._answers:
            yield from self._message(pgn, self._answers[pgn])
        elif destination != GLOBAL:
            refusal = bytes([NEGATIVE, 0xFF, 0xFF, 0xFF, source]) + pgn.to_bytes(3, "little")
            yield build(PRIORITY, ACKNOWLEDGEMENT, self.address, GLOBAL), refusal

    def _claim(self, address: int) -> tuple[int, bytes]:
        return build(PRIORITY, ADDRESS_CLAIMED, address, GLOBAL), self.name.number.to_bytes(8, "little")

    def _trouble(self) -> bytes:
        lamps = bytes([LAMP_STOP if self._stop else LAMP_WARNING if self._codes else LAMPS_OFF, NO_FLASH])
        return lamps + (b"".join(_packed(code) for code in self._codes) or bytes(4))

    def _message(self, pgn: int, data: bytes) -> Frames:
        if len(data) <= SHORT_BYTES:
            yield build(PRIORITY, pgn, self.address), data.ljust(SHORT_BYTES, b"\xff")
        else:
            yield from broadcast_frames(pgn, self.address, data)


def _packed(code: TroubleCode) -> bytes:
    """Four bytes of version 4: SPN, FMI, occurrence count."""
    spn, occurrences = code.spn or 0, 127 if code.occurrences is None else min(code.occurrences, 126)
    return bytes([spn & 0xFF, spn >> 8 & 0xFF, (spn >> 16 & 7) << 5 | code.fmi, occurrences])
