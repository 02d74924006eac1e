"""Exact Euclidean clusters: two points belong together when a chain of points no farther apart than a radius joins them.

Cubes with a diagonal of the radius: points of one cube are joined at once. Between neighbouring cubes (two to each side) one
pair close enough joins them; a pair of cubes whose points are already joined, or whose boxes lie too far apart, is not looked
at. Points are sorted by cube, cubes found by a hash table. Gives the clusters of DBSCAN with one point as core. Twin:
autonomy/perception/euclidean_twin.py.
"""
import numpy as np
from libc.math cimport floor, sqrt
from libc.string cimport memset

cdef struct Cube:
    int u
    int v
    int w
    int first               # of its points in `order`
    int count
    int parent
    float[6] box            # least and greatest x, y, z

cdef int AROUND = 2         # cubes to each side that a radius reaches: its length is sqrt(3) cubes


cdef inline int find(Cube* cubes, int i) noexcept nogil:
    while cubes[i].parent != i:
        cubes[i].parent = cubes[cubes[i].parent].parent
        i = cubes[i].parent
    return i


cdef inline unsigned int hash_of(int u, int v, int w) noexcept nogil:
    cdef unsigned int h = (<unsigned int>u * <unsigned int>73856093) ^ (<unsigned int>v * <unsigned int>19349663)
    return h ^ (<unsigned int>w * <unsigned int>83492791)


cdef inline int cube_at(const Cube* cubes, const int* table, unsigned int mask, int u, int v, int w) noexcept nogil:
    cdef unsigned int slot = hash_of(u, v, w) & mask
    cdef int i
    while table[slot] != 0:
        i = table[slot] - 1
        if cubes[i].u == u and cubes[i].v == v and cubes[i].w == w:
            return i
        slot = (slot + 1) & mask
    return -1


cdef inline bint touch(const Cube* a, const Cube* b, const float* sorted_points, float squared) noexcept nogil:
    """Whether a pair of points of two cubes is within the radius."""
    cdef int i, k
    cdef float dx, dy, dz, gap = 0.0, side
    cdef const float* p
    cdef const float* q
    for k in range(3):
        side = b.box[2 * k] - a.box[2 * k + 1]
        side = side if side > a.box[2 * k] - b.box[2 * k + 1] else a.box[2 * k] - b.box[2 * k + 1]
        gap += side * side if side > 0.0 else 0.0
    if gap > squared:
        return False
    for i in range(a.first, a.first + a.count):
        p = sorted_points + 3 * i
        for k in range(b.first, b.first + b.count):
            q = sorted_points + 3 * k
            dx = p[0] - q[0]
            dy = p[1] - q[1]
            dz = p[2] - q[2]
            if dx * dx + dy * dy + dz * dz <= squared:
                return True
    return False


cdef int cluster(const float* points, int count, double radius_m, Cube* cubes, int* table, unsigned int mask, int* cube_of,
                 int* order,
                 float* sorted_points, int* labels) noexcept nogil:
    """labels [count]: number of the cluster, in order of first points; returns how many."""
    cdef double per_m = sqrt(3.0) / radius_m * (1.0 + 1e-6)
    cdef int i, k, u, v, w, du, dv, dw, found = 0, clusters = 0, other, a, b
    cdef unsigned int slot
    cdef float squared = <float>(radius_m * radius_m)
    cdef Cube* cube
    memset(table, 0, (<size_t>mask + 1) * sizeof(int))
    for i in range(count):
        u = <int>floor(points[3 * i] * per_m)
        v = <int>floor(points[3 * i + 1] * per_m)
        w = <int>floor(points[3 * i + 2] * per_m)
        slot = hash_of(u, v, w) & mask
        while table[slot] != 0:
            cube = &cubes[table[slot] - 1]
            if cube.u == u and cube.v == v and cube.w == w:
                break
            slot = (slot + 1) & mask
        if table[slot] == 0:
            cube = &cubes[found]
            cube.u = u
            cube.v = v
            cube.w = w
            cube.count = 0
            cube.parent = found
            for k in range(3):
                cube.box[2 * k] = points[3 * i + k]
                cube.box[2 * k + 1] = points[3 * i + k]
            found += 1
            table[slot] = found
        cube = &cubes[table[slot] - 1]
        cube.count += 1
        cube_of[i] = table[slot] - 1
        for k in range(3):
            cube.box[2 * k] = points[3 * i + k] if points[3 * i + k] < cube.box[2 * k] else cube.box[2 * k]
            cube.box[2 * k + 1] = points[3 * i + k] if points[3 * i + k] > cube.box[2 * k + 1] else cube.box[2 * k + 1]
    k = 0
    for i in range(found):
        cubes[i].first = k
        k += cubes[i].count
        cubes[i].count = 0
    for i in range(count):
        cube = &cubes[cube_of[i]]
        k = cube.first + cube.count
        cube.count += 1
        sorted_points[3 * k] = points[3 * i]
        sorted_points[3 * k + 1] = points[3 * i + 1]
        sorted_points[3 * k + 2] = points[3 * i + 2]
    for i in range(found):
        for dw in range(0, AROUND + 1):
            for dv in range(-AROUND if dw > 0 else 0, AROUND + 1):
                for du in range(-AROUND if dw > 0 or dv > 0 else 1, AROUND + 1):
                    other = cube_at(cubes, table, mask, cubes[i].u + du, cubes[i].v + dv, cubes[i].w + dw)
                    if other < 0:
                        continue
                    a = find(cubes, i)
                    b = find(cubes, other)
                    if a != b and touch(&cubes[i], &cubes[other], sorted_points, squared):
                        if a < b:
                            cubes[b].parent = a
                        else:
                            cubes[a].parent = b
    for i in range(found):
        order[i] = -1
    for i in range(count):
        a = find(cubes, cube_of[i])
        if order[a] < 0:
            order[a] = clusters
            clusters += 1
        labels[i] = order[a]
    return clusters


cdef class EuclideanClusters:
    """Buffers for clouds of up to `capacity` points."""

    cdef unsigned int mask
    cdef int capacity
    cdef int[::1] table, cube_of, order, labels
    cdef float[::1] sorted_points
    cdef unsigned char[::1] cubes

    def __init__(self, int capacity=500_000):
        cdef unsigned int slots = 16
        while slots < 2 * capacity:
            slots *= 2
        self.mask = slots - 1
        self.capacity = max(capacity, 1)
        self.table = np.zeros(slots, np.int32)
        self.cube_of = np.zeros(self.capacity, np.int32)
        self.order = np.zeros(self.capacity, np.int32)
        self.labels = np.zeros(self.capacity, np.int32)
        self.sorted_points = np.zeros(3 * self.capacity, np.float32)
        self.cubes = np.zeros(self.capacity * sizeof(Cube), np.uint8)

    def find(self, const float[:, ::1] points, double radius_m):
        """(labels int32 [n], a view that lasts until the next call; number of clusters) of finite points [n, 3]."""
        cdef int count = points.shape[0], clusters = 0
        if count > self.capacity or points.shape[1] != 3:
            raise ValueError(f"points {points.shape[0]} x {points.shape[1]} where {self.capacity} x 3 have room")
        if count:
            with nogil:
                clusters = cluster(&points[0, 0], count, radius_m, <Cube*>&self.cubes[0], &self.table[0], self.mask,
                                   &self.cube_of[0],
                                   &self.order[0], &self.sorted_points[0], &self.labels[0])
        return np.asarray(self.labels)[:count], clusters
