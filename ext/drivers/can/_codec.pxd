"""The decoder over the flat tables of CAN databases: no object, no allocation, a few ns a signal.

Bit positions follow the DBC. Validity: 0 ok, 1 not available, 2 error (SAE J1939-71 code ranges, J1939 messages only). A
value that is not ok is NaN.
"""

from libc.math cimport NAN
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from autonomy.msg.messages cimport CanFrame

from drivers.can._tables cimport (
    KIND_EXACT_INTEGER, KIND_EXACT_PRODUCT, KIND_FLOAT16, KIND_FLOAT32, KIND_LINEAR, KIND_UNREADABLE, KIND_UNSIGNED64,
    VALIDITY_ERROR, VALIDITY_NOT_AVAILABLE, VALIDITY_OK, CodecTables, MessageRow, QuadRow, SignalRow, find_message, is_in_ranges,
    likely_true,
)

cdef extern from * nogil:
    """
    #include <stdint.h>
    #include <string.h>
    #define reverse_bytes(word) __builtin_bswap64(word)

    /* raw * factor + offset in exact integers, rounded once: what Python's integers give before float(). */
    static inline double exact_integer(uint64_t raw, int is_signed, int64_t factor, int64_t offset) {
        __int128 value = is_signed ? (__int128)(int64_t)raw : (__int128)raw;
        return (double)(value * factor + offset);
    }
    /* The product exact, then rounded, then the offset added in floating point. */
    static inline double exact_product(uint64_t raw, int is_signed, int64_t factor, double offset) {
        __int128 value = is_signed ? (__int128)(int64_t)raw : (__int128)raw;
        return (double)(value * factor) + offset;
    }
    static inline double float_of_bits32(uint32_t bits) { float value; memcpy(&value, &bits, 4); return value; }
    static inline double float_of_bits64(uint64_t bits) { double value; memcpy(&value, &bits, 8); return value; }
    /* IEEE 754 half precision. */
    static inline double float_of_bits16(uint32_t bits) {
        uint64_t sign = (uint64_t)(bits >> 15) << 63, fraction = bits & 0x3FF, exponent = (bits >> 10) & 31;
        double magnitude;
        if (exponent == 31) return float_of_bits64(sign | 0x7FF0000000000000ull | (fraction << 42));
        if (exponent == 0) {
            magnitude = (double)fraction * 0x1p-24;
            return sign ? -magnitude : magnitude;
        }
        return float_of_bits64(sign | ((exponent + 1008) << 52) | (fraction << 42));
    }

    typedef uint64_t Words4 __attribute__((vector_size(32), aligned(8)));
    typedef int64_t Integers4 __attribute__((vector_size(32), aligned(8)));
    typedef double Doubles4 __attribute__((vector_size(32), aligned(8)));

    /* Values of `count` quads into room for 4 * count doubles; nonzero when a raw value reaches its code range. An
       integer below 2^51 becomes a double by its bits: placed behind 1.5 * 2^52 and that taken off again, which is exact. */
    static inline uint64_t decode_quads(const QuadRow *quad, uint32_t count, uint64_t word, double *values) {
        uint64_t difference = word ^ reverse_bytes(word);
        Words4 little = {word, word, word, word};
        Words4 to_big = {difference, difference, difference, difference};
        Integers4 coded = {0, 0, 0, 0};
        for (uint32_t place = 0; place < count; place++, quad++, values += 4) {
            const Words4 *sign_bit = (const Words4 *)quad->sign_bit;
            Words4 raw = ((little ^ (to_big & *(const Words4 *)quad->big)) >> *(const Words4 *)quad->shift)
                         & *(const Words4 *)quad->mask;
            Words4 placed = (raw ^ *sign_bit) - *sign_bit + 0x4338000000000000ull;
            coded |= (Integers4)raw >= *(const Integers4 *)quad->error_from;
            *(Doubles4 *)values = ((Doubles4)placed - 0x1.8p52) * *(const Doubles4 *)quad->factor
                                  + *(const Doubles4 *)quad->offset;
        }
        return (uint64_t)(coded[0] | coded[1] | coded[2] | coded[3]);
    }
    """
    uint64_t decode_quads(const QuadRow *quad, uint32_t count, uint64_t word, double *values)
    uint64_t reverse_bytes(uint64_t word)
    double exact_integer(uint64_t raw, bint is_signed, int64_t factor, int64_t offset)
    double exact_product(uint64_t raw, bint is_signed, int64_t factor, double offset)
    double float_of_bits16(uint32_t bits)
    double float_of_bits32(uint32_t bits)
    double float_of_bits64(uint64_t bits)


cdef inline uint64_t load_word(const uint8_t *data, uint16_t length) noexcept nogil:
    """The first 8 bytes, zeros where the frame is shorter."""
    cdef uint64_t word = 0
    if likely_true(length >= 8):
        memcpy(&word, data, 8)
    else:
        memcpy(&word, data, length)
    return word


cdef inline uint64_t far_bits(const SignalRow *signal, const uint8_t *data) noexcept nogil:
    """Raw bits of a signal that reaches beyond the eighth byte (long messages only)."""
    cdef uint64_t raw = 0
    cdef uint32_t bit, place
    for bit in range(signal.length):
        place = signal.start_bit + bit
        if signal.is_big_endian:
            raw = raw << 1 | (data[place >> 3] >> (7 - (place & 7)) & 1)
        else:
            raw |= <uint64_t>(data[place >> 3] >> (place & 7) & 1) << bit
    return raw


cdef inline uint64_t raw_bits(const SignalRow *signal, uint64_t word, const uint8_t *data) noexcept nogil:
    if signal.end_byte > 8:
        return far_bits(signal, data)
    if signal.is_big_endian:
        word = reverse_bytes(word)
    return (word >> signal.shift) & signal.mask


cdef inline uint64_t sign_extended(const SignalRow *signal, uint64_t raw) noexcept nogil:
    return (raw ^ signal.sign_bit) - signal.sign_bit


cdef inline double scaled(const SignalRow *signal, uint64_t raw) noexcept nogil:
    """Physical value; the operations and their order are those of Python's `raw * factor + offset`."""
    cdef double value
    if likely_true(signal.kind == KIND_LINEAR):
        return <double><int64_t>sign_extended(signal, raw) * signal.factor + signal.offset
    if signal.kind == KIND_UNSIGNED64:
        return <double>raw * signal.factor + signal.offset
    if signal.kind == KIND_EXACT_INTEGER:
        return exact_integer(sign_extended(signal, raw), signal.sign_bit != 0, signal.integer_factor, signal.integer_offset)
    if signal.kind == KIND_EXACT_PRODUCT:
        return exact_product(sign_extended(signal, raw), signal.sign_bit != 0, signal.integer_factor, signal.offset)
    if signal.kind == KIND_FLOAT16:
        value = float_of_bits16(<uint32_t>raw)
    elif signal.kind == KIND_FLOAT32:
        value = float_of_bits32(<uint32_t>raw)
    else:
        value = float_of_bits64(raw)
    if signal.factor == 1.0 and signal.offset == 0.0:
        return value  # keeps the sign of zero
    return value * signal.factor + signal.offset


cdef inline bint is_selected(const CodecTables *tables, const MessageRow *message, const SignalRow *signal,
                             uint64_t word, const uint8_t *data, uint16_t length) noexcept nogil:
    """True when every multiplexer above the signal selects it."""
    cdef const SignalRow *selector
    cdef int64_t value
    while signal.multiplexer >= 0:
        selector = &tables.signals[message.first_signal + signal.multiplexer]
        if length < selector.end_byte:
            return False
        value = <int64_t>sign_extended(selector, raw_bits(selector, word, data))
        if not is_in_ranges(tables, signal, value):
            return False
        signal = selector
    return True


cdef inline uint8_t decode_signal(const CodecTables *tables, const MessageRow *message, const SignalRow *signal,
                                  uint64_t word, const uint8_t *data, uint16_t length, double *value) noexcept nogil:
    """One signal of a frame whose first 8 bytes are `word`; returns its validity."""
    cdef uint64_t raw
    value[0] = NAN
    if length < signal.end_byte or signal.kind == KIND_UNREADABLE:
        return VALIDITY_NOT_AVAILABLE
    if signal.multiplexer >= 0 and not is_selected(tables, message, signal, word, data, length):
        return VALIDITY_NOT_AVAILABLE
    raw = raw_bits(signal, word, data)
    if message.is_j1939 and raw >= signal.error_from:
        return VALIDITY_NOT_AVAILABLE if raw >= signal.not_available_from else VALIDITY_ERROR
    value[0] = scaled(signal, raw)
    return VALIDITY_OK


cdef inline bint is_plain_frame(const MessageRow *message, uint16_t length) noexcept nogil:
    """True when `decode_plain` may be used: linear signals within 8 bytes, and a frame that holds all of them."""
    return likely_true(message.is_plain and length >= message.end_byte)


cdef inline bint decode_plain(const CodecTables *tables, const MessageRow *message, uint64_t word,
                              double *values) noexcept nogil:
    """Every value of a plain frame, written in whole quads; True when a J1939 code is among them: `mark_codes` must follow."""
    return decode_quads(&tables.quads[message.first_quad], (message.signal_count + 3) >> 2, word, values) != 0


cdef inline void mark_codes(const CodecTables *tables, const MessageRow *message, uint64_t word, double *values,
                            uint8_t *validity) noexcept nogil:
    """Turns the J1939 codes of a plain frame into NaN and validity; leaves the other places alone."""
    cdef const SignalRow *signal = &tables.signals[message.first_signal]
    cdef uint64_t raw
    cdef uint32_t place
    for place in range(message.signal_count):
        raw = raw_bits(signal, word, NULL)
        if raw >= signal.error_from:
            values[place] = NAN
            validity[place] = VALIDITY_NOT_AVAILABLE if raw >= signal.not_available_from else VALIDITY_ERROR
        signal += 1


cdef inline void decode_message(const CodecTables *tables, const MessageRow *message, const uint8_t *data,
                                uint16_t length, double *values, uint8_t *validity) noexcept nogil:
    """Every signal of a frame, in the message's order; the values may be followed by up to three numbers without meaning."""
    cdef const SignalRow *signals = &tables.signals[message.first_signal]
    cdef uint64_t word = load_word(data, length)
    cdef uint32_t place
    if is_plain_frame(message, length):
        for place in range(message.signal_count):
            validity[place] = VALIDITY_OK
        if decode_plain(tables, message, word, values):
            mark_codes(tables, message, word, values, validity)
        return
    for place in range(message.signal_count):
        validity[place] = decode_signal(tables, message, &signals[place], word, data, length, &values[place])


cdef inline int32_t decode_frame(const CodecTables *tables, uint8_t bus, uint32_t identifier, const uint8_t *data,
                                 uint16_t length, double *values, uint8_t *validity) noexcept nogil:
    """Decodes one frame into `room` values and validities; returns its message's index, -1 when unknown."""
    cdef int32_t index = find_message(tables, bus, identifier)
    if index >= 0:
        decode_message(tables, &tables.messages[index], data, length, values, validity)
    return index


cdef const void *address_of(object array) except? NULL


cdef struct ColumnRow:
    double *values              # (count, signals)
    uint8_t *validity
    int64_t *time_ns
    uint32_t *identifier
    uint64_t count              # rows counted, then rows filled


cdef class CodecKernel:
    cdef CodecTables tables
    cdef readonly object _tables    # the NumPy arrays the tables point into
    cdef object names               # message index -> name
    cdef list results               # message index -> (values, validity), reused by every call
    cdef double **values            # message index -> its values
    cdef uint8_t **validity
    cdef uint64_t *short_counts     # frames too short for a signal, per message
    cdef uint64_t unknown_count     # frames of no message

    cdef uint64_t _count_rows(self, const CanFrame *frames, Py_ssize_t count, int32_t *index_of,
                              ColumnRow *columns) noexcept nogil
    cdef void _fill_rows(self, const CanFrame *frames, Py_ssize_t count, const int32_t *index_of,
                         ColumnRow *columns) noexcept nogil
