"""Flat tables of CAN databases and how a frame finds its message in them.

The rows are filled by drivers/can/tables.py (NumPy structured arrays of the same layout). A J1939 frame is found by (PGN,
source address) whatever its priority, any other by its exact identifier.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from * nogil:
    """
    #include <stdint.h>
    #define likely_true(x) __builtin_expect(!!(x), 1)

    /* Four linear signals of one message side by side. */
    typedef struct {
        uint64_t big[4], shift[4], mask[4], sign_bit[4];
        int64_t error_from[4];
        double factor[4], offset[4];
    } QuadRow;
    """
    ctypedef struct QuadRow:
        pass
    bint likely_true(bint condition)

cdef enum:
    KIND_LINEAR = 0             # double(raw) * factor + offset
    KIND_UNSIGNED64 = 1         # the same for a raw value that does not fit int64
    KIND_EXACT_INTEGER = 2      # integer factor and offset, beyond 2^53
    KIND_EXACT_PRODUCT = 3      # integer factor, fractional offset, product beyond 2^53
    KIND_FLOAT16 = 4
    KIND_FLOAT32 = 5
    KIND_FLOAT64 = 6
    KIND_UNREADABLE = 7         # the database describes it wrongly (named in its problems): never available

    VALIDITY_OK = 0
    VALIDITY_NOT_AVAILABLE = 1
    VALIDITY_ERROR = 2

    BUS_HAS_EXACT = 1
    BUS_HAS_SENDER = 2
    BUS_HAS_ANY_SENDER = 4

    STANDARD_IDENTIFIERS = 2048

cdef enum:
    KEY_EXACT = 0x80000000      # | 29 bit identifier
    KEY_SENDER = 0x40000000     # | PGN << 8 | source address
    KEY_ANY_SENDER = 0x20000000 # | PGN
    EXTENDED = 0x80000000       # bit 31 of CanFrame.id

cdef struct SignalRow:
    uint64_t mask               # length low bits set
    uint64_t sign_bit           # highest bit of a signed signal, else 0
    uint64_t error_from         # J1939: raw values from here on are the error indicator ...
    uint64_t not_available_from # ... and from here on not available; both UINT64_MAX where no code exists
    double factor
    double offset
    int64_t integer_factor
    int64_t integer_offset
    uint32_t first_range        # multiplexer values under which the signal is present
    uint16_t range_count
    int16_t multiplexer         # the selecting signal's place in its message, -1 without one
    uint8_t shift               # within the 8 byte word
    uint8_t is_big_endian
    uint8_t kind
    uint8_t length
    uint16_t start_bit          # little endian: of the lowest bit; big endian: of the highest, counted in bus order
    uint16_t end_byte           # bytes a frame must have to hold it

cdef struct RangeRow:
    int64_t low
    int64_t high                # inclusive

cdef struct MessageRow:
    uint32_t identifier         # bit 31 = extended
    uint32_t first_signal
    uint32_t first_quad         # of a plain message
    uint16_t signal_count
    uint16_t end_byte           # bytes a frame must have to hold every signal
    uint16_t length             # of the database
    uint8_t is_j1939
    uint8_t is_plain            # linear signals of at most 51 bits within 8 bytes, not multiplexed
    int16_t checksum_signal     # place in the message, -1 without one
    int16_t counter_signal
    uint8_t checksum_kind
    uint8_t counter_modulo
    uint8_t padding[2]

cdef struct BusRow:
    int32_t standard_first      # of its 2048 entries in `standard`, -1 without
    uint32_t key_first
    uint32_t key_mask           # table size - 1
    uint32_t flags              # BUS_HAS_*

cdef struct CodecTables:
    const MessageRow *messages
    const SignalRow *signals
    const QuadRow *quads
    const RangeRow *ranges
    const BusRow *buses         # 256
    const int32_t *standard
    const uint32_t *keys        # 0 = free
    const int32_t *values
    uint32_t message_count
    uint32_t room               # values the longest message needs, whole quads


cdef inline uint32_t pgn_of(uint32_t identifier) noexcept nogil:
    """Parameter group number of a 29 bit identifier; the destination of a PDU1 frame is no part of it."""
    cdef uint32_t pgn = (identifier >> 8) & 0x3FFFF
    return pgn & 0x3FF00 if (pgn & 0xFF00) < 0xF000 else pgn


cdef inline int32_t probe(const CodecTables *tables, const BusRow *bus, uint32_t key) noexcept nogil:
    cdef uint32_t slot = (key * <uint32_t>0x9E3779B1) >> 7
    cdef uint32_t found
    while True:
        slot &= bus.key_mask
        found = tables.keys[bus.key_first + slot]
        if found == key:
            return tables.values[bus.key_first + slot]
        if found == 0:
            return -1
        slot += 1


cdef inline int32_t find_message(const CodecTables *tables, uint8_t bus_number, uint32_t identifier) noexcept nogil:
    """Index of the frame's message, -1 when the databases don't know it."""
    cdef const BusRow *bus = &tables.buses[bus_number]
    cdef int32_t index
    if not identifier & EXTENDED:
        if bus.standard_first < 0 or identifier >= STANDARD_IDENTIFIERS:
            return -1
        return tables.standard[bus.standard_first + <int32_t>identifier]
    identifier &= 0x1FFFFFFF
    if bus.flags & BUS_HAS_EXACT:
        index = probe(tables, bus, KEY_EXACT | identifier)
        if index >= 0:
            return index
    if bus.flags & BUS_HAS_SENDER:
        index = probe(tables, bus, KEY_SENDER | pgn_of(identifier) << 8 | (identifier & 0xFF))
        if index >= 0:
            return index
    if bus.flags & BUS_HAS_ANY_SENDER:
        return probe(tables, bus, KEY_ANY_SENDER | pgn_of(identifier))
    return -1


cdef inline bint is_in_ranges(const CodecTables *tables, const SignalRow *signal, int64_t selected) noexcept nogil:
    """True when the multiplexer value `selected` is one under which the signal is present."""
    cdef uint32_t place
    for place in range(signal.first_range, signal.first_range + signal.range_count):
        if tables.ranges[place].low <= selected <= tables.ranges[place].high:
            return True
    return False
