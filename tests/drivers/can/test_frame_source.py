"""Frames from a source: as many rows as there are, in order; both kinds; the end of a bus."""

from __future__ import annotations

import errno
import signal
import socket
import threading

import numpy as np
import pytest
from drivers.can._frame_source import FrameSource
from drivers.can._local_source import LocalSource

from autonomy import msg
from drivers.can.transport import room
from tests.drivers.can.build import can_frame


@pytest.fixture
def ends():
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    yield pair
    for end in pair:
        end.close()


def receive(source: FrameSource, rows: int) -> tuple[np.ndarray, np.ndarray]:
    classic, fd = room(rows)
    count, fd_count = source.receive(classic.view(np.uint8), fd.view(np.uint8), 0)
    return classic[:count], fd[:fd_count]


def test_rows_come_in_order_and_what_has_no_room_stays(ends):
    source = LocalSource(ends[1].fileno())
    for number in range(150):
        ends[0].send(can_frame(number, bytes([number % 256])).tobytes())
    assert receive(source, 100)[0]["id"].tolist() == list(range(100))
    assert receive(source, 100)[0]["id"].tolist() == list(range(100, 150))
    assert not len(receive(source, 100)[0])


def test_both_kinds_keep_their_own_order(ends):
    source, long = LocalSource(ends[1].fileno()), np.zeros(1, msg.dtype("CanFdFrame"))
    for number in range(70):
        long["id"] = 1000 + number
        ends[0].send(can_frame(number, b"").tobytes() if number % 3 else long.tobytes())
    classic, fd = receive(source, 256)
    assert classic["id"].tolist() == [number for number in range(70) if number % 3]
    assert fd["id"].tolist() == [1000 + number for number in range(0, 70, 3)]


def test_the_end_of_a_bus_is_told_behind_its_last_frame(ends):
    source = LocalSource(ends[1].fileno())
    ends[0].send(can_frame(1, b"").tobytes())
    ends[0].shutdown(socket.SHUT_RDWR)
    assert len(receive(source, 8)[0]) == 1
    with pytest.raises(OSError) as raised:
        receive(source, 8)
    assert raised.value.errno == errno.ECONNRESET
    source.close()
    with pytest.raises(OSError, match="the bus is closed"):
        receive(source, 8)


def test_no_room_is_an_error_of_who_asks(ends):
    with pytest.raises(ValueError, match="no room"):
        LocalSource(ends[1].fileno()).receive(np.zeros(0, np.uint8), np.zeros(0, np.uint8), 0)


def test_what_is_no_frame_is_counted_and_loses_nothing_else(ends):
    source = LocalSource(ends[1].fileno())
    for number in range(3):
        ends[0].send(can_frame(number, b"").tobytes())
        ends[0].send(bytes(10 + 100 * number))
    assert receive(source, 64)[0]["id"].tolist() == [0, 1, 2] and source.odd == 3


def test_a_signal_does_not_end_a_wait(ends):
    source, rows, waiting = LocalSource(ends[1].fileno()), room(4), threading.main_thread().ident
    before = signal.signal(signal.SIGUSR2, lambda *_: None)

    def disturb() -> None:
        for _ in range(2000):
            signal.pthread_kill(waiting, signal.SIGUSR2)
        ends[0].send(can_frame(7, b"").tobytes())

    thread = threading.Thread(target=disturb)
    try:
        thread.start()
        assert source.receive(rows[0].view(np.uint8), rows[1].view(np.uint8), 60_000) == (1, 0)
    finally:
        thread.join()
        signal.signal(signal.SIGUSR2, before)
