"""Datagrams as they came, with the kernel's time and its count of what found no room."""

from __future__ import annotations

import socket

import pytest
from drivers.udp._batch import DatagramBatch

from autonomy.errors import EnvironmentFault
from drivers.udp.receiver import UdpReceiver


@pytest.fixture
def receiver():
    made = UdpReceiver("127.0.0.1", 0)
    yield made
    made.close()


def sender() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def test_datagrams_arrive_whole_with_sender_and_time(receiver):
    node = sender()
    node.bind(("127.0.0.1", 0))
    contents = [b"", b"abc", bytes(range(256)) * 100]
    for content in contents:
        node.sendto(content, ("127.0.0.1", receiver.port))
    found = receiver.receive(1.0)
    assert [item.data for item in found] == contents and receiver.lost == 0
    assert {(item.source_address, item.source_port) for item in found} == {(0x7F000001, node.getsockname()[1])}
    times = [item.time_ns for item in found]
    assert times == sorted(times) and times[0] > 0
    assert receiver.receive(0.0) == []
    node.close()


def test_pain_10_what_found_no_room_is_counted_with_the_next(receiver):
    receiver._node.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    node = sender()
    for number in range(200):
        node.sendto(number.to_bytes(4, "big") + bytes(500), ("127.0.0.1", receiver.port))
    found = receiver.receive(1.0)
    node.sendto(b"next", ("127.0.0.1", receiver.port))
    found += receiver.receive(1.0)
    assert found[-1].data == b"next" and len(found) - 1 + receiver.lost == 200 and receiver.lost > 0
    node.close()


def test_a_port_that_is_taken_is_one_sentence(receiver):
    with pytest.raises(EnvironmentFault, match=f"UDP 127.0.0.1:{receiver.port} cannot be opened"):
        UdpReceiver("127.0.0.1", receiver.port)


def test_a_batch_holds_64_and_leaves_the_rest(receiver):
    node = sender()
    for number in range(100):
        node.sendto(number.to_bytes(2, "big"), ("127.0.0.1", receiver.port))
    found = [receiver.receive(1.0), receiver.receive(1.0), receiver.receive(0.0)]
    assert [len(batch) for batch in found] == [64, 36, 0]
    assert [int.from_bytes(item.data, "big") for batch in found for item in batch] == list(range(100))
    node.close()


def test_the_longest_datagram_comes_whole_and_a_closed_socket_is_an_error(receiver):
    node = sender()
    longest = bytes(range(256)) * 255 + bytes(227)  # 65 507 bytes: what IPv4 and UDP leave
    node.sendto(longest, ("127.0.0.1", receiver.port))
    assert receiver.receive(1.0)[0].data == longest
    node.close()
    with pytest.raises(OSError, match="the socket is closed"):
        DatagramBatch(-1).receive(0)


def test_a_closed_receiver_reads_nobody_elses_socket():
    closed = UdpReceiver("127.0.0.1", 0)
    number = closed.fileno()
    closed.close()
    other = UdpReceiver("127.0.0.1", 0)
    assert other.fileno() == number, "the system gives the lowest number that is free"
    node = sender()
    node.sendto(b"abc", ("127.0.0.1", other.port))
    with pytest.raises(EnvironmentFault, match="failed"):
        closed.receive(1.0)
    assert other.receive(1.0)[0].data == b"abc"
    node.close()
    other.close()
