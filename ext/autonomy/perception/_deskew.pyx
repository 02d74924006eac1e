"""Motion compensation: every point to where the chassis stood at one time of the scan.

The chassis moves with a constant twist through the scan; the sensor's pose in the chassis (cab suspension) is a track of knots,
one knot for a rigid mounting. The pose is tabulated in STEPS over the scan and each point takes the nearest: one table for all
points of a time, so cost is a multiplication by a 3 x 4 matrix. Twin: autonomy/perception/deskew_twin.py.
"""
import numpy as np
from libc.math cimport cos, sin, sqrt
from autonomy.msg.layout import require
from autonomy.linalg._small cimport cross, matrix_of_vector
from autonomy.msg.messages cimport LAYOUT_HASH, LidarPoint
from autonomy.perception._cloud cimport Cloud
from autonomy.perception._columns cimport nearest_pose, transform

require(__name__, LAYOUT_HASH)


cdef inline void drift(const Twist* twist, double time_s, double* matrix, double* position) noexcept nogil:
    """Pose of the chassis a while after the reference, by its constant twist."""
    cdef double[3] vector
    cdef double angle, a, b
    cdef double* w = vector
    cdef const double* v = twist.velocity
    cdef double[3] once
    cdef double[3] twice
    cdef int i
    for i in range(3):
        vector[i] = twist.rate[i] * time_s
    matrix_of_vector(vector, matrix)
    angle = sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2])
    a = (1.0 - cos(angle)) / (angle * angle) if angle > 1e-5 else 0.5
    b = (angle - sin(angle)) / (angle * angle * angle) if angle > 1e-3 else 1.0 / 6.0
    cross(w, v, once)
    cross(w, once, twice)
    for i in range(3):
        position[i] = time_s * (v[i] + a * once[i] + b * twice[i])


cdef inline void mounted(const Knot* knots, int count, double time_s, double* matrix, double* position) noexcept nogil:
    """Pose of the sensor in the chassis, between the two knots around a time; the outer knots hold outside."""
    cdef double[3] vector
    cdef double share = 0.0
    cdef int i, last = 0
    while last < count - 1 and knots[last + 1].time_s <= time_s:
        last += 1
    if last < count - 1 and time_s > knots[last].time_s:
        share = (time_s - knots[last].time_s) / (knots[last + 1].time_s - knots[last].time_s)
    for i in range(3):
        vector[i] = knots[last].rotation[i]
        position[i] = knots[last].position[i]
        if share > 0.0:
            vector[i] += share * (knots[last + 1].rotation[i] - vector[i])
            position[i] += share * (knots[last + 1].position[i] - position[i])
    matrix_of_vector(vector, matrix)


cdef void tabulate(const Twist* twist, const Knot* knots, int knot_count, double first_s, double step_s, int steps,
                   float* poses) noexcept nogil:
    """poses [steps, 12]: rotation by rows and position, of the sensor at each step in the chassis at the reference (time 0)."""
    cdef double[9] chassis
    cdef double[9] sensor
    cdef double[3] at
    cdef double[3] place
    cdef int i, k, step
    for step in range(steps):
        drift(twist, first_s + step * step_s, chassis, at)
        mounted(knots, knot_count, first_s + step * step_s, sensor, place)
        for i in range(3):
            for k in range(3):
                poses[12 * step + 3 * i + k] = <float>(
                    chassis[3 * i] * sensor[k] + chassis[3 * i + 1] * sensor[3 + k] + chassis[3 * i + 2] * sensor[6 + k]
                )
            poses[12 * step + 9 + i] = <float>(
                at[i] + chassis[3 * i] * place[0] + chassis[3 * i + 1] * place[1] + chassis[3 * i + 2] * place[2]
            )


cdef void deskew(const LidarPoint* points, int count, const Twist* twist, const Knot* knots, int knot_count, double reference_s,
                 float* poses, Cloud* cloud) noexcept nogil:
    """Writes x, y, z and intensity of the cloud. `reference_s` after the stamp; knots' times are after the reference.
    `poses`: room for STEPS * 12 floats."""
    cdef int first = 0, last = 0, i, begin, time_ns, steps
    cdef int* step = cloud.cell                 # of the pose of each point, its time before
    cdef float per_ns
    cloud.count = count if count < cloud.capacity else cloud.capacity
    if cloud.count == 0:
        return
    first = last = points[0].time_offset_ns
    for i in range(cloud.count):
        time_ns = points[i].time_offset_ns
        first = time_ns if time_ns < first else first
        last = time_ns if time_ns > last else last
        step[i] = time_ns
        cloud.x[i] = points[i].x
        cloud.y[i] = points[i].y
        cloud.z[i] = points[i].z
        cloud.intensity[i] = points[i].intensity
    steps = STEPS if last > first else 1
    per_ns = (STEPS - 1) / <float>(<double>last - <double>first) if last > first else 0.0
    tabulate(twist, knots, knot_count, first * 1e-9 - reference_s, (<double>last - <double>first) * 1e-9 / (STEPS - 1), steps,
             poses)
    nearest_pose(step, cloud.count, first, per_ns, steps - 1)
    begin = 0
    for i in range(1, cloud.count + 1):         # points of one time come together
        if i == cloud.count or step[i] != step[begin]:
            transform(cloud.x + begin, cloud.y + begin, cloud.z + begin, i - begin, poses + 12 * step[begin])
            begin = i
