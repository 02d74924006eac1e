"""Recorded trucks: every session of the logs, held against a plain second implementation."""

from __future__ import annotations

from collections import Counter

import pytest

from drivers.can.j1939.diagnostics import Diagnostics
from drivers.can.j1939.identifier import DM1, DM2
from drivers.can.j1939.listener import Listener
from drivers.can.j1939.transport import Failure, Message, Reason
from tests.drivers.can.j1939.frames import as_frames, can_dataframes, nmfta_frames

pytestmark = pytest.mark.real_data

LOG_TP = "LOG_TP__FCBF0606__00002058__00000001-5FAB8E54.MF4"
IDLE = "J1939_idle__11111111__00000012__00000001.MF4"
PARKED = "J1939_FCBF0606__00003482__00000001.MF4"
KEY_ON = "SampleTruckData.bin"

# log: broadcasts complete by (source, PGN, bytes), failures by reason, repeated frames, DM1 messages, codes in them, claims
EXPECTED = {
    LOG_TP: ({(0, 0xFECA, 390): 14, (0, 0xFEE3, 39): 13, (41, 0xFEE1, 19): 13}, {}, 0, 14, 1358, 41),
    IDLE: ({(0, 0xFECA, 18): 127, (0, 0xFEE3, 39): 25}, {}, 0, 127, 508, 0),
    PARKED: ({(0, 0xFEE3, 28): 13, (0, 0xFEEC, 28): 3}, {}, 0, 0, 0, 0),
    KEY_ON: (
        {(11, 0xFECA, 30): 315, (0, 0xFEE3, 39): 63, (254, 0xFEEB, 28): 13}, {Reason.ABORTED: 38}, 32, 627, 2515, 1
    ),
}  # fmt: skip


def frames_of(recorded_j1939, name):
    pytest.importorskip("asammdf")
    path = recorded_j1939(name)
    return as_frames(nmfta_frames(path) if path.suffix == ".bin" else can_dataframes(path))


def plain_broadcasts(frames, *, knows_repetition):
    """The simplest reading of a broadcast: announcement, then its packets in order from the same sender."""
    waiting, complete, last = {}, [], {}
    for _, identifier, data in frames:
        source, group = identifier & 0xFF, identifier >> 8 & 0x3FFFF
        if group not in (0xECFF, 0xEBFF) or (knows_repetition and last.get(source) == data):
            continue
        last[source] = data
        if data[0] == 0x20 and group == 0xECFF:
            waiting[source] = (int.from_bytes(data[5:8], "little"), int.from_bytes(data[1:3], "little"), b"")
        elif group == 0xEBFF and source in waiting:
            pgn, size, content = waiting.pop(source)
            if data[0] == len(content) // 7 + 1:
                content += data[1:8]
                if len(content) >= size:
                    complete.append((source, pgn, content[:size]))
                else:
                    waiting[source] = (pgn, size, content)
    return complete


@pytest.mark.parametrize("name", EXPECTED)
def test_pain_24_recorded_sessions_are_those_of_a_plain_reading(recorded_j1939, name):
    frames = frames_of(recorded_j1939, name)
    listener, found = Listener(), []
    for frame in frames:
        found += listener.hear(*frame)
    found += listener.transport.finish()
    broadcasts = [item for item in found if isinstance(item, Message) and item.transport == "BAM"]
    failures = Counter(item.reason for item in found if isinstance(item, Failure))
    diagnostics = [item for item in found if isinstance(item, Message) and item.pgn in (DM1, DM2)]
    codes = sum(len(Diagnostics.parse(item.data).codes) for item in diagnostics)
    counts, claims = listener.transport.counts, listener.addresses.claims
    naive = plain_broadcasts(frames, knows_repetition=False)
    print(f"{name}: {len(frames)} frames, {counts.announced} sessions announced, {counts.completed} complete "
          f"({len(naive)} for a reader that takes a repeated frame for a lost one), {dict(failures)}, "
          f"{counts.duplicates} repeated frames, {len(diagnostics)} DM1 with {codes} codes, {claims} claims")  # fmt: skip
    assert [(m.source, m.pgn, m.data) for m in broadcasts] == plain_broadcasts(frames, knows_repetition=True)
    assert (Counter((m.source, m.pgn, len(m.data)) for m in broadcasts), failures, counts.duplicates, len(diagnostics), codes,
            claims) == EXPECTED[name]  # fmt: skip
    assert counts.orphans == counts.malformed == counts.extended == 0
    assert counts.announced == counts.completed + sum(counts.failed.values())


def test_the_recorded_aborts_are_those_of_an_engine_nobody_answers(recorded_j1939):
    """Engine to service tool, one every 5 s in turn: software, vehicle and component identification."""
    listener, failures = Listener(), []
    for frame in frames_of(recorded_j1939, KEY_ON):
        failures += [item for item in listener.hear(*frame) if isinstance(item, Failure)]
    assert Counter((f.source, f.destination, f.pgn) for f in failures) == {
        (0, 249, 0xFEDA): 13,
        (0, 249, 0xFEEC): 13,
        (0, 249, 0xFEEB): 12,
    }
    assert {f.detail for f in failures} == {"by the originator, reason 3: time-out"}
