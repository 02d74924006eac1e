"""A bus's frames from their source into rings, without the GIL: stamped, in the bus's order (autonomy/runtime/reception.py)."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from posix.time cimport CLOCK_REALTIME

import numpy as np

from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH, CanFdFrame, CanFrame, CanFrame_FLAG_ERROR, CanFrame_FLAG_REMOTE
from drivers._clocks cimport clock_ns, monotonic_ns
from drivers.can._frame_source cimport FrameSource, Taken
from drivers.ring._ring cimport Ring, RingMemory, ring_load_acquire, ring_push, ring_store_release

require(__name__, LAYOUT_HASH)

cdef enum:
    BATCH = 256
    MOST_GROUPS = 32
    PDU2 = 240                  # SAE J1939-21: PDU formats from here on carry no destination
cdef uint32_t EXTENDED = 1u << 31
cdef int64_t OLDEST_NS = 1_000_000_000   # a frame that seems to have waited longer: the wall clock was set
cdef int64_t YOUNGEST_NS = -1_000        # some interfaces stamp in whole microseconds
HEARD_SLOTS = 1 << 10           # [D] half a second of a full bus at 250 kbit/s


cdef class Heard:
    """What a J1939 node needs to hear: extended data frames of these groups, and whatever comes from its address (-1: none).

    One thread calls `put`, or a Pump does; another takes `frames`. `ring.refused` counts what found no room.
    """
    cdef readonly Ring ring
    cdef uint32_t[MOST_GROUPS] groups
    cdef int group_count
    cdef public int address
    cdef object _rows

    def __init__(self, groups, int address=-1):
        known = sorted(groups)
        if len(known) > MOST_GROUPS:
            raise ValueError(f"{len(known)} groups to hear: {MOST_GROUPS} at most")
        self.ring = Ring(HEARD_SLOTS, sizeof(CanFrame))
        self.group_count, self.address = len(known), address
        for place, group in enumerate(known):
            self.groups[place] = group
        self._rows = np.zeros((HEARD_SLOTS, sizeof(CanFrame)), np.uint8)

    cdef bint concerns(self, const CanFrame *frame) noexcept nogil:
        cdef int place
        cdef uint32_t group = (frame.id >> 8) & 0x3FFFF
        if not frame.id & EXTENDED or frame.flags & (CanFrame_FLAG_ERROR | CanFrame_FLAG_REMOTE):
            return False
        if <int> (frame.id & 0xFF) == self.address:
            return True
        if (group >> 8) & 0xFF < PDU2:
            group &= 0x3FF00
        for place in range(self.group_count):
            if self.groups[place] == group:
                return True
        return False

    def put(self, const uint8_t[:, ::1] rows) -> None:
        """Rows of CanFrame, as bytes."""
        cdef Py_ssize_t n
        cdef const CanFrame *frame
        for n in range(rows.shape[0]):
            frame = <const CanFrame*> &rows[n, 0]
            if self.concerns(frame):
                ring_push(self.ring.memory, frame)

    def frames(self) -> list:
        """[(time in ns, 29 bit identifier, data)] since the last call."""
        cdef const uint8_t[:, ::1] rows = self._rows
        cdef const CanFrame *frame
        cdef Py_ssize_t n, count = self.ring.pop_many(self._rows)
        found = []
        for n in range(count):
            frame = <const CanFrame*> &rows[n, 0]
            found.append((frame.time_ns, frame.id & 0x1FFFFFFF, <bytes> (<const char*> frame.data)[:frame.length]))
        return found


cdef class Stamping:
    """Times of arrival on CLOCK_MONOTONIC; they never step back, as the ring's order is the bus's. `clock_steps` counts frames
    whose age could not be (the wall clock was set): their time is that of reading."""
    cdef readonly uint64_t clock_steps
    cdef bint has_age
    cdef int64_t last_ns

    def __init__(self, bint has_age):
        """`has_age`: frames tell when they came, CLOCK_REALTIME."""
        self.has_age = has_age

    cdef void stamp(self, CanFrame *frames, int count, int64_t read_ns, int64_t real_ns) noexcept nogil:
        cdef int n
        cdef int64_t age_ns
        for n in range(count):
            age_ns = 0
            if self.has_age:
                age_ns = real_ns - frames[n].time_ns
                if age_ns < YOUNGEST_NS or age_ns > OLDEST_NS:
                    self.clock_steps += 1
                    age_ns = 0
            self.last_ns = max(self.last_ns, read_ns - max(age_ns, 0))
            frames[n].time_ns = self.last_ns

    def stamped(self, uint8_t[:, ::1] rows, int64_t read_ns, int64_t real_ns) -> None:
        """Of frames read at that moment of both clocks, rows of CanFrame as bytes."""
        if rows.shape[0]:
            self.stamp(<CanFrame*> &rows[0, 0], <int> rows.shape[0], read_ns, real_ns)


cdef class Pump:
    """From a source into the loop's ring, and what concerns a node into `heard`. `run` keeps one thread until `stop`."""
    cdef readonly uint64_t received
    cdef readonly uint64_t fd_frames
    cdef FrameSource source
    cdef Ring _ring
    cdef Heard heard
    cdef Stamping stamping
    cdef uint8_t number
    cdef uint64_t stopping
    cdef CanFrame[BATCH] frames
    cdef CanFdFrame[BATCH] fd_slots

    def __init__(self, FrameSource source not None, Ring ring not None, int number, Stamping stamping not None,
                 Heard heard=None):
        self.source, self._ring, self.number, self.stamping, self.heard = source, ring, number, stamping, heard

    def run(self, int poll_ms) -> None:
        """Raises OSError when the bus fails."""
        cdef int error = 0
        with nogil:
            while error == 0 and not ring_load_acquire(&self.stopping):
                error = self._turn(poll_ms)
        if error:
            raise OSError(error, "receiving failed")

    def turn(self, int timeout_ms) -> None:
        """What has come; waits for the first of it as long as that. Raises OSError when the bus fails."""
        cdef int error
        with nogil:
            error = self._turn(timeout_ms)
        if error:
            raise OSError(error, "receiving failed")

    def stop(self) -> None:
        ring_store_release(&self.stopping, 1)

    cdef int _turn(self, int timeout_ms) noexcept nogil:
        cdef int n
        cdef int64_t read_ns, real_ns
        cdef Taken taken = self.source.wait_and_take(&self.frames[0], &self.fd_slots[0], BATCH, timeout_ms)
        self.fd_frames += taken.fd_count
        if taken.count:
            real_ns = clock_ns(CLOCK_REALTIME)
            read_ns = monotonic_ns()  # behind the other: who comes between makes a frame no older
            self.stamping.stamp(&self.frames[0], taken.count, read_ns, real_ns)
        for n in range(taken.count):
            self.frames[n].bus = self.number
            ring_push(self._ring.memory, &self.frames[n])
            if self.heard is not None and self.heard.concerns(&self.frames[n]):
                ring_push(self.heard.ring.memory, &self.frames[n])
        self.received += taken.count
        return taken.error
