# The best speed and yaw rate known in this tick: the ego filter's, else the vehicle's own signals.
from libc.math cimport NAN, cos, isfinite, sin
from autonomy.msg.messages cimport (
    EgoState, VehicleState, EgoState_STATUS_DIVERGED, EgoState_STATUS_POSITION_VALID, EgoState_STATUS_VELOCITY_VALID,
    EgoState_STATUS_YAW_ALIGNED)


cdef inline bint velocity_known(const EgoState* ego) noexcept nogil:
    return (ego.status & EgoState_STATUS_VELOCITY_VALID) != 0 and (ego.status & EgoState_STATUS_DIVERGED) == 0 \
        and isfinite(ego.speed) and isfinite(ego.angular_rate[2])


cdef inline bint pose_known(const EgoState* ego) noexcept nogil:
    return (ego.status & EgoState_STATUS_POSITION_VALID) != 0 and (ego.status & EgoState_STATUS_YAW_ALIGNED) != 0 \
        and (ego.status & EgoState_STATUS_DIVERGED) == 0 and isfinite(ego.position[0]) and isfinite(ego.position[1]) \
        and isfinite(ego.yaw)


cdef inline double known_speed(const VehicleState* vehicle, const EgoState* ego) noexcept nogil:
    """m/s; NaN when neither knows it."""
    if velocity_known(ego):
        return ego.speed
    if vehicle.speed_validity == 0:
        return vehicle.speed
    return NAN


cdef inline double known_yaw_rate(const VehicleState* vehicle, const EgoState* ego) noexcept nogil:
    """rad/s; 0 when neither knows it."""
    if velocity_known(ego):
        return ego.angular_rate[2]
    if isfinite(vehicle.yaw_rate):
        return vehicle.yaw_rate
    return 0.0


cdef inline double lateral_velocity(const EgoState* ego) noexcept nogil:
    """m/s to the left of the reference point: in a bend the tyres' slip lets it drift out by some per cent of the speed."""
    return cos(ego.yaw) * ego.velocity[1] - sin(ego.yaw) * ego.velocity[0]
