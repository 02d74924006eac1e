"""Samples into the lists of an input frame, by kind. Header only: used by the router, by replay and by the live loop."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from autonomy.msg.messages cimport (
    CruiseInput, CruisePlan, DriverInput, DriverSample,
    GnssInput, GnssSample, ImuInput, ImuSample, InputFrame, LaneInput, LanePathInput, LanePoint,
    LaneSample, ObjectInput, ObjectSample, ObstacleInput, ObstacleSample, OdometryInput, OdometrySample, RadarInput,
    RadarPoint, ShaftInput, ShaftSample, SignalInput, SignalSample, SteeringInput, SteeringSample, WheelInput, WheelSample,
)

# Order of the lists in InputFrame; 0 is no kind. KINDS in drivers/can/route_config.py says the same in Python.
cdef enum InputKind:
    KIND_NONE = 0
    KIND_IMU = 1
    KIND_WHEEL = 2
    KIND_SHAFT = 3
    KIND_STEERING = 4
    KIND_GNSS = 5
    KIND_RADAR = 6
    KIND_LANE = 7
    KIND_OBSTACLE = 8
    KIND_ODOMETRY = 9
    KIND_DRIVER = 10
    KIND_OBJECT = 11
    KIND_SIGNAL = 12
    KIND_LANE_PATH = 13
    KIND_CRUISE = 14
    KIND_COUNT = 15

cdef enum:
    LIST_FIRST_ITEM = 32        # tick_index, tick_time_ns, overflow, padding, count, padding
    LIST_COUNT = 24


cdef inline uint8_t *input_of(InputFrame *frame, int kind) noexcept nogil:
    """Start of the list message of a kind, NULL for no kind."""
    if kind == KIND_IMU: return <uint8_t *>&frame.imu
    if kind == KIND_WHEEL: return <uint8_t *>&frame.wheel
    if kind == KIND_SHAFT: return <uint8_t *>&frame.shaft
    if kind == KIND_STEERING: return <uint8_t *>&frame.steering
    if kind == KIND_GNSS: return <uint8_t *>&frame.gnss
    if kind == KIND_RADAR: return <uint8_t *>&frame.radar
    if kind == KIND_LANE: return <uint8_t *>&frame.lane
    if kind == KIND_OBSTACLE: return <uint8_t *>&frame.obstacle
    if kind == KIND_ODOMETRY: return <uint8_t *>&frame.odometry
    if kind == KIND_DRIVER: return <uint8_t *>&frame.driver
    if kind == KIND_OBJECT: return <uint8_t *>&frame.object
    if kind == KIND_SIGNAL: return <uint8_t *>&frame.signal
    if kind == KIND_LANE_PATH: return <uint8_t *>&frame.lane_path
    if kind == KIND_CRUISE: return <uint8_t *>&frame.cruise
    return NULL


cdef inline uint32_t item_size(int kind) noexcept nogil:
    """Bytes of one sample of a kind."""
    if kind == KIND_IMU: return sizeof(ImuSample)
    if kind == KIND_WHEEL: return sizeof(WheelSample)
    if kind == KIND_SHAFT: return sizeof(ShaftSample)
    if kind == KIND_STEERING: return sizeof(SteeringSample)
    if kind == KIND_GNSS: return sizeof(GnssSample)
    if kind == KIND_RADAR: return sizeof(RadarPoint)
    if kind == KIND_LANE: return sizeof(LaneSample)
    if kind == KIND_OBSTACLE: return sizeof(ObstacleSample)
    if kind == KIND_ODOMETRY: return sizeof(OdometrySample)
    if kind == KIND_DRIVER: return sizeof(DriverSample)
    if kind == KIND_OBJECT: return sizeof(ObjectSample)
    if kind == KIND_SIGNAL: return sizeof(SignalSample)
    if kind == KIND_LANE_PATH: return sizeof(LanePoint)
    if kind == KIND_CRUISE: return sizeof(CruisePlan)
    return 0


cdef inline uint32_t input_size(int kind) noexcept nogil:
    """Bytes of the list message of a kind."""
    if kind == KIND_IMU: return sizeof(ImuInput)
    if kind == KIND_WHEEL: return sizeof(WheelInput)
    if kind == KIND_SHAFT: return sizeof(ShaftInput)
    if kind == KIND_STEERING: return sizeof(SteeringInput)
    if kind == KIND_GNSS: return sizeof(GnssInput)
    if kind == KIND_RADAR: return sizeof(RadarInput)
    if kind == KIND_LANE: return sizeof(LaneInput)
    if kind == KIND_OBSTACLE: return sizeof(ObstacleInput)
    if kind == KIND_ODOMETRY: return sizeof(OdometryInput)
    if kind == KIND_DRIVER: return sizeof(DriverInput)
    if kind == KIND_OBJECT: return sizeof(ObjectInput)
    if kind == KIND_SIGNAL: return sizeof(SignalInput)
    if kind == KIND_LANE_PATH: return sizeof(LanePathInput)
    if kind == KIND_CRUISE: return sizeof(CruiseInput)
    return 0


cdef inline uint32_t list_capacity(int kind) noexcept nogil:
    """Samples a list has room for in one tick."""
    cdef uint32_t size = item_size(kind)
    return (input_size(kind) - <uint32_t>LIST_FIRST_ITEM) // size if size else 0


cdef inline uint32_t item_validity_offset(int kind) noexcept nogil:
    """Where in a sample its validity stands; 0 for a kind without one (lane path)."""
    if kind == KIND_IMU: return <uint32_t><size_t>&(<ImuSample *>NULL).validity
    if kind == KIND_WHEEL: return <uint32_t><size_t>&(<WheelSample *>NULL).validity
    if kind == KIND_SHAFT: return <uint32_t><size_t>&(<ShaftSample *>NULL).validity
    if kind == KIND_STEERING: return <uint32_t><size_t>&(<SteeringSample *>NULL).validity
    if kind == KIND_GNSS: return <uint32_t><size_t>&(<GnssSample *>NULL).validity
    if kind == KIND_RADAR: return <uint32_t><size_t>&(<RadarPoint *>NULL).validity
    if kind == KIND_LANE: return <uint32_t><size_t>&(<LaneSample *>NULL).validity
    if kind == KIND_OBSTACLE: return <uint32_t><size_t>&(<ObstacleSample *>NULL).validity
    if kind == KIND_ODOMETRY: return <uint32_t><size_t>&(<OdometrySample *>NULL).validity
    if kind == KIND_DRIVER: return <uint32_t><size_t>&(<DriverSample *>NULL).validity
    if kind == KIND_OBJECT: return <uint32_t><size_t>&(<ObjectSample *>NULL).validity
    if kind == KIND_SIGNAL: return <uint32_t><size_t>&(<SignalSample *>NULL).validity
    if kind == KIND_CRUISE: return <uint32_t><size_t>&(<CruisePlan *>NULL).validity
    return 0


cdef inline bint append_sample(InputFrame *frame, InputKind kind, const void *sample) noexcept nogil:
    """Copies one sample to the end of its list; a full list counts it in `overflow` and keeps what it has."""
    cdef ImuInput *head = <ImuInput *>input_of(frame, kind)  # every list message begins alike
    cdef uint32_t size = item_size(kind)
    if head == NULL:
        return False
    if head.count >= list_capacity(kind):
        head.overflow += 1
        return False
    memcpy(<uint8_t *>head + LIST_FIRST_ITEM + head.count * size, sample, size)
    head.count += 1
    return True


cdef inline void clear_frame(InputFrame *frame) noexcept nogil:
    """Empties every list for the next tick; what stood in them stays as bytes beyond the count."""
    cdef ImuInput *head
    cdef int kind
    for kind in range(KIND_IMU, KIND_COUNT):
        head = <ImuInput *>input_of(frame, kind)
        head.count = 0
        head.overflow = 0
