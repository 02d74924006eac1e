"""Voxel sampling: the first point of each occupied cube.

A hash table with open addressing over 32-bit keys of the cube's place (11 bits for x and y each, 10 for z): at 0.5 m that is
512 m to each side and 128 m up and down; what lies beyond is left out. A point in the cube of the point before it needs no
look-up: beams follow each other closely. Twin: autonomy/perception/voxels_twin.py.
"""
import numpy as np

from libc.string cimport memset
from autonomy.perception._columns cimport cubes

cdef int LEAST_BITS = 12
cdef int MOST_BITS = 18

cdef int sample_voxels(const float* x, const float* y, const float* z, int count, double size_m, unsigned int* keys,
                       unsigned int* table,
                       int* kept) noexcept nogil:
    """Writes the numbers of the kept points, in their order; returns how many.

    Room: keys [count], table VOXEL_TABLE, kept [count]. More voxels than seven eighths of the table are not kept."""
    cdef unsigned int key, before = 0, slot, mask
    cdef int i, found = 0, bits = LEAST_BITS
    while bits < MOST_BITS and (1 << bits) < count + count // 4:
        bits += 1
    mask = (1 << bits) - 1
    memset(table, 0, (<size_t>mask + 1) * sizeof(unsigned int))
    cubes(x, y, z, count, <float>(1.0 / size_m), keys)
    for i in range(count):
        key = keys[i]
        if key == before or key == 0:
            continue
        before = key
        slot = (key * <unsigned int>2654435761) >> (32 - bits)
        while table[slot] != 0 and table[slot] != key:
            slot = (slot + 1) & mask
        if table[slot] == 0:
            if found >= <int>(mask - (mask >> 3)):
                break
            table[slot] = key
            kept[found] = i
            found += 1
    return found


cdef class VoxelSampler:
    """Buffers for clouds of up to `capacity` points."""

    cdef unsigned int[::1] table, keys
    cdef int[::1] kept

    def __init__(self, int capacity=500_000):
        self.table = np.zeros(VOXEL_TABLE, np.uint32)
        self.keys = np.zeros(max(capacity, 1), np.uint32)
        self.kept = np.zeros(max(capacity, 1), np.int32)

    def sample(self, const float[::1] x, const float[::1] y, const float[::1] z, double size_m):
        """int32 [k], a view that lasts until the next call: the points that are first in their voxel."""
        cdef int count = x.shape[0], found = 0
        if count > self.kept.shape[0] or y.shape[0] != count or z.shape[0] != count:
            raise ValueError(f"{count} points where there is room for {self.kept.shape[0]}, or columns of different length")
        if count:
            with nogil:
                found = sample_voxels(&x[0], &y[0], &z[0], count, size_m, &self.keys[0], &self.table[0], &self.kept[0])
        return np.asarray(self.kept)[:found]
