# Observations are true at a moment that has passed. Each tick keeps what the filter expected before its observations; a late
# one is added to the tick it belongs to, and everything since is gone through again in order of time.
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy
from autonomy.msg.messages cimport LaneParameters
from autonomy.estimation.lane._filter cimport predict, update
from autonomy.estimation.lane._lane cimport HISTORY, SCALARS, LaneFilter, LaneTick
from autonomy.estimation.lane._profile cimport move_profile


cdef inline LaneTick* tick_back(LaneFilter* lane, uint32_t back) noexcept nogil:
    """The tick so many before the newest."""
    return &lane.ticks[(lane.newest + HISTORY - back) % HISTORY]


cdef inline void advance(LaneFilter* lane, const LaneParameters* parameters, int64_t now_ns, double dt, double speed,
                         double drift, double yaw_rate) noexcept nogil:
    """Opens the tick `now`: the filter is predicted into it."""
    cdef LaneTick* tick
    if now_ns <= lane.last_tick_ns:
        lane.kept = 0            # the clock jumped back: what was kept has no order any more
        lane.expected = 0
    lane.newest = (lane.newest + 1) % HISTORY
    lane.kept += lane.kept < HISTORY
    tick = &lane.ticks[lane.newest]
    tick.time_ns, tick.dt, tick.speed, tick.drift, tick.yaw_rate = now_ns, dt, speed, drift, yaw_rate
    lane.station += speed * dt
    tick.station = lane.station
    tick.count = 0
    move_profile(&lane.profile, parameters, lane.station)
    if lane.initialised:
        predict(lane.x, lane.P, parameters, tick)
        memcpy(tick.x, lane.x, sizeof(tick.x))
        memcpy(tick.P, lane.P, sizeof(tick.P))
        lane.expected += lane.expected < HISTORY


cdef inline int find_tick(LaneFilter* lane, int64_t valid_time_ns) noexcept nogil:
    """The first tick at or after a time, counted back from the newest; -1 when the time is not within the history."""
    cdef uint32_t back = 0
    cdef uint32_t known = lane.expected if lane.initialised else lane.kept
    if known == 0 or valid_time_ns > tick_back(lane, 0).time_ns:
        return -1
    while back + 1 < known and tick_back(lane, back + 1).time_ns >= valid_time_ns:
        back += 1
    if back + 1 == known and tick_back(lane, back).time_ns - valid_time_ns > <int64_t>(tick_back(lane, back).dt * 1e9) + 1:
        return -1
    return <int>back


cdef inline bint add_scalar(LaneTick* tick, int measured, double z, double sigma) noexcept nogil:
    if tick.count >= SCALARS:
        return False
    tick.scalars[tick.count].measured, tick.scalars[tick.count].z, tick.scalars[tick.count].sigma = measured, z, sigma
    tick.count += 1
    return True


cdef inline void at_tick(LaneFilter* lane, uint32_t back, double* x, double* P) noexcept nogil:
    """State and covariance of a tick with all its observations."""
    cdef LaneTick* tick = tick_back(lane, back)
    cdef uint32_t i
    memcpy(x, tick.x, sizeof(tick.x))
    memcpy(P, tick.P, sizeof(tick.P))
    for i in range(tick.count):
        update(x, P, &tick.scalars[i])


cdef inline void go_through(LaneFilter* lane, const LaneParameters* parameters, uint32_t back) noexcept nogil:
    """From that tick to the newest again."""
    cdef LaneTick* tick
    at_tick(lane, back, lane.x, lane.P)
    while back > 0:
        back -= 1
        tick = tick_back(lane, back)
        predict(lane.x, lane.P, parameters, tick)
        memcpy(tick.x, lane.x, sizeof(tick.x))
        memcpy(tick.P, lane.P, sizeof(tick.P))
        at_tick(lane, back, lane.x, lane.P)
