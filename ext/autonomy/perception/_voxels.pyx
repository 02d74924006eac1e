"""Voxel sampling: the first point of each occupied cube.

A hash table with open addressing over 32-bit keys of the cube's place (11 bits for x and y each, 10 for z): at 0.5 m that is 512 m to
each side and 128 m up and down; what lies beyond is left out. A point in the cube of the point before it needs no look-up: beams
follow each other closely. Twin: autonomy/perception/voxels_twin.py.
"""
import numpy as np

from libc.string cimport memset

cdef float HALF_ACROSS = 1024.0
cdef float HALF_UP = 512.0


cdef int sample_voxels(const float* x, const float* y, const float* z, int count, double size_m, unsigned int* table, int* kept) noexcept nogil:
    """Writes the numbers of the kept points, in their order; returns how many. `table`: VOXEL_TABLE slots of room."""
    cdef float per_m = <float>(1.0 / size_m), u, v, w
    cdef unsigned int key, before = 0, slot
    cdef int i, found = 0
    memset(table, 0, VOXEL_TABLE * sizeof(unsigned int))
    for i in range(count):
        u = x[i] * per_m + HALF_ACROSS
        v = y[i] * per_m + HALF_ACROSS
        w = z[i] * per_m + HALF_UP
        if not (u >= 0.0 and u < 2.0 * HALF_ACROSS and v >= 0.0 and v < 2.0 * HALF_ACROSS and w >= 0.0 and w < 2.0 * HALF_UP):
            continue
        key = (<unsigned int>u << 21) | (<unsigned int>v << 10) | <unsigned int>w
        if key == before and found > 0:
            continue
        before = key
        slot = (key * <unsigned int>2654435761) >> 14
        key += 1                                        # 0 is an empty slot
        while table[slot] != 0 and table[slot] != key:
            slot = (slot + 1) & (VOXEL_TABLE - 1)
        if table[slot] == 0:
            if found >= VOXEL_TABLE // 2:
                break
            table[slot] = key
            kept[found] = i
            found += 1
    return found


cdef class VoxelSampler:
    """Buffers for clouds of up to `capacity` points."""

    cdef unsigned int[::1] table
    cdef int[::1] kept

    def __init__(self, int capacity=500_000):
        self.table = np.zeros(VOXEL_TABLE, np.uint32)
        self.kept = np.zeros(max(capacity, 1), np.int32)

    def sample(self, const float[::1] x, const float[::1] y, const float[::1] z, double size_m):
        """int32 [k], a view that lasts until the next call: the points that are first in their voxel."""
        cdef int count = x.shape[0], found = 0
        if count > self.kept.shape[0] or y.shape[0] != count or z.shape[0] != count:
            raise ValueError(f"{count} points where there is room for {self.kept.shape[0]}, or columns of different length")
        if count:
            with nogil:
                found = sample_voxels(&x[0], &y[0], &z[0], count, size_m, &self.table[0], &self.kept[0])
        return np.asarray(self.kept)[:found]
