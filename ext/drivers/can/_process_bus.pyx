"""A CAN bus between the threads of one process: each node has a ring (drivers/ring/README.md) that the others' frames go into.

Senders take turns by the GIL, which they hold for the copies only; a receiver that waits sleeps without it on an event.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy
from posix.time cimport CLOCK_REALTIME
from posix.unistd cimport close, read, write

import os

from autonomy.errors import EnvironmentFault
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH, CanFdFrame, CanFrame
from drivers._clocks cimport clock_ns
from drivers._sockets cimport POLLIN, poll, pollfd
from drivers.ring._ring cimport Ring, RingMemory, ring_commit, ring_peek, ring_release, ring_reserve

require(__name__, LAYOUT_HASH)

cdef struct Slot:
    uint64_t is_fd
    CanFdFrame frame            # of a CanFrame the first bytes

cdef dict buses = {}            # name: nodes


@cython.final
cdef class ProcessNode:
    """A Transport (drivers/can/transport.py). A node that does not read loses what finds no room, and `lost` counts it."""
    cdef readonly str channel
    cdef readonly bint has_fd
    cdef readonly bint hears_itself
    cdef readonly bint stamps_arrival
    cdef readonly str clock
    cdef Ring _inbox
    cdef RingMemory *inbox
    cdef list _nodes
    cdef int event
    cdef bint waits

    def __init__(self, str channel, uint64_t slots=1 << 14):
        self.channel, self.has_fd, self.clock = channel, True, "the time of sending, CLOCK_REALTIME"
        self.stamps_arrival = True
        self._inbox = Ring(slots, sizeof(Slot))
        self.inbox = self._inbox.memory
        self.event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._nodes = buses.setdefault(channel, [])
        self._nodes.append(self)

    def send(self, frames, double timeout_s=0.0) -> int:
        """Rows of CanFrame or CanFdFrame to all other nodes; there is always room, or the loss is the receiver's."""
        cdef Py_buffer view
        cdef ProcessNode other
        cdef int64_t now_ns
        cdef Py_ssize_t count = 0, n
        cdef Slot *slot
        if self.inbox == NULL:
            raise EnvironmentFault(f"CAN interface 'process' channel '{self.channel}' is closed")
        PyObject_GetBuffer(frames, &view, PyBUF_SIMPLE)
        try:
            if view.itemsize != sizeof(CanFrame) and view.itemsize != sizeof(CanFdFrame):
                raise ValueError(f"rows of {view.itemsize} bytes are neither CanFrame nor CanFdFrame")
            count = view.len // view.itemsize
            now_ns = clock_ns(CLOCK_REALTIME)
            for other in self._nodes:
                if other is self:
                    continue
                for n in range(count):
                    slot = <Slot*> ring_reserve(other.inbox)
                    if slot == NULL:
                        continue
                    slot.is_fd = view.itemsize == sizeof(CanFdFrame)
                    memcpy(&slot.frame, <const uint8_t*> view.buf + n * view.itemsize, view.itemsize)
                    slot.frame.time_ns = now_ns
                    ring_commit(other.inbox)
                if other.waits and count:
                    other._wake()
        finally:
            PyBuffer_Release(&view)
        return count

    def receive(self, classic, fd, double timeout_s) -> tuple:
        """See transport.py."""
        cdef Py_buffer first, second
        cdef int count = 0, fd_count = 0
        cdef pollfd waiting
        cdef int timeout_ms
        cdef uint64_t seen
        if self.inbox == NULL:
            raise EnvironmentFault(f"CAN interface 'process' channel '{self.channel}' is closed")
        PyObject_GetBuffer(classic, &first, PyBUF_WRITABLE)
        try:
            PyObject_GetBuffer(fd, &second, PyBUF_WRITABLE)
            try:
                self._take(&first, &second, &count, &fd_count)
                if not count + fd_count and timeout_s > 0.0:
                    # Told before the GIL is let go: whoever sends from here on wakes
                    self.waits = True
                    timeout_ms = max(1, <int> (timeout_s * 1e3))
                    waiting.fd, waiting.events, waiting.revents = self.event, POLLIN, 0
                    with nogil:
                        poll(&waiting, 1, timeout_ms)
                        read(self.event, &seen, sizeof(seen))
                    self.waits = False
                    if self.inbox != NULL:
                        self._take(&first, &second, &count, &fd_count)
            finally:
                PyBuffer_Release(&second)
        finally:
            PyBuffer_Release(&first)
        return count, fd_count

    def lost(self) -> int:
        return self._inbox.refused

    def close(self):
        """Leaves the bus."""
        if self.inbox != NULL:
            self.inbox = NULL
            self._nodes.remove(self)
            if not self._nodes:
                buses.pop(self.channel, None)
            self._wake()

    def __dealloc__(self):
        close(self.event)

    cdef void _take(self, Py_buffer *classic, Py_buffer *fd, int *count, int *fd_count):
        cdef const Slot *slot
        cdef int room = <int> (classic.len // sizeof(CanFrame)), fd_room = <int> (fd.len // sizeof(CanFdFrame))
        while count[0] < room and fd_count[0] < fd_room:
            slot = <const Slot*> ring_peek(self.inbox)
            if slot == NULL:
                return
            if slot.is_fd:
                (<CanFdFrame*> fd.buf)[fd_count[0]] = slot.frame
                fd_count[0] += 1
            else:
                memcpy(&(<CanFrame*> classic.buf)[count[0]], &slot.frame, sizeof(CanFrame))
                count[0] += 1
            ring_release(self.inbox)

    cdef void _wake(self):
        cdef uint64_t one = 1
        write(self.event, &one, sizeof(one))
