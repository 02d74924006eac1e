"""What the codecs of serial ports share: a port's row of the configuration, its counts, an empty fix, an IMU's axes, UTC. Header
only."""

from libc.math cimport NAN
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memset

from autonomy.msg.messages cimport GnssSample, ImuSample

cdef enum:
    VALIDITY_OK = 0
    VALIDITY_NOT_AVAILABLE = 1
    VALIDITY_ERROR = 2
    NOT_TOLD = 255
    PROTOCOL_UBX = 0
    PROTOCOL_NMEA = 1
    PROTOCOL_MTDATA2 = 2

# Filled by drivers/serial/router.py
cdef struct PortRow:
    int64_t delay_ns            # of the measurement against the arrival of its last byte
    uint16_t source
    uint8_t protocol            # PROTOCOL_*
    uint8_t sentences           # NMEA: those that make an epoch, bit mask of SENTENCE_*
    uint8_t gives_gnss
    uint8_t gives_imu
    int8_t axes[3]              # IMU: which sensor axis (1, 2, 3) points forward, left, up; negative = against it
    uint8_t padding[3]
    int32_t next                # next entry that reads the same port, -1 at the end

cdef struct PortCounts:
    uint64_t bytes
    uint64_t messages           # whole, with the right checksum
    uint64_t samples
    uint64_t unused             # of the messages: nothing this entry makes a sample of
    uint64_t malformed          # wrong checksum, length or field, or broken off
    uint64_t skipped            # bytes that belong to no message
    uint64_t incomplete         # samples of which a part did not come


cdef inline void empty_fix(GnssSample *fix) noexcept nogil:
    """Every field unknown."""
    memset(fix, 0, sizeof(GnssSample))
    fix.latitude_deg = NAN
    fix.longitude_deg = NAN
    fix.altitude_m = NAN
    fix.velocity_east = NAN
    fix.velocity_north = NAN
    fix.velocity_up = NAN
    fix.speed = NAN
    fix.course_deg = NAN
    fix.position_sigma = NAN
    fix.altitude_sigma = NAN
    fix.speed_sigma = NAN
    fix.course_sigma_deg = NAN
    fix.fix_type = NOT_TOLD
    fix.satellites = NOT_TOLD


cdef inline void fill_imu(const PortRow *port, const double *readings, ImuSample *sample) noexcept nogil:
    """Accelerations and angular rates along the sensor's x y z into a sample along the vehicle's axes."""
    cdef double turned[6]
    cdef int axis, of
    for axis in range(3):
        of = port.axes[axis]
        turned[axis] = readings[of - 1] if of > 0 else -readings[-of - 1]
        turned[3 + axis] = readings[2 + of] if of > 0 else -readings[2 - of]
    memset(sample, 0, sizeof(ImuSample))
    sample.source = port.source
    sample.acceleration_x, sample.acceleration_y, sample.acceleration_z = turned[0], turned[1], turned[2]
    sample.angular_rate_x, sample.angular_rate_y, sample.angular_rate_z = turned[3], turned[4], turned[5]


cdef inline int64_t utc_ns(int64_t year, int64_t month, int64_t day, int64_t ns_of_day) noexcept nogil:
    """Nanoseconds since 1970 of a date of the Gregorian calendar; years are counted from March, so leap days come last."""
    cdef int64_t years = year - (1 if month <= 2 else 0)
    cdef int64_t day_of_year = (153 * (month + (9 if month <= 2 else -3)) + 2) // 5 + day - 1
    cdef int64_t days = 365 * years + years // 4 - years // 100 + years // 400 + day_of_year - 719468
    return days * 86_400 * 1_000_000_000 + ns_of_day
