"""The ego lane as a clothoid: a Kalman filter moved by the ego motion and corrected by what shows the lane.

Two kinds of observation: a window of the lane path (world frame, brought to the vehicle by the ego pose) and boundaries
seen by camera or lidar. Without any it coasts with growing sigma and gives up. Method: Dickmanns' clothoid model
(y = c0 + c1 x + c2 x2 + c3 x3, curvature = 2 c2, curvature rate = 6 c3). Twin: autonomy/estimation/lane/lane_twin.py.
"""
import numpy as np
from libc.math cimport NAN, atan, fabs, isfinite, sqrt
from libc.string cimport memset
from libc.stdint cimport int64_t, uint32_t
from autonomy.msg.messages cimport *
from autonomy.inputs._clock cimport elapsed_s
from autonomy.inputs._face cimport pointer
from autonomy.inputs._motion cimport lateral_velocity, pose_known, velocity_known
from autonomy.estimation.lane._filter cimport predict, test_ratio, update
from autonomy.estimation.lane._path cimport fit_cubic, match_path, path_curvature, take_path
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef enum:
    SOURCE_PATH = 1
    SOURCE_CAMERA = 2


cdef void lane_reset(LaneFilter* lane, const LaneParameters* parameters) noexcept nogil:
    memset(lane, 0, sizeof(LaneFilter))


cdef inline void start(LaneFilter* lane, const LaneParameters* parameters, double offset, double heading) noexcept nogil:
    """Starts at an observed offset and heading with wide priors: bends of 100 m radius, clothoids of 100 m length."""
    cdef double[6] sigma
    cdef int i
    sigma[0] = 1.0
    sigma[1] = 0.1
    sigma[2] = 0.01
    sigma[3] = 1e-4
    sigma[4] = sigma[5] = 0.5
    memset(lane.P, 0, sizeof(lane.P))
    for i in range(STATES):
        lane.x[i] = 0.0
        lane.P[7 * i] = sigma[i] * sigma[i]
    lane.x[OFFSET] = offset
    lane.x[HEADING] = heading
    lane.x[WIDTH_LEFT] = lane.x[WIDTH_RIGHT] = parameters.default_half_width_m
    lane.initialised = 1
    lane.rejected = 0


cdef inline bint accept(LaneFilter* lane, const LaneParameters* parameters, const double* H, double c0, double sigma,
                        double offset, double heading) noexcept nogil:
    """Gates an observation by its lateral position. After too many misfits in a row the filter starts over there."""
    if not lane.initialised:
        start(lane, parameters, offset, heading)
        return True
    if test_ratio(lane, H, c0, sigma, parameters.gate) <= 1.0:
        lane.rejected = 0
        return True
    lane.rejected += 1
    if lane.rejected < parameters.reject_limit:
        return False
    start(lane, parameters, offset, heading)
    return True


cdef inline void one(double* H, int index, double value) noexcept nogil:
    """H selects one state."""
    memset(H, 0, STATES * sizeof(double))
    H[index] = value


cdef inline void use_path(LaneFilter* lane, const LaneParameters* parameters, const EgoState* ego,
                          int64_t now_ns) noexcept nogil:
    cdef double[4] c
    cdef double[6] H
    cdef double t, left, right
    cdef uint32_t segment = lane.segment
    if not fit_cubic(lane, parameters, ego, c):
        return
    one(H, OFFSET, 1.0)
    # Distances to the path count along its normal: c0 is along the vehicle's y axis
    c[0] = c[0] / sqrt(1.0 + c[1] * c[1])
    if not accept(lane, parameters, H, -c[0], parameters.path_offset_sigma, -c[0], -atan(c[1])):
        return
    update(lane, H, -c[0], parameters.path_offset_sigma)
    one(H, HEADING, 1.0)
    update(lane, H, -atan(c[1]), parameters.path_heading_sigma)
    one(H, CURVATURE, 1.0)
    update(lane, H, 2.0 * c[2] / ((1.0 + c[1] * c[1]) * sqrt(1.0 + c[1] * c[1])), parameters.path_curvature_sigma)
    one(H, CURVATURE_RATE, 1.0)
    update(lane, H, 6.0 * c[3], parameters.path_curvature_rate_sigma)
    t = (lane.along - lane.distance[segment]) / (lane.distance[segment + 1] - lane.distance[segment])
    left = lane.path[segment].width_left_m + t * (lane.path[segment + 1].width_left_m - lane.path[segment].width_left_m)
    right = lane.path[segment].width_right_m + t * (lane.path[segment + 1].width_right_m - lane.path[segment].width_right_m)
    if isfinite(left) and left > 0.0:
        one(H, WIDTH_LEFT, 1.0)
        update(lane, H, left, parameters.path_width_sigma)
    if isfinite(right) and right > 0.0:
        one(H, WIDTH_RIGHT, 1.0)
        update(lane, H, right, parameters.path_width_sigma)
    lane.last_observation_ns = now_ns
    lane.last_path_use_ns = now_ns
    lane.source = SOURCE_PATH


cdef inline bint boundary_usable(const double* c, const double* sigma, int quality) noexcept nogil:
    cdef int i
    if quality == 0:
        return False
    for i in range(4):
        if not (isfinite(c[i]) and isfinite(sigma[i]) and sigma[i] > 0.0):
            return False
    return True


cdef inline void use_boundary(LaneFilter* lane, const LaneParameters* parameters, const double* seen, const double* sigma,
                              int side, double s, double turned, double symmetry_sigma) noexcept nogil:
    """A boundary (side +1 left, -1 right) seen `s` metres and `turned` radians ago."""
    cdef double[4] c
    cdef double[6] H
    c[0] = seen[0] + s * (seen[1] + s * (seen[2] + s * seen[3])) - 0.5 * s * turned
    c[1] = seen[1] + s * (2.0 * seen[2] + 3.0 * s * seen[3]) - turned
    c[2] = seen[2] + 3.0 * s * seen[3]
    c[3] = seen[3]
    one(H, OFFSET, -1.0)
    H[WIDTH_LEFT if side > 0 else WIDTH_RIGHT] = <double>side
    if not accept(lane, parameters, H, c[0], sigma[0], side * parameters.default_half_width_m - c[0], -atan(c[1])):
        return
    update(lane, H, c[0], sigma[0])
    one(H, HEADING, -1.0)
    update(lane, H, atan(c[1]), sigma[1])
    one(H, CURVATURE, 1.0)
    update(lane, H, 2.0 * c[2], 2.0 * sigma[2])
    one(H, CURVATURE_RATE, 1.0)
    update(lane, H, 6.0 * c[3], 6.0 * sigma[3])
    # Boundaries alone leave the split of the width open: the path to keep to is then the middle
    one(H, WIDTH_LEFT, 1.0)
    H[WIDTH_RIGHT] = -1.0
    update(lane, H, 0.0, symmetry_sigma)


cdef inline void use_sample(LaneFilter* lane, const LaneParameters* parameters, const LaneSample* sample, double speed,
                            double yaw_rate, int64_t now_ns) noexcept nogil:
    cdef double age = <double>(now_ns - sample.valid_time_ns) * 1e-9
    cdef bint left, right
    if sample.validity != 0 or age < 0.0 or age > parameters.coast_after_s:
        return
    left = boundary_usable(sample.left, sample.left_sigma, sample.left_quality)
    right = boundary_usable(sample.right, sample.right_sigma, sample.right_quality)
    lane.range = 0.0
    if left:
        use_boundary(lane, parameters, sample.left, sample.left_sigma, 1, speed * age, yaw_rate * age,
                     parameters.width_symmetry_sigma)
        lane.range = sample.left_range_m
    if right:
        use_boundary(lane, parameters, sample.right, sample.right_sigma, -1, speed * age, yaw_rate * age,
                     parameters.width_symmetry_sigma)
        if sample.right_range_m > lane.range:
            lane.range = sample.right_range_m
    if (left or right) and lane.rejected == 0:
        lane.last_observation_ns = sample.valid_time_ns
        lane.source = SOURCE_CAMERA


cdef inline void write(LaneFilter* lane, const LaneParameters* parameters, double speed, int64_t now_ns,
                       LaneState* result) noexcept nogil:
    cdef int i
    cdef uint32_t segment = lane.segment
    cdef double s, age
    memset(result, 0, sizeof(LaneState))
    result.time_ns = now_ns
    age = <double>(now_ns - lane.last_observation_ns) * 1e-9 if lane.last_observation_ns else NAN
    result.observation_age_s = age
    for i in range(STATES):
        result.sigma[i] = sqrt(lane.P[7 * i]) if lane.P[7 * i] > 0.0 else 0.0
    if not lane.initialised or not (age < parameters.lost_after_s) or result.sigma[OFFSET] > parameters.lost_sigma_m:
        lane.initialised = 0
        result.status = LaneState_STATUS_NONE
        return
    result.status = LaneState_STATUS_TRACKING if age <= parameters.coast_after_s else LaneState_STATUS_COASTING
    result.source = lane.source
    result.offset = lane.x[OFFSET]
    result.heading_error = lane.x[HEADING]
    result.curvature = lane.x[CURVATURE]
    result.curvature_rate = lane.x[CURVATURE_RATE]
    result.width_left = lane.x[WIDTH_LEFT]
    result.width_right = lane.x[WIDTH_RIGHT]
    if lane.path_matched and lane.source == SOURCE_PATH:
        result.valid_distance_m = lane.distance[lane.points - 1] - lane.along
        for i in range(PREVIEW):
            result.preview[i] = path_curvature(lane, lane.along + i * LaneState_PREVIEW_STEP_M, &segment)
        return
    # What was seen, less what has been driven since; beyond it the curvature stays as it is there
    result.valid_distance_m = lane.range - speed * age if lane.range > speed * age else 0.0
    for i in range(PREVIEW):
        s = i * LaneState_PREVIEW_STEP_M
        if s > result.valid_distance_m:
            s = result.valid_distance_m
        result.preview[i] = lane.x[CURVATURE] + s * lane.x[CURVATURE_RATE]


cdef void lane_step(LaneFilter* lane, const LaneParameters* parameters, const InputFrame* frame, const EgoState* ego,
                    LaneState* result) noexcept nogil:
    cdef int64_t now_ns = frame.tick_time_ns
    cdef double dt = elapsed_s(now_ns, lane.last_tick_ns)
    cdef double speed = 0.0, drift = 0.0, yaw_rate = 0.0
    cdef bint anew = frame.lane_path.count > 0
    cdef uint32_t i
    if velocity_known(ego):
        speed = ego.speed
        drift = lateral_velocity(ego)
        yaw_rate = ego.angular_rate[2]
    if lane.initialised:
        predict(lane, parameters, dt, speed, drift, yaw_rate)
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
        use_sample(lane, parameters, &frame.lane.items[i], speed, yaw_rate, now_ns)
    write(lane, parameters, speed, now_ns, result)
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

    @property
    def covariance(self):
        return np.array(self.memory.P).reshape(6, 6)
