"""Own speed from the range rates of what stands: consensus over all candidates, then weighted least squares.

A standing detection at azimuth a and elevation e has the range rate -(vx cos a + vy sin a) cos e, where (vx, vy) is the sensor's
own velocity (Kellner et al., "Instantaneous ego-motion estimation using Doppler radar", ITSC 2013). Each detection is a candidate
for vx, with vy as the yaw rate says; the one that most others agree with is where Tukey's biweight begins. No random draw. Twin:
autonomy/perception/radar/own_motion_twin.py.
"""
from libc.math cimport NAN, cos, fabs, isfinite, sin, sqrt
from libc.stdint cimport uint8_t

from autonomy.msg.messages cimport LAYOUT_HASH, RadarDetection, RadarDetection_FLAG_COASTED

from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef enum:
    MOST = 800              # detections that are looked at
    CANDIDATES = 100
    ROUNDS = 10

cdef struct MotionParameters:
    double range_rate_sigma, gate_sigmas, window_mps, slowest_mps, fastest_mps, tukey_sigmas, lateral_sigma_mps, test_gate
    int least

cdef struct Prior:
    double speed            # m/s, NaN when unknown
    double speed_sigma
    double lateral          # m/s of the sensor: yaw rate times its place; 0 when unknown

cdef struct Motion:
    double speed            # m/s of the sensor, forward
    double lateral          # to the left
    double speed_variance
    double lateral_variance
    double covariance
    double test_ratio       # of the speed against the prior; above 1 is disputed; NaN without one
    int used                # detections that stand
    int total

cdef struct Work:
    double[800] ahead, aside, rate, sigma
    int count


cdef void gather(const MotionParameters* parameters, double yaw, const RadarDetection* rows, int count,
                 Work* work) noexcept nogil:
    cdef int i, k = 0
    cdef double level
    for i in range(count):
        if k == MOST or not (isfinite(rows[i].azimuth) and isfinite(rows[i].range_rate)) \
                or rows[i].flags & RadarDetection_FLAG_COASTED:
            continue
        level = cos(rows[i].elevation) if isfinite(rows[i].elevation) else 1.0
        work.ahead[k] = cos(rows[i].azimuth + yaw) * level
        work.aside[k] = sin(rows[i].azimuth + yaw) * level
        work.rate[k] = rows[i].range_rate
        work.sigma[k] = rows[i].range_rate_sigma if rows[i].range_rate_sigma > 0.0 else parameters.range_rate_sigma
        k += 1
    work.count = k


cdef double best_candidate(const MotionParameters* parameters, const Prior* prior, const Work* work) noexcept nogil:
    """The speed that most detections agree with, NaN without any; of several the nearest to the prior, or the first."""
    cdef int i, j, k, votes, best_votes = 0, step = work.count // CANDIDATES + 1
    cdef double speed, best = NAN
    cdef bint known = isfinite(prior.speed)
    for k in range((work.count + step - 1) // step):
        i = k * step
        if work.ahead[i] < 0.5:
            continue
        speed = -(work.rate[i] + prior.lateral * work.aside[i]) / work.ahead[i]
        if fabs(speed - prior.speed) > parameters.window_mps if known \
                else not parameters.slowest_mps <= speed <= parameters.fastest_mps:
            continue
        votes = 0
        for j in range(work.count):
            if fabs(work.rate[j] + speed * work.ahead[j] + prior.lateral * work.aside[j]) \
                    < parameters.gate_sigmas * work.sigma[j]:
                votes += 1
        if votes > best_votes or (known and votes == best_votes and votes
                                  and fabs(speed - prior.speed) < fabs(best - prior.speed)):
            best, best_votes = speed, votes
    return best


cdef void own_motion(const MotionParameters* parameters, double yaw, const Prior* prior, const RadarDetection* rows, int count,
                     Work* work, Motion* motion) noexcept nogil:
    """`yaw`: of the sensor in the vehicle. Too few standing detections: speed NaN."""
    cdef int i, turn, used = 0
    cdef double speed, lateral, error, share, weight, a, b, c, right, right_lateral, determinant, scale = 1.0, squares
    cdef double anchor = 1.0 / (parameters.lateral_sigma_mps * parameters.lateral_sigma_mps)
    gather(parameters, yaw, rows, count, work)
    motion.speed = motion.lateral = motion.speed_variance = motion.lateral_variance = motion.covariance = NAN
    motion.test_ratio = NAN
    motion.used, motion.total = 0, work.count
    speed, lateral = best_candidate(parameters, prior, work), prior.lateral
    if not isfinite(speed):
        return
    for turn in range(ROUNDS):
        a, b, c, right, right_lateral = 0.0, 0.0, anchor, 0.0, anchor * prior.lateral
        squares, used = 0.0, 0
        for i in range(work.count):
            error = (work.rate[i] + speed * work.ahead[i] + lateral * work.aside[i]) / work.sigma[i]
            share = error / parameters.tukey_sigmas
            if fabs(share) >= 1.0:
                continue
            weight = (1.0 - share * share) * (1.0 - share * share)
            squares += weight * error * error
            used += 1
            weight /= work.sigma[i] * work.sigma[i]
            a += weight * work.ahead[i] * work.ahead[i]
            b += weight * work.ahead[i] * work.aside[i]
            c += weight * work.aside[i] * work.aside[i]
            right -= weight * work.ahead[i] * work.rate[i]
            right_lateral -= weight * work.aside[i] * work.rate[i]
        if used < parameters.least:
            return
        determinant = a * c - b * b
        if determinant <= 0.0:
            return
        speed = (c * right - b * right_lateral) / determinant
        lateral = (a * right_lateral - b * right) / determinant
    scale = squares / used if squares > used else 1.0
    motion.speed, motion.lateral, motion.used = speed, lateral, used
    motion.speed_variance, motion.lateral_variance = scale * c / determinant, scale * a / determinant
    motion.covariance = -scale * b / determinant
    if isfinite(prior.speed):
        error = speed - prior.speed
        motion.test_ratio = error * error / (motion.speed_variance + prior.speed_sigma * prior.speed_sigma) / parameters.test_gate


cdef class OwnMotionKernel:
    cdef MotionParameters parameters
    cdef Work work
    cdef double yaw

    def __init__(self, parameters, double yaw):
        self.parameters.range_rate_sigma, self.parameters.gate_sigmas = parameters.range_rate_sigma, parameters.gate_sigmas
        self.parameters.window_mps, self.parameters.slowest_mps = parameters.window_mps, parameters.slowest_mps
        self.parameters.fastest_mps, self.parameters.tukey_sigmas = parameters.fastest_mps, parameters.tukey_sigmas
        self.parameters.lateral_sigma_mps, self.parameters.test_gate = parameters.lateral_sigma_mps, parameters.test_gate
        self.parameters.least = parameters.least
        self.yaw = yaw

    def estimate(self, const uint8_t[::1] rows not None, double speed, double speed_sigma, double lateral) -> dict:
        """`rows`: RadarDetections as bytes."""
        cdef Prior prior
        cdef Motion motion
        cdef int count = <int>(rows.shape[0] // <Py_ssize_t>sizeof(RadarDetection))
        prior.speed, prior.speed_sigma, prior.lateral = speed, speed_sigma, lateral
        with nogil:
            own_motion(&self.parameters, self.yaw, &prior, <const RadarDetection*>&rows[0] if count else NULL, count, &self.work,
                       &motion)
        return motion
