"""Values to bytes, with rolling counters and checksums. The inverse of _codec.pxd, on the same rows."""

from libc.math cimport isnan, ldexp, rint
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from drivers.can._codec cimport far_bits
from drivers.can._tables cimport (
    KIND_FLOAT16, KIND_FLOAT32, KIND_FLOAT64, KIND_UNREADABLE, CodecTables, MessageRow, SignalRow, is_in_ranges,
)

cdef extern from * nogil:
    """
    static inline uint32_t bits_of_float32(double value) { float f = (float)value; uint32_t b; memcpy(&b, &f, 4); return b; }
    static inline uint64_t bits_of_float64(double value) { uint64_t b; memcpy(&b, &value, 8); return b; }
    """
    uint32_t bits_of_float32(double value)
    uint64_t bits_of_float64(double value)

cdef enum:
    CHECKSUM_NONE = 0
    CHECKSUM_TOYOTA = 1         # identifier bytes + length + all bytes before the last (observed on every checked frame)
    CHECKSUM_TSC1 = 2           # SPN 4207: ((sum >> 6 & 3) + (sum >> 3) + sum) & 7
    CHECKSUM_XBR = 3            # SPN 3188: ((sum >> 4) + sum) & 15
    CHECKSUM_SUM = 4            # sum of the other bytes
    CHECKSUM_XOR = 5            # exclusive or of the other bytes
    CHECKSUM_CRC8_J1850 = 6     # SAE J1850: polynomial 0x1D, start and final exclusive or 0xFF


cdef inline uint32_t half_bits(double value) noexcept nogil:
    """IEEE 754 half precision, rounded to nearest even."""
    cdef uint64_t bits = bits_of_float64(value)
    cdef uint32_t sign = <uint32_t>(bits >> 63) << 15
    cdef int exponent = <int>((bits >> 52) & 0x7FF) - 1023
    cdef double magnitude = value if sign == 0 else -value
    cdef uint32_t fraction
    if isnan(value):
        return sign | 0x7E00
    if exponent > 15:
        return sign | 0x7C00
    if exponent < -14:
        return sign | <uint32_t>rint(ldexp(magnitude, 24))
    fraction = <uint32_t>rint(ldexp(magnitude, 10 - exponent))  # 1024..2048; 2048 carries into the exponent
    return sign | ((<uint32_t>(exponent + 15) << 10) + fraction - 1024)


cdef inline void put_bits(const SignalRow *signal, uint64_t raw, uint8_t *data) noexcept nogil:
    cdef uint32_t bit, place
    cdef uint8_t one
    for bit in range(signal.length):
        if signal.is_big_endian:
            place = signal.start_bit + signal.length - 1 - bit
            one = <uint8_t>(1 << (7 - (place & 7)))
        else:
            place = signal.start_bit + bit
            one = <uint8_t>(1 << (place & 7))
        if raw >> bit & 1:
            data[place >> 3] |= one
        else:
            data[place >> 3] &= <uint8_t>~one


cdef inline int raw_of(const MessageRow *message, const SignalRow *signal, double value, uint8_t validity,
                       uint64_t *raw) noexcept nogil:
    """Raw bits of a physical value; -1 when the signal cannot hold it. NaN on J1939 is 'not available'."""
    cdef double quotient, low, high
    if validity == 2 and message.is_j1939 and signal.error_from <= signal.mask:
        # The error family of a byte or more starts at FE.., not available fills it with ones
        raw[0] = signal.error_from
        return 0
    if signal.kind == KIND_UNREADABLE:
        return -1
    if isnan(value) or validity != 0:
        if signal.kind >= KIND_FLOAT16 and validity == 0:
            quotient = value
        elif not message.is_j1939:
            return -1
        else:
            raw[0] = signal.mask
            return 0
    else:
        quotient = (value - signal.offset) / signal.factor
    if signal.kind == KIND_FLOAT16:
        raw[0] = half_bits(quotient)
        return 0
    if signal.kind == KIND_FLOAT32:
        raw[0] = bits_of_float32(quotient)
        return 0
    if signal.kind == KIND_FLOAT64:
        raw[0] = bits_of_float64(quotient)
        return 0
    quotient = rint(quotient)
    high = ldexp(1.0, signal.length - (1 if signal.sign_bit else 0))
    low = -high if signal.sign_bit else 0.0
    if not low <= quotient < high:
        return -1
    if signal.sign_bit:
        raw[0] = <uint64_t><int64_t>quotient & signal.mask
    else:
        raw[0] = <uint64_t>quotient
    return 0


cdef inline bint is_wanted(const CodecTables *tables, const MessageRow *message, const SignalRow *signal,
                           const double *values) noexcept nogil:
    """True when the multiplexer values given select the signal."""
    cdef const SignalRow *selector
    cdef uint64_t raw
    cdef int64_t number
    while signal.multiplexer >= 0:
        selector = &tables.signals[message.first_signal + signal.multiplexer]
        if raw_of(message, selector, values[signal.multiplexer], 0, &raw) != 0:
            return False
        number = <int64_t>((raw ^ selector.sign_bit) - selector.sign_bit)
        if not is_in_ranges(tables, signal, number):
            return False
        signal = selector
    return True


cdef inline int encode_message(const CodecTables *tables, const MessageRow *message, const double *values,
                               const uint8_t *validity, uint8_t *data) noexcept nogil:
    """Writes `message.length` bytes. Unused bits are ones on J1939, zeros elsewhere. Returns 0, or -1 - the place of
    the first signal whose value does not fit (counter and checksum signals are left to `protect`)."""
    cdef const SignalRow *signal
    cdef uint64_t raw
    cdef uint32_t place
    memset(data, 0xFF if message.is_j1939 else 0, message.length)
    for place in range(message.signal_count):
        signal = &tables.signals[message.first_signal + place]
        if signal.end_byte > message.length or not is_wanted(tables, message, signal, values):
            continue
        if <int>place == message.checksum_signal or (<int>place == message.counter_signal and isnan(values[place])):
            continue
        if raw_of(message, signal, values[place], validity[place] if validity != NULL else 0, &raw) != 0:
            return -1 - <int>place
        put_bits(signal, raw, data)
    return 0


cdef inline uint32_t checksum_of(const MessageRow *message, const SignalRow *signal, uint32_t identifier,
                                 const uint8_t *data) noexcept nogil:
    """The checksum the other bytes ask for; `identifier` as on the bus, the checksum's own bits don't matter."""
    cdef uint32_t id_sum = ((identifier & 0xFF) + (identifier >> 8 & 0xFF) + (identifier >> 16 & 0xFF)
                            + (identifier >> 24 & 0x1F))
    cdef uint32_t total = 0
    cdef uint32_t own_byte = signal.start_bit >> 3
    cdef uint32_t place, bit
    cdef uint8_t crc = 0xFF
    if message.checksum_kind == CHECKSUM_TOYOTA:
        total = id_sum + message.length
        for place in range(message.length):
            if place != own_byte:
                total += data[place]
        return total & 0xFF
    if message.checksum_kind == CHECKSUM_TSC1 or message.checksum_kind == CHECKSUM_XBR:
        total = id_sum + (data[7] & 0x0F)
        for place in range(7):
            total += data[place]
        if message.checksum_kind == CHECKSUM_TSC1:
            return ((total >> 6 & 3) + (total >> 3) + total) & 7
        return ((total >> 4) + total) & 15
    for place in range(message.length):
        if place == own_byte:
            continue
        if message.checksum_kind == CHECKSUM_SUM:
            total += data[place]
        elif message.checksum_kind == CHECKSUM_XOR:
            total ^= data[place]
        else:
            crc ^= data[place]
            for bit in range(8):
                crc = <uint8_t>((crc << 1) ^ 0x1D) if crc & 0x80 else <uint8_t>(crc << 1)
    return (crc ^ 0xFF) if message.checksum_kind == CHECKSUM_CRC8_J1850 else total & 0xFF


cdef inline void protect(const CodecTables *tables, const MessageRow *message, uint32_t identifier, int counter,
                         uint8_t *data) noexcept nogil:
    """Writes the rolling counter (when `counter` >= 0), then the checksum."""
    cdef const SignalRow *signals = &tables.signals[message.first_signal]
    if message.counter_signal >= 0 and counter >= 0:
        put_bits(&signals[message.counter_signal], <uint64_t>counter, data)
    if message.checksum_signal >= 0:
        put_bits(&signals[message.checksum_signal],
                 checksum_of(message, &signals[message.checksum_signal], identifier, data), data)


cdef inline bint checksum_holds(const CodecTables *tables, const MessageRow *message, uint32_t identifier,
                                const uint8_t *data) noexcept nogil:
    cdef const SignalRow *signal
    if message.checksum_signal < 0:
        return True
    signal = &tables.signals[message.first_signal + message.checksum_signal]
    return far_bits(signal, data) == checksum_of(message, signal, identifier, data)
