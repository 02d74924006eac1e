"""Codec, router and J1939: any bytes as frames, values, transfers and words of the command line."""

from __future__ import annotations

import math
import socket
import struct
from collections.abc import Iterator
from functools import cache

import numpy as np
from drivers.can._controller import STATES, ControllerState
from drivers.can._local_source import LocalSource

from autonomy import config, msg
from drivers.can import candump, codec_twin
from drivers.can.codec import Codec
from drivers.can.frame_bits import frame_bits
from drivers.can.frame_filter import FrameFilter
from drivers.can.frame_flags import ERROR
from drivers.can.j1939.address import MOST_EVENTS, AddressTable, Name
from drivers.can.j1939.diagnostics import Diagnostics
from drivers.can.j1939.listener import Listener
from drivers.can.j1939.transport import MOST_SESSIONS, Failure, Message
from drivers.can.route_config import KINDS, read
from drivers.can.router import Router
from drivers.can.router_twin import RouterTwin
from drivers.can.transport import room
from tests.drivers.can.j1939.frames import bam, control
from tests.fuzz.targets.target import Target

FRAME = struct.Struct("<BBHB8s")  # what of the known messages, sender or flags, ms since the last, length, data
TRANSFER = struct.Struct("<BBBHB8s")  # kind of frame, source, destination, ms since the last, length, data
KINDS_OF_FRAME = (0x1CEC0000, 0x1CEB0000, 0x1CEE0000, 0x18FECA00, 0x1CC80000)  # TP.CM, TP.DT, claim, DM1, ETP.CM


def demo_truck():
    """Its configuration without guards, which the router's twin does not have."""
    truck = config.load("vehicles/demo_truck")
    del truck.sections["can"]["guard"]
    return truck


@cache
def demo_router() -> Router:
    return Router.from_config(demo_truck())


@cache
def known_messages() -> list[tuple[int, int]]:
    return [(item.identifier, bus) for bus, database in demo_router().codec.databases.items() for item in database.messages]


def frames_in(data: bytes) -> np.ndarray:
    """CanFrame (n,): the first byte of each record chooses the message, a large one an identifier of nobody."""
    known = known_messages()
    rows = np.zeros(len(data) // FRAME.size, msg.dtype("CanFrame"))
    time_ns = 10**18
    packed = FRAME.iter_unpack(data[: len(rows) * FRAME.size])
    for row, (which, sender, wait_ms, length, content) in zip(rows, packed, strict=True):
        identifier, bus = known[which % len(known)] if which < 250 else (sender * 7919, which - 250)
        time_ns += (wait_ms - 100) * 500_000  # now and then the clock goes back
        row["time_ns"], row["bus"], row["length"], row["flags"] = time_ns, bus, length if length < 16 else 8, length >> 4 & 7
        row["id"] = identifier & ~0xFF | sender if identifier >> 31 and sender < 64 else identifier
        row["data"] = np.frombuffer(content, np.uint8)
    return rows


def codec_decode(data: bytes) -> None:
    """One frame at a time, all at once and the twin give the same bits; every frame is decoded or counted."""
    frames, codec = frames_in(data), Codec(demo_router().codec.databases)
    found: dict[str, list[tuple[bytes, bytes]]] = {}
    for frame in frames:
        assert 0 <= int(frame_bits(frame[None])[0]) <= 160
        if frame["flags"] & 6:  # error frames and remote requests carry no values
            continue
        frame["length"] = min(int(frame["length"]), 8)
        one = codec.decode_record(frame)
        if one is None:
            continue
        message = codec._tables.message_list[codec.find(int(frame["id"]), int(frame["bus"]))]
        values, validity = codec_twin.decode(message, frame["data"][: frame["length"]].tobytes())
        assert one[1].tolist() == validity
        assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(one[0].tolist(), values, strict=True))
        found.setdefault(message.name, []).append((one[0].tobytes(), one[1].tobytes()))
        codec.checksum_holds(int(frame["id"]), frame["data"][: frame["length"]].tobytes(), int(frame["bus"]))
    unknown = codec.unknown_frames
    columns = codec.decode_batch(frames)
    assert sum(map(len, found.values())) + unknown == int(((frames["flags"] & 6) == 0).sum())
    assert codec.unknown_frames == 2 * unknown
    for name, rows in found.items():
        assert columns[name].values.tobytes() == b"".join(values for values, _ in rows)
        assert columns[name].validity.tobytes() == b"".join(validity for _, validity in rows)


def codec_encode(data: bytes) -> None:
    """Any values: a sentence, or a frame that decodes to them within half a step."""
    if len(data) < 2:
        return
    codec = Codec(demo_router().codec.databases)
    index = data[0] % len(codec._tables.message_list)
    message, bus = codec._tables.message_list[index], codec._tables.bus_of_message[index]
    values = np.full(len(message.signals), np.nan)
    given = np.frombuffer(data[2 : 2 + len(data[2:]) // 8 * 8], "<f8")[: len(values)]
    values[: len(given)] = given
    if data[1] & 1:  # what a signal can hold, more or less
        for place, signal in enumerate(message.signals):
            if np.isfinite(values[place]):
                values[place] = signal.offset + signal.scale * (math.fmod(values[place], 1.0) * 2.0**signal.length)
    try:
        identifier, content = codec.encode(message.name, values, bus=bus, counter=data[1] >> 4)
    except ValueError as error:
        assert message.name in str(error)
        return
    assert len(content) == message.length and codec.find(identifier, bus) == index
    decoded, validity = codec.decode(identifier, content, bus)
    row = codec._tables.messages[index]
    protected = {int(row["checksum_signal"]), int(row["counter_signal"])}
    for place, signal in enumerate(message.signals):
        if validity[place] == 0 and np.isfinite(values[place]) and place not in protected and signal.multiplexer is None:
            assert abs(decoded[place] - values[place]) <= 0.5001 * abs(signal.scale) + 1e-9 * abs(values[place]), signal


SIGNALS = msg.constants("SignalSample")
DROPPING_EVENTS = [SIGNALS[name] for name in ("SECOND_SENDER", "CHECKSUM_ERROR")]
EVENTS = [*DROPPING_EVENTS, SIGNALS["COUNTER_ERROR"], SIGNALS["OWN_ADDRESS"]]


def router(data: bytes) -> None:
    """The samples are the twin's, and every frame a route gets is used, unusable or inactive."""
    frames, kernel = frames_in(data), demo_router()
    kernel.reset()
    twin = RouterTwin(read(demo_truck().sections["can"], "demo"), kernel.codec.databases)
    for frame in frames:
        inputs = np.zeros(1, msg.dtype("InputFrame"))
        kernel.route(frame[None], inputs)
        signals = inputs["signal"][0]
        told = signals["items"]["signal"][: signals["count"]]
        dropped = bool(np.isin(told, DROPPING_EVENTS).any())  # by a guard, which the twin has not
        expected = [] if dropped else [kind for kind, *_ in twin.route(frame)]
        expected += ["signal"] * int(np.isin(told, EVENTS).sum())
        for kind in KINDS:
            samples = inputs[kind][0]
            assert samples["count"] == expected.count(kind), kind
            assert not any(np.isinf(samples["items"][name][: samples["count"]]).any() for name in samples["items"].dtype.names
                           if samples["items"].dtype[name] == np.float64)  # fmt: skip
    for counts in kernel.counts().values():
        assert counts["received"] == counts["used"] + counts["unusable"] + counts["inactive"]


def transfers_in(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    time_ns = 10**15
    packed = TRANSFER.iter_unpack(data[: len(data) // TRANSFER.size * TRANSFER.size])
    for kind, source, destination, wait_ms, length, content in packed:
        time_ns += (wait_ms - 200) * 1_000_000
        group = KINDS_OF_FRAME[kind % len(KINDS_OF_FRAME)]
        addressed = 0 if group == 0x18FECA00 else destination << 8
        yield time_ns, 0x80000000 | group | addressed | source, content[: min(length, 8)]


def transport(data: bytes) -> None:
    """Every announced transfer ends as one message or one failure; diagnostic messages that come of it are parsed."""
    listener = Listener()
    whole = failed = frames = 0
    for time_ns, identifier, content in transfers_in(data):
        frames += 1
        for item in listener.hear(time_ns, identifier, content):
            if isinstance(item, Failure):
                failed += 1
            elif item.transport:
                whole += 1
                assert len(item.data) <= 1785
            if isinstance(item, Message):
                diagnostics(item.data)
        counts = listener.transport.counts
        assert counts.announced == whole + failed + listener.transport.open_sessions
        assert (whole, failed) == (counts.completed, sum(counts.failed.values()))
        assert len(listener.transport._sessions) <= MOST_SESSIONS
        assert len(listener.addresses.events) <= MOST_EVENTS and len(listener.addresses.holders) <= 254
    failed += len(listener.transport.finish())
    assert listener.transport.open_sessions == 0 and listener.transport.counts.announced == whole + failed <= frames


def diagnostics(data: bytes) -> None:
    """Trouble codes of DM1 and DM2."""
    try:
        found = Diagnostics.parse(data)
    except ValueError:
        assert len(data) < 2
        return
    assert len(found.codes) <= (len(data) - 2) // 4 and len(found.lamps) == 4 and found.left_over < 4
    assert all(str(code) and 0 <= code.fmi < 32 for code in found.codes)


def name(data: bytes) -> None:
    """A NAME keeps its 64 bits, the reserved one aside."""
    try:
        found = Name.parse(data)
    except ValueError:
        assert len(data) < 8
        return
    assert found.number == int.from_bytes(data[:8], "little") & ~(1 << 48)
    table = AddressTable()
    table.receive(0, data[-1], data)


def frame_words(data: bytes) -> None:
    """What cansend and candump take on the command line: a frame, else a filter, else a ValueError that shows the word."""
    text = data.decode("utf-8", "replace")
    try:
        found = candump.parse_frame(text)
    except ValueError as error:
        assert repr(text)[1:-1] in str(error) or text in str(error)
    else:
        if len(found.data) <= 8:
            row = np.zeros((), msg.dtype("CanFrame"))
            row["id"], row["length"] = found.identifier, found.length if found.is_remote else len(found.data)
            row["flags"] = 4 if found.is_remote else 0
            row["data"][: len(found.data)] = np.frombuffer(found.data, np.uint8)
            assert candump.parse_frame(candump.log_line(row[()], "can0").split()[-1]) == found
    try:
        wanted = FrameFilter.parse(text.split())
    except ValueError as error:
        assert any(word in str(error) for word in text.split())
    else:
        frames = np.zeros(3, msg.dtype("CanFrame"))
        frames["id"] = 0x123, 0x98FEF100, 0x98EAFF00
        mask = wanted.mask(frames)
        assert mask[:2].tolist() == [wanted.accepts(0, 0x123), wanted.accepts(0, 0x98FEF100)]


def local_bus(data: bytes) -> None:
    """Datagrams of a local bus, a length before each: what is a frame comes out as it went in, everything else is counted."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        source, (classic, fd), controller, sent = LocalSource(theirs.fileno()), room(64), ControllerState(), []
        while data and len(sent) < 32:
            sent.append(data[1 : 1 + data[0]] or b"\0")
            ours.send(sent[-1])
            data = data[1 + data[0] :]
        count, fd_count = source.receive(classic.view(np.uint8), fd.view(np.uint8), 0)
        assert [row.tobytes() for row in classic[:count]] == [item for item in sent if len(item) == classic.itemsize]
        assert [row.tobytes() for row in fd[:fd_count]] == [item for item in sent if len(item) == fd.itemsize]
        assert source.odd == len(sent) - count - fd_count
        controller.hear(classic[:count])
        assert 0 <= controller.error_frames <= count and controller.state in STATES


def frame_seeds() -> list[bytes]:
    random = np.random.default_rng(0)
    return [b"".join(FRAME.pack(number, number % 4, 102, 8, random.bytes(8)) for number in range(first, first + 8))
            for first in (0, 8, 16, 24)] + [FRAME.pack(251, 3, 100, 0x28, bytes(8))]  # fmt: skip


def datagram_seeds() -> list[bytes]:
    error = np.zeros(1, msg.dtype("CanFrame"))
    error["id"], error["length"], error["flags"], error["data"][0, 1] = 0x44, 8, ERROR, 0x30
    frames = [np.random.default_rng(1).bytes(24), error.tobytes(), bytes(msg.dtype("CanFdFrame").itemsize), b"odd"]
    return [b"".join(bytes([len(item)]) + item for item in frames), bytes([24]) + error.tobytes()]


def value_seeds() -> list[bytes]:
    return [bytes([number, 1]) + np.linspace(-0.9, 0.9, 8).tobytes() for number in range(0, 40, 4)] + [
        b"\0\0" + np.array([np.nan, np.inf, 1e300, -0.0, 1200.0]).tobytes()
    ]


def transfer_seeds() -> list[bytes]:
    def packed(frames) -> bytes:
        kinds = {0xEC: 0, 0xEB: 1}
        return b"".join(
            TRANSFER.pack(kinds[identifier >> 16 & 0xFF], identifier & 0xFF, identifier >> 8 & 0xFF, 220, len(data), data)
            for _, identifier, data in frames
        )

    request = control(0, 0, 249, 0x10, 9, 0, 2, 0xFF, pgn=0xFECA), control(1, 249, 0, 0x11, 2, 1, 0xFF, 0xFF, pgn=0xFECA)
    claim = TRANSFER.pack(2, 5, 255, 201, 8, bytes(range(8)))
    trouble = TRANSFER.pack(3, 0, 0, 201, 8, b"\x40\xff\x9d\x04\x03\x05\xff\xff")
    two = packed(bam(bytes(9))) + packed(bam(bytes(9), source=3))
    return [packed(bam(bytes(range(20)))), packed(request), two, claim + trouble]


J1939 = tuple(f"drivers.can.j1939.{part}" for part in ("transport", "address", "diagnostics", "identifier", "listener"))
WORDS = [b"123#DEADBEEF", b"18FEF100#00.11.22", b"123#R4", b"123:7FF pgn=FEF1,EA00", b"sa=00 bus=1"]
TARGETS = [
    Target("codec_decode", codec_decode, frame_seeds, ("drivers.can.codec", "drivers.can.codec_twin"), 512),
    Target("codec_encode", codec_encode, value_seeds, ("drivers.can.codec",), 512),
    Target("router", router, frame_seeds, ("drivers.can.router", "drivers.can.router_twin"), 512),
    Target("transport", transport, transfer_seeds, J1939, 2048),
    Target("diagnostics", diagnostics, lambda: [b"\x40\xff\x9d\x04\x03\x05\xff\xff", b"\x15\x55" + bytes(range(12))], J1939, 64),
    Target("name", name, lambda: [bytes(range(8))], J1939, 16),
    Target("local_bus", local_bus, datagram_seeds, ("drivers.can.local_bus",), 512),
    Target("frame_words", frame_words, lambda: WORDS, ("drivers.can.candump", "drivers.can.frame_filter"), 64),
]  # fmt: skip
