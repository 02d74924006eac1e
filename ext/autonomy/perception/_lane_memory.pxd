# Bright runs of the scans before: see _lane_memory.pyx.
from autonomy.perception._bright cimport BrightGrid
from autonomy.perception._deskew cimport Twist
from autonomy.perception._lanes cimport Shape

cdef enum:
    MOST_HELD = 2048

cdef struct Held:
    float x
    float y
    float weight
    float age_s

cdef struct LaneMemory:
    int count
    Held[MOST_HELD] runs
    Shape shape

cdef void recall(LaneMemory* memory, const Twist* twist, double elapsed_s, double longest_s, double behind_m,
                 BrightGrid* grid) noexcept nogil
cdef void remember(LaneMemory* memory, const BrightGrid* grid, const Shape* shape) noexcept nogil
