# Voxel sampling: see _voxels.pyx.

cdef enum:
    VOXEL_TABLE = 1 << 18       # slots; a power of two, several times the voxels of a scan

cdef int sample_voxels(const float* x, const float* y, const float* z, int count, double size_m, unsigned int* keys,
                       unsigned int* table,
                       int* kept) noexcept nogil
