# The road's grade, as the ego filter tells it, less what the frame pitches; held where nobody tells it, less sure by the metre.
#
# Whoever loses its motion sensors on a descent is on a descent: a grade of zero would take brakes and speed for better than they
# are just then. Twin: autonomy/estimation/truck/grade_twin.py.
from libc.math cimport fabs, isfinite, sqrt
from autonomy.msg.messages cimport EgoState, TruckParameters, TruckState

cdef extern from *:
    """
    static const double ANY_ROAD_SIGMA = 0.03;       /* of grades of motorways, of which 6 % is the steepest [M] */
    static const double GRADE_WALK_PER_M = 4.0e-6;   /* variance a metre: 0.02 after 100 m [D] */
    static const double UNKNOWN_SPEED_MPS = 25.0;    /* the fastest that the truck may be */
    """
    const double ANY_ROAD_SIGMA, GRADE_WALK_PER_M, UNKNOWN_SPEED_MPS

ctypedef struct GradeMemory:
    double grade                 # rise over run
    double variance


cdef inline void grade_start(GradeMemory* memory) noexcept nogil:
    memory.grade, memory.variance = 0.0, ANY_ROAD_SIGMA * ANY_ROAD_SIGMA


cdef inline void grade_step(GradeMemory* memory, const TruckParameters* parameters, const EgoState* ego, bint known,
                            double along_road, double speed, double dt, TruckState* truck) noexcept nogil:
    """`known`: the ego filter knows its velocity; `along_road` m/s2; `speed` m/s of whoever tells it, NaN = nobody."""
    cdef double sigma
    if known and isfinite(ego.grade) and isfinite(along_road):
        memory.grade = ego.grade - parameters.frame_pitch_rad_per_mps2 * along_road
        sigma = ego.sigma[5] / (fabs(ego.speed) if fabs(ego.speed) > 1.0 else 1.0)
        memory.variance = sigma * sigma
    elif memory.variance < ANY_ROAD_SIGMA * ANY_ROAD_SIGMA:
        memory.variance += GRADE_WALK_PER_M * (fabs(speed) if isfinite(speed) else UNKNOWN_SPEED_MPS) * dt
        if memory.variance > ANY_ROAD_SIGMA * ANY_ROAD_SIGMA:
            memory.variance = ANY_ROAD_SIGMA * ANY_ROAD_SIGMA
    truck.grade, truck.grade_sigma = memory.grade, sqrt(memory.variance)
