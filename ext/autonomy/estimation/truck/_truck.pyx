"""The combination as far as it is known without identification: configured mass, steering response, kinematic trailer.

The articulation follows gamma' = -(v/L_t) sin gamma - r (1 + (c_f/L_t) cos gamma) (tyres without slip), integrated by the
midpoint rule. Twin: autonomy/estimation/truck/truck_twin.py.
"""
import numpy as np
from libc.math cimport cos, isfinite, sin
from libc.string cimport memset
from autonomy.msg.messages cimport *
from autonomy.inputs._clock cimport elapsed_s
from autonomy.inputs._face cimport pointer
from autonomy.inputs._motion cimport known_speed, known_yaw_rate, velocity_known
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)


cdef void truck_reset(TruckMemory* memory, const VehicleParameters* parameters) noexcept nogil:
    memset(memory, 0, sizeof(TruckMemory))


cdef inline double articulation_rate(const VehicleParameters* parameters, double angle, double speed,
                                     double yaw_rate) noexcept nogil:
    return -speed / parameters.trailer_wheelbase_m * sin(angle) \
        - yaw_rate * (1.0 + parameters.hitch_offset_m / parameters.trailer_wheelbase_m * cos(angle))


cdef void truck_step(TruckMemory* memory, const VehicleParameters* parameters, const VehicleState* vehicle,
                     const EgoState* ego, TruckState* truck) noexcept nogil:
    cdef double dt = elapsed_s(vehicle.time_ns, memory.last_tick_ns)
    cdef double speed = known_speed(vehicle, ego)
    cdef double yaw_rate = known_yaw_rate(vehicle, ego)
    cdef double middle
    memset(truck, 0, sizeof(TruckState))
    truck.time_ns = vehicle.time_ns
    truck.mass_kg = parameters.mass_kg
    truck.mass_sigma_kg = parameters.mass_sigma_kg
    truck.steering_delay_s = parameters.steering_delay_s
    truck.steering_lag_s = parameters.steering_lag_s
    truck.has_trailer = parameters.has_trailer
    if velocity_known(ego) and isfinite(ego.grade):
        truck.grade = ego.grade
    if parameters.has_trailer and isfinite(speed):
        middle = memory.articulation_angle + 0.5 * dt * articulation_rate(parameters, memory.articulation_angle, speed, yaw_rate)
        memory.articulation_angle += dt * articulation_rate(parameters, middle, speed, yaw_rate)
        truck.articulation_rate = articulation_rate(parameters, memory.articulation_angle, speed, yaw_rate)
    truck.articulation_angle = memory.articulation_angle
    memory.last_tick_ns = vehicle.time_ns


cdef class TruckStep:
    """The step alone, for tests; messages are 0-d arrays of their dtypes."""
    cdef TruckMemory memory
    cdef VehicleParameters parameters

    def __init__(self, parameters):
        self.parameters = (<VehicleParameters*>pointer(parameters))[0]
        truck_reset(&self.memory, &self.parameters)

    def step(self, vehicle, ego):
        result = np.zeros((), dtype("TruckState"))
        truck_step(&self.memory, &self.parameters, <const VehicleState*>pointer(vehicle), <const EgoState*>pointer(ego),
                   <TruckState*>pointer(result))
        return result
