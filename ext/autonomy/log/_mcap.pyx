"""The inner loops of the log: messages from memory into a chunk, and records out of one.

Record layout from the MCAP specification (mcap.dev/spec): opcode uint8, length uint64, content; a message's content is
channel uint16, sequence uint32, log time uint64, publish time uint64, data.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef enum:
    OPCODE_SCHEMA = 3
    OPCODE_CHANNEL = 4
    OPCODE_MESSAGE = 5
    RECORD_HEADER = 9        # opcode, length
    MESSAGE_HEADER = 22      # channel, sequence, two times
    CDR_HEADER = 4           # 00 01 00 00: plain CDR, little endian
    FLAG_PLAIN = 2           # no CDR header in front
    FLAG_WHOLE = 4           # the whole message record stands in front of the body
    MOST_CHANNELS = 1024

cdef struct IndexEntry:
    int64_t time_ns
    int64_t offset
    int64_t channel


cdef inline int64_t body_length(const uint8_t* row, const Layout* layout) noexcept nogil:
    """Bytes of the CDR body of a message in memory; -1 when its list claims more elements than fit."""
    cdef uint32_t count
    if layout.count_offset < 0:
        return layout.size
    memcpy(&count, row + layout.count_offset, 4)
    if count > layout.bound:
        return -1
    # CDR writes no padding for elements that are not there: an empty list ends with its count
    return layout.first + count * layout.element if count else layout.count_offset + 4


cdef class ChunkBuffer:
    """Messages of one chunk being filled, and what its index needs."""

    cdef uint8_t* data
    cdef int64_t capacity
    cdef readonly int64_t used
    cdef IndexEntry* entries
    cdef int64_t entry_capacity
    cdef readonly int64_t count
    cdef readonly int64_t start_ns
    cdef readonly int64_t end_ns
    cdef int64_t limit_bytes
    cdef int64_t limit_ns
    cdef const Layout[::1] layouts
    cdef uint32_t[::1] sequences

    def __cinit__(self, int64_t limit_bytes, int64_t limit_ns):
        self.limit_bytes = limit_bytes
        self.limit_ns = limit_ns

    def __dealloc__(self):
        free(self.data)
        free(self.entries)

    def clear(self):
        self.used = self.count = 0

    def records(self):
        """The chunk's records, valid until the next append."""
        return memoryview(<uint8_t[:self.used]> self.data) if self.used else memoryview(b"")

    def index(self):
        """Bytes of (time int64, offset int64, channel int64) per message, in file order."""
        return (<const char*> self.entries)[: self.count * sizeof(IndexEntry)] if self.count else b""

    def set_channels(self, const Layout[::1] layouts, uint32_t[::1] sequences):
        """The layout of each channel id and the next sequence number of each channel (id - 1)."""
        self.layouts = layouts
        self.sequences = sequences

    def append(self, list rows, const uint16_t[::1] source, const int64_t[::1] row, const int64_t[::1] times, int64_t start):
        """Appends messages `start`... until the chunk is full; returns how many were taken, or -1 - k when the list of
        message k is longer than its bound or its row.

        Message k is row `row[k]` of `rows[source[k]]`, a two-dimensional byte array, sent on channel `source[k] + 1`.
        """
        cdef int64_t total = times.shape[0], k, length
        cdef const uint8_t* bases[MOST_CHANNELS]
        cdef int64_t strides[MOST_CHANNELS]
        cdef const uint8_t[:, ::1] view
        cdef const uint8_t* body
        cdef int64_t largest = 0
        cdef Py_ssize_t number
        if len(rows) > MOST_CHANNELS:
            raise ValueError(f"more than {MOST_CHANNELS} channels in one log")
        for number in range(len(rows)):
            if rows[number] is None:
                bases[number] = NULL
                continue
            view = rows[number]
            bases[number] = &view[0, 0]
            strides[number] = view.shape[1]
            largest = max(largest, view.shape[1])
        self.reserve(self.limit_bytes + largest + RECORD_HEADER + MESSAGE_HEADER + CDR_HEADER,
                     self.count + min(total - start, self.limit_bytes // 32 + 2))
        with nogil:
            k = start
            while k < total:
                number = source[k]
                body = bases[number] + row[k] * strides[number]
                length = body_length(body, &self.layouts[number + 1])
                if length < 0 or length > strides[number]:
                    length = -1
                    break
                if self.is_full(times[k]):
                    break
                self.put(<uint16_t> number, times[k], body, length)
                k += 1
        if k < total and length < 0:
            return -1 - k
        return k - start

    def append_one(self, uint16_t number, int64_t time_ns, const uint8_t[::1] body):
        """Appends one message of channel `number` + 1; 1 when taken, 0 when the chunk is full, -1 for too long a list."""
        cdef int64_t length = body_length(&body[0], &self.layouts[number + 1])
        if length < 0 or length > body.shape[0]:
            return -1
        if self.is_full(time_ns):
            return 0
        self.reserve(self.used + length + RECORD_HEADER + MESSAGE_HEADER + CDR_HEADER, self.count + 1)
        self.put(number, time_ns, &body[0], length)
        return 1

    cdef inline bint is_full(self, int64_t time_ns) noexcept nogil:
        """Whether a message of this time must go into the next chunk."""
        if self.count == 0:
            return False
        return (self.used >= self.limit_bytes
                or max(self.end_ns, time_ns) - min(self.start_ns, time_ns) >= self.limit_ns)

    cdef inline void put(self, uint16_t number, int64_t time_ns, const uint8_t* body, int64_t length) noexcept nogil:
        cdef uint64_t content = MESSAGE_HEADER + CDR_HEADER + length
        cdef uint16_t channel = number + 1
        cdef uint8_t* out = self.data + self.used
        self.start_ns = min(self.start_ns, time_ns) if self.count else time_ns
        self.end_ns = max(self.end_ns, time_ns) if self.count else time_ns
        out[0] = OPCODE_MESSAGE
        memcpy(out + 1, &content, 8)
        memcpy(out + 9, &channel, 2)
        memcpy(out + 11, &self.sequences[number], 4)
        memcpy(out + 15, &time_ns, 8)
        memcpy(out + 23, &time_ns, 8)
        out[31] = 0
        out[32] = 1
        out[33] = 0
        out[34] = 0
        memcpy(out + 35, body, length)
        self.entries[self.count].time_ns = time_ns
        self.entries[self.count].offset = self.used
        self.entries[self.count].channel = channel
        self.used += RECORD_HEADER + content
        self.count += 1
        self.sequences[number] += 1

    cdef int reserve(self, int64_t size, int64_t entry_count) except -1:
        cdef void* grown
        if size > self.capacity:
            size = max(size, min(2 * self.capacity, self.limit_bytes + size // 8))
            grown = realloc(self.data, size)
            if grown is NULL:
                raise MemoryError()
            self.data = <uint8_t*> grown
            self.capacity = size
        if entry_count > self.entry_capacity:
            entry_count = max(entry_count, 2 * self.entry_capacity)
            grown = realloc(self.entries, entry_count * sizeof(IndexEntry))
            if grown is NULL:
                raise MemoryError()
            self.entries = <IndexEntry*> grown
            self.entry_capacity = entry_count
        return 0


cdef inline uint64_t load64(const uint8_t* at) noexcept nogil:
    cdef uint64_t value
    memcpy(&value, at, 8)
    return value


def count_messages(const uint8_t[::1] data):
    """(messages, bytes walked) of the records in `data`; fewer bytes than given = what follows is no whole record."""
    cdef int64_t size = data.shape[0], position = 0, count = 0
    cdef uint64_t length
    with nogil:
        while size - position >= RECORD_HEADER:
            length = load64(&data[position + 1])
            if length > <uint64_t> (size - position - RECORD_HEADER) or data[position] == 0:
                break
            if data[position] == OPCODE_MESSAGE:
                if length < MESSAGE_HEADER:
                    break
                count += 1
            position += RECORD_HEADER + length
    return count, position


def definitions(const uint8_t[::1] data):
    """(opcode, offset of content, length) of each schema and channel record in `data`."""
    cdef int64_t size = data.shape[0], position = 0
    cdef uint64_t length
    found = []
    while size - position >= RECORD_HEADER:
        length = load64(&data[position + 1])
        if length > <uint64_t> (size - position - RECORD_HEADER):
            break
        if data[position] == OPCODE_SCHEMA or data[position] == OPCODE_CHANNEL:
            found.append((data[position], position + RECORD_HEADER, length))
        position += RECORD_HEADER + length
    return found


cdef inline bint is_well_formed(const uint8_t* body, int64_t length, const Layout* layout) noexcept nogil:
    cdef uint32_t count
    if layout.count_offset < 0:
        return length == layout.size
    if length < layout.count_offset + 4:
        return False
    memcpy(&count, body + layout.count_offset, 4)
    if count == 0:
        return length == layout.count_offset + 4 or length == layout.first
    return count <= layout.bound and length == layout.first + count * layout.element


def find_messages(const uint8_t[::1] data, const Layout[::1] layouts, Record[::1] out, int64_t[::1] malformed,
                  int64_t end):
    """Fills `out` with the wanted messages among the records before `end`; returns (how many, of unknown channels).

    `malformed[channel]` is raised by each message whose length does not fit its layout; such messages are left out.
    """
    cdef int64_t position = 0, count = 0, unknown = 0, length, body
    cdef int64_t channels = layouts.shape[0]
    cdef uint16_t channel
    cdef const uint8_t* at
    cdef const Layout* layout
    cdef bint good
    with nogil:
        while position < end:
            at = &data[position]
            length = <int64_t> load64(at + 1)
            if at[0] == OPCODE_MESSAGE:
                memcpy(&channel, at + 9, 2)
                if channel >= channels or not layouts[channel].known:
                    unknown += 1
                elif layouts[channel].selected:
                    layout = &layouts[channel]
                    body = length - MESSAGE_HEADER - layout.header
                    good = body >= 0
                    if good and layout.size:
                        good = (at[31] == 0 and at[32] == 1
                                and is_well_formed(at + RECORD_HEADER + MESSAGE_HEADER + layout.header, body, layout))
                    if not good:
                        malformed[channel] += 1
                    else:
                        memcpy(&out[count].sequence, at + 11, 4)
                        out[count].log_time_ns = <int64_t> load64(at + 15)
                        out[count].offset = position + RECORD_HEADER + MESSAGE_HEADER + layout.header
                        out[count].length = <uint32_t> body
                        out[count].rank = layout.rank
                        out[count].channel = channel
                        out[count].flags = FLAG_WHOLE if layout.header else FLAG_WHOLE | FLAG_PLAIN
                        count += 1
            position += RECORD_HEADER + length
    return count, unknown


cdef inline bint is_before(const Record* a, const Record* b) noexcept nogil:
    if a.log_time_ns != b.log_time_ns:
        return a.log_time_ns < b.log_time_ns
    return a.rank < b.rank


def sort_almost_sorted(Record[::1] records):
    """Sorts in place, stably, by (time, rank); False when more than a few places per record had to move."""
    cdef int64_t count = records.shape[0], k, j, moves = 0
    cdef Record moving
    with nogil:
        for k in range(1, count):
            if is_before(&records[k], &records[k - 1]):
                moving = records[k]
                j = k
                while j > 0 and is_before(&moving, &records[j - 1]):
                    records[j] = records[j - 1]
                    j -= 1
                records[j] = moving
                moves += k - j
                if moves > 16 * count:
                    break
    return moves <= 16 * count


cdef inline int64_t head_length(const Record* record) noexcept nogil:
    """Bytes of the record that stand in front of the body and belong to it."""
    if not record.flags & FLAG_WHOLE:
        return 0
    return RECORD_HEADER + MESSAGE_HEADER + (0 if record.flags & FLAG_PLAIN else CDR_HEADER)


def total_length(const Record[::1] records):
    """Bytes that `copy_bodies` needs for the records."""
    cdef int64_t count = records.shape[0], k, total = 0
    with nogil:
        for k in range(count):
            total += head_length(&records[k]) + records[k].length
    return total


def copy_bodies(const uint8_t[::1] data, Record[::1] records, uint8_t[::1] out):
    """Copies the bodies, with what stands in front of them, one behind the other into `out` and points the records there."""
    cdef int64_t count = records.shape[0], k, position = 0, head
    with nogil:
        for k in range(count):
            head = head_length(&records[k])
            if head + records[k].length:
                memcpy(&out[position], &data[records[k].offset - head], head + records[k].length)
            records[k].offset = position + head
            position += head + records[k].length


def copy_rows(const uint8_t[::1] data, const Record[::1] records, uint8_t[:, ::1] rows):
    """Copies each body to the start of its row; what a cut list leaves over stays as it was."""
    cdef int64_t count = records.shape[0], k
    with nogil:
        for k in range(count):
            memcpy(&rows[k, 0], &data[records[k].offset], records[k].length)
