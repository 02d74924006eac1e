# The time of a line of candump, and the numbers it is made of.
from libc.stdint cimport int64_t, uint8_t

cdef enum:
    MOST_SECONDS = 9_000_000_000


cdef inline bint is_digit(uint8_t c) noexcept nogil:
    return 48 <= c <= 57


cdef inline const uint8_t* skip_space(const uint8_t* at, const uint8_t* end) noexcept nogil:
    while at < end and (at[0] == 32 or at[0] == 9 or at[0] == 13):
        at += 1
    return at


cdef inline const uint8_t* read_number(const uint8_t* at, const uint8_t* end, int64_t* value, int most) noexcept nogil:
    """Decimal digits, at most `most`; NULL without any or with more."""
    cdef const uint8_t* start = at
    value[0] = 0
    while at < end and is_digit(at[0]):
        value[0] = value[0] * 10 + (at[0] - 48)
        at += 1
        if at - start > most:
            return NULL
    return at if at > start else NULL


cdef inline int64_t days_since_1970(int64_t year, int64_t month, int64_t day) noexcept nogil:
    """Days of the proleptic Gregorian calendar, years counted from March so that the leap day comes last."""
    cdef int64_t y = year - (1 if month <= 2 else 0)
    cdef int64_t day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return y * 365 + y // 4 - y // 100 + y // 400 + day_of_year - 719468


cdef inline const uint8_t* read_time(const uint8_t* at, const uint8_t* end, int64_t* time_ns, int64_t* odd) noexcept nogil:
    """`(seconds.fraction)` or `(2023-08-08 15:23:18.524707)`; returns the place behind it, NULL when it is neither."""
    cdef int64_t seconds, month, day, hour, minute, fraction = 0, scale = 100_000_000
    if at >= end or at[0] != 40:
        return NULL
    at = read_number(at + 1, end, &seconds, 10)
    if at == NULL or at >= end:
        return NULL
    if at[0] == 45:
        at = read_number(at + 1, end, &month, 2)
        if at == NULL or at >= end or at[0] != 45:
            return NULL
        at = read_number(at + 1, end, &day, 2)
        if at == NULL or at >= end or at[0] != 32 or not (1 <= month <= 12 and 1 <= day <= 31 and 1970 <= seconds < 2200):
            return NULL
        seconds = days_since_1970(seconds, month, day) * 86400
        at = read_number(at + 1, end, &hour, 2)
        if at == NULL or at >= end or at[0] != 58:
            return NULL
        at = read_number(at + 1, end, &minute, 2)
        if at == NULL or at >= end or at[0] != 58:
            return NULL
        at = read_number(at + 1, end, &day, 2)
        if at == NULL or hour > 23 or minute > 59 or day > 60:
            return NULL
        seconds += hour * 3600 + minute * 60 + day
    if seconds > MOST_SECONDS:
        return NULL
    if at < end and at[0] == 46:
        at += 1
        while at < end and is_digit(at[0]):
            fraction += (at[0] - 48) * scale
            if scale == 0 and at[0] != 48:
                odd[0] += 1
            scale //= 10
            at += 1
    if at >= end or at[0] != 41:
        return NULL
    time_ns[0] = seconds * 1_000_000_000 + fraction
    return at + 1
