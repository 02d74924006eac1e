"""What a fault acts on in one log: which channels, and for CAN which frames (plans.py)."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autonomy import msg
from autonomy.errors import UsageError
from autonomy.faults.fields import GROUND_FIELDS, SAMPLE_MESSAGES
from autonomy.faults.plans import Plans
from autonomy.faults.timeline import ARITHMETIC_KINDS, VALUE_KINDS, Fault
from drivers.can.route_config import Route, read
from drivers.serial.route_config import PREFIX, ports_of
from drivers.serial.route_config import read as read_serial
from drivers.udp.message import HEAD_BYTES

if TYPE_CHECKING:
    from autonomy.playback.source import LogSource

BUS = re.compile(r"can(\d+)")
SENDER = re.compile(r"(.+)@([0-9A-Fa-f]{1,2})")
ARRAY_FIELD = re.compile(r"(\w+)\[(\d+)\]")
DATA_AT = {PREFIX: msg.list_layout("SerialBytes")[1], "/raw/udp/": HEAD_BYTES}
MOVING_KINDS = ("delay", "reorder", "duplicate", "clock_jump")


@dataclass
class Target:
    """Arrays by channel id. `plans` None: every frame of the CAN channels as a whole."""

    channels: np.ndarray  # bool
    is_can: np.ndarray  # bool
    hashes: np.ndarray  # uint64, from the topic's name: the same in a log with other channel numbers
    kinds: list[str | None]  # of the samples a channel carries
    plans: Plans | None
    data_at: np.ndarray  # int64: where the bytes of a SerialBytes or an UdpPacket begin, behind their time and count; else 0
    signal: str | None = None


def bind(fault: Fault, where: str, source: LogSource) -> Target:
    """Finds what a fault means in a log. Raises UsageError when it means nothing there."""
    topics = {number: channel.topic for number, channel in source.reader.channels.items()}
    buses = {number: name for number, topic in topics.items() if (name := _bus_name(topic)) is not None}
    is_list = {number: topic[4:] for number, topic in topics.items() if topic.startswith("/in/") and topic[4:] in SAMPLE_MESSAGES}
    chosen, kind, message = _choose(fault, where, topics, buses, is_list, source)
    if fault.message is not None:
        if message is not None and message != fault.message:
            raise UsageError(f"{where}: message = '{fault.message}' and source = '{message}' name two messages; "
                             "give the bus as source")  # fmt: skip
        message = fault.message
        chosen = {number for number in chosen if number in buses}
        if not chosen:
            raise UsageError(f"{where}: message = '{message}' narrows CAN only, and '{fault.source}' has no CAN frames in "
                             "this log; leave it out")  # fmt: skip
    plans = _plans(fault, where, kind, message, source) if chosen & buses.keys() else None
    _check(fault, where, chosen, kind, topics, buses, is_list, plans, source)
    size = max(topics, default=0) + 1
    target = Target(np.zeros(size, bool), np.zeros(size, bool), np.zeros(size, np.uint64), [None] * size, plans,
                    np.zeros(size, np.int64), fault.signal)  # fmt: skip
    if plans is not None and kind is None and message is None and fault.signal is None and fault.kind not in VALUE_KINDS:
        target.plans = None
    for number in chosen:
        target.channels[number] = True
        target.is_can[number] = number in buses
        target.data_at[number] = next((at for prefix, at in DATA_AT.items() if topics[number].startswith(prefix)), 0)
        target.hashes[number] = zlib.crc32(topics[number].encode())
        target.kinds[number] = is_list.get(number)
    return target


def sample_field(dtype: np.dtype, name: str) -> tuple[str, int | None] | None:
    """(field, index in it or None) of a float field such as `x` or `left[0]`; None when there is none of that name."""
    found = ARRAY_FIELD.fullmatch(name)
    base, index = (found[1], int(found[2])) if found else (name, None)
    if base not in dtype.names or dtype.fields[base][0].base.kind != "f":
        return None
    shape = dtype.fields[base][0].shape
    if (index is None) != (shape == ()) or (index is not None and index >= shape[0]):
        return None
    return base, index


def _choose(fault, where, topics, buses, is_list, source) -> tuple[set[int], str | None, str | None]:
    """(channels, kind of sample or None, message or None) that `source` stands for."""
    name = fault.source
    if name in SAMPLE_MESSAGES:
        routed = any(route.kind == name for route in _routes(source))
        serial = read_serial(source.config.sections.get("serial", {}), str(source.config.path))
        lines = {PREFIX + port for port in ports_of(serial, name)}
        ports = {number for number, topic in topics.items() if topic in lines}
        return {n for n, kind in is_list.items() if kind == name} | ports | (set(buses) if routed else set()), name, None
    if BUS.fullmatch(name):
        return {number for number, bus in buses.items() if bus == name}, None, None
    if name.startswith("/"):
        chosen = {number for number, topic in topics.items() if topic == name}
        if chosen and not (chosen <= is_list.keys() or name.startswith("/raw/")):
            raise UsageError(f"{where}: source = '{name}' is no input of the stack; use a topic /raw/... or /in/<kind of sample>")
        return chosen, is_list.get(next(iter(chosen), -1)), None
    devices = {number for number, topic in topics.items() if topic.startswith("/raw/") and topic.rsplit("/", 1)[1] == name}
    if devices:
        return devices, None, None
    plain = SENDER.fullmatch(name)[1] if SENDER.fullmatch(name) else name
    if any(message.name == plain for message in source.router.codec._tables.message_list):
        return set(buses), None, name
    raise UsageError(
        f"{where}: source = '{name}' is not known; use a kind of sample ({', '.join(SAMPLE_MESSAGES)}), a bus "
        f"({', '.join(sorted(set(buses.values()))) or 'none in this log'}), a topic, a device or a CAN message"
    )


def _plans(fault: Fault, where: str, kind: str | None, message: str | None, source: LogSource) -> Plans:
    sender = None
    if message is not None and (found := SENDER.fullmatch(message)):
        message, sender = found[1], int(found[2], 16)
    plans = Plans(fault, source.router.codec, _routes(source), kind, message, sender)
    if message is not None and not plans.messages():
        names = sorted(item.name for item in source.router.codec._tables.message_list)
        close = [name for name in names if message[:3].lower() in name.lower()][:8] or names[:8]
        feeding = f" feeds {kind} samples" if kind else " is in the databases"
        raise UsageError(f"{where}: message = '{message}': no such message{feeding}; there are {', '.join(close) or 'none'}")
    return plans


def _check(fault, where, chosen, kind, topics, buses, is_list, plans, source) -> None:
    """Raises UsageError where the fault could do nothing, or not what it says."""
    present = sorted({*is_list.values(), *buses.values(), *(topic for topic in topics.values() if topic.startswith("/raw/"))})
    if not chosen or (chosen <= buses.keys() and kind and not plans.messages()):
        raise UsageError(f"{where}: source = '{fault.source}' is not in this log; it has {', '.join(present) or 'no input'}")
    if source.mode == "frames":
        if fault.kind in MOVING_KINDS:
            raise UsageError(f"{where}: kind = '{fault.kind}' cannot be done to logged frames, which belong to their tick; "
                             "use --from raw")  # fmt: skip
        if chosen <= buses.keys():
            raise UsageError(f"{where}: source = '{fault.source}' is raw CAN, which a replay from frames does not read; "
                             "use --from raw")  # fmt: skip
    bytes_only = [topics[number] for number in sorted(chosen) if number not in buses and number not in is_list]
    if bytes_only and (fault.kind in VALUE_KINDS or fault.signal is not None):
        raise UsageError(f"{where}: kind = '{fault.kind}' needs decoded values, {bytes_only[0]} carries plain bytes; "
                         "use drop, delay, duplicate, reorder, corrupt or clock_jump")  # fmt: skip
    if bytes_only and fault.kind == "clock_jump" and fault.value < 0:
        raise UsageError(f"{where}: value = {fault.value:g} sets stamps back, {bytes_only[0]} carries plain bytes without any; "
                         "a jump forwards is possible")  # fmt: skip
    if fault.kind in ARITHMETIC_KINDS and fault.signal is None:
        if kind is None:
            raise UsageError(f"{where}: signal is missing; {fault.kind} on '{fault.source}' needs the signal it acts on")
        if kind == "gnss" and fault.kind == "scale":
            raise UsageError(f"{where}: signal is missing; a position cannot be scaled, name a field such as speed")
    if fault.signal is not None:
        known = plans.signal_names() if plans is not None else set()
        if kind is not None:
            dtype = msg.dtype(SAMPLE_MESSAGES[kind])
            if sample_field(dtype, fault.signal) or (kind == "gnss" and fault.signal in GROUND_FIELDS):
                return
            known |= {name for name in dtype.names if dtype.fields[name][0].base.kind == "f"}
        if fault.signal not in known:
            shown = ", ".join(sorted(known)[:24]) or "none"
            raise UsageError(f"{where}: signal = '{fault.signal}' is not known for '{fault.message or fault.source}'; "
                             f"known are {shown}")  # fmt: skip


def _routes(source: LogSource) -> list[Route]:
    return read(source.config.sections.get("can", {}), str(source.config.path)).route


def _bus_name(topic: str) -> str | None:
    if not topic.startswith("/raw/can/"):
        return None
    name = topic.removeprefix("/raw/can/")
    return f"can{name}" if name.isdigit() else name
