"""`autonomy can stats`: how much of what is on a bus, how regularly, and how much of it says "not available"."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from autonomy.cli.can.databases import ANY_BUS, Catalogue
from autonomy.cli.can.source import open_source
from autonomy.cli.can.streams import patient, tell
from autonomy.cli.can.table import figure, percent, table
from drivers.can.availability import Availability
from drivers.can.candump import identifier_text
from drivers.can.frame_filter import pgns_of
from drivers.can.frame_flags import ERROR, REMOTE, TRANSMITTED
from drivers.can.j1939.identifier import ACRONYMS, parse
from drivers.can.j1939.transport import TRANSPORT_GROUPS, Failure, Message, TransportReceiver
from drivers.can.statistics import BusLoad, Flow, Flows
from drivers.can.tables import EXTENDED, pgn_of

BIT_RATE = 250_000  # SAE J1939-11 and -15; -14 has 500 000
MS = 1_000_000
TRANSPORT = np.array(sorted(TRANSPORT_GROUPS), np.uint32)
PRIORITY_BITS = np.uint32(7 << 26)
VALIDITY_KEYS = ("ok", "not_available", "error")
TRANSPORT_REMARKS = {
    "duplicates": "repeated frames", "retransmitted": "packets sent again", "orphans": "frames of no session",
    "malformed": "malformed frames", "undersized": "of 8 bytes or less",
}  # fmt: skip
MOST_SESSION_KINDS = 4096


def run(arguments: argparse.Namespace) -> int:
    """Raises UsageError, LogError, DatabaseError, EnvironmentFault."""
    bit_rate = arguments.bitrate or BIT_RATE
    with open_source(arguments) as source, patient():
        catalogue = Catalogue.from_options(arguments.dbc, arguments.j1939, source.databases())
        statistics = Statistics(catalogue, by_identifier=arguments.by == "id")
        for frames in source.batches():
            statistics.add(frames)
    statistics.finish()
    found = statistics.as_json(source.bus_names, bit_rate)
    if arguments.json:
        print(json.dumps({"source": source.title, **found}, allow_nan=False))
    else:
        print("\n".join(lines_of(found, with_signals=arguments.signals)))
    tell(source)
    return source.exit_code


@dataclass
class BusStatistics:
    """One bus."""

    frames: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    load: BusLoad = field(default_factory=BusLoad)
    transport: TransportReceiver = field(default_factory=TransportReceiver)
    sessions: dict[tuple[int, int, int], Counter[str]] = field(default_factory=dict)  # (PGN, source, destination)
    first_ns: int | None = None
    last_ns: int = 0


class Statistics:
    """Everything the command tells, fed with arrays of CanFrame in the order of their times."""

    def __init__(self, catalogue: Catalogue, *, by_identifier: bool = False) -> None:
        self.buses: dict[int, BusStatistics] = {}
        self.flows = Flows()
        self._catalogue = catalogue
        self._by_identifier = by_identifier
        self._availability = Availability(catalogue.codec, set(catalogue.databases), ANY_BUS)

    def add(self, frames: np.ndarray) -> None:
        for number in np.unique(frames["bus"]).tolist():
            bus = self.buses.setdefault(number, BusStatistics())
            own = frames[frames["bus"] == number]
            bus.frames += len(own)
            bus.first_ns = int(own["time_ns"][0]) if bus.first_ns is None else bus.first_ns
            bus.last_ns = int(own["time_ns"][-1])
            for kind, flag in (("error", ERROR), ("remote", REMOTE), ("transmitted", TRANSMITTED)):
                bus.kinds[kind] += int(np.count_nonzero(own["flags"] & flag))
            bus.load.add(own)
            self._add_sessions(bus, own)
        data = frames[frames["flags"] & ERROR == 0]
        self.flows.add(self._keys(data), data["time_ns"])
        self._availability.add(data)

    def finish(self) -> None:
        """Ends the sessions that are still open."""
        for bus in self.buses.values():
            for item in bus.transport.finish():
                _count(bus, item)

    def _keys(self, frames: np.ndarray) -> np.ndarray:
        identifiers = frames["id"]
        if not self._by_identifier:  # priority is no part of who says what to whom
            identifiers = np.where(identifiers & EXTENDED, identifiers & ~PRIORITY_BITS, identifiers)
        return frames["bus"].astype(np.int64) << 32 | identifiers.astype(np.int64)

    def _add_sessions(self, bus: BusStatistics, frames: np.ndarray) -> None:
        is_data = (frames["id"] & EXTENDED != 0) & (frames["flags"] & (ERROR | REMOTE) == 0)
        chosen = frames[is_data & np.isin(pgns_of(frames["id"]), TRANSPORT)]
        for time_ns, identifier, _, length, _, _, data in chosen.tolist():
            for item in bus.transport.receive(time_ns, identifier, bytes(data[:length])):
                _count(bus, item)

    def as_json(self, bus_names: dict[int, str], bit_rate: int) -> dict:
        """All figures; times in ns, rates in Hz, gaps in ms, shares 0 to 1."""
        return {
            "bit_rate": bit_rate,
            "by": "id" if self._by_identifier else "group",
            "buses": [_bus_json(bus_names[number], bus, bit_rate) for number, bus in sorted(self.buses.items())],
            "flows": [self._flow_json(key, flow, bus_names) for key, flow in sorted(self.flows.flows.items(), key=_order)],
            "flows_left_out": self.flows.left_out,
            "signals": [
                {"bus": bus_names[bus], "message": name, "source": None if sender < 0 else sender, "signal": signal,
                 "ok": ok, "not_available": missing, "error": wrong}
                for (bus, name, sender), counts in sorted(self._availability.counts.items())
                for signal, (ok, missing, wrong) in zip(self._catalogue.codec.signal_names(name, self._catalogue.codec_bus(bus)),
                                                        counts.tolist(), strict=True)
            ],
        }  # fmt: skip

    def _flow_json(self, key: int, flow: Flow, bus_names: dict[int, str]) -> dict:
        bus, identifier = key >> 32, key & 0xFFFFFFFF
        message = self._catalogue.message(bus, identifier)
        is_j1939 = bool(identifier & EXTENDED) and (message is None or message.is_j1939)
        fields = parse(identifier) if is_j1939 else None
        name = message.name if message else ACRONYMS.get(pgn_of(identifier)) if is_j1939 else None
        sender = identifier & 0xFF if identifier & EXTENDED else -1
        return {
            "bus": bus_names[bus], "id": identifier_text(identifier), "name": name,
            "pgn": fields and fields.pgn, "source": fields and fields.source, "destination": fields and fields.destination,
            "frames": flow.count, "rate_hz": flow.rate_hz,
            "gap_ms": {"min": _ms(flow.shortest_gap_ns), "mean": _ms(flow.mean_gap_ns), "max": _ms(flow.longest_gap_ns)},
            "missing_share": self._availability.missing_share(bus, message.name, sender) if message else None,
        }  # fmt: skip


def lines_of(found: dict, *, with_signals: bool = False) -> list[str]:
    """The tables."""
    lines = [line for bus in found["buses"] for line in _bus_lines(bus, found["bit_rate"])]
    several = len(found["buses"]) > 1
    heads = ("bus", "id", "PGN", "from>to", "name", ">frames", ">rate/s", ">gap ms min", ">mean", ">max", ">missing")
    rows = [
        (
            flow["bus"] if several else "",
            flow["id"] if found["by"] == "id" or flow["pgn"] is None else "",
            "" if flow["pgn"] is None else f"{flow['pgn']:04X}",
            "" if flow["pgn"] is None else _way(flow),
            flow["name"] or "-",
            str(flow["frames"]),
            figure(flow["rate_hz"], 1),
            *(figure(flow["gap_ms"][which], 2 if which == "min" else 1) for which in ("min", "mean", "max")),
            percent(flow["missing_share"]),
        )
        for flow in found["flows"]
    ]
    lines += ["", *table(heads, rows)]
    if found["flows_left_out"]:
        lines.append(f"{found['flows_left_out']} frames of further identifiers left out")
    rows = [
        (bus["name"] if several else "", f"{item['pgn']:04X}", _way(item), str(item["complete"]), _failures(item["failed"]))
        for bus in found["buses"]
        for item in bus["transport"]["sessions"]
    ]
    lines += ["", "long messages", *table(("bus", "PGN", "from>to", ">complete", "failed"), rows)] if rows else []
    if with_signals:
        rows = [_signal_row(item, several) for item in found["signals"]]
        lines += ["", *table(("bus", "message", "from", "signal", ">ok", ">not available", ">error"), rows)]
    return lines


def _signal_row(item: dict, several: bool) -> tuple[str, ...]:
    total = max(1, sum(item[kind] for kind in VALIDITY_KEYS))
    source = "" if item["source"] is None else f"{item['source']:02X}"
    shares = (percent(item[kind] / total) for kind in VALIDITY_KEYS)
    return (item["bus"] if several else "", item["message"], source, item["signal"], *shares)


def _failures(failed: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in failed.items())


def _bus_lines(bus: dict, bit_rate: int) -> list[str]:
    duration_s, counts = bus["duration_s"], bus["transport"]["counts"]
    rate = f", {bus['frames'] / duration_s:.1f} a second" if duration_s else ""
    lines = [f"{bus['name']}: {bus['frames']} frames in {duration_s:.3f} s{rate}"]
    if bus["load_mean"] is not None:
        lines.append(
            f"  load {percent(bus['load_mean'], 1)} at {bit_rate / 1000:g} kbit/s, busiest second {percent(bus['load_peak'], 1)}"
            + ("; more than the bus can carry: give its --bitrate" if bus["load_peak"] > 1 else "")
        )
    lines.append(
        f"  {bus['error_frames']} error frames, {bus['remote_frames']} remote requests, "
        f"{bus['transmitted_frames']} sent by the recorder"
    )
    if counts["announced"] or counts["orphans"]:
        failed = "".join(f", {count} {reason}" for reason, count in counts["failed"].items())
        others = "".join(f", {counts[key]} {text}" for key, text in TRANSPORT_REMARKS.items() if counts[key])
        lines.append(f"  long messages: {counts['announced']} announced, {counts['completed']} complete{failed}{others}")
    if counts["extended"]:
        lines.append(f"  {counts['extended']} frames of the extended transport protocol, not assembled")
    return lines


def _bus_json(name: str, bus: BusStatistics, bit_rate: int) -> dict:
    return {
        "name": name,
        "frames": bus.frames,
        "start_ns": bus.first_ns,
        "duration_s": 0.0 if bus.first_ns is None else (bus.last_ns - bus.first_ns) / 1e9,
        "error_frames": bus.kinds["error"],
        "remote_frames": bus.kinds["remote"],
        "transmitted_frames": bus.kinds["transmitted"],
        "bits": bus.load.bits,
        "load_mean": bus.load.mean(bit_rate),
        "load_peak": bus.load.peak_bits / bit_rate,
        "transport": {
            "counts": bus.transport.counts.as_json(),
            "sessions": [
                {"pgn": pgn, "source": source, "destination": destination, "complete": counts["complete"],
                 "failed": {reason: count for reason, count in sorted(counts.items()) if reason != "complete"}}
                for (pgn, source, destination), counts in sorted(bus.sessions.items())
            ],
        },
    }  # fmt: skip


def _count(bus: BusStatistics, item: Message | Failure) -> None:
    key = (item.pgn, item.source, item.destination)
    if key in bus.sessions or len(bus.sessions) < MOST_SESSION_KINDS:
        bus.sessions.setdefault(key, Counter())[item.reason.value if isinstance(item, Failure) else "complete"] += 1


def _order(item: tuple[int, Flow]) -> tuple:
    """By bus, standard frames first, then by group and sender."""
    bus, identifier = item[0] >> 32, item[0] & 0xFFFFFFFF
    extended = identifier & EXTENDED
    return (bus, bool(extended), pgn_of(identifier) if extended else identifier, identifier & 0xFF, identifier)


def _way(item: dict) -> str:
    return f"{item['source']:02X}>{item['destination']:02X}"


def _ms(value_ns: float | None) -> float | None:
    return None if value_ns is None else value_ns / MS
