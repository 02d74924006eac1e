# The force of the driven wheels from what the engine tells, and what turns along with the truck.
#
# F = eta (T_indicated - T_friction) i / r. The ratio i is the gearbox's, where it tells one that engine and shaft confirm, else
# the one they turn with. Twin: traction_twin.py.
from libc.math cimport NAN, fabs, isfinite
from libc.stdint cimport int64_t
from autonomy.msg.messages cimport *
from autonomy.estimation.truck._observed cimport *

ctypedef struct Traction:
    double force                 # N at the driven axles, NaN = not known
    double engine_force          # N, of the engine's own part of it with drag, without retarder
    double retarder_force        # N, <= 0
    double per_torque            # N per N m at the crank
    double rotating_mass         # kg that turn, as seen along the road
    double ratio                 # engine turns per wheel turn, NaN = not known
    int64_t settled              # gear engaged, clutch closed, for settle_s


cdef inline double friction_torque(const ObservedMemory* memory, const TruckParameters* parameters, double engine_speed,
                                   int64_t now_ns) noexcept nogil:
    """N m, positive: as EEC3 tells, else assumed."""
    cdef double told = heard(memory, SignalSample_ENGINE_FRICTION_TORQUE, now_ns, 1.0)
    return told if isfinite(told) else parameters.engine_friction_nm + parameters.engine_friction_per_radps * engine_speed


cdef inline void find_traction(const ObservedMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle,
                               double shaft_scale, int64_t now_ns, Traction* found) noexcept nogil:
    cdef double engine_speed = heard(memory, SignalSample_ENGINE_SPEED, now_ns, parameters.torque_timeout_s)
    cdef double indicated = heard(memory, SignalSample_ENGINE_TORQUE, now_ns, parameters.torque_timeout_s)
    cdef double told = heard(memory, SignalSample_GEAR_RATIO, now_ns, 1.0)
    cdef double retarder = heard(memory, SignalSample_RETARDER_TORQUE, now_ns, 1.0)
    cdef double engine_brake = heard(memory, SignalSample_ENGINE_BRAKE_TORQUE, now_ns, 1.0)
    cdef double radius = vehicle.wheel_radius_m / shaft_scale       # a worn tyre turns more often
    cdef double shaft = memory.shaft.value if since_s(memory.shaft.time_ns, now_ns) < 0.1 else NAN
    cdef double torque, slip
    found.force = found.engine_force = found.ratio = NAN
    found.retarder_force = found.per_torque = 0.0
    found.settled = 0
    found.rotating_mass = parameters.wheel_inertia_kgm2 / (radius * radius)
    if isfinite(retarder) and retarder < 0.0:
        found.retarder_force = retarder * vehicle.driveline_ratio / (parameters.driveline_efficiency * radius)
    if not (isfinite(engine_speed) and isfinite(indicated) and shaft > 1.0):
        return
    found.ratio = engine_speed / shaft * vehicle.driveline_ratio
    slip = 0.0
    if told > 0.0:  # a gearbox that tells its ratio shows whether the clutch slips, and tells it better than two speeds
        slip = fabs(engine_speed / (shaft * told) - 1.0)
        if slip < parameters.clutch_slip_maximum:
            found.ratio = told * vehicle.driveline_ratio
    found.settled = since_s(memory.unsettled_ns, now_ns) > parameters.settle_s and slip < parameters.clutch_slip_maximum
    torque = indicated - friction_torque(memory, parameters, engine_speed, now_ns)
    if isfinite(engine_brake) and engine_brake < 0.0:
        torque += engine_brake
    torque *= parameters.driveline_efficiency if torque > 0.0 else 1.0 / parameters.driveline_efficiency
    if since_s(memory.unsettled_ns, now_ns) < 0.1:
        torque = 0.0             # the clutch is open
    found.per_torque = parameters.driveline_efficiency * found.ratio / radius
    found.engine_force = torque * found.ratio / radius
    found.force = found.engine_force + found.retarder_force
    found.rotating_mass += parameters.engine_inertia_kgm2 * found.ratio * found.ratio / (radius * radius)
