"""What the others on a bus tell of themselves: lamps and trouble codes (DM1), who they are, what the combination weighs.

Pure: `hear` takes frames and gives sentences of news, `ask` gives the requests that are due at the start. A question goes to
everybody, one at a time, and again while nobody answers; answers of more than eight bytes come as broadcasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from drivers.can.j1939.diagnostics import FAILURE_MODES, Diagnostics
from drivers.can.j1939.identifier import (
    ADDRESS_CLAIMED,
    COMBINATION_WEIGHT,
    COMPONENT_IDENTIFICATION,
    DM1,
    GLOBAL,
    REQUEST,
    SOFTWARE_IDENTIFICATION,
    VEHICLE_IDENTIFICATION,
    build,
    parse,
)  # fmt: skip
from drivers.can.j1939.listener import Listener
from drivers.can.j1939.names import address_name
from drivers.can.j1939.transport import TRANSPORT_GROUPS, Message

__all__ = ["GROUPS", "Partner", "Partners"]

ASKED = (COMBINATION_WEIGHT, VEHICLE_IDENTIFICATION, COMPONENT_IDENTIFICATION)
GROUPS = frozenset((*ASKED, SOFTWARE_IDENTIFICATION, DM1, ADDRESS_CLAIMED)) | TRANSPORT_GROUPS  # what `hear` looks at
ASK_NS = 1_250_000_000  # [M] J1939-21: who does not answer within it will not
ROUNDS = 3
PRIORITY = 6
KILOGRAMS_PER_BIT = 10  # SPN 1760 [V]
LEAST_NOT_A_WEIGHT = 0xFB00
TEXTS = {COMPONENT_IDENTIFICATION: "component", VEHICLE_IDENTIFICATION: "vehicle", SOFTWARE_IDENTIFICATION: "software"}


@dataclass
class Partner:
    """One address. `diagnostics`: of its last DM1, None before the first."""

    address: int
    texts: dict[str, str] = field(default_factory=dict)
    weight_kg: float | None = None
    diagnostics: Diagnostics | None = None
    worst: Diagnostics | None = None  # of all of them: the one with the most lamps

    @property
    def title(self) -> str:
        return f"{self.address:#04x} {address_name(self.address)}".rstrip()

    def as_json(self) -> dict[str, Any]:
        told, worst = self.diagnostics, self.worst
        return {
            "address": self.address, "name": address_name(self.address), **self.texts, "weight_kg": self.weight_kg,
            "lamps": [str(lamp) for lamp in told.lit] if told else None, "codes": _codes(told),
            "worst_lamps": [str(lamp) for lamp in worst.lit] if worst else [], "worst_codes": _codes(worst),
        }  # fmt: skip


class Partners:
    """Of one bus."""

    def __init__(self) -> None:
        self.listener = Listener()
        self.known: dict[int, Partner] = {}
        self._answered: set[int] = set()
        self._questions = [pgn for _ in range(ROUNDS) for pgn in ASKED]
        self._next_ns: int | None = None

    def ask(self, time_ns: int, address: int) -> Iterator[tuple[int, bytes]]:
        """The next question from our address, when it is due."""
        if self._next_ns is not None and time_ns < self._next_ns:
            return
        while self._questions:
            pgn = self._questions.pop(0)
            if pgn not in self._answered:
                self._next_ns = time_ns + ASK_NS
                yield build(PRIORITY, REQUEST, address, GLOBAL), pgn.to_bytes(3, "little")
                return

    def hear(self, time_ns: int, identifier: int, data: bytes) -> list[str]:
        """What is new, in sentences: a lamp, a code, a name, a weight; mostly nothing."""
        if parse(identifier).pgn not in GROUPS:
            return []
        whole = [item for item in self.listener.hear(time_ns, identifier, data) if isinstance(item, Message)]
        return [sentence for message in whole for sentence in self._take(message)]

    def as_json(self) -> list[dict[str, Any]]:
        return [self.known[address].as_json() for address in sorted(self.known)]

    def _take(self, message: Message) -> Iterator[str]:
        if message.pgn not in GROUPS or message.pgn == ADDRESS_CLAIMED:
            return
        partner = self.known.setdefault(message.source, Partner(message.source))
        self._answered.add(message.pgn)
        if message.pgn == DM1 and len(message.data) >= 2:
            yield from _trouble(partner, message)
        elif message.pgn == COMBINATION_WEIGHT and len(message.data) >= 4:
            count = int.from_bytes(message.data[2:4], "little")
            weight = float(count * KILOGRAMS_PER_BIT) if count < LEAST_NOT_A_WEIGHT else None
            if weight is not None and weight != partner.weight_kg:
                partner.weight_kg = weight
                yield f"{partner.title}: the combination weighs {weight:.0f} kg"
        elif name := TEXTS.get(message.pgn):
            text = _text(message.data, skip=message.pgn == SOFTWARE_IDENTIFICATION)
            if text and partner.texts.get(name) != text:
                partner.texts[name] = text
                yield f"{partner.title}: {name} {text}"


def _trouble(partner: Partner, message: Message) -> Iterator[str]:
    told, before = Diagnostics.parse(message.data), partner.diagnostics
    partner.diagnostics = told
    if partner.worst is None or len(told.lit) > len(partner.worst.lit):
        partner.worst = told
    if before is None and not (told.lit or told.codes):
        return
    if before is None or (before.lit, before.codes) != (told.lit, told.codes):
        lamps = ", ".join(str(lamp) for lamp in told.lit) or "no lamp on"
        codes = ", ".join(_named(code) for code in told.codes) or "no trouble code"
        yield f"{partner.title}: {lamps}; {codes}"


def _named(code) -> str:
    meaning = FAILURE_MODES.get(code.fmi)
    return str(code) + (f" ({meaning})" if meaning else "")


def _codes(told: Diagnostics | None) -> list[dict[str, Any]]:
    return [] if told is None else [
        {"spn": code.spn, "fmi": code.fmi, "occurrences": code.occurrences, "text": _named(code)} for code in told.codes
    ]  # fmt: skip


def _text(data: bytes, skip: bool) -> str:
    """Fields end with an asterisk; of the software identification the first byte counts them."""
    fields = data[skip:].rstrip(b"\xff\x00").decode("ascii", "replace").strip("*").split("*")
    return " ".join(part.strip() for part in fields if part.strip())
