"""The ego lane as a clothoid: a Kalman filter moved by the ego motion and corrected by what shows the lane.

Two kinds of observation: lines seen by camera or lidar, each true at a moment that has passed, and a window of the lane
path (world frame, brought to the vehicle by the ego pose). Without any it coasts with growing sigma and gives up. Method:
Dickmanns' clothoid model (y = c0 + c1 x + c2 x2 + c3 x3, curvature = 2 c2, curvature rate = 6 c3). docs/lane.md.
Twins: autonomy/estimation/lane/lane_twin.py, lines_twin.py.
"""
import numpy as np
from libc.math cimport isfinite
from libc.string cimport memcpy, memset
from libc.stdint cimport int64_t, uint32_t
from autonomy.msg.messages cimport *
from autonomy.inputs._clock cimport elapsed_s
from autonomy.inputs._face cimport pointer
from autonomy.inputs._motion cimport lateral_velocity, pose_known, velocity_known
from autonomy.estimation.lane._history cimport advance
from autonomy.estimation.lane._observe cimport use_sample
from autonomy.estimation.lane._output cimport LANE_MOVING_MPS, spread_corrections, write
from autonomy.estimation.lane._path cimport match_path, take_path
from autonomy.estimation.lane._path_use cimport use_path
from autonomy.estimation.lane._recall cimport recall_road
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)


cdef void lane_reset(LaneFilter* lane, const LaneParameters* parameters) noexcept nogil:
    memset(lane, 0, sizeof(LaneFilter))


cdef void lane_step(LaneFilter* lane, const LaneParameters* parameters, const InputFrame* frame, const EgoState* ego,
                    LaneState* result) noexcept nogil:
    cdef int64_t now_ns = frame.tick_time_ns
    cdef double dt = elapsed_s(now_ns, lane.last_tick_ns)
    cdef double speed = 0.0, drift = 0.0, yaw_rate = 0.0
    cdef bint anew = frame.lane_path.count > 0
    cdef bint continues
    cdef double[7] before
    cdef uint32_t i
    if velocity_known(ego):
        speed = ego.speed
        yaw_rate = ego.angular_rate[2]
        drift = lateral_velocity(ego)
        if not isfinite(drift):
            drift = 0.0
    advance(lane, parameters, now_ns, dt, speed, drift, yaw_rate)
    lane.reach -= speed * dt
    if speed > LANE_MOVING_MPS:
        lane.unseen_s += dt
    memcpy(before, lane.x, sizeof(before))
    continues = lane.initialised
    if anew:
        take_path(lane, parameters, frame)
    if pose_known(ego):
        lane.path_matched = match_path(lane, parameters, ego, anew or not lane.path_matched)
        # Half a millisecond of slack keeps the period whole ticks whatever their jitter
        if lane.path_matched and (not lane.initialised or <double>(now_ns - lane.last_path_use_ns) * 1e-9
                                  > parameters.path_update_period_s - 5e-4):
            use_path(lane, parameters, ego, now_ns)
    elif lane.path_matched:
        lane.along += speed * dt
        lane.path_matched = lane.along < lane.distance[lane.points - 1]
    for i in range(frame.lane.count):
        use_sample(lane, parameters, &frame.lane.items[i])
    recall_road(lane, parameters)
    spread_corrections(lane, parameters, before, continues and lane.initialised, dt)
    write(lane, parameters, ego, now_ns, result)
    lane.last_tick_ns = now_ns


cdef class LaneStep:
    """The step alone, for tests; messages are 0-d arrays of their dtypes."""
    cdef LaneFilter memory
    cdef LaneParameters parameters

    def __init__(self, parameters):
        self.parameters = (<LaneParameters*>pointer(parameters))[0]
        lane_reset(&self.memory, &self.parameters)

    def step(self, frame, ego):
        result = np.zeros((), dtype("LaneState"))
        lane_step(&self.memory, &self.parameters, <const InputFrame*>pointer(frame), <const EgoState*>pointer(ego),
                  <LaneState*>pointer(result))
        return result

    def repeat(self, frame, ego, int count):
        """Steps `count` times on, 10 ms each, with the same samples as much later: for measuring the cost of a step."""
        cdef InputFrame* given = <InputFrame*>pointer(frame)
        cdef const EgoState* motion = <const EgoState*>pointer(ego)
        cdef LaneState result
        cdef int k
        cdef uint32_t i
        with nogil:
            for k in range(count):
                memset(&result, 0, sizeof(result))
                given.tick_time_ns += 10000000
                for i in range(given.lane.count):
                    given.lane.items[i].valid_time_ns += 10000000
                lane_step(&self.memory, &self.parameters, given, motion, &result)

    @property
    def state(self):
        """The filter's state, before corrections are spread over time."""
        return np.array(self.memory.x)

    @property
    def covariance(self):
        return np.array(self.memory.P).reshape(STATES, STATES)
