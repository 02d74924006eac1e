# Steady turning of the tractor by the linear single-track model (Riekert and Schunck 1940).
from autonomy.msg.messages cimport VehicleParameters


cdef inline double angle_per_curvature(const VehicleParameters* vehicle, double speed) noexcept nogil:
    """rad m: road wheel angle over the curvature that it drives at a speed (m/s)."""
    return vehicle.wheelbase_m + vehicle.understeer_gradient * speed * speed
