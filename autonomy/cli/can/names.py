"""`autonomy can names`: who is on the bus, what it says it is, and what it says is wrong with it."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from autonomy.cli.can.databases import Catalogue
from autonomy.cli.can.describe import Describer, diagnostics_fields, name_fields, name_words
from autonomy.cli.can.source import open_source
from autonomy.cli.can.streams import patient, tell
from autonomy.cli.can.table import table
from drivers.can.candump import printable
from drivers.can.frame_filter import pgns_of
from drivers.can.frame_flags import ERROR, REMOTE
from drivers.can.j1939 import identifier as j1939
from drivers.can.j1939.address import ClaimEvent, Name
from drivers.can.j1939.diagnostics import Diagnostics, TroubleCode
from drivers.can.j1939.listener import Listener
from drivers.can.j1939.names import address_name
from drivers.can.j1939.transport import TRANSPORT_GROUPS, Message
from drivers.can.tables import EXTENDED

IDENTIFICATIONS = {
    j1939.VEHICLE_IDENTIFICATION: "vehicle",
    j1939.COMPONENT_IDENTIFICATION: "component",
    j1939.SOFTWARE_IDENTIFICATION: "software",
}
DIAGNOSTICS = {j1939.DM1: "DM1", j1939.DM2: "DM2"}
INTERESTING = np.array(sorted({*TRANSPORT_GROUPS, j1939.ADDRESS_CLAIMED, *DIAGNOSTICS, *IDENTIFICATIONS}), np.uint32)
MOST_CODES = 1000  # of one sender
MOST_TEXTS = 16
NS = 1_000_000_000


def run(arguments: argparse.Namespace) -> int:
    """Raises UsageError, LogError, DatabaseError, EnvironmentFault."""
    register = Register(arguments.spn_version)
    with open_source(arguments) as source, patient():
        describer = Describer(Catalogue.from_options(arguments.dbc, arguments.j1939, source.databases()))
        for frames in source.batches():
            register.add(frames)
    if arguments.json:
        print(json.dumps({"source": source.title, "buses": register.as_json(source.bus_names)}, allow_nan=False))
    else:
        print("\n".join(register.lines(source.bus_names, describer)))
    tell(source)
    return source.exit_code


@dataclass
class CodeHistory:
    """One trouble code of one sender."""

    code: TroubleCode
    first_ns: int
    last_ns: int
    messages: int = 0


@dataclass
class Trouble:
    """What a sender says in DM1 or DM2: its last message, and every code it has named."""

    messages: int = 0
    latest: Diagnostics | None = None
    codes: dict[tuple, CodeHistory] = field(default_factory=dict)
    left_out: int = 0


@dataclass
class BusRegister:
    frames: Counter[int] = field(default_factory=Counter)  # by source address
    listener: Listener = field(default_factory=Listener)
    trouble: dict[tuple[int, str], Trouble] = field(default_factory=dict)  # (source address, "DM1" or "DM2")
    texts: dict[tuple[int, str], list[str]] = field(default_factory=dict)  # (source address, what is identified)


class Register:
    """Fed with arrays of CanFrame in the order of their times."""

    def __init__(self, spn_version: int | None = None) -> None:
        self.buses: dict[int, BusRegister] = {}
        self._spn_version = spn_version
        self._first_ns: int | None = None

    def add(self, frames: np.ndarray) -> None:
        frames = frames[(frames["id"] & EXTENDED != 0) & (frames["flags"] & (ERROR | REMOTE) == 0)]
        if not len(frames):
            return
        self._first_ns = int(frames["time_ns"][0]) if self._first_ns is None else self._first_ns
        for number in np.unique(frames["bus"]).tolist():
            bus = self.buses.setdefault(number, BusRegister())
            own = frames[frames["bus"] == number]
            counts = np.bincount(own["id"] & 0xFF)
            bus.frames.update({address: int(counts[address]) for address in np.flatnonzero(counts).tolist()})
            interesting = own[np.isin(pgns_of(own["id"]), INTERESTING)]
            for time_ns, identifier, _, length, _, _, data in interesting.tolist():
                for item in bus.listener.hear(time_ns, identifier, bytes(data[:length])):
                    if isinstance(item, Message):
                        self._note(bus, item)

    def _note(self, bus: BusRegister, message: Message) -> None:
        if message.pgn in DIAGNOSTICS and len(message.data) >= 2:
            trouble = bus.trouble.setdefault((message.source, DIAGNOSTICS[message.pgn]), Trouble())
            trouble.messages += 1
            trouble.latest = Diagnostics.parse(message.data, self._spn_version)
            for key, code in {(code.spn, code.fmi, code.candidates): code for code in trouble.latest.codes}.items():
                if key not in trouble.codes and len(trouble.codes) >= MOST_CODES:
                    trouble.left_out += 1
                    continue
                history = trouble.codes.setdefault(key, CodeHistory(code, message.time_ns, message.time_ns))
                history.code, history.last_ns = code, message.time_ns
                history.messages += 1
        elif message.pgn in IDENTIFICATIONS:
            texts = bus.texts.setdefault((message.source, IDENTIFICATIONS[message.pgn]), [])
            text = printable(message.data).rstrip()
            if text not in texts and len(texts) < MOST_TEXTS:
                texts.append(text)

    def lines(self, bus_names: dict[int, str], describer: Describer) -> list[str]:
        """The tables."""
        lines: list[str] = []
        for number, bus in sorted(self.buses.items()):
            lines += [*([""] if lines else []), f"{bus_names[number]}: {len(bus.frames)} source addresses"]
            holders = bus.listener.addresses.holders
            rows = []
            for address in sorted({*bus.frames, *holders}):
                holder = holders.get(address)
                said = "no claim seen" if holder is None else f"{holder.claims} x {name_words(holder.name)}"
                rows.append((f"{address:02X}", address_name(address), str(bus.frames[address]), said))
            lines += _indented(table(("SA", "usual use", ">frames", "claimed"), rows))
            events = [event for event in bus.listener.addresses.events if event.kind != "claimed"]
            lines += [f"  {self._event_words(event)}" for event in events]
            for (address, what), texts in sorted(bus.texts.items()):
                lines += [f"  {address:02X} {what}: {text}" for text in texts]
            for (address, kind), trouble in sorted(bus.trouble.items()):
                lines += [
                    "",
                    f"  {kind} of {address:02X}, {trouble.messages} messages; now {describer.lamp_words(trouble.latest)}",
                ]
                rows = [self._code_row(history, trouble, describer) for history in trouble.codes.values()]
                lines += _indented(table(("trouble code", ">from s", ">to s", ">messages"), rows), "    ")
                if trouble.left_out:
                    lines.append(f"    {trouble.left_out} further mentions of other codes left out")
        return lines or ["no J1939 frames"]

    def _code_row(self, history: CodeHistory, trouble: Trouble, describer: Describer) -> tuple[str, ...]:
        return (
            describer.code_words(history.code),
            self._since(history.first_ns),
            self._since(history.last_ns),
            str(history.messages),
        )

    def _event_words(self, event: ClaimEvent) -> str:
        who = name_words(Name.from_number(event.number))
        if event.kind == "cannot claim":
            return f"{self._since(event.time_ns)} s: cannot claim an address: {who}"
        if event.kind == "moved":
            return f"{self._since(event.time_ns)} s: moved from {event.other:02X} to {event.address:02X}: {who}"
        verb = "is claimed by another" if event.kind == "contention" else "is claimed again by the one that had it"
        return f"{self._since(event.time_ns)} s: {event.address:02X} {verb}: {who} (against NAME {event.other:016X})"

    def _since(self, time_ns: int) -> str:
        return f"{(time_ns - (self._first_ns or 0)) / NS:.1f}"

    def as_json(self, bus_names: dict[int, str]) -> list[dict]:
        return [self._bus_json(bus_names[number], bus) for number, bus in sorted(self.buses.items())]

    def _bus_json(self, name: str, bus: BusRegister) -> dict:
        claims = bus.listener.addresses
        return {
            "name": name,
            "addresses": [
                {"address": address, "usual_use": address_name(address) or None, "frames": bus.frames[address],
                 "claim": None if address not in claims.holders else {
                     "first_ns": claims.holders[address].first_ns, "last_ns": claims.holders[address].last_ns,
                     "claims": claims.holders[address].claims, "name": name_fields(claims.holders[address].name),
                     "rivals": [f"{rival:016X}" for rival in claims.holders[address].rivals]}}
                for address in sorted({*bus.frames, *claims.holders})
            ],
            "claims": claims.claims,
            "contentions": claims.contentions,
            "events": [{**event._asdict(), "number": f"{event.number:016X}"} for event in claims.events],
            "without_address": [f"{number:016X}" for number in claims.without_address],
            "identifications": [
                {"address": address, "what": what, "texts": texts} for (address, what), texts in sorted(bus.texts.items())
            ],
            "trouble": [
                {"address": address, "message": kind, "messages": trouble.messages, "latest": diagnostics_fields(trouble.latest),
                 "codes": [{**history.code._asdict(), "first_ns": history.first_ns, "last_ns": history.last_ns,
                            "messages": history.messages} for history in trouble.codes.values()]}
                for (address, kind), trouble in sorted(bus.trouble.items())
            ],
        }  # fmt: skip


def _indented(lines: list[str], by: str = "  ") -> list[str]:
    return [by + line for line in lines]
