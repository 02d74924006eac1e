# A hint of the friction, honest: what was used was there; where ABS or traction control stepped in, that was all. Otherwise it is
# not known, and the assumed value stands with its wide sigma. Cold air and wheels that slip more than their force explains warn.
# Twin: friction_twin.py.
from libc.math cimport fabs, fmax, isfinite, sqrt
from libc.stdint cimport int64_t
from autonomy._axle_loads cimport DRIVEN, GROUPS, axle_shares
from autonomy._physics cimport STANDARD_GRAVITY_MPS2
from autonomy.msg.messages cimport *
from autonomy.estimation.truck._observed cimport *

cdef extern from *:
    """
    static const double CONTROLLED_SHARE = 0.85;    /* of the peak that anti-lock and traction control hold [M] */
    static const double LIMIT_SIGMA_SHARE = 0.2;    /* one axle may be at its limit before the others */
    static const double LIMIT_WEIGHT = 0.03;        /* of a tick: a third of a second */
    static const double BRAKED_FROM_MPS = 3.0;      /* below, ABS lets wheels lock [M], and a stop ends with a jerk */
    """
    const double CONTROLLED_SHARE, LIMIT_SIGMA_SHARE, LIMIT_WEIGHT, BRAKED_FROM_MPS

ctypedef struct FrictionMemory:
    double shown                 # most that was used lately
    double limit                 # what was there when it was all used
    int64_t shown_ns
    int64_t limit_ns
    int64_t slipped_ns


cdef inline void friction_step(FrictionMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle,
                               const ObservedMemory* observed, const TruckState* truck, double force, double brake_force,
                               double lateral_acceleration, double shaft_excess, int64_t now_ns) noexcept nogil:
    """`force` N of the driven wheels, `brake_force` N of all; `shaft_excess` share by which the driven wheels turn too fast."""
    cdef double[GROUPS] share
    cdef double aside = lateral_acceleration / STANDARD_GRAVITY_MPS2 if isfinite(lateral_acceleration) else 0.0
    cdef double braked = 0.0
    cdef double driven, held_back, used
    cdef bint locking, spinning
    if truck.speed > BRAKED_FROM_MPS:
        braked = brake_force / (truck.mass_kg * STANDARD_GRAVITY_MPS2)
    axle_shares(vehicle, truck.mass_kg, share)
    driven = 0.0
    share[DRIVEN] *= vehicle.driven_axles
    if isfinite(force) and share[DRIVEN] > 0.01:
        driven = fabs(force) / (share[DRIVEN] * truck.mass_kg * STANDARD_GRAVITY_MPS2)
    used = sqrt((driven if driven > braked else braked) ** 2 + aside * aside)
    if used > memory.shown or since_s(memory.shown_ns, now_ns) > parameters.friction_hold_s:
        memory.shown, memory.shown_ns = used, now_ns
    held_back = driven if isfinite(force) and force < 0.0 else 0.0
    locking = heard(observed, SignalSample_ABS_ACTIVE, now_ns, 0.5) > 0.5 and (braked > 0.02 or held_back > 0.02)
    spinning = heard(observed, SignalSample_TRACTION_CONTROL_ACTIVE, now_ns, 0.5) > 0.5 and driven > 0.02
    if locking or spinning:
        used = sqrt((fmax(braked, held_back) if locking else driven) ** 2 + aside * aside)
        if since_s(memory.limit_ns, now_ns) > 0.5:
            memory.limit = used
        memory.limit += LIMIT_WEIGHT * (used - memory.limit)
        memory.limit_ns = memory.slipped_ns = memory.shown_ns = now_ns
        memory.shown = memory.limit
    if shaft_excess > parameters.friction_slip:
        memory.slipped_ns = now_ns


cdef inline void friction_tell(const FrictionMemory* memory, const TruckParameters* parameters, const ObservedMemory* observed,
                               int64_t now_ns, TruckState* truck) noexcept nogil:
    cdef double air = heard(observed, SignalSample_AIR_TEMPERATURE, now_ns, 10.0)
    truck.friction = parameters.friction_assumed
    truck.friction_sigma = parameters.friction_assumed_sigma
    truck.friction_low = memory.shown
    if memory.limit_ns != 0 and since_s(memory.limit_ns, now_ns) < parameters.friction_hold_s:
        truck.friction_known = 1
        truck.friction = memory.limit / CONTROLLED_SHARE
        truck.friction_sigma = LIMIT_SIGMA_SHARE * truck.friction + 0.02
    elif memory.shown > truck.friction:
        truck.friction = memory.shown
    truck.friction_warning = air < parameters.friction_cold_c or (
        memory.slipped_ns != 0 and since_s(memory.slipped_ns, now_ns) < parameters.friction_hold_s)
