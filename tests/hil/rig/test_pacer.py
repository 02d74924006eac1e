"""The paced port: whole entries in order, each counted once, whatever its target does (`_pacer`)."""

from __future__ import annotations

import errno
import os
import socket
import threading

import numpy as np
import pytest
from hil.rig._pacer import BYTES, DATAGRAMS, NOTHING, Port
from hypothesis import example, given, settings
from hypothesis import strategies as st

PAST_NS = 0  # of CLOCK_MONOTONIC: everything is due at once


def columns(contents: list[bytes], times_ns: list[int] | None = None) -> tuple:
    lengths = np.array([len(content) for content in contents], np.int64)
    starts = np.cumsum(lengths) - lengths
    data = np.frombuffer(b"".join(contents) or b"\0", np.uint8).copy()
    return np.array(times_ns if times_ns is not None else range(len(contents)), np.int64), starts, lengths, data


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    theirs.setblocking(False)
    yield ours, theirs
    ours.close()
    theirs.close()


def heard(node: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(node.recv(4096))
        except BlockingIOError:
            return found


def add_up(port: Port) -> bool:
    counts = port.counts()
    return counts["queued"] == counts["sent"] + sum(counts["failed"].values()) + counts["waiting"]


def test_entries_go_out_whole_and_in_order(pair):
    ours, theirs = pair
    contents = [b"%03d" % number * (1 + number % 5) for number in range(150)]
    port = Port(ours.fileno(), DATAGRAMS)
    assert port.put(*columns(contents)) == len(contents)
    port.close_input()
    port.run(PAST_NS)
    counts = port.counts()
    assert heard(theirs) == contents and add_up(port)
    assert (counts["sent"], counts["bytes"], counts["failed"]) == (150, sum(map(len, contents)), {})


def test_a_full_target_costs_its_entries_and_tells_why(pair):
    ours, theirs = pair
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    port = Port(ours.fileno(), DATAGRAMS, patience_ns=0)
    contents = [bytes(1000)] * 100
    port.put(*columns(contents))
    port.close_input()
    port.run(PAST_NS)
    counts = port.counts()
    assert 0 < counts["sent"] < 100 and counts["failed"] == {errno.EAGAIN: 100 - counts["sent"]} and counts["waits"] > 0
    assert len(heard(theirs)) == counts["sent"] and add_up(port)


def test_a_target_that_is_gone_fails_each_entry_at_once(pair):
    ours, theirs = pair
    theirs.close()
    port = Port(ours.fileno(), DATAGRAMS, patience_ns=10**12)
    port.put(*columns([b"x"] * 10))
    port.close_input()
    port.run(PAST_NS)
    assert port.counts()["failed"] == {errno.EPIPE: 10} and add_up(port)


def test_a_line_takes_bytes_in_parts():
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    contents = [os.urandom(40_000) for _ in range(10)]  # more than a pipe holds at once
    port = Port(writes, BYTES, patience_ns=10**18)
    port.put(*columns(contents))
    port.close_input()
    thread = threading.Thread(target=port.run, args=(PAST_NS,))
    thread.start()
    found = b""
    while len(found) < 400_000:
        found += os.read(reads, 1 << 16)
    thread.join()
    os.close(reads), os.close(writes)
    counts = port.counts()
    assert found == b"".join(contents) and (counts["sent"], counts["bytes"]) == (10, 400_000)


def test_an_address_goes_with_each_datagram():
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))
    listener.setblocking(False)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    address = np.frombuffer(
        b"\x02\0" + listener.getsockname()[1].to_bytes(2, "big") + socket.inet_aton("127.0.0.1") + bytes(8), np.uint8
    )
    port = Port(sender.fileno(), DATAGRAMS, address=address.copy())
    port.put(*columns([b"one", b"two"]))
    port.close_input()
    port.run(PAST_NS)
    assert heard(listener) == [b"one", b"two"]
    sender.close(), listener.close()


def test_the_bare_loop_keeps_deadlines_and_sends_nothing():
    port = Port(-1, NOTHING)
    port.put(*columns([b"abc"] * 5, [0, 0, 1, 2, 3]))
    port.close_input()
    port.run(PAST_NS)
    histogram, longest_ns = port.lateness()
    assert port.counts()["sent"] == 5 and histogram.sum() == 5 and histogram[-1] == 5  # late by the machine's whole life
    assert longest_ns > 10**9


def test_nothing_goes_out_before_its_time_or_behind_a_stop(pair):
    ours, theirs = pair
    port = Port(ours.fileno(), DATAGRAMS)
    port.put(*columns([b"now", b"in a year"], [0, 365 * 86_400 * 10**9]))
    thread = threading.Thread(target=port.run, args=(PAST_NS,))
    thread.start()
    theirs.setblocking(True)
    assert theirs.recv(100) == b"now"
    port.stop()
    thread.join()
    assert port.counts()["waiting"] == 1 and add_up(port)


def test_python_waits_for_its_turn_and_tells_how_it_went():
    port = Port(-1, NOTHING)
    port.put(*columns([b"a", b"b", b"c"]))
    port.close_input()
    assert port.wait(PAST_NS) == b"a"
    port.sent()
    assert port.wait(PAST_NS) == b"b"
    port.failed(errno.ENOBUFS)
    assert port.wait(PAST_NS) == b"c"
    port.failed(99_999)
    assert port.wait(PAST_NS) is None and port.counts()["failed"] == {0: 1, errno.ENOBUFS: 1} and add_up(port)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=48), max_size=80), st.lists(st.integers(1, 7), min_size=1, max_size=40))
@example([bytes(40), bytes(48)], [1])  # neither fits behind the other: the end that is skipped is free when nothing waits
def test_queue_and_arena_go_round_and_lose_nothing(contents, takes):
    """Put in as much as there is room for, taken out in pieces: the order and every byte stay."""
    port, first, found, turn = Port(-1, NOTHING, entries=8, arena_bytes=64), 0, [], 0
    given_columns = columns(contents)
    while len(found) < len(contents):
        due, starts, lengths, data = given_columns
        first += port.put(due[first:], starts[first:], lengths[first:], data)
        if first == len(contents):
            port.close_input()
        for _ in range(min(takes[turn % len(takes)], len(port))):
            found.append(port.wait(PAST_NS))
            port.sent()
        turn += 1
    assert found == contents and add_up(port)


def test_the_course_is_the_least_lateness_of_each_stretch():
    port = Port(-1, NOTHING, bucket_ns=10)
    port.put(*columns([b""] * 4, [0, 5, 10, 35]))
    port.close_input()
    port.run(PAST_NS)
    seconds, least_ns = port.course()
    assert seconds.tolist() == [5e-9, 15e-9, 35e-9] and (least_ns > 0).all()


@pytest.mark.parametrize(
    "wrong",
    [
        dict(lengths=[5], starts=[0]),
        dict(lengths=[1], starts=[-1]),
        dict(lengths=[-1], starts=[0]),
        dict(lengths=[1], starts=[9]),
    ],
)
def test_bytes_outside_of_the_data_are_refused(wrong):
    port = Port(-1, NOTHING, arena_bytes=64)
    with pytest.raises(ValueError, match="entry 0"):
        port.put(np.zeros(1, np.int64), np.array(wrong["starts"]), np.array(wrong["lengths"]), np.zeros(4, np.uint8))
    with pytest.raises(ValueError, match="arena"):
        port.put(*columns([bytes(65)]))


@pytest.mark.parametrize("wrong", [dict(arena_bytes=100), dict(entries=3), dict(address=np.zeros(200, np.uint8))])
def test_sizes_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError):
        Port(-1, NOTHING, **wrong)
