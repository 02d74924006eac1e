# Vehicle axes, and the local frame whose origin is the first accepted fix.
from libc.math cimport cos, sin

from autonomy.estimation.ego._state cimport EgoFilter, GnssEntry
from autonomy.linalg._geodesy cimport EARTH_MEAN_RADIUS_M
from autonomy.linalg._small cimport rotate, rotate_back


cdef inline void update_vehicle_axes(EgoFilter* state) noexcept nogil:
    """Vehicle from IMU axes: Rz(yaw) Ry(pitch) of the mounting."""
    cdef double sine_pitch = sin(state.mounting[0])
    cdef double cosine_pitch = cos(state.mounting[0])
    cdef double sine_yaw = sin(state.mounting[1])
    cdef double cosine_yaw = cos(state.mounting[1])
    state.vehicle_axes[0] = cosine_yaw * cosine_pitch
    state.vehicle_axes[1] = -sine_yaw
    state.vehicle_axes[2] = cosine_yaw * sine_pitch
    state.vehicle_axes[3] = sine_yaw * cosine_pitch
    state.vehicle_axes[4] = cosine_yaw
    state.vehicle_axes[5] = sine_yaw * sine_pitch
    state.vehicle_axes[6] = -sine_pitch
    state.vehicle_axes[7] = 0.0
    state.vehicle_axes[8] = cosine_pitch


cdef inline void gravity_at(const double* position, double gravity, double* out) noexcept nogil:
    """Gravity in the axes of the origin: 'down' leans with the distance driven, 0.18 degrees in 20 km."""
    out[0] = -gravity * position[0] / EARTH_MEAN_RADIUS_M
    out[1] = -gravity * position[1] / EARTH_MEAN_RADIUS_M
    out[2] = -gravity


cdef inline void local_position(const EgoFilter* state, const GnssEntry* fix, double* out) noexcept nogil:
    """Fix in metres east, north, up of the origin."""
    cdef double difference[3]
    cdef int i
    for i in range(3):
        difference[i] = fix.position[i] - state.origin_ecef[i]
    rotate(state.origin_axes, difference, out)


cdef inline void local_velocity(const EgoFilter* state, const GnssEntry* fix, double* out) noexcept nogil:
    """Velocity of a fix turned from its own east, north, up into the origin's."""
    cdef double earth[3]
    rotate_back(fix.axes, fix.velocity, earth)
    rotate(state.origin_axes, earth, out)
