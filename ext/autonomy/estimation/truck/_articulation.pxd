# Angle between trailer and tractor, tyres without slip:
# gamma' = -(v/L_t) sin gamma - r (1 + (c_f/L_t) cos gamma), by the midpoint rule. Twin: truck_twin.py.
from libc.math cimport cos, isfinite, sin
from autonomy.msg.messages cimport TruckState, VehicleParameters

ctypedef struct ArticulationMemory:
    double angle                 # rad, trailer yaw minus tractor yaw


cdef inline double articulation_rate(const VehicleParameters* parameters, double angle, double speed,
                                     double yaw_rate) noexcept nogil:
    return -speed / parameters.trailer_wheelbase_m * sin(angle) \
        - yaw_rate * (1.0 + parameters.hitch_offset_m / parameters.trailer_wheelbase_m * cos(angle))


cdef inline void articulation_step(ArticulationMemory* memory, const VehicleParameters* parameters, double speed, double yaw_rate,
                                   double dt, TruckState* truck) noexcept nogil:
    cdef double middle
    if parameters.has_trailer and isfinite(speed):
        middle = memory.angle + 0.5 * dt * articulation_rate(parameters, memory.angle, speed, yaw_rate)
        memory.angle += dt * articulation_rate(parameters, middle, speed, yaw_rate)
        truck.articulation_rate = articulation_rate(parameters, memory.angle, speed, yaw_rate)
    truck.articulation_angle = memory.angle
