"""The parts of the tracker over NumPy arrays, for their tests and benchmarks: nothing else calls them through Python."""
import time

import numpy as np
from libc.string cimport memset
from autonomy.estimation.tracks._assignment cimport FORBIDDEN, SIDE, assign
from autonomy.estimation.tracks._association cimport Pairs, gate, solve
from autonomy.estimation.tracks._bank cimport MODELS, PAIRS, STATES, TRACKS, Bank
from autonomy.estimation.tracks._change cimport change_probability, test_change
from autonomy.estimation.tracks._detection cimport Detection
from autonomy.estimation.tracks._imm cimport combine_all, mix_all, weigh
from autonomy.estimation.tracks._predict cimport Motion, motion_of, predict_all
from autonomy.estimation.tracks._sight cimport Sight
from autonomy.estimation.tracks._tracks cimport ONSETS, Change
from autonomy.estimation.tracks._update cimport Measurements, clear_measurements, update_all
from autonomy.inputs._face cimport pointer
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH, TracksParameters

require(__name__, LAYOUT_HASH)

cdef struct Gating:
    Sight[128] sights
    char[128] followed
    Detection[128] scan
    double[128] chance
    Pairs pairs


def least_cost(cost):
    """Row of each column, -1 without one, at least total cost; `cost` (n, m), inf where impossible, n and m up to 128."""
    table = np.full((SIDE, SIDE), FORBIDDEN)
    rows, columns = np.shape(cost)
    table[:rows, :columns] = np.where(np.isfinite(cost), cost, FORBIDDEN)
    found = np.zeros(SIDE, np.intc)
    cdef double[:, ::1] view = table
    cdef int[::1] into = found
    assign(&view[0, 0], rows, columns, &into[0])
    return found[:columns]


cdef class TrackBank:
    """All tracks of both models: `mean` (2, 6, 128), `cov` (2, 21, 128) and `probability` (2, 128) are copies to read and set."""
    cdef Bank bank
    cdef Measurements measured
    cdef TracksParameters parameters
    cdef readonly int used

    def __init__(self, parameters, mean, cov, probability):
        self.parameters = (<TracksParameters*>pointer(parameters))[0]
        memset(&self.bank, 0, sizeof(Bank))
        self.used = np.shape(mean)[2]
        cdef double[:, :, ::1] means = np.ascontiguousarray(mean, float)
        cdef double[:, :, ::1] covs = np.ascontiguousarray(cov, float)
        cdef double[:, ::1] shares = np.ascontiguousarray(probability, float)
        cdef int m, k, t
        for t in range(2 * TRACKS):
            self.bank.probability[t] = 0.5
        for m in range(MODELS):
            for t in range(self.used):
                self.bank.probability[m * TRACKS + t] = shares[m, t]
                for k in range(STATES):
                    self.bank.mean[(m * STATES + k) * TRACKS + t] = means[m, k, t]
                for k in range(PAIRS):
                    self.bank.cov[(m * PAIRS + k) * TRACKS + t] = covs[m, k, t]

    def predict(self, double dt, double own_speed, double own_yaw_rate):
        cdef Motion motion
        motion_of(&self.parameters, dt, own_speed, own_yaw_rate, &motion)
        predict_all(&self.bank, &motion, self.used)

    def measure(self, int track, **fields):
        """Sets one track's measurement: names of Measurements; spread (6,)."""
        cdef int k
        names = {"share", "age", "x", "y", "range_rate", "xx", "xy", "yy", "rate_variance", "sight_x", "sight_y",
                 "own_rate", "spread"}
        if set(fields) - names:
            raise ValueError(f"measure: {sorted(set(fields) - names)} are no fields of a measurement")
        m = &self.measured
        given = {name: 0.0 for name in names} | {"xx": 1.0, "yy": 1.0, "rate_variance": 1.0, "spread": np.zeros(6)} | fields
        m.share[track], m.age[track], m.x[track], m.y[track] = given["share"], given["age"], given["x"], given["y"]
        m.range_rate[track], m.xx[track], m.xy[track] = given["range_rate"], given["xx"], given["xy"]
        m.yy[track], m.rate_variance[track], m.sight_x[track] = given["yy"], given["rate_variance"], given["sight_x"]
        m.sight_y[track], m.own_rate[track] = given["sight_y"], given["own_rate"]
        for k in range(6):
            m.spread[k * TRACKS + track] = given["spread"][k]

    def clear(self):
        clear_measurements(&self.measured, self.used)

    def update(self, double own_speed, double own_yaw_rate):
        cdef int t
        update_all(&self.bank, &self.measured, self.used, own_speed, own_yaw_rate)
        for t in range(self.used):
            weigh(&self.bank, &self.measured, t)

    def mix(self, double elapsed):
        mix_all(&self.bank, &self.parameters, elapsed, self.used)

    def combined(self):
        """(mean (6, n), covariance (21, n)) over both models."""
        combine_all(&self.bank, self.used)
        mean = np.array([[self.bank.mixed[k * TRACKS + t] for t in range(self.used)] for k in range(STATES)])
        return mean, np.array([[self.bank.mixed_cov[k * TRACKS + t] for t in range(self.used)] for k in range(PAIRS)])

    @property
    def mean(self):
        return np.array([[[self.bank.mean[(m * STATES + k) * TRACKS + t] for t in range(self.used)] for k in range(STATES)]
                         for m in range(MODELS)])

    @property
    def cov(self):
        return np.array([[[self.bank.cov[(m * PAIRS + k) * TRACKS + t] for t in range(self.used)] for k in range(PAIRS)]
                         for m in range(MODELS)])

    @property
    def probability(self):
        return np.array([[self.bank.probability[m * TRACKS + t] for t in range(self.used)] for m in range(MODELS)])

    def nanoseconds(self, int repeats) -> float:
        """Of one prediction and one three-dimensional update of all tracks, both models, without mixing."""
        cdef Motion motion
        cdef Bank before = self.bank
        cdef int k
        spent = 0
        motion_of(&self.parameters, 0.01, 20.0, 0.0, &motion)
        for k in range(repeats):
            self.bank = before
            begin = time.perf_counter_ns()
            with nogil:
                predict_all(&self.bank, &motion, self.used)
                update_all(&self.bank, &self.measured, self.used, 20.0, 0.0)
            spent += time.perf_counter_ns() - begin
        self.bank = before
        return spent / repeats


cdef class ChangeTest:
    """The test for a lane change alone."""
    cdef Change change

    def __init__(self):
        memset(&self.change, 0, sizeof(Change))

    def measure(self, double offset, double variance, long long time_ns):
        """m from the middle of the vehicle's lane."""
        test_change(&self.change, offset, variance, time_ns)

    def probability(self, double lane_width, long long now_ns) -> float:
        return change_probability(&self.change, lane_width, now_ns)

    @property
    def evidence(self):
        """Log of the likelihood ratio, by onset: the newest first."""
        return np.array([self.change.evidence[(self.change.newest - k) % ONSETS] for k in range(ONSETS)])


cdef class Gate:
    """Places of tracks and detections, their distances, gate and assignment."""
    cdef Gating work
    cdef TracksParameters parameters
    cdef int tracks
    cdef int detections

    def __init__(self, parameters, tracks, detections, double track_variance, double detection_variance):
        """`tracks` (n, 2), `detections` (m, 2): places, m."""
        cdef double[:, ::1] places = np.ascontiguousarray(tracks, float)
        cdef double[:, ::1] seen = np.ascontiguousarray(detections, float)
        cdef int i
        self.parameters = (<TracksParameters*>pointer(parameters))[0]
        memset(&self.work, 0, sizeof(Gating))
        self.tracks, self.detections = places.shape[0], seen.shape[0]
        for i in range(self.tracks):
            self.work.followed[i] = 1
            self.work.chance[i] = self.parameters.detection_probability
            self.work.sights[i].x, self.work.sights[i].y = places[i, 0], places[i, 1]
            self.work.sights[i].xx = self.work.sights[i].yy = track_variance
            self.work.sights[i].most_xx = self.work.sights[i].most_yy = detection_variance
        for i in range(self.detections):
            self.work.scan[i].x, self.work.scan[i].y = seen[i, 0], seen[i, 1]
            self.work.scan[i].xx = self.work.scan[i].yy = detection_variance
            self.work.scan[i].rate = float("nan")

    def solve(self, double ambiguous_ratio=1.0):
        """(track, detection, cost, weight) of each gated pair."""
        gate(&self.parameters, self.work.sights, self.work.followed, self.tracks, self.work.scan, self.detections,
             self.work.chance, self.parameters.clutter_per_m2, &self.work.pairs)
        solve(&self.work.pairs, ambiguous_ratio)
        return [(pair.track, pair.detection, pair.cost, pair.weight)
                for pair in self.work.pairs.items[:self.work.pairs.count]]

    def nanoseconds(self, int repeats) -> float:
        cdef int k
        begin = time.perf_counter_ns()
        with nogil:
            for k in range(repeats):
                gate(&self.parameters, self.work.sights, self.work.followed, self.tracks, self.work.scan, self.detections,
                     self.work.chance, 1e-4, &self.work.pairs)
                solve(&self.work.pairs, 1.0)
        return (time.perf_counter_ns() - begin) / repeats
