"""A queue of fixed-size slots between one producer and one consumer, threads or processes, without locks.

The algorithm and why it is right: drivers/ring/README.md. Everything stands in one block of memory, so the block may be
shared between processes. Counters count slots since the start and never wrap in practice (64 bit).
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

cdef extern from * nogil:
    """
    #define ring_load_acquire(at) __atomic_load_n((at), __ATOMIC_ACQUIRE)
    #define ring_store_release(at, value) __atomic_store_n((at), (value), __ATOMIC_RELEASE)
    #define ring_load_relaxed(at) __atomic_load_n((at), __ATOMIC_RELAXED)
    #define ring_store_relaxed(at, value) __atomic_store_n((at), (value), __ATOMIC_RELAXED)
    """
    uint64_t ring_load_acquire(const uint64_t *at)
    void ring_store_release(uint64_t *at, uint64_t value)
    uint64_t ring_load_relaxed(const uint64_t *at)
    void ring_store_relaxed(uint64_t *at, uint64_t value)

cdef enum:
    LINE_WORDS = 16             # two cache lines: the prefetcher of x86 fetches them in pairs

# Each side's words on cache lines of their own, so that neither slows the other.
cdef struct RingMemory:
    uint64_t slots              # a power of two
    uint64_t slot_bytes         # a multiple of 8
    uint64_t[LINE_WORDS - 2] fixed_padding
    uint64_t tail               # slots written since the start; the producer's
    uint64_t head_seen          # what the producer last saw of head
    uint64_t refused            # slots that found no room: the producer's count of what is lost
    uint64_t[LINE_WORDS - 3] producer_padding
    uint64_t head               # slots read since the start; the consumer's
    uint64_t tail_seen          # what the consumer last saw of tail
    uint64_t[LINE_WORDS - 2] consumer_padding

cdef inline uint8_t *ring_slot(RingMemory *ring, uint64_t number) noexcept nogil:
    return <uint8_t *>ring + sizeof(RingMemory) + (number & (ring.slots - 1)) * ring.slot_bytes


cdef inline void *ring_reserve(RingMemory *ring) noexcept nogil:
    """Producer: the next slot to write into, NULL (counted) when all are full. Nothing is seen before `ring_commit`."""
    if ring.tail - ring.head_seen >= ring.slots:
        ring.head_seen = ring_load_acquire(&ring.head)
        if ring.tail - ring.head_seen >= ring.slots:
            ring_store_relaxed(&ring.refused, ring.refused + 1)
            return NULL
    return ring_slot(ring, ring.tail)


cdef inline void ring_commit(RingMemory *ring) noexcept nogil:
    ring_store_release(&ring.tail, ring.tail + 1)


cdef inline bint ring_push(RingMemory *ring, const void *item) noexcept nogil:
    cdef void *slot = ring_reserve(ring)
    if slot == NULL:
        return False
    memcpy(slot, item, ring.slot_bytes)
    ring_commit(ring)
    return True


cdef inline const void *ring_peek(RingMemory *ring) noexcept nogil:
    """Consumer: the oldest slot, NULL when there is none. It stays until `ring_release`."""
    if ring.head == ring.tail_seen:
        ring.tail_seen = ring_load_acquire(&ring.tail)
        if ring.head == ring.tail_seen:
            return NULL
    return ring_slot(ring, ring.head)


cdef inline uint64_t ring_count(RingMemory *ring) noexcept nogil:
    """Consumer: slots that can be read now; as many `ring_peek` and `ring_release` follow without another look."""
    ring.tail_seen = ring_load_acquire(&ring.tail)
    return ring.tail_seen - ring.head


cdef inline void ring_release(RingMemory *ring) noexcept nogil:
    ring_store_release(&ring.head, ring.head + 1)


cdef class Ring:
    cdef RingMemory *memory
    cdef object _owner          # keeps the memory alive
