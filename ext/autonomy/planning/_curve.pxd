# The speed that the bends ahead allow, as far as they are known.
from libc.math cimport fabs, sqrt
from autonomy._physics cimport STANDARD_GRAVITY_MPS2
from autonomy._rollover cimport rollover_threshold
from autonomy.estimation.lane._lane cimport CURVATURE, CURVATURE_RATE, PREVIEW
from autonomy.linalg._scalar cimport clipped
from autonomy.msg.messages cimport LaneState, PlanParameters, TruckState, VehicleParameters, LaneState_PREVIEW_STEP_M
from autonomy.planning._braking cimport believed_friction


cdef extern from *:
    """
    static const double LEAST_SHARE = 0.4;    /* of the lateral limit, however tight a bend is [D] */
    """
    const double LEAST_SHARE

# The bend that decides
ctypedef struct Bend:
    double ahead_m               # from here
    double deceleration          # m/s2, positive: at which the speed allowed here falls


cdef inline double lateral_limit(const PlanParameters* parameters, const VehicleParameters* vehicle,
                                 const TruckState* truck) noexcept nogil:
    """m/s2 in bends: between the empty and the loaded truck's by the heaviest it may be, with a margin to rolling over and
    a share of the friction; less what keeping the lane takes."""
    cdef double empty = vehicle.tractor_mass_kg + (vehicle.trailer_tare_mass_kg if vehicle.has_trailer else 0.0)
    cdef double full = parameters.loaded_share * (vehicle.loaded_mass_kg - empty)
    cdef double load = (truck.mass_high_kg - empty) / full if full > 0.0 else 1.0
    cdef double result, most
    load = clipped(load, 0.0, 1.0)
    result = parameters.lateral_acceleration_empty \
        + load * (parameters.lateral_acceleration_maximum - parameters.lateral_acceleration_empty)
    most = (1.0 - parameters.rollover_margin) * parameters.rollover_compliance * rollover_threshold(vehicle, truck.mass_high_kg)
    if most < result:
        result = most
    most = parameters.curve_friction_share * STANDARD_GRAVITY_MPS2 * believed_friction(parameters, truck)
    return (most if most < result else result) - parameters.lateral_acceleration_reserve


cdef inline double believed_curvature(const PlanParameters* parameters, const LaneState* lane, int i, int last) noexcept nogil:
    """1/m, without sign: the mean about point i, less what it may be wrong by from here.

    How far a transition goes on is not seen before its end: ahead the curvature is as wrong as its rate. Taken as it is, the
    end of every transition would be braked for.
    """
    cdef double s = i * LaneState_PREVIEW_STEP_M, total = 0.0, mean, doubt
    cdef int half = <int>(0.5 * parameters.curve_mean_m / LaneState_PREVIEW_STEP_M)
    cdef int first = i - half if i > half else 0
    cdef int end = i + half if i + half < last else last
    cdef int k
    for k in range(first, end + 1):
        total += lane.preview[k]
    mean = fabs(total) / (end - first + 1)
    doubt = parameters.curve_doubt * sqrt(lane.sigma[CURVATURE] * lane.sigma[CURVATURE]
                                          + s * s * lane.sigma[CURVATURE_RATE] * lane.sigma[CURVATURE_RATE])
    if not doubt < parameters.curve_doubt_maximum * mean:
        doubt = parameters.curve_doubt_maximum * mean
    return mean - doubt


cdef inline double bend_square(const PlanParameters* parameters, double lateral, double curvature) noexcept nogil:
    """m2/s2 of speed in a bend, 1/m: in tight ones keeping the lane takes more of the lateral limit."""
    cdef double beyond = curvature - parameters.curve_tight
    cdef double left = lateral - parameters.curve_tight_reserve * beyond if beyond > 0.0 else lateral
    return (left if left > LEAST_SHARE * lateral else LEAST_SHARE * lateral) / curvature


cdef inline double braking_in_bends(const PlanParameters* parameters, double sideways) noexcept nogil:
    """m/s2, positive: what is left of the gentle deceleration beside a share of the lateral limit, by the ellipse of tyres.

    A truck that brakes in a transition turns in more than asked for: 40 t at 0.5 m/s2 into R 350 m swing by 0.3 m/s2 [C].
    """
    return parameters.curve_deceleration * sqrt(1.0 - sideways * sideways) if sideways < 1.0 else 0.0


cdef inline double curve_speed(const PlanParameters* parameters, const LaneState* lane, double lateral, double speed,
                               Bend* bend) noexcept nogil:
    """m/s now that lets every bend of the preview be reached with the lateral acceleration and a gentle deceleration, which
    begins after the reaction time and gives way to what the road's curvature on the way there takes; what decides in `bend`."""
    cdef double begins = parameters.reaction_s * speed, curvature, square, own, room
    cdef int last = PREVIEW - 1, i
    if lane.valid_distance_m < last * LaneState_PREVIEW_STEP_M:
        last = <int>(lane.valid_distance_m / LaneState_PREVIEW_STEP_M) if lane.valid_distance_m > 0.0 else 0
    curvature = believed_curvature(parameters, lane, last, last) + 1e-9
    square = bend_square(parameters, lateral, curvature)
    bend.ahead_m = last * LaneState_PREVIEW_STEP_M
    for i in range(last - 1, -1, -1):
        room = (i + 1) * LaneState_PREVIEW_STEP_M - begins
        square += 2.0 * braking_in_bends(parameters, square / bend_square(parameters, lateral, curvature)) \
            * clipped(room, 0.0, LaneState_PREVIEW_STEP_M)
        curvature = believed_curvature(parameters, lane, i, last) + 1e-9
        own = bend_square(parameters, lateral, curvature)
        if own < square:
            square = own
            bend.ahead_m = i * LaneState_PREVIEW_STEP_M
    bend.deceleration = braking_in_bends(parameters, square / bend_square(parameters, lateral, curvature))
    return sqrt(square)


cdef inline double curve_acceleration(const PlanParameters* parameters, const Bend* bend, double allowed,
                                      double speed) noexcept nogil:
    """m/s2 along the way to a bend, where `allowed` is the speed now that lets it be reached."""
    cdef double near = bend.ahead_m / parameters.curve_mean_m
    # The allowed speed itself falls at this rate while the bend comes nearer; in the bend it stands
    cdef double result = parameters.speed_gain * (allowed - speed) - bend.deceleration * (near if near < 1.0 else 1.0)
    cdef double needed = -parameters.curve_deceleration_maximum
    return needed if result < needed else result


cdef inline double curve_jerk(const PlanParameters* parameters, double acceleration) noexcept nogil:
    """m/s3, positive: what shows late is braked for twice as steeply."""
    cdef double late = (-acceleration - parameters.curve_deceleration) \
        / (parameters.curve_deceleration_maximum - parameters.curve_deceleration)
    return parameters.ramp_jerk * (1.0 + clipped(late, 0.0, 1.0))
