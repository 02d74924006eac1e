"""Lidar odometry: each scan against a map of the last scans, as an aid to the ego filter, with its covariance.

The map is a hash of cubes that hold the mean and covariance of the points that fell into them. Where a cube is thin - a plane
(road, wall, rail) or a line (pole) - its thin directions bind a point of the new scan: point to plane and point to line in one,
no pull along a surface, where a scan's own pattern of rings would pull. Gauss-Newton over the pose with Geman-McClure weights,
around the motion that is expected, whose sigmas say how far it is to be trusted; so a tunnel leaves the direction of travel to
it. Ideas of VGICP (Koide et al. 2021) and KISS-ICP (Vizzo et al. 2023). Twin: autonomy/perception/odometry_twin.py.
"""
import numpy as np
from libc.math cimport fabs, sqrt
from libc.string cimport memcpy, memset
from autonomy.linalg._small cimport cholesky, cholesky_inverse, cholesky_solve, matrix_of_vector, multiply_3x3, rotate
from autonomy.perception._voxel_map cimport (
    MOST_VOXELS, OdometryParameters, Voxel, VoxelMap, add_point, binding, keep_near)

cdef enum:
    MOST_POINTS = 20000


cdef inline void place(const double* rotation, const double* position, const float* point, double* out) noexcept nogil:
    cdef int i
    for i in range(3):
        out[i] = position[i] + rotation[3 * i] * point[0] + rotation[3 * i + 1] * point[1] + rotation[3 * i + 2] * point[2]


cdef int align(const OdometryParameters* p, VoxelMap* m, const float* points, int count, double* rotation, double* position,
               double travelled_m, double* covariance, double* cost, int* matched) noexcept nogil:
    """Moves rotation [3, 3] and position [3] from the expected pose to the one the scan fits; returns the rounds.

    covariance [6, 6]: of position and of the rotation vector, in the map's axes."""
    cdef double[36] h
    cdef double[6] g
    cdef double[6] total                # from the expected pose on
    cdef double[6] prior
    cdef double[3] at
    cdef double[3] arm
    cdef double[3] d
    cdef double[3] f
    cdef double[9] step
    cdef double[9] next_
    cdef double[3][6] j
    cdef double[3][6] mj
    cdef double weight, distance, sum_, scale = p.robust_m * p.robust_m
    cdef int i, k, n, round_, stride = count // <int>p.match_most + 1, found = 0
    cdef const Voxel* voxel
    memset(total, 0, sizeof(total))
    sum_ = p.prior_m + p.prior_share * travelled_m
    for i in range(6):
        prior[i] = 1.0 / (sum_ * sum_) if i < 3 else 1.0 / (p.prior_rad * p.prior_rad)
    for round_ in range(<int>p.rounds_most):
        memset(h, 0, sizeof(h))
        found = 0
        cost[0] = 0.0
        for i in range(6):
            h[7 * i] = prior[i]
            g[i] = -prior[i] * total[i]
        n = 0
        while n < count:
            place(rotation, position, points + 3 * n, at)
            n += stride
            voxel = binding(p, m, at)
            if voxel == NULL:
                continue
            for i in range(3):
                d[i] = voxel.mean[i] - at[i]
                arm[i] = at[i] - position[i]
            f[0] = voxel.information[0] * d[0] + voxel.information[1] * d[1] + voxel.information[2] * d[2]
            f[1] = voxel.information[1] * d[0] + voxel.information[3] * d[1] + voxel.information[4] * d[2]
            f[2] = voxel.information[2] * d[0] + voxel.information[4] * d[1] + voxel.information[5] * d[2]
            distance = d[0] * f[0] + d[1] * f[1] + d[2] * f[2]
            distance *= p.noise_m * p.noise_m
            weight = scale / (scale + distance)
            weight *= weight
            found += 1
            cost[0] += weight * distance
            for i in range(3):
                for k in range(3):
                    j[i][k] = 1.0 if i == k else 0.0
            j[0][3] = 0.0
            j[0][4] = arm[2]
            j[0][5] = -arm[1]
            j[1][3] = -arm[2]
            j[1][4] = 0.0
            j[1][5] = arm[0]
            j[2][3] = arm[1]
            j[2][4] = -arm[0]
            j[2][5] = 0.0
            for k in range(6):
                mj[0][k] = voxel.information[0] * j[0][k] + voxel.information[1] * j[1][k] + voxel.information[2] * j[2][k]
                mj[1][k] = voxel.information[1] * j[0][k] + voxel.information[3] * j[1][k] + voxel.information[4] * j[2][k]
                mj[2][k] = voxel.information[2] * j[0][k] + voxel.information[4] * j[1][k] + voxel.information[5] * j[2][k]
            for i in range(6):
                for k in range(i, 6):
                    h[6 * i + k] += weight * (j[0][i] * mj[0][k] + j[1][i] * mj[1][k] + j[2][i] * mj[2][k])
                g[i] += weight * (j[0][i] * f[0] + j[1][i] * f[1] + j[2][i] * f[2])
        for i in range(6):
            for k in range(i):
                h[6 * i + k] = h[6 * k + i]
        matched[0] = found
        if not cholesky(h, 6):
            return -1
        cholesky_solve(h, 6, g)
        cholesky_inverse(h, 6, covariance)
        for i in range(3):
            position[i] += g[i]
        for i in range(6):
            total[i] += g[i]
        matrix_of_vector(g + 3, step)
        multiply_3x3(step, rotation, next_)
        memcpy(rotation, next_, 9 * sizeof(double))
        distance = fabs(g[0]) + fabs(g[1]) + fabs(g[2]) + 20.0 * (fabs(g[3]) + fabs(g[4]) + fabs(g[5]))
        if distance < p.settled_m:
            return round_ + 1
    return <int>p.rounds_most


cdef class Odometry:
    """The map and the pose of one sensor's vehicle. Two maps take turns, so that letting go of voxels allocates nothing."""

    cdef OdometryParameters p
    cdef VoxelMap* current
    cdef VoxelMap* other
    cdef list memory
    cdef double[9] rotation
    cdef double[3] position
    cdef double[3] cleaned_at
    cdef int scans

    def __init__(self, parameters):
        """`parameters`: the table [odometry]. Raises KeyError for a missing key."""
        self.p = parameters
        self.memory = [np.zeros(sizeof(VoxelMap), np.uint8) for _ in range(2)]
        cdef unsigned char[::1] first = self.memory[0]
        cdef unsigned char[::1] second = self.memory[1]
        self.current = <VoxelMap*>&first[0]
        self.other = <VoxelMap*>&second[0]
        self.reset()

    def reset(self):
        """An empty map, the pose at its origin."""
        cdef int i
        memset(self.current, 0, sizeof(VoxelMap))
        for i in range(9):
            self.rotation[i] = 1.0 if i % 4 == 0 else 0.0
        for i in range(3):
            self.position[i] = 0.0
            self.cleaned_at[i] = 0.0
        self.scans = 0

    def register(self, const float[:, ::1] points, translation, rotation_vector):
        """One scan: `points` [n, 3] float32 in the vehicle frame, thinned; the expected motion since the scan before, in the
        vehicle frame of that scan.

        Returns a dict: translation (3,), rotation (3,) in the earlier frame, sigma (6,), covariance (6, 6) in the map's axes,
        rounds (0 for the first scan, -1 without a solution), matched, cost.
        """
        cdef double[3] moved
        cdef double[3] vector
        cdef double[9] step
        cdef double[9] before
        cdef double[9] next_
        cdef double[3] start
        cdef double[3] shift
        cdef double[36] covariance
        cdef double cost = 0.0, travelled
        cdef int i, k, matched = 0, rounds = 0, count = points.shape[0]
        if points.shape[1] != 3 or count > MOST_POINTS:
            raise ValueError(f"points {count} x {points.shape[1]}: at most {MOST_POINTS} x 3")
        for i in range(3):
            moved[i] = translation[i]
            vector[i] = rotation_vector[i]
            start[i] = self.position[i]
        travelled = sqrt(moved[0] * moved[0] + moved[1] * moved[1] + moved[2] * moved[2])
        memcpy(before, self.rotation, sizeof(before))
        memset(covariance, 0, sizeof(covariance))
        with nogil:
            rotate(before, moved, shift)
            for i in range(3):
                self.position[i] += shift[i]
            matrix_of_vector(vector, step)
            multiply_3x3(before, step, next_)
            memcpy(self.rotation, next_, sizeof(next_))
            if self.scans > 0 and count > 0:
                rounds = align(&self.p, self.current, &points[0, 0], count, self.rotation, self.position, travelled,
                               covariance, &cost, &matched)
            self.remember(points)
        self.scans += 1
        back = np.asarray(<double[:9]>before).reshape(3, 3).T
        relative = back @ np.asarray(<double[:9]>self.rotation).reshape(3, 3)
        offset = back @ (np.asarray(<double[:3]>self.position) - np.asarray(<double[:3]>start))
        spread = np.array(<double[:36]>covariance).reshape(6, 6) * self.p.inflation**2
        turn = np.zeros((6, 6))
        turn[:3, :3] = turn[3:, 3:] = back
        sigma = np.sqrt(np.maximum(np.diag(turn @ spread @ turn.T), 0.0))
        angle = 0.5 * np.array([relative[2, 1] - relative[1, 2], relative[0, 2] - relative[2, 0],
                                relative[1, 0] - relative[0, 1]])
        size = np.linalg.norm(angle)
        angle = angle * (np.arcsin(min(size, 1.0)) / size if size > 1e-12 else 1.0)
        return {"translation": offset, "rotation": angle, "sigma": sigma, "covariance": spread, "rounds": rounds,
                "matched": matched, "cost": cost}

    cdef void remember(self, const float[:, ::1] points) noexcept nogil:
        cdef double[3] at
        cdef double dx = self.position[0] - self.cleaned_at[0], dy = self.position[1] - self.cleaned_at[1]
        cdef VoxelMap* swap
        cdef int i
        if dx * dx + dy * dy > 0.04 * self.p.reach_m * self.p.reach_m or self.current.voxels > MOST_VOXELS * 3 // 4:
            keep_near(self.current, self.other, self.p.voxel_m, self.p.reach_m, self.position)
            swap = self.current
            self.current = self.other
            self.other = swap
            memcpy(self.cleaned_at, self.position, sizeof(self.cleaned_at))
        for i in range(points.shape[0]):
            place(self.rotation, self.position, &points[i, 0], at)
            add_point(self.current, self.p.voxel_m, at)

    @property
    def pose(self):
        """(rotation (3, 3), position (3,)) of the vehicle in the map."""
        return np.array(<double[:9]>self.rotation).reshape(3, 3), np.array(<double[:3]>self.position)
