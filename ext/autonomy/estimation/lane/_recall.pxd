# Without lines the road goes on as it was seen: what is beneath the vehicle now was ahead of it when the camera saw it last.
# The clothoid's own curvature, carried on, turns the lane by 6 mrad in 60 m; what the profile knows of those by 1 to 2.
from libc.math cimport floor
from libc.stdint cimport int64_t
from autonomy.msg.messages cimport LaneParameters, LaneState_PREVIEW_STEP_M
from autonomy.estimation.lane._history cimport add_scalar, at_tick, tick_back
from autonomy.estimation.lane._lane cimport CURVATURE, CURVATURE_RATE, LaneFilter, LaneTick
from autonomy.estimation.lane._observe cimport SOURCE_CAMERA
from autonomy.estimation.lane._profile cimport profile_at, profile_rate_at

cdef extern from *:
    """
    #define LANE_RECALLED_CURVATURE 2.0e-4  /* 1/m: with a node every 5 m, what a coasted heading errs by and twice as much */
    #define LANE_RECALLED_RATE 2.0e-5       /* 1/m2 */
    """
    const double LANE_RECALLED_CURVATURE, LANE_RECALLED_RATE


cdef inline void recall_road(LaneFilter* lane, const LaneParameters* parameters) noexcept nogil:
    """Once for every node of the profile that is passed while nothing is seen, as far as lines were seen."""
    cdef LaneTick* tick = tick_back(lane, 0)
    cdef double before = tick.station - tick.speed * tick.dt
    if not lane.initialised or lane.source != SOURCE_CAMERA or lane.apart or not lane.profile.begun or not lane.reach > 0.0 \
            or <double>(tick.time_ns - lane.last_observation_ns) * 1e-9 <= parameters.coast_after_s \
            or floor(tick.station / LaneState_PREVIEW_STEP_M) == floor(before / LaneState_PREVIEW_STEP_M):
        return
    if add_scalar(tick, CURVATURE, profile_at(&lane.profile, tick.station), LANE_RECALLED_CURVATURE):
        add_scalar(tick, CURVATURE_RATE, profile_rate_at(&lane.profile, tick.station), LANE_RECALLED_RATE)
    at_tick(lane, 0, lane.x, lane.P)
