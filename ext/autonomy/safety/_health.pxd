# Which inputs and results can be trusted this tick.
from libc.stdint cimport int64_t, uint32_t
from autonomy.msg.messages cimport *
from autonomy.inputs._motion cimport velocity_known


cdef inline bint stands_without_course(const EgoState* ego) noexcept nogil:
    """Stood since the filter began: it loses its velocity as soon as it moves, until fixes tell where it goes (3 m/s)."""
    return (ego.status & EgoState_STATUS_STANDSTILL) != 0 and (ego.status & EgoState_STATUS_POSITION_VALID) != 0 \
        and (ego.status & EgoState_STATUS_YAW_ALIGNED) == 0


cdef inline uint32_t faults_now(const VehicleState* vehicle, const EgoState* ego, const FaultState* table,
                                const LaneState* lane, uint32_t overflow,
                                int64_t now_ns, int64_t last_ns) noexcept nogil:
    cdef uint32_t faults = 0
    cdef int i
    if vehicle.imu_validity != 0:
        faults |= Health_FAULT_IMU_STALE
    if vehicle.speed_validity != 0:
        faults |= Health_FAULT_SPEED_STALE
    if vehicle.steering_validity != 0:
        faults |= Health_FAULT_STEERING_STALE
    if vehicle.gnss_validity != 0:
        faults |= Health_FAULT_GNSS_STALE
    if vehicle.radar_validity != 0:
        faults |= Health_FAULT_RADAR_STALE
    if not velocity_known(ego) or stands_without_course(ego):
        faults |= Health_FAULT_EGO_INVALID
    if lane.status == LaneState_STATUS_NONE:
        faults |= Health_FAULT_LANE_LOST
    if overflow:
        faults |= Health_FAULT_INPUT_OVERFLOW
    for i in range(16):
        if vehicle.sender_status[i] == VehicleState_SENDER_FROZEN or vehicle.sender_status[i] == VehicleState_SENDER_DISAGREES:
            faults |= Health_FAULT_SENDER_SUSPECT
    for i in range(4):
        if vehicle.disputed[i]:
            faults |= Health_FAULT_SENDERS_DISPUTED
    if table.told:
        faults |= Health_FAULT_TABLE
    if last_ns != 0 and now_ns <= last_ns:
        faults |= Health_FAULT_TIME_BACKWARDS
    return faults


cdef inline uint32_t overflow_now(const InputFrame* frame) noexcept nogil:
    """Samples of this tick that found no room."""
    return frame.imu.overflow + frame.wheel.overflow + frame.shaft.overflow + frame.steering.overflow \
        + frame.gnss.overflow + frame.radar.overflow + frame.lane.overflow + frame.obstacle.overflow \
        + frame.odometry.overflow + frame.driver.overflow + frame.object.overflow + frame.signal.overflow \
        + frame.lane_path.overflow + frame.cruise.overflow
