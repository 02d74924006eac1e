# What the wheels are turned by without turning the truck: held against wind, bank, play or a crooked axle.
#
# The bound on lateral acceleration counts from there: in gusts an empty truck is held against by a third of what the bound allows
# at 90 km/h. By what was sent and what the truck turned alone, whatever the controller believes; never beyond LARGEST_TRIM_RAD.
from libc.math cimport isfinite
from autonomy._single_track cimport angle_per_curvature
from autonomy.linalg._scalar cimport behind_lag, clipped
from autonomy.msg.messages cimport TruckState, VehicleParameters

cdef extern from *:
    """
    #define LARGEST_TRIM_RAD 0.008     /* [C] 0.005 in gusts of 15 m/s, empty, play of 0.1 degrees included */
    #define TRIM_LAG_S 0.5             /* [D] gusts rise in 1.5 s */
    #define TRIM_SPEED_MPS 8.0         /* below, the bound leaves more than wind asks for */
    """
    const double LARGEST_TRIM_RAD
    const double TRIM_LAG_S
    const double TRIM_SPEED_MPS

ctypedef struct TrimMemory:
    double wheels                # rad, where what was sent brings them
    double sent                  # rad, the same low-passed ...
    double turned                # ... as the angle that the yaw rate tells


cdef inline void trim_begin(TrimMemory* memory, double angle) noexcept nogil:
    memory.wheels = memory.sent = memory.turned = angle


cdef inline void trim_follow(TrimMemory* memory, const VehicleParameters* vehicle, const TruckState* truck, double sent,
                             double yaw_rate, double speed, double dt) noexcept nogil:
    """Moves on by a tick; what is not known of a tick leaves all as it is."""
    cdef double response = truck.steering_delay_s + truck.steering_lag_s + vehicle.yaw_lag_s
    if not (isfinite(yaw_rate) and isfinite(response) and response >= 0.0 and speed > TRIM_SPEED_MPS):
        return
    memory.wheels = behind_lag(memory.wheels, sent, response, dt)
    memory.sent = behind_lag(memory.sent, memory.wheels, TRIM_LAG_S, dt)
    memory.turned = behind_lag(memory.turned, yaw_rate / speed * angle_per_curvature(vehicle, speed), TRIM_LAG_S, dt)


cdef inline double trim(const TrimMemory* memory) noexcept nogil:
    return clipped(memory.sent - memory.turned, -LARGEST_TRIM_RAD, LARGEST_TRIM_RAD)
