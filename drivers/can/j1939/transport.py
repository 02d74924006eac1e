"""Reassembles J1939 messages of 9 to 1785 bytes from the frames of the transport protocol (SAE J1939-21, 5.10).

An observer, not a node: it never answers. One session per (originator, responder) and direction, any number of them
interleaved. A broadcast (BAM) has no repetition, so a packet out of sequence ends it; the very same frame once more, as
CAN itself repeats one whose end was garbled, does not. An addressed transfer (RTS/CTS) may
repeat packets, so they are placed by number and the last one sent counts; it is complete when every packet is there,
whether or not the acknowledgement was recorded. Time-outs run on the frames' own times, so a log gives what the bus gave.

Every announced session ends as exactly one Message or one Failure, or is still open. The extended protocol (ETP, more
than 1785 bytes, not used on trucks' highway buses) is counted and not assembled.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from drivers.can.j1939.identifier import (
    EXTENDED_TRANSPORT_CONTROL,
    EXTENDED_TRANSPORT_DATA,
    GLOBAL,
    TRANSPORT_CONTROL,
    TRANSPORT_DATA,
    is_pdu1,
    pgn_of,
)

__all__ = ["ABORT_REASONS", "Counts", "Failure", "Message", "Reason", "Timeouts", "TransportReceiver", "is_transport"]

RTS, CTS, END_OF_MESSAGE_ACK, BAM, ABORT = 0x10, 0x11, 0x13, 0x20, 0xFF
PACKET_BYTES = 7
MOST_BYTES = 1785  # 255 packets
FEWEST_BYTES = 9  # less fits one frame; assembled all the same, and counted
MOST_SESSIONS = 256
TRANSPORT_GROUPS = frozenset((TRANSPORT_CONTROL, TRANSPORT_DATA, EXTENDED_TRANSPORT_CONTROL, EXTENDED_TRANSPORT_DATA))
MS = 1_000_000
# Tr of SAE J1939-21: a node whose time is over has this long to say so. Recorded aborts came up to 10 ms after T3
RESPONSE_NS = 200 * MS

# SAE J1939-21 table 7, as the Linux kernel names them (net/can/j1939/transport.c)
ABORT_REASONS = {
    1: "already in a session, cannot support another",
    2: "resources were needed for another task",
    3: "time-out",
    4: "CTS received while data were being sent",
    5: "most retransmissions reached",
    6: "unexpected data packet",
    7: "bad sequence number",
    8: "duplicate sequence number",
    250: "other",
}


class Reason(StrEnum):
    """Why a session gave no message."""

    ABORTED = "aborted"
    TIMED_OUT = "timed out"
    OUT_OF_SEQUENCE = "out of sequence"
    NOT_RECORDED = "acknowledged, but not all of it recorded"
    REPLACED = "replaced by a new announcement"
    OVERSIZED = "oversized"
    MALFORMED = "malformed"
    CROWDED_OUT = "crowded out"
    CLOCK_WENT_BACK = "clock went back"
    UNFINISHED = "unfinished at the end"


@dataclass(frozen=True)
class Timeouts:
    """SAE J1939-21, 5.10.2.4, in nanoseconds."""

    t1_ns: int = 750 * MS  # between two data packets
    t2_ns: int = 1250 * MS  # from CTS to the first packet it asks for
    t3_ns: int = 1250 * MS  # from the last packet of a window to CTS or acknowledgement, and from RTS to CTS
    t4_ns: int = 1050 * MS  # from a CTS that holds the connection open to the next CTS


class Message(NamedTuple):
    """One complete parameter group, from a single frame (`transport` empty) or from a session ("BAM", "RTS/CTS")."""

    time_ns: int  # of the last frame
    start_ns: int  # of the first one
    priority: int
    pgn: int
    source: int
    destination: int
    data: bytes
    transport: str = ""

    @property
    def identifier(self) -> int:
        """As if it had come in one frame, bit 31 set: what the codec decodes it by."""
        addressed = self.destination << 8 if is_pdu1(self.pgn) else 0
        return 0x80000000 | self.priority << 26 | self.pgn << 8 | addressed | self.source


class Failure(NamedTuple):
    """A session that gave no message."""

    time_ns: int
    start_ns: int
    pgn: int
    source: int
    destination: int
    size: int
    packets_received: int
    packets: int
    transport: str
    reason: Reason
    detail: str  # what was seen, in words


@dataclass
class Counts:
    """What a receiver has seen. announced = completed + sum(failed) + open sessions."""

    announced: int = 0  # BAM and RTS
    completed: int = 0
    completed_broadcast: int = 0
    acknowledged: int = 0  # of the addressed ones
    failed: Counter[Reason] = field(default_factory=Counter)
    duplicates: int = 0  # the same announcement or broadcast packet once more, as CAN does when an acknowledgement is garbled
    retransmitted: int = 0  # packets sent again on request
    undersized: int = 0  # sessions for 8 bytes or less
    orphans: int = 0  # frames that belong to no open session
    malformed: int = 0  # frames too short, of unknown control byte, or with a packet number that cannot be
    extended: int = 0  # frames of the extended protocol, not assembled

    def as_json(self) -> dict:
        return {**vars(self), "failed": {reason.value: count for reason, count in sorted(self.failed.items())}}


@dataclass(slots=True)
class _Session:
    start_ns: int
    last_ns: int
    deadline_ns: int
    priority: int
    announcement: bytes
    pgn: int
    size: int
    packets: int
    is_broadcast: bool
    buffer: bytearray = field(default_factory=bytearray)
    received: set[int] = field(default_factory=set)
    last_packet: int = 0
    window_end: int = 0  # last packet the responder has asked for
    delivered: bool = False


def is_transport(identifier: int) -> bool:
    """True for a frame that belongs to the transport protocol and means nothing alone."""
    return pgn_of(identifier) in TRANSPORT_GROUPS


class TransportReceiver:
    """The sessions of one bus. Memory is bounded by `most_sessions` messages of 1785 bytes."""

    def __init__(self, *, most_sessions: int = MOST_SESSIONS, timeouts: Timeouts | None = None) -> None:
        self.counts = Counts()
        self._most = most_sessions
        self._timeouts = timeouts or Timeouts()
        self._sessions: dict[tuple[int, int], _Session] = {}  # (originator, responder)
        self._last_packets: dict[int, bytes] = {}  # of each originator's last complete broadcast

    @property
    def open_sessions(self) -> int:
        """Announced and not yet complete."""
        return sum(not session.delivered for session in self._sessions.values())

    def receive(self, time_ns: int, identifier: int, data: bytes) -> list[Message | Failure]:
        """Takes one frame (others than TP are ignored) and returns what it completes or ends, in order."""
        pgn = pgn_of(identifier)
        if pgn not in TRANSPORT_GROUPS:
            return []
        found: list[Message | Failure] = []
        self.expire(time_ns, found)
        source, destination = identifier & 0xFF, identifier >> 8 & 0xFF
        if pgn == TRANSPORT_DATA:
            self._data(time_ns, source, destination, data, found)
        elif pgn != TRANSPORT_CONTROL:
            self.counts.extended += 1
        elif len(data) < 8:
            self.counts.malformed += 1
        else:
            self._control(time_ns, source, destination, identifier >> 26 & 7, data, found)
        return found

    def expire(self, time_ns: int, found: list[Message | Failure]) -> None:
        """Ends the sessions whose time is over, as of `time_ns`."""
        for key, session in list(self._sessions.items()):
            patience_ns = 0 if session.is_broadcast else RESPONSE_NS
            if time_ns > session.deadline_ns + patience_ns:
                silence_ms = (session.deadline_ns - session.last_ns) // MS
                self._fail(key, session.deadline_ns, Reason.TIMED_OUT, f"nothing for {silence_ms} ms", found)

    def finish(self) -> list[Failure]:
        """The sessions still open at the end of the recording."""
        found: list[Message | Failure] = []
        for key in list(self._sessions):
            self._fail(key, self._sessions[key].last_ns, Reason.UNFINISHED, "the recording ends", found)
        return [item for item in found if isinstance(item, Failure)]

    def _control(self, time_ns: int, source: int, destination: int, priority: int, data: bytes, found: list) -> None:
        control = data[0]
        pgn = _group(data)
        if control in (BAM, RTS):
            self._announce(time_ns, source, destination, priority, data, found)
            return
        if control not in (CTS, END_OF_MESSAGE_ACK, ABORT):
            self.counts.malformed += 1
            return
        # CTS and acknowledgement come from the responder; an abort may come from either side
        keys = {(destination, source): None}
        if control == ABORT:
            keys[source, destination] = None  # the same one when somebody writes to itself
        matching = [key for key in keys if key in self._sessions and self._sessions[key].pgn == pgn]
        if not matching:
            self.counts.orphans += 1
        for key in matching:
            session = self._sessions[key]
            if control == CTS:
                self._clear_to_send(time_ns, session, data)
            elif control == ABORT:
                by = "originator" if key[0] == source else "responder"
                text = ABORT_REASONS.get(data[1], "not known")
                self._fail(key, time_ns, Reason.ABORTED, f"by the {by}, reason {data[1]}: {text}", found)
            elif session.delivered:
                self.counts.acknowledged += 1
                del self._sessions[key]
            else:
                missing = session.packets - len(session.received)
                self._fail(key, time_ns, Reason.NOT_RECORDED, f"{missing} of {session.packets} packets missing", found)

    def _announce(self, time_ns: int, source: int, destination: int, priority: int, data: bytes, found: list) -> None:
        key = (source, destination)
        old = self._sessions.get(key)
        if old is not None and old.announcement == data and not old.received:
            self.counts.duplicates += 1
            return
        if old is not None:
            self._fail(key, time_ns, Reason.REPLACED, f"a new {'BAM' if data[0] == BAM else 'RTS'} came", found)
        size, packets, is_broadcast = data[1] | data[2] << 8, data[3], data[0] == BAM
        wait_ns = self._timeouts.t1_ns if is_broadcast else self._timeouts.t3_ns
        session = _Session(time_ns, time_ns, time_ns + wait_ns, priority, bytes(data), _group(data), size, packets, is_broadcast)
        session.window_end = packets if is_broadcast else 0
        self.counts.announced += 1
        self._sessions[key] = session
        if size > MOST_BYTES:
            self._fail(key, time_ns, Reason.OVERSIZED, f"{size} bytes announced, {MOST_BYTES} are the most", found)
        elif size == 0 or packets != -(-size // PACKET_BYTES):
            self._fail(key, time_ns, Reason.MALFORMED, f"{size} bytes announced in {packets} packets", found)
        elif not is_broadcast and destination == GLOBAL:
            self._fail(key, time_ns, Reason.MALFORMED, "request to send (RTS) to the global address", found)
        else:
            self.counts.undersized += size < FEWEST_BYTES
            session.buffer = bytearray(packets * PACKET_BYTES)
            if len(self._sessions) > self._most:
                oldest = min((other for other in self._sessions if other != key), key=lambda it: self._sessions[it].last_ns)
                self._fail(oldest, time_ns, Reason.CROWDED_OUT, f"more than {self._most} sessions at once", found)

    def _clear_to_send(self, time_ns: int, session: _Session, data: bytes) -> None:
        session.last_ns = time_ns
        count, first = data[1], data[2]
        if count == 0:  # holds the connection open
            session.deadline_ns = time_ns + self._timeouts.t4_ns
            return
        session.window_end = min(first + count - 1, session.packets)
        session.deadline_ns = time_ns + self._timeouts.t2_ns

    def _data(self, time_ns: int, source: int, destination: int, data: bytes, found: list) -> None:
        key = (source, destination)
        session = self._sessions.get(key)
        if session is None:
            if destination == GLOBAL and self._last_packets.get(source) == data:
                self.counts.duplicates += 1
            else:
                self.counts.orphans += 1
            return
        if time_ns < session.last_ns - self._timeouts.t1_ns:
            self._fail(key, time_ns, Reason.CLOCK_WENT_BACK, f"by {(session.last_ns - time_ns) // MS} ms", found)
            self.counts.orphans += 1
            return
        number = data[0] if data else 0
        first = (number - 1) * PACKET_BYTES
        wanted = min(PACKET_BYTES, session.size - first)
        if not 1 <= number <= session.packets or len(data) < 1 + wanted:
            self.counts.malformed += 1
            return
        content = bytes(data[1 : 1 + wanted])
        repeated = number in session.received
        if session.is_broadcast:
            if repeated and number == session.last_packet and session.buffer[first : first + wanted] == content:
                self.counts.duplicates += 1
                return
            if number != session.last_packet + 1:
                expected = session.last_packet + 1
                self._fail(key, time_ns, Reason.OUT_OF_SEQUENCE, f"packet {number} came where {expected} was due", found)
                return
        elif repeated:
            self.counts.retransmitted += 1
        session.buffer[first : first + wanted] = content
        session.received.add(number)
        session.last_packet, session.last_ns = number, time_ns
        wait_ns = self._timeouts.t1_ns if number < session.window_end else self._timeouts.t3_ns
        session.deadline_ns = time_ns + wait_ns
        if len(session.received) == session.packets and not session.delivered:
            self._complete(key, session, time_ns, found)
            if session.is_broadcast and destination == GLOBAL:
                self._last_packets[source] = bytes(data)

    def _complete(self, key: tuple[int, int], session: _Session, time_ns: int, found: list) -> None:
        session.delivered = True
        self.counts.completed += 1
        self.counts.completed_broadcast += session.is_broadcast
        found.append(Message(time_ns, session.start_ns, session.priority, session.pgn, *key,
                             bytes(session.buffer[: session.size]), _kind(session)))  # fmt: skip
        if session.is_broadcast:
            del self._sessions[key]

    def _fail(self, key: tuple[int, int], time_ns: int, reason: Reason, detail: str, found: list) -> None:
        session = self._sessions.pop(key)
        if session.delivered:
            return  # an addressed transfer whose acknowledgement was not seen has given its message
        self.counts.failed[reason] += 1
        found.append(Failure(time_ns, session.start_ns, session.pgn, *key, session.size, len(session.received),
                             session.packets, _kind(session), reason, detail))  # fmt: skip


def _group(data: bytes) -> int:
    """The PGN in bytes 6 to 8 of a control frame; some senders leave an address in the low byte of a PDU1 group."""
    pgn = (data[5] | data[6] << 8 | data[7] << 16) & 0x3FFFF
    return pgn & ~0xFF if is_pdu1(pgn) else pgn


def _kind(session: _Session) -> str:
    return "BAM" if session.is_broadcast else "RTS/CTS"
