"""The Python face of a ring: both ends, from whichever thread or process has them. See _ring.pxd."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy, memset

import mmap

cdef uint64_t MOST_BYTES = 1 << 32
cdef enum:
    PAGE_BYTES = 4096           # the smallest of any machine


cdef class Ring:
    """`slots` (a power of two) of `slot_bytes` (a multiple of 8) in anonymous memory that forked processes share.

    One thread may push and one may pop; several of either are not allowed. Raises ValueError.
    """

    def __cinit__(self, uint64_t slots, uint64_t slot_bytes):
        cdef Py_buffer view
        if slots < 1 or slots & (slots - 1):
            raise ValueError(f"a ring of {slots} slots: give a power of two")
        if slot_bytes < 8 or slot_bytes % 8 or slots * slot_bytes > MOST_BYTES:
            raise ValueError(f"slots of {slot_bytes} bytes: give a multiple of 8, at most 4 GiB in all")
        self._owner = mmap.mmap(-1, sizeof(RingMemory) + slots * slot_bytes)
        PyObject_GetBuffer(self._owner, &view, PyBUF_WRITABLE)
        self.memory = <RingMemory *>view.buf
        PyBuffer_Release(&view)  # never resized, and kept by _owner
        memset(self.memory, 0, sizeof(RingMemory) + slots * slot_bytes)  # and by that touched
        self.memory.slots = slots
        self.memory.slot_bytes = slot_bytes

    def push(self, item) -> bool:
        """Copies the bytes of one slot; False (counted) when the ring is full. Raises ValueError for another size."""
        cdef Py_buffer view
        PyObject_GetBuffer(item, &view, PyBUF_SIMPLE)
        try:
            if <uint64_t>view.len != self.memory.slot_bytes:
                raise ValueError(f"an item of {view.len} bytes into slots of {self.memory.slot_bytes}")
            return ring_push(self.memory, view.buf)
        finally:
            PyBuffer_Release(&view)

    def push_many(self, rows) -> int:
        """Copies a contiguous array whose rows are slots; how many found room, the others are counted. Raises ValueError."""
        cdef Py_buffer view
        cdef uint64_t n, taken = 0, size = self.memory.slot_bytes
        PyObject_GetBuffer(rows, &view, PyBUF_SIMPLE)
        try:
            if view.len % <Py_ssize_t>size:
                raise ValueError(f"an array of {view.len} bytes holds no whole number of slots of {size}")
            for n in range(view.len // size):
                taken += ring_push(self.memory, <uint8_t *>view.buf + n * size)
        finally:
            PyBuffer_Release(&view)
        return taken

    def pop(self) -> bytes | None:
        """The oldest item, None when there is none."""
        cdef const void *slot = ring_peek(self.memory)
        if slot == NULL:
            return None
        item = (<const char *>slot)[:self.memory.slot_bytes]
        ring_release(self.memory)
        return item

    def pop_many(self, rows) -> int:
        """Fills a contiguous writeable array, whose rows are slots, from its start; returns how many rows."""
        cdef Py_buffer view
        cdef const void *slot
        cdef uint64_t count = 0, room
        cdef uint64_t size = self.memory.slot_bytes
        PyObject_GetBuffer(rows, &view, PyBUF_WRITABLE)
        try:
            if view.len % <Py_ssize_t>size:
                raise ValueError(f"an array of {view.len} bytes holds no whole number of slots of {size}")
            room = view.len // size
            with nogil:
                while count < room:
                    slot = ring_peek(self.memory)
                    if slot == NULL:
                        break
                    memcpy(<uint8_t *>view.buf + count * size, slot, size)
                    ring_release(self.memory)
                    count += 1
        finally:
            PyBuffer_Release(&view)
        return count

    def __len__(self) -> int:
        """Slots written and not yet read, at some moment during the call."""
        cdef uint64_t head = ring_load_acquire(&self.memory.head)
        return ring_load_acquire(&self.memory.tail) - head

    def touch(self) -> None:
        """Maps all of its pages into this process now, instead of one by one while somebody waits."""
        cdef uint64_t at, size = sizeof(RingMemory) + self.memory.slots * self.memory.slot_bytes
        for at in range(0, size, PAGE_BYTES):
            ring_load_relaxed(<const uint64_t *> (<const uint8_t *> self.memory + at))

    @property
    def slots(self) -> int:
        return self.memory.slots

    @property
    def slot_bytes(self) -> int:
        return self.memory.slot_bytes

    @property
    def pushed(self) -> int:
        """Items taken since the start."""
        return ring_load_acquire(&self.memory.tail)

    @property
    def refused(self) -> int:
        """Items that found no room since the start."""
        return ring_load_relaxed(&self.memory.refused)


def produce(Ring ring, uint64_t count):
    """Pushes `count` numbered items, each word of a slot the number; spins while full. For the tests: runs without the GIL."""
    cdef uint64_t number = 0, word, words = ring.memory.slot_bytes // 8
    cdef uint64_t *slot
    with nogil:
        while number < count:
            slot = <uint64_t *>ring_reserve(ring.memory)
            if slot != NULL:
                for word in range(words):
                    slot[word] = number
                ring_commit(ring.memory)
                number += 1


def consume(Ring ring, uint64_t count) -> int:
    """Pops `count` items and returns how many were torn or out of order. For the tests: runs without the GIL."""
    cdef uint64_t number = 0, wrong = 0, word, words = ring.memory.slot_bytes // 8
    cdef const uint64_t *slot
    cdef bint whole
    with nogil:
        while number < count:
            slot = <const uint64_t *>ring_peek(ring.memory)
            if slot != NULL:
                whole = True
                for word in range(words):
                    whole = whole and slot[word] == number
                wrong += not whole
                ring_release(ring.memory)
                number += 1
    return wrong
