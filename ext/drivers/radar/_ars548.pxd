"""Where the fields of a Continental ARS548's lists stand, and the state of its stream. Layout: drivers/radar/ars548.py."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from autonomy.msg.messages cimport RadarDetection, RadarObject

cdef enum:
    DETECTIONS_SIZE = 35336
    OBJECTS_SIZE = 9401
    DETECTION_METHOD = 336
    OBJECT_METHOD = 329
    MOST_DETECTIONS = 800
    MOST_OBJECTS = 50
    DETECTION_SIZE = 44
    OBJECT_SIZE = 187
    FIRST_DETECTION = 101
    FIRST_OBJECT = 51
    DETECTION_COUNT = 35309

cdef enum Verdict:
    DETECTIONS
    OBJECTS
    STALE
    MALFORMED
    OTHER

ctypedef struct Ars548Counts:
    uint64_t packets            # lists taken
    uint64_t detections
    uint64_t objects
    uint64_t other              # the sensor's other messages, and packets that are not its own
    uint64_t malformed          # a list of a wrong length, count or mark: left out whole
    uint64_t stale              # a list again, or one that is older than the last
    uint64_t lost               # lists, by the sender's counter or, without one, by their time
    uint64_t unreadable         # numbers that are none though not marked as invalid: given as NaN
    uint64_t clock_jumps        # of the sensor, by more than a second

cdef struct Stream:
    int64_t stamp_ns            # -1 before the first
    int64_t counter             # -1: not counted

cdef struct Ars548State:
    Ars548Counts counts
    Stream[2] streams           # of detections, of objects
    bint is_sensor_time
    int64_t time_ns             # of the list taken last, on the log's clock
    int64_t stamp_ns            # on the sensor's
    uint32_t count
    RadarDetection[800] detections
    RadarObject[50] objects
