"""Hands bytes to the kernel at their times: one port (a bus, a line, a socket) with a queue before it, one thread that paces it.

A producer puts entries (time from the start of the run, bytes) into the queue well ahead. The port's thread sleeps until each
is due - `clock_nanosleep` on an absolute deadline, so that nothing adds up - and sends all that is due in one system call. It
takes no GIL and allocates nothing. A port that is full is asked again until the entry's patience is over; each entry is
counted once: sent, failed with the system's reason, or still in the queue when the run was stopped.

Queue: a ring of descriptors (drivers/ring/README.md) and beside it an arena of bytes, whose consumer tells how far it is.
"""

cimport cython
from libc.errno cimport EAGAIN, EINTR, ENOBUFS, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy
from posix.unistd cimport write

import numpy as np

from drivers._clocks cimport monotonic_ns
from autonomy.runtime._deadline cimport sleep_until
from drivers._sockets cimport MSG_DONTWAIT, MSG_NOSIGNAL, POLLOUT, iovec, mmsghdr, poll, pollfd, sendmmsg
from drivers.ring._ring cimport (Ring, RingMemory, ring_commit, ring_count, ring_load_acquire, ring_load_relaxed, ring_peek,
                                 ring_release, ring_reserve, ring_slot, ring_store_relaxed, ring_store_release)

HISTOGRAM_US = 20_000
MOST_BUCKETS = 4096
cdef enum:
    BATCH = 64                  # entries in one system call
    HISTOGRAM_BINS = 20_001     # one a microsecond, the last for everything longer
    ERRNOS = 256
    BUCKETS = 4096
    ADDRESS_BYTES = 128
cdef int64_t LOOK_NS = 50_000_000       # how long a stop may go unseen
cdef int64_t STARVED_NS = 1_000_000     # between looks into an empty queue
cdef int64_t FULL_NS = 200_000          # between tries where the system cannot tell when there is room (ENOBUFS)

DATAGRAMS, BYTES, NOTHING = 0, 1, 2
cdef enum:
    TO_DATAGRAMS = 0            # a socket that takes each entry as one message
    TO_BYTES = 1                # a line: entries may be taken in parts
    TO_NOTHING = 2              # nothing is sent: the bare loop over the same deadlines

cdef struct Entry:
    int64_t due_ns              # from the start of the run
    uint64_t start              # position of its bytes since the start; the arena repeats
    uint64_t length

cdef struct PortState:
    uint64_t freed              # positions below are free again; the consumer's
    uint64_t closed             # no more entries come; the producer's
    uint64_t stop
    uint64_t taken              # entries
    uint64_t sent
    uint64_t sent_bytes
    uint64_t waits              # times the port was full
    uint64_t starved            # looks into an empty queue during the run
    uint64_t[ERRNOS] failed
    int64_t lateness_max_ns
    int64_t wakeup_max_ns
    int64_t begun_ns            # when the call that sends began; of Python's, when its turn came
    uint32_t[HISTOGRAM_BINS] lateness_us
    uint32_t[HISTOGRAM_BINS] wakeup_us
    int64_t[BUCKETS] bucket_minimum_ns      # of lateness; drift is the slope of these
    uint64_t[BUCKETS] bucket_count


@cython.final
cdef class Port:
    """`kind` DATAGRAMS, BYTES or NOTHING on the descriptor `descriptor` (non-blocking).

    `entries` and `arena_bytes` (powers of two) bound what waits; `patience_ns`: how long behind its time an entry may find the
    port full before it has failed. `address`: a packed sockaddr for sockets that are not connected. Raises ValueError.
    """
    cdef PortState *state
    cdef Ring _ring
    cdef RingMemory *ring
    cdef uint8_t[::1] _arena
    cdef uint8_t *arena
    cdef uint64_t arena_bytes
    cdef uint64_t written       # the producer's position
    cdef int descriptor
    cdef int kind
    cdef int64_t patience_ns
    cdef int64_t bucket_ns
    cdef int64_t origin_ns
    cdef uint8_t[ADDRESS_BYTES] address
    cdef unsigned int address_length
    cdef iovec[BATCH] parts
    cdef mmsghdr[BATCH] messages

    def __cinit__(self, int descriptor, int kind, uint64_t entries=1 << 14, uint64_t arena_bytes=1 << 20,
                  int64_t patience_ns=100_000_000, int64_t bucket_ns=1_000_000_000, const uint8_t[::1] address=None):
        cdef int place
        if arena_bytes < 1 or arena_bytes & (arena_bytes - 1):
            raise ValueError(f"an arena of {arena_bytes} bytes: give a power of two")
        if address is not None and not 0 < address.shape[0] <= ADDRESS_BYTES:
            raise ValueError(f"an address of {address.shape[0]} bytes")
        self.state = <PortState*> calloc(1, sizeof(PortState))
        if self.state == NULL:
            raise MemoryError()
        self._ring = Ring(entries, sizeof(Entry))
        self.ring = self._ring.memory
        self._arena = np.ones(arena_bytes, np.uint8)  # touched
        self.arena = &self._arena[0]
        self.arena_bytes, self.descriptor, self.kind = arena_bytes, descriptor, kind
        self.patience_ns, self.bucket_ns = patience_ns, max(bucket_ns, 1)
        if address is not None:
            self.address_length = <unsigned int> address.shape[0]
            memcpy(self.address, &address[0], self.address_length)
        for place in range(BATCH):
            self.messages[place].msg_hdr.msg_iov = &self.parts[place]
            self.messages[place].msg_hdr.msg_iovlen = 1
            if self.address_length:
                self.messages[place].msg_hdr.msg_name = self.address
                self.messages[place].msg_hdr.msg_namelen = self.address_length

    def __dealloc__(self):
        free(self.state)

    def put(self, const int64_t[::1] due_ns, const int64_t[::1] starts, const int64_t[::1] lengths,
            const uint8_t[::1] data) -> int:
        """Producer: queues entries (n,) in the order given; the first that found no room, n when all did.

        `starts` and `lengths`: their bytes in `data`. Raises ValueError for bytes outside of it or longer than the arena.
        """
        cdef Py_ssize_t count = due_ns.shape[0], n
        if starts.shape[0] < count or lengths.shape[0] < count:
            raise ValueError(f"{count} times need as many starts and lengths")
        for n in range(count):
            if starts[n] < 0 or lengths[n] < 0 or starts[n] + lengths[n] > data.shape[0] or \
                    <uint64_t> lengths[n] > self.arena_bytes:
                raise ValueError(f"entry {n}: {lengths[n]} bytes at {starts[n]} of {data.shape[0]} bytes, an arena of "
                                 f"{self.arena_bytes}")
        with nogil:
            for n in range(count):
                if not self._put(due_ns[n], &data[starts[n]] if lengths[n] else NULL, <uint64_t> lengths[n]):
                    break
            else:
                n = count
        return n

    cdef bint _put(self, int64_t due_ns, const uint8_t *data, uint64_t length) noexcept nogil:
        cdef uint64_t position = self.written, within = position & (self.arena_bytes - 1)
        cdef uint64_t freed = ring_load_acquire(&self.state.freed)
        cdef Entry *entry
        if within + length > self.arena_bytes:
            position += self.arena_bytes - within  # entries do not go round the end
        if freed == self.written:
            freed = position  # nothing waits, so what is skipped is free too
        if position + length - freed > self.arena_bytes:
            return False
        entry = <Entry*> ring_reserve(self.ring)
        if entry == NULL:
            return False
        if length:
            memcpy(self.arena + (position & (self.arena_bytes - 1)), data, length)
        entry.due_ns, entry.start, entry.length = due_ns, position, length
        self.written = position + length
        ring_commit(self.ring)
        return True

    def close_input(self):
        """Producer: no more entries come, the run ends behind the last one."""
        ring_store_release(&self.state.closed, 1)

    def stop(self):
        """From any thread: the run ends before its next entry."""
        ring_store_relaxed(&self.state.stop, 1)

    def run(self, int64_t origin_ns):
        """Sends everything, `origin_ns` of CLOCK_MONOTONIC being time 0. Call from the thread that is to pace the port."""
        self.origin_ns = origin_ns
        with nogil:
            self._run()

    def wait(self, int64_t origin_ns) -> bytes | None:
        """For transports that are Python objects: the next entry when it is due, None at the end. `sent` or `failed` follows."""
        cdef const Entry *entry
        self.origin_ns = origin_ns
        with nogil:
            entry = self._next()
            if entry != NULL and not self._reached(entry.due_ns):
                entry = NULL
            self.state.begun_ns = monotonic_ns()
        if entry == NULL:
            return None
        return (<const char*> self._bytes(entry))[:entry.length]

    def sent(self):
        """The entry that `wait` gave has been sent."""
        cdef const Entry *entry = <const Entry*> ring_peek(self.ring)
        self._account(entry, monotonic_ns())
        self._release(entry)

    def failed(self, int number):
        """The entry that `wait` gave could not be sent; an errno, 0 when there is none."""
        cdef const Entry *entry = <const Entry*> ring_peek(self.ring)
        self.state.failed[number if 0 <= number < ERRNOS else 0] += 1
        self._release(entry)

    cdef void _run(self) noexcept nogil:
        cdef const Entry *entry
        while True:
            entry = self._next()
            if entry == NULL or not self._reached(entry.due_ns):
                return
            if self.kind == TO_DATAGRAMS:
                self._send_due(monotonic_ns() - self.origin_ns)
            elif self.kind == TO_BYTES:
                self._write(entry)
            else:
                self.state.begun_ns = monotonic_ns()
                self._account(entry, self.state.begun_ns)
                self._release(entry)

    cdef const Entry *_next(self) noexcept nogil:
        """The oldest entry, waiting for one; NULL at the end of all or when told to stop."""
        cdef const Entry *entry
        cdef uint64_t closed
        while not ring_load_relaxed(&self.state.stop):
            closed = ring_load_acquire(&self.state.closed)  # before the look: what was put before it is then seen
            entry = <const Entry*> ring_peek(self.ring)
            if entry != NULL:
                return entry
            if closed:
                return NULL
            self.state.starved += 1
            sleep_until(monotonic_ns() + STARVED_NS)
        return NULL

    cdef bint _reached(self, int64_t due_ns) noexcept nogil:
        """Sleeps until then; False when told to stop."""
        cdef int64_t deadline_ns = self.origin_ns + due_ns, left_ns
        while not ring_load_relaxed(&self.state.stop):
            left_ns = deadline_ns - monotonic_ns()
            if left_ns <= LOOK_NS:
                if left_ns > 0:  # sleeping until a moment that is past gives the processor away all the same
                    sleep_until(deadline_ns)
                return True
            sleep_until(monotonic_ns() + LOOK_NS)
        return False

    cdef void _send_due(self, int64_t passed_ns) noexcept nogil:
        """One batch of what is due by now, the first entry in any case."""
        cdef const Entry* due[BATCH]
        cdef int count = 0, done = 0, taken, place, number
        cdef int64_t at_ns
        cdef uint64_t waiting = ring_count(self.ring)
        while count < BATCH and <uint64_t> count < waiting:
            due[count] = <const Entry*> ring_slot(self.ring, self.ring.head + count)
            if count and due[count].due_ns > passed_ns:
                break
            self.parts[count].iov_base = self._bytes(due[count])
            self.parts[count].iov_len = due[count].length
            count += 1
        while done < count:
            self.state.begun_ns = monotonic_ns()
            taken = sendmmsg(self.descriptor, &self.messages[done], count - done, MSG_DONTWAIT | MSG_NOSIGNAL)
            if taken > 0:
                at_ns = monotonic_ns()
                # The kernel takes them one after the other: each has its share of the call's time
                for place in range(taken):
                    self._account(due[done + place],
                                  self.state.begun_ns + (at_ns - self.state.begun_ns) * (place + 1) // taken)
                done += taken
                continue
            number = errno
            if not self._may_try_again(due[done], number):
                self.state.failed[number if 0 <= number < ERRNOS else 0] += 1
                done += 1
        for place in range(count):
            self._release(due[place])

    cdef void _write(self, const Entry *entry) noexcept nogil:
        cdef uint64_t done = 0
        cdef Py_ssize_t taken
        cdef int number
        self.state.begun_ns = monotonic_ns()
        while done < entry.length:
            taken = write(self.descriptor, self._bytes(entry) + done, entry.length - done)
            if taken >= 0:
                done += taken
                self.state.sent_bytes += taken
                continue
            number = errno
            if not self._may_try_again(entry, number):
                self.state.failed[number if 0 <= number < ERRNOS else 0] += 1
                self._release(entry)
                return
        self.state.sent_bytes -= done
        self._account(entry, monotonic_ns())
        self._release(entry)

    cdef bint _may_try_again(self, const Entry *entry, int number) noexcept nogil:
        """After a refusal with that errno: waits for room; False when the entry has failed."""
        cdef pollfd full
        if number == EINTR:
            return True
        if number != EAGAIN and number != ENOBUFS:
            return False
        self.state.waits += 1
        if monotonic_ns() - self.origin_ns - entry.due_ns > self.patience_ns or ring_load_relaxed(&self.state.stop):
            return False
        if number == ENOBUFS:
            sleep_until(monotonic_ns() + FULL_NS)
        else:
            full.fd, full.events, full.revents = self.descriptor, POLLOUT, 0
            poll(&full, 1, 10)
        return True

    cdef inline uint8_t *_bytes(self, const Entry *entry) noexcept nogil:
        return self.arena + (entry.start & (self.arena_bytes - 1))

    cdef void _account(self, const Entry *entry, int64_t at_ns) noexcept nogil:
        cdef PortState *s = self.state
        cdef int64_t late_ns = at_ns - self.origin_ns - entry.due_ns, bucket = entry.due_ns // self.bucket_ns
        cdef int64_t wakeup_ns = s.begun_ns - self.origin_ns - entry.due_ns
        s.sent += 1
        s.sent_bytes += entry.length
        s.lateness_max_ns = max(s.lateness_max_ns, late_ns)
        s.lateness_us[bin_of(late_ns)] += 1
        s.wakeup_max_ns = max(s.wakeup_max_ns, wakeup_ns)
        s.wakeup_us[bin_of(wakeup_ns)] += 1
        if 0 <= bucket < BUCKETS:
            if not s.bucket_count[bucket] or late_ns < s.bucket_minimum_ns[bucket]:
                s.bucket_minimum_ns[bucket] = late_ns
            s.bucket_count[bucket] += 1

    cdef void _release(self, const Entry *entry) noexcept nogil:
        cdef uint64_t end = entry.start + entry.length
        self.state.taken += 1
        ring_release(self.ring)
        ring_store_release(&self.state.freed, end)

    def __len__(self) -> int:
        """Entries that wait."""
        return len(self._ring)

    def counts(self) -> dict:
        """{"queued", "sent", "bytes", "failed": {errno: entries}, "waits", "starved", "waiting"}."""
        cdef PortState *s = self.state
        return {"queued": self._ring.pushed, "sent": s.sent, "bytes": s.sent_bytes,
                "failed": {number: s.failed[number] for number in range(ERRNOS) if s.failed[number]}, "waits": s.waits,
                "starved": s.starved, "waiting": len(self._ring)}

    def lateness(self) -> tuple:
        """(uint32 counts by microsecond, the longest in ns): from an entry's time until the kernel had taken it."""
        return np.array(<uint32_t[:HISTOGRAM_BINS]> self.state.lateness_us), self.state.lateness_max_ns

    def wakeup(self) -> tuple:
        """The same until the call that sent it began: what the machine adds, without the call's own time."""
        return np.array(<uint32_t[:HISTOGRAM_BINS]> self.state.wakeup_us), self.state.wakeup_max_ns

    def course(self) -> tuple:
        """(middle of each stretch of `bucket_ns` in s, the least lateness in it in ns), of stretches with entries."""
        counts = np.array(<uint64_t[:BUCKETS]> self.state.bucket_count)
        minima = np.array(<int64_t[:BUCKETS]> self.state.bucket_minimum_ns)
        used = np.flatnonzero(counts)
        return (used + 0.5) * self.bucket_ns / 1e9, minima[used]


cdef inline int bin_of(int64_t duration_ns) noexcept nogil:
    return <int> min(max(duration_ns, <int64_t> 0) // 1000, <int64_t> HISTOGRAM_BINS - 1)
