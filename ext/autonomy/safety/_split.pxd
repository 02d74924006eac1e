# One acceleration into engine, retarder and brakes by the force balance of the whole combination.
from libc.math cimport sin
from autonomy.msg.messages cimport Actuation, TruckState, VehicleParameters



cdef inline void split(const VehicleParameters* parameters, const TruckState* truck, double speed, double acceleration,
                       Actuation* actuation) noexcept nogil:
    """Torques at the crank's side of driveline_ratio; what engine drag and retarder cannot hold goes to the brakes."""
    # 9.80665 m/s2 standard gravity (CGPM 1901); 1.2 kg/m3 air at 20 degrees C and sea level
    cdef double drag = 0.5 * 1.2 * parameters.drag_area_m2 * speed * speed
    cdef double rolling = parameters.rolling_resistance * truck.mass_kg * 9.80665
    cdef double force = truck.mass_kg * (acceleration + 9.80665 * sin(truck.grade)) + drag + (rolling if speed > 0.1 else 0.0)
    cdef double torque = force * parameters.wheel_radius_m / parameters.driveline_ratio
    cdef double retarder = 0.0
    if torque >= 0.0:
        actuation.engine_torque_nm = torque if torque < parameters.engine_torque_maximum_nm \
            else parameters.engine_torque_maximum_nm
        return
    if speed > parameters.retarder_minimum_speed_mps:
        retarder = torque if torque > -parameters.retarder_torque_maximum_nm else -parameters.retarder_torque_maximum_nm
    actuation.retarder_torque_nm = retarder
    actuation.brake_deceleration_mps2 = -(torque - retarder) * parameters.driveline_ratio / parameters.wheel_radius_m \
        / truck.mass_kg
