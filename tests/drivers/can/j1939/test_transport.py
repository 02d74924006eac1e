"""Transport protocol: sessions apart, lost and repeated packets, time-outs on log time, counts that add up."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.can.j1939.broadcast import broadcast_frames
from drivers.can.j1939.identifier import GLOBAL
from drivers.can.j1939.transport import Failure, Message, Reason, TransportReceiver
from tests.drivers.can.j1939.frames import BRAKES, ENGINE, MS, TOOL, bam, control, packet, packets, receive

TEXT = bytes(range(1, 40))  # 39 bytes, 6 packets
VIN = 0xFEEC


def cts(time_ms: float, count: int, first: int, pgn: int = VIN):
    return control(time_ms, TOOL, ENGINE, 0x11, count, first, 0xFF, 0xFF, pgn=pgn)


def rts(time_ms: float, data: bytes = TEXT, pgn: int = VIN):
    return control(time_ms, ENGINE, TOOL, 0x10, len(data) & 0xFF, len(data) >> 8, -(-len(data) // 7), 0xFF, pgn=pgn)


def acknowledge(time_ms: float, data: bytes = TEXT, pgn: int = VIN):
    return control(time_ms, TOOL, ENGINE, 0x13, len(data) & 0xFF, len(data) >> 8, -(-len(data) // 7), 0xFF, pgn=pgn)


def part(time_ms: float, number: int, data: bytes = TEXT):
    return packet(time_ms, ENGINE, TOOL, number, packets(data)[number - 1])


@given(st.binary(min_size=9, max_size=1785), st.integers(0, 253))
@settings(max_examples=50, deadline=None)
def test_a_broadcast_gives_its_bytes_back(data, source):
    frames = [(n * 50 * MS, *frame) for n, frame in enumerate(broadcast_frames(0xFECA, source, data))]
    messages, failures, receiver = receive(frames)
    assert [(m.pgn, m.source, m.destination, m.data, m.transport) for m in messages] == [(0xFECA, source, GLOBAL, data, "BAM")]
    assert not failures and receiver.open_sessions == 0 and messages[0].time_ns == frames[-1][0]


@pytest.mark.parametrize("length", [0, 8, 1786])
def test_a_broadcast_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match=str(length)):
        list(broadcast_frames(0xFECA, 0, bytes(length)))


def test_pain_24_broadcasts_of_two_senders_interleave():
    """labwired-core#444: a receiver with one session mixes the packets of two senders."""
    frames = sorted(bam(TEXT, source=ENGINE, pgn=0xFEE3) + bam(TEXT[::-1], source=BRAKES, pgn=0xFECA, start_ms=7))
    messages, failures, _ = receive(frames)
    assert [(m.source, m.pgn, m.data) for m in messages] == [(ENGINE, 0xFEE3, TEXT), (BRAKES, 0xFECA, TEXT[::-1])]
    assert not failures


def test_a_broadcast_and_an_addressed_transfer_of_one_sender_interleave():
    frames = (
        bam(TEXT, pgn=0xFECA, gap_ms=60) + [rts(1), cts(5, 6, 1)] + [part(10 + n, n) for n in range(1, 7)] + [acknowledge(20)]
    )
    messages, failures, receiver = receive(sorted(frames))
    assert [(m.pgn, m.destination, m.transport) for m in messages] == [(VIN, TOOL, "RTS/CTS"), (0xFECA, GLOBAL, "BAM")]
    assert all(m.data == TEXT for m in messages) and not failures
    assert (receiver.counts.completed, receiver.counts.completed_broadcast, receiver.counts.acknowledged) == (2, 1, 1)


@pytest.mark.parametrize(("pgn", "kind"), [(0xEF00, "BAM"), (0xFEEC, "RTS/CTS"), (0xEF00, "RTS/CTS"), (0xFECA, "BAM")])
def test_pain_24_the_kind_of_group_does_not_tell_the_kind_of_transfer(pgn, kind):
    """can-j1939#96, python-j1939#21: any group may go either way; the destination is that of the transfer."""
    addressed = [rts(0, pgn=pgn), cts(1, 6, 1, pgn)] + [part(2 + n, n) for n in range(1, 7)] + [acknowledge(9, pgn=pgn)]
    messages, _, _ = receive(bam(TEXT, pgn=pgn) if kind == "BAM" else addressed)
    assert [(m.pgn, m.transport, m.destination) for m in messages] == [(pgn, kind, GLOBAL if kind == "BAM" else TOOL)]


def test_a_lost_packet_ends_a_broadcast_and_the_next_one_is_whole():
    first, second = bam(TEXT), bam(TEXT, start_ms=1000)
    messages, failures, receiver = receive(first[:3] + first[4:] + second)
    assert [m.start_ns for m in messages] == [1000 * MS]
    assert [(f.reason, f.packets_received, f.packets) for f in failures] == [(Reason.OUT_OF_SEQUENCE, 2, 6)]
    assert "packet 4 came where 3 was due" in failures[0].detail
    assert receiver.counts.orphans == 2  # packets 5 and 6; packet 4 ended the session


def test_a_lost_announcement_never_mixes_two_broadcasts():
    first, second = bam(TEXT), bam(TEXT[::-1], start_ms=400)
    messages, failures, receiver = receive(first[:4] + second[1:])
    assert messages == [] and len(failures) == 1
    assert receiver.counts.orphans == 5


def test_a_frame_repeated_by_can_is_counted_and_harmless_in_a_broadcast():
    frames = bam(TEXT)
    messages, failures, receiver = receive([frame for frame in frames for _ in range(2)])
    assert [m.data for m in messages] == [TEXT] and not failures
    assert receiver.counts.duplicates == len(frames) and receiver.counts.orphans == 0


def test_packets_sent_again_on_request_replace_the_lost_ones():
    frames = [rts(0), cts(1, 3, 1), part(2, 1), part(3, 3), cts(4, 2, 2), part(5, 2), part(6, 3), cts(7, 3, 4),
              part(8, 4), part(9, 5), part(10, 6), acknowledge(11)]  # fmt: skip
    messages, failures, receiver = receive(frames)
    assert messages[0].data == TEXT and not failures
    assert (receiver.counts.retransmitted, receiver.counts.acknowledged, receiver.open_sessions) == (1, 1, 0)


def test_packets_of_an_addressed_transfer_may_come_in_any_order():
    order = [4, 2, 6, 1, 3, 5]
    messages, failures, _ = receive([rts(0), cts(1, 6, 1)] + [part(2 + n, number) for n, number in enumerate(order)])
    assert messages[0].data == TEXT and not failures


def test_without_its_acknowledgement_a_whole_message_counts_once():
    frames = [rts(0), cts(1, 6, 1)] + [part(2 + n, n) for n in range(1, 7)] + [rts(5000)]
    messages, failures, receiver = receive(frames)
    assert len(messages) == 1 and not failures and receiver.open_sessions == 1
    assert receiver.counts.acknowledged == 0


def test_an_acknowledgement_without_all_packets_tells_of_a_gap_in_the_log():
    _, failures, _ = receive([rts(0), cts(1, 6, 1), part(2, 1), acknowledge(3)])
    assert [(f.reason, f.detail) for f in failures] == [(Reason.NOT_RECORDED, "5 of 6 packets missing")]


@pytest.mark.parametrize("by_originator", [True, False])
def test_either_side_may_abort(by_originator):
    source, destination = (ENGINE, TOOL) if by_originator else (TOOL, ENGINE)
    frames = [rts(0), cts(1, 6, 1), part(2, 1), control(3, source, destination, 0xFF, 3, 0xFF, 0xFF, 0xFF, pgn=VIN)]
    _, failures, receiver = receive(frames)
    assert failures[0].reason is Reason.ABORTED and failures[0].packets_received == 1
    assert failures[0].detail == f"by the {'originator' if by_originator else 'responder'}, reason 3: time-out"
    assert receiver.open_sessions == 0


def test_an_abort_of_another_group_or_of_nothing_changes_nothing():
    frames = [
        rts(0),
        control(1, TOOL, ENGINE, 0xFF, 3, 255, 255, 255, pgn=0xFEDA),
        control(2, 9, 8, 0xFF, 3, 255, 255, 255, pgn=VIN),
    ]
    _, failures, receiver = receive(frames)
    assert not failures and receiver.open_sessions == 1 and receiver.counts.orphans == 2


@pytest.mark.parametrize(
    ("frames", "silence_ms"),
    [
        (bam(TEXT)[:3], 750),  # T1 between packets
        ([rts(0)], 1250),  # T3 until the first CTS
        ([rts(0), cts(1, 6, 1)], 1250),  # T2 until the first packet
        ([rts(0), cts(1, 6, 1), part(2, 1)], 750),  # T1 within a window
        ([rts(0), cts(1, 1, 1), part(2, 1)], 1250),  # T3 until the next CTS
        ([rts(0), cts(1, 0, 1)], 1050),  # T4 of a held connection
    ],
)
def test_time_outs_run_on_the_times_of_the_log(frames, silence_ms):
    patience_ms = 0 if frames[0][2][0] == 0x20 else 200  # of an addressed transfer, for its own abort
    for late_ns, ends in ((0, False), (1, True)):
        _, _, receiver = receive(frames)
        found = []
        receiver.expire(frames[-1][0] + (silence_ms + patience_ms) * MS + late_ns, found)
        assert [item.reason for item in found] == ([Reason.TIMED_OUT] if ends else [])


def test_a_slow_broadcast_within_its_time_is_whole_and_a_slower_one_is_not():
    assert receive(bam(TEXT, gap_ms=750))[0]
    messages, failures, _ = receive(bam(TEXT, gap_ms=751))
    assert not messages and failures[0].reason is Reason.TIMED_OUT


def test_a_clock_that_goes_back_ends_the_session():
    frames = bam(TEXT, start_ms=100_000)
    _, failures, _ = receive(frames[:3] + [(0, *frames[3][1:])])
    assert failures[0].reason is Reason.CLOCK_WENT_BACK


@pytest.mark.parametrize(
    ("fields", "reason"),
    [((0x20, 0xFA, 0x06, 0xFF, 0xFF), Reason.OVERSIZED), ((0x20, 39, 0, 5, 0xFF), Reason.MALFORMED),
     ((0x20, 0, 0, 0, 0xFF), Reason.MALFORMED), ((0x10, 39, 0, 6, 0xFF), Reason.MALFORMED)],
)  # fmt: skip
def test_announcements_that_cannot_be_are_named(fields, reason):
    _, failures, receiver = receive([control(0, ENGINE, GLOBAL, *fields, pgn=0xFECA)])
    assert [f.reason for f in failures] == [reason] and receiver.open_sessions == 0


def test_a_new_announcement_replaces_the_old_session():
    messages, failures, _ = receive(bam(TEXT)[:3] + bam(TEXT, start_ms=200))
    assert [f.reason for f in failures] == [Reason.REPLACED] and len(messages) == 1


def test_the_extended_protocol_is_counted_and_not_assembled():
    _, _, receiver = receive([(0, 0x98C8F900, bytes(8)), (1, 0x98C7F900, bytes(8))])
    assert receiver.counts.extended == 2 and receiver.open_sessions == 0


def test_sessions_and_memory_are_bounded():
    receiver = TransportReceiver(most_sessions=16)
    frames = [control(n / 1000, n & 0xFF, 0x20 + (n >> 8), 0x10, 0xF9, 6, 255, 255, pgn=VIN) for n in range(4096)]
    _, failures, _ = receive(frames, receiver)
    assert receiver.open_sessions == 16
    assert {f.reason for f in failures} == {Reason.CROWDED_OUT} and len(failures) == 4096 - 16


def test_the_end_of_a_recording_leaves_nothing_open():
    _, _, receiver = receive(bam(TEXT)[:4])
    assert [f.reason for f in receiver.finish()] == [Reason.UNFINISHED] and receiver.open_sessions == 0
    assert adds_up(receiver)


def adds_up(receiver: TransportReceiver) -> bool:
    counts = receiver.counts
    return counts.announced == counts.completed + sum(counts.failed.values()) + receiver.open_sessions


AWKWARD = st.tuples(
    st.integers(0, 5_000_000_000),
    st.sampled_from([0xEC, 0xEB]),
    st.sampled_from([0, 1, 0xFF]),
    st.sampled_from([0, 1]),
    st.one_of(
        st.binary(max_size=8),
        st.tuples(st.sampled_from([0x10, 0x11, 0x13, 0x20, 0xFF, 1, 2, 3]), st.integers(9, 21), st.just(0), st.integers(1, 3),
                  st.just(0xFF), st.just(0xCA), st.just(0xFE), st.just(0)).map(bytes),
    ),
)  # fmt: skip


@given(st.lists(AWKWARD, max_size=60), st.booleans())
@settings(deadline=None)
def test_random_frames_never_crash_and_the_counts_add_up(items, in_order):
    receiver = TransportReceiver(most_sessions=3)
    found: list[Message | Failure] = []
    for time_ns, pdu_format, destination, source, data in sorted(items, key=lambda item: item[0]) if in_order else items:
        found += receiver.receive(time_ns, 7 << 26 | pdu_format << 16 | destination << 8 | source, data)
        assert adds_up(receiver) and receiver.open_sessions <= 3
    found += receiver.finish()
    assert receiver.counts.completed == sum(isinstance(item, Message) for item in found)
    assert sum(receiver.counts.failed.values()) == sum(isinstance(item, Failure) for item in found)
    assert adds_up(receiver)


def test_an_abort_of_a_transfer_to_itself_ends_it_once():
    """Nonsense of a broken controller, found by random frames."""
    receiver, control = TransportReceiver(), 7 << 26 | 236 << 16
    receiver.receive(0, control, bytes([0x10, 9, 0, 2, 0xFF, 0xCA, 0xFE, 0]))
    (failure,) = receiver.receive(1, control, bytes([0xFF, 1, 0xFF, 0xFF, 0xFF, 0xCA, 0xFE, 0]))
    assert failure.reason.name == "ABORTED" and adds_up(receiver) and receiver.open_sessions == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_bus_that_loses_frames_never_gives_wrong_bytes(seed):
    """Every message that comes out is one that was sent, however many frames are missing."""
    chance = random.Random(seed)
    sent, frames = set(), []
    for number in range(200):
        data = chance.randbytes(chance.randrange(9, 60))
        source = chance.choice((ENGINE, BRAKES, 3))
        sent.add((source, data))
        frames += bam(data, source=source, start_ms=number * 1000 + source)
    kept = [frame for frame in sorted(frames) if chance.random() > 0.1]
    messages, failures, receiver = receive(kept)
    assert {(m.source, m.data) for m in messages} <= sent
    assert len(messages) > 60 and failures and adds_up(receiver)
