"""NMEA sentences into fixes; see _nmea.pxd for the source, drivers/gnss/nmea_twin.py for the same stated plainly.

$ address , fields * checksum CR LF. A `$` always begins a sentence, so a disturbed byte costs the sentence it stands in.
The configured sentences of one UTC time make an epoch; it goes out with the last of them, or unfinished when the next begins.
"""

from libc.math cimport NAN, sqrt
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from autonomy.inputs._append cimport KIND_GNSS, KIND_NONE
from autonomy.msg.messages cimport LAYOUT_HASH, GnssSample

from autonomy.msg.layout import require

from drivers.gnss._port cimport NOT_TOLD, VALIDITY_NOT_AVAILABLE, PortRow, empty_fix, utc_ns

require(__name__, LAYOUT_HASH)

cdef enum:
    NO_TIME = -1
    WRONG = 0                   # of a field: not what it should be
    EMPTY = 1
    TOLD = 2
    LONGEST_NUMBER = 15         # digits: up to here a decimal fraction is one exact division

cdef double KNOT = 1852.0 / 3600.0  # m/s
cdef double[16] POWERS = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15]


cdef uint32_t nmea_push(NmeaState *state, const PortRow *port, const uint8_t *data, uint32_t length,
                        int64_t time_ns) noexcept nogil:
    """Takes bytes up to the end of an epoch and returns how many; `nmea_next` then gives the sample."""
    cdef uint32_t place = 0
    while place < length and not state.is_done:
        take_byte(state, port, data[place], time_ns)
        place += 1
    state.counts.bytes += place
    return place


cdef int nmea_next(NmeaState *state, const PortRow *port, void *sample) noexcept nogil:
    """The epoch that is done as a sample: KIND_GNSS, or KIND_NONE when none is."""
    cdef GnssSample *fix = <GnssSample *>sample
    cdef int64_t received_ns = state.done.fix.received_time_ns, utc_time_ns = state.done.fix.utc_time_ns
    cdef uint8_t satellites = state.done.fix.satellites
    if not state.is_done:
        return KIND_NONE
    state.is_done = 0
    if state.done.no_fix:
        empty_fix(fix)
        fix.validity = VALIDITY_NOT_AVAILABLE
        fix.fix_type = 0
        fix.satellites = satellites
        fix.utc_time_ns = utc_time_ns
    else:
        memcpy(fix, &state.done.fix, sizeof(GnssSample))
    fix.source = port.source
    fix.received_time_ns = received_ns
    fix.valid_time_ns = received_ns - port.delay_ns
    state.counts.samples += 1
    return KIND_GNSS


cdef void take_byte(NmeaState *state, const PortRow *port, uint8_t byte, int64_t time_ns) noexcept nogil:
    if byte == b"$":
        if state.in_sentence:
            give_up(state)
        state.in_sentence = 1
        state.length = 0
    elif not state.in_sentence:
        state.counts.skipped += byte != b"\r" and byte != b"\n"
    elif byte == b"\r" or byte == b"\n":
        if checksum_holds(state):
            state.counts.messages += 1
            state.in_sentence = 0
            split(state)
            take_sentence(state, port, time_ns)
        else:
            give_up(state)
    elif byte < 0x20 or byte > 0x7E or state.length == NMEA_LONGEST:
        give_up(state)
        state.counts.skipped += 1
    else:
        state.line[state.length] = byte
        state.length += 1


cdef void give_up(NmeaState *state) noexcept nogil:
    state.counts.malformed += 1
    state.counts.skipped += state.length + 1
    state.in_sentence = 0


cdef bint checksum_holds(const NmeaState *state) noexcept nogil:
    """Exclusive or of everything between $ and *, as two capital hexadecimal digits."""
    cdef uint32_t place
    cdef uint8_t total = 0
    if state.length < 8 or state.line[state.length - 3] != b"*":
        return False
    for place in range(state.length - 3):
        total ^= state.line[place]
    return state.line[state.length - 2] == digit(total >> 4) and state.line[state.length - 1] == digit(total & 15)


cdef inline uint8_t digit(uint8_t value) noexcept nogil:
    return value + (48 if value < 10 else 55)


cdef void split(NmeaState *state) noexcept nogil:
    """Where each field of the line begins, the first behind the address."""
    cdef uint32_t place
    state.field_count = 0
    for place in range(state.length - 2):
        if (state.line[place] == b"," or place == state.length - 3) and state.field_count < NMEA_FIELDS:
            state.first[state.field_count] = <uint16_t>(place + 1)
            state.field_count += 1


cdef void take_sentence(NmeaState *state, const PortRow *port, int64_t time_ns) noexcept nogil:
    cdef uint32_t type = 0
    cdef int64_t ns_of_day = NO_TIME
    cdef NmeaEpoch epoch
    if state.field_count >= 2 and state.first[0] == 6 and state.line[0] != b"P":
        type = sentence_of(&state.line[2]) & port.sentences
    if type == 0:
        state.counts.unused += 1
        return
    if type != SENTENCE_VTG and time_of_day(state, 0, &ns_of_day) == WRONG:
        state.counts.malformed += 1
        return
    if is_next(&state.epoch, type, ns_of_day):
        state.counts.incomplete += 1
        finish(state)
    memcpy(&epoch, &state.epoch, sizeof(NmeaEpoch))
    if epoch.present == 0:
        empty_fix(&epoch.fix)
        epoch.no_fix = 0
        epoch.ns_of_day = NO_TIME
    if not (take_gga(state, &epoch) if type == SENTENCE_GGA else take_rmc(state, &epoch, ns_of_day) if type == SENTENCE_RMC
            else take_vtg(state, &epoch) if type == SENTENCE_VTG else take_gst(state, &epoch)):
        state.counts.malformed += 1
        return
    if type != SENTENCE_VTG:
        epoch.ns_of_day = ns_of_day
    epoch.present |= type
    epoch.fix.received_time_ns = time_ns
    memcpy(&state.epoch, &epoch, sizeof(NmeaEpoch))
    if epoch.present == port.sentences and not state.is_done:
        finish(state)


cdef bint is_next(const NmeaEpoch *epoch, uint32_t type, int64_t ns_of_day) noexcept nogil:
    """Whether a sentence begins another epoch than the one under way."""
    if epoch.present == 0:
        return False
    if epoch.present & type:
        return True
    return type != SENTENCE_VTG and epoch.present != SENTENCE_VTG and epoch.ns_of_day != ns_of_day


cdef void finish(NmeaState *state) noexcept nogil:
    memcpy(&state.done, &state.epoch, sizeof(NmeaEpoch))
    state.is_done = 1
    state.epoch.present = 0


cdef uint32_t sentence_of(const uint8_t *name) noexcept nogil:
    cdef uint32_t code = name[0] << 16 | name[1] << 8 | name[2]
    if code == 0x474741:  # GGA
        return SENTENCE_GGA
    if code == 0x524D43:  # RMC
        return SENTENCE_RMC
    if code == 0x565447:  # VTG
        return SENTENCE_VTG
    return SENTENCE_GST if code == 0x475354 else 0


cdef bint take_gga(const NmeaState *state, NmeaEpoch *epoch) noexcept nogil:
    """Time, latitude, N/S, longitude, E/W, quality, satellites, HDOP, altitude, M, geoid separation, M."""
    cdef double quality, satellites, altitude, separation
    cdef int told, separation_told
    if state.field_count < 12 or number(state, 5, &quality) != TOLD:
        return False
    told = number(state, 6, &satellites)
    if told == WRONG:
        return False
    epoch.fix.satellites = <uint8_t>min(max(satellites, 0.0), 254.0) if told == TOLD else NOT_TOLD
    if not 1.0 <= quality <= 5.0:  # 0 none, 6 dead reckoning, 7 by hand, 8 simulator
        epoch.no_fix = 1
        return True
    if not take_position(state, 1, &epoch.fix):
        return False
    told, separation_told = number(state, 8, &altitude), number(state, 10, &separation)
    if told == WRONG or separation_told == WRONG:
        return False
    if told == TOLD:  # above the ellipsoid when the receiver tells the geoid, else above mean sea level
        epoch.fix.altitude_m = altitude + (separation if separation_told == TOLD else 0.0)
    epoch.fix.fix_type = 3 if told == TOLD else 2
    return True


cdef bint take_rmc(const NmeaState *state, NmeaEpoch *epoch, int64_t ns_of_day) noexcept nogil:
    """Time, status, latitude, N/S, longitude, E/W, speed in knots, course, date, ..."""
    cdef double speed, course
    cdef int64_t date = 0
    cdef int told, speed_told, course_told
    if state.field_count < 10:
        return False
    told = whole(state, 8, 6, &date)
    if told == WRONG:
        return False
    if told == TOLD and ns_of_day != NO_TIME:
        if not 1 <= date // 100 % 100 <= 12 or not 1 <= date // 10000 <= 31:
            return False
        # Two digits of a year: 80 to 99 is the last century, when GPS began
        epoch.fix.utc_time_ns = utc_ns(date % 100 + (1900 if date % 100 >= 80 else 2000), date // 100 % 100, date // 10000,
                                       ns_of_day)
    if length_of(state, 1) != 1:
        return False
    if state.line[state.first[1]] != b"A":
        epoch.no_fix = 1
        return True
    speed_told, course_told = number(state, 6, &speed), number(state, 7, &course)
    if speed_told == WRONG or course_told == WRONG or not take_position(state, 2, &epoch.fix):
        return False
    if speed_told == TOLD:
        epoch.fix.speed = speed * KNOT
    if course_told == TOLD:
        epoch.fix.course_deg = course
    return True


cdef bint take_vtg(const NmeaState *state, NmeaEpoch *epoch) noexcept nogil:
    """Course, T, magnetic course, M, speed in knots, N, speed in km/h, K, ..."""
    cdef double speed, course
    cdef int speed_told, course_told
    if state.field_count < 9:
        return False
    speed_told, course_told = number(state, 6, &speed), number(state, 0, &course)
    if speed_told == WRONG or course_told == WRONG:
        return False
    if speed_told == TOLD:
        epoch.fix.speed = speed / 3.6
    if course_told == TOLD:
        epoch.fix.course_deg = course
    return True


cdef bint take_gst(const NmeaState *state, NmeaEpoch *epoch) noexcept nogil:
    """Time, RMS of the ranges, error ellipse (major, minor, direction), sigma of latitude, longitude, altitude in m."""
    cdef double latitude, longitude, altitude
    cdef int told, altitude_told
    if state.field_count < 9:
        return False
    told, altitude_told = min(number(state, 5, &latitude), number(state, 6, &longitude)), number(state, 7, &altitude)
    if told == WRONG or altitude_told == WRONG:
        return False
    if told == TOLD:
        epoch.fix.position_sigma = sqrt(0.5 * (latitude * latitude + longitude * longitude))
    if altitude_told == TOLD:
        epoch.fix.altitude_sigma = altitude
    return True


cdef bint take_position(const NmeaState *state, uint32_t field, GnssSample *fix) noexcept nogil:
    """ddmm.mmmm, N or S, dddmm.mmmm, E or W."""
    cdef double latitude = NAN, longitude = NAN
    if not angle(state, field, 2, b"N", b"S", &latitude) or not angle(state, field + 2, 3, b"E", b"W", &longitude):
        return False
    if not -90.0 <= latitude <= 90.0 or not -180.0 <= longitude <= 180.0:
        return False
    fix.latitude_deg = latitude
    fix.longitude_deg = longitude
    return True


cdef bint angle(const NmeaState *state, uint32_t field, uint32_t degree_digits, uint8_t positive, uint8_t negative,
                double *degrees) noexcept nogil:
    """Degrees and minutes in one number, with the direction in the field behind it."""
    cdef uint32_t first = state.first[field], length = length_of(state, field), place
    cdef double whole_degrees = 0.0, minutes
    cdef uint8_t direction
    if length < degree_digits + 2 or length_of(state, field + 1) != 1:
        return False
    for place in range(degree_digits):
        if not is_digit(state.line[first + place]):
            return False
        whole_degrees = 10.0 * whole_degrees + (state.line[first + place] - 48)
    if not is_digit(state.line[first + degree_digits]):
        return False
    if parse(&state.line[first + degree_digits], length - degree_digits, &minutes) != TOLD:
        return False
    if not minutes <= 60.0:        # 60 itself comes from senders that round 59.99999
        return False
    direction = state.line[state.first[field + 1]]
    if direction != positive and direction != negative:
        return False
    degrees[0] = (whole_degrees + minutes / 60.0) * (1.0 if direction == positive else -1.0)
    return True


cdef int time_of_day(const NmeaState *state, uint32_t field, int64_t *ns_of_day) noexcept nogil:
    """hhmmss or hhmmss.sss in nanoseconds; second 60 is a leap second."""
    cdef uint32_t first = state.first[field], length = length_of(state, field), place
    cdef int64_t hours, minutes, seconds, fraction = 0, unit = 100_000_000
    if length == 0:
        return EMPTY
    if length < 6 or length == 7 or length > 16 or (length > 6 and state.line[first + 6] != b"."):
        return WRONG
    for place in range(length):
        if place != 6 and not is_digit(state.line[first + place]):
            return WRONG
    hours = 10 * (state.line[first] - 48) + state.line[first + 1] - 48
    minutes = 10 * (state.line[first + 2] - 48) + state.line[first + 3] - 48
    seconds = 10 * (state.line[first + 4] - 48) + state.line[first + 5] - 48
    for place in range(7, length):
        fraction += unit * (state.line[first + place] - 48)
        unit //= 10
    if hours > 23 or minutes > 59 or seconds > 60:
        return WRONG
    ns_of_day[0] = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + fraction
    return TOLD


cdef int whole(const NmeaState *state, uint32_t field, uint32_t digits, int64_t *value) noexcept nogil:
    """A field of exactly so many digits."""
    cdef uint32_t place
    if length_of(state, field) == 0:
        return EMPTY
    if length_of(state, field) != digits:
        return WRONG
    value[0] = 0
    for place in range(digits):
        if not is_digit(state.line[state.first[field] + place]):
            return WRONG
        value[0] = 10 * value[0] + state.line[state.first[field] + place] - 48
    return TOLD


cdef int number(const NmeaState *state, uint32_t field, double *value) noexcept nogil:
    if length_of(state, field) == 0:
        return EMPTY
    return parse(&state.line[state.first[field]], length_of(state, field), value)


cdef int parse(const uint8_t *text, uint32_t length, double *value) noexcept nogil:
    """[-]digits[.digits], the nearest number of the type as any reader of decimals gives it."""
    cdef int64_t mantissa = 0
    cdef uint32_t place, first = 1 if length and text[0] == b"-" else 0, digits = 0, decimals = 0
    cdef bint has_point = False
    for place in range(first, length):
        if text[place] == b"." and not has_point:
            has_point = True
        elif is_digit(text[place]) and digits < LONGEST_NUMBER:
            mantissa = 10 * mantissa + text[place] - 48
            digits += 1
            decimals += has_point
        else:
            return WRONG
    if digits == 0:
        return WRONG
    value[0] = (-1.0 if first else 1.0) * (<double>mantissa / POWERS[decimals])
    return TOLD


cdef inline uint32_t length_of(const NmeaState *state, uint32_t field) noexcept nogil:
    return state.first[field + 1] - state.first[field] - 1 if field + 1 < state.field_count else 0


cdef inline bint is_digit(uint8_t character) noexcept nogil:
    return 48 <= character <= 57
