"""What earlier scans saw: landmarks that stand and movers, in the vehicle's frame, moved on with the own motion."""

from libc.math cimport cos, exp, fabs, log, sin, sqrt
from libc.stdint cimport uint64_t

cdef enum:
    MOST_ROWS = 800
    MOST_LANDMARKS = 512
    MOST_MOVERS = 256
    MOST_BARRIERS = 6
    UNDECIDED = 0
    IS_OBSTACLE = 1
    IS_OVERHEAD = 2

cdef extern from *:
    """
    static const double NEPER_PER_DB = 0.2302585092994046;  /* of powers */
    """
    const double NEPER_PER_DB

cdef struct ScreenParameters:
    double range_sigma_m, azimuth_sigma, standing_mps, stopping_mps, corridor_m
    double landmark_gate_x_m, landmark_gate_y_m, mover_gate_x_m, mover_gate_y_m, mover_gate_mps
    double weak_existence, barrier_length_m, barrier_half_m, mirror_x_m, mirror_y_m, mirror_mps
    double bounce_m, bounce_mps, bounce_azimuth, bounce_reach_m
    double steady_share, inside_share, near_m, shadow_m, passed_x_m, passed_y_m, overhead_m
    double overhead_drop_db_m2, overhead_drop_most_db, decided, sure_watched, near_watched_m
    int landmark_kept, mover_kept, moving_looks, standing_looks, barrier_points, steady_looks, obstacle_looks, moved_looks
    int sure_looks, road_looks, watched_scans

cdef struct Scene:            # where the sensor is and how the vehicle moves
    double sensor_x, sensor_y, sensor_z, sensor_yaw
    double speed, yaw_rate, elapsed_s
    double velocity_x, velocity_y, velocity_sigma   # of the sensor
    double curvature            # of the own path

cdef struct Landmark:
    double x, y
    int looks, age, missed      # scans that saw it, since its first, since its last
    double inside               # share of the last looks within the corridor, forgetting
    int bridges                 # of the looks: the sensor held it for a bridge
    int verdict
    bint was_moving
    bint was_passed             # a road user drove through where it is
    bint is_claimed             # in this scan
    int road_looks              # in a row, of a lidar that saw road there
    int shadowed                # looks for which it still counts as seen past something nearer
    int hidden                  # looks in a row that were past something nearer
    double power_count, power, power_raised, drop  # sums: cross section in m2, with an overhead's loss given back, that loss
    double height_count, height, height_square

cdef struct Mover:
    double x, y
    double speed                # m/s over ground along the vehicle's x
    int looks, age, missed
    bint is_claimed

cdef struct Seen:             # one detection of the scan
    double x, y                 # in the vehicle's frame
    double offset               # to the left of the own path
    double offset_sigma
    double speed                # over ground along x
    int landmark, mover         # place in the memory, -1
    bint is_usable
    bint stands

cdef struct Memory:
    Landmark[512] landmarks
    Mover[256] movers
    int landmark_count, mover_count
    double[6] barriers          # offsets from the own path
    int barrier_count
    int unwatched               # scans since a lidar looked
    uint64_t overflow           # what found no room, since the start
    Seen[800] seen


cdef inline bint is_watched(const ScreenParameters* parameters, const Memory* memory) noexcept nogil:
    """Whether a lidar looks too: it finds what stands by itself."""
    return memory.unwatched <= parameters.watched_scans


cdef inline double sure_of(const ScreenParameters* parameters, const Memory* memory) noexcept nogil:
    return parameters.sure_watched if is_watched(parameters, memory) else parameters.decided


cdef inline void carry(double* x, double* y, double ahead, double aside, double cosine, double sine) noexcept nogil:
    """A place seen from the vehicle after it has moved."""
    cdef double dx = x[0] - ahead, dy = y[0] - aside
    x[0] = cosine * dx + sine * dy
    y[0] = cosine * dy - sine * dx


cdef inline void move_memory(const ScreenParameters* parameters, Memory* memory, double speed, double yaw_rate, double elapsed_s,
                             double sensor_x) noexcept nogil:
    """To now; forgets what was not seen for long, and landmarks that were passed."""
    cdef int i, kept = 0
    cdef double turn = yaw_rate * elapsed_s, ahead = speed * elapsed_s, aside = 0.5 * ahead * turn
    cdef double cosine = cos(turn), sine = sin(turn)
    cdef Landmark* landmark
    cdef Mover* mover
    for i in range(memory.landmark_count):
        landmark = &memory.landmarks[i]
        carry(&landmark.x, &landmark.y, ahead, aside, cosine, sine)
        landmark.age += 1
        landmark.missed += 1
        landmark.is_claimed = False
        if landmark.missed <= parameters.landmark_kept and landmark.x > sensor_x:
            memory.landmarks[kept] = landmark[0]
            kept += 1
    memory.landmark_count = kept
    kept = 0
    for i in range(memory.mover_count):
        mover = &memory.movers[i]
        mover.x += mover.speed * elapsed_s
        carry(&mover.x, &mover.y, ahead, aside, cosine, sine)
        mover.age += 1
        mover.missed += 1
        mover.is_claimed = False
        if mover.missed <= parameters.mover_kept:
            memory.movers[kept] = mover[0]
            kept += 1
    memory.mover_count = kept


cdef inline int nearest_landmark(const ScreenParameters* parameters, const Memory* memory, const Seen* seen) noexcept nogil:
    cdef int i, best = -1
    cdef double dx, dy, distance, least = 1.0, gate_y = parameters.landmark_gate_y_m + 3.0 * seen.offset_sigma
    for i in range(memory.landmark_count):
        dx = (seen.x - memory.landmarks[i].x) / parameters.landmark_gate_x_m
        dy = (seen.y - memory.landmarks[i].y) / gate_y
        distance = dx * dx + dy * dy
        if distance < least and not memory.landmarks[i].is_claimed:
            best, least = i, distance
    return best


cdef inline int nearest_mover(const ScreenParameters* parameters, const Memory* memory, const Seen* seen,
                              bint any_speed) noexcept nogil:
    """Not yet claimed and of like speed; or, `any_speed`, whichever is there."""
    cdef int i, best = -1
    cdef double dx, dy, distance, least = 1.0, gate_y = parameters.mover_gate_y_m + 3.0 * seen.offset_sigma
    for i in range(memory.mover_count):
        dx = (seen.x - memory.movers[i].x) / parameters.mover_gate_x_m
        dy = (seen.y - memory.movers[i].y) / gate_y
        distance = dx * dx + dy * dy
        if distance < least and (any_speed or (not memory.movers[i].is_claimed
                                               and fabs(seen.speed - memory.movers[i].speed) < parameters.mover_gate_mps)):
            best, least = i, distance
    return best


cdef inline double overhead_ratio(const ScreenParameters* parameters, const Landmark* landmark) noexcept nogil:
    """Log likelihood ratio of "above the road" against "on it" by how the cross section goes with range: an antenna that looks
    along the road loses what it passes below. Swerling I: exponential, each mean its own best."""
    cdef double n = landmark.power_count
    if n < 2.0:
        return 0.0
    return n * log(landmark.power / landmark.power_raised) + landmark.drop


cdef inline void add_power(const ScreenParameters* parameters, Landmark* landmark, double range_m,
                           double rcs_dbsm) noexcept nogil:
    cdef double drop = parameters.overhead_drop_db_m2 / (range_m * range_m), power = exp(NEPER_PER_DB * rcs_dbsm)
    drop = NEPER_PER_DB * (drop if drop < parameters.overhead_drop_most_db else parameters.overhead_drop_most_db)
    landmark.power_count += 1.0
    landmark.power += power
    landmark.power_raised += power * exp(drop)
    landmark.drop += drop


cdef inline int verdict_of(const ScreenParameters* parameters, const Landmark* landmark, double range_m,
                            double near_m, double sure) noexcept nogil:
    """Whether something stands on the road or above it; nearer than `near_m` what is not known is taken as on it, `sure` is the
    ratio that is enough for it at any distance."""
    cdef double height, spread, ratio
    cdef bint is_inside = landmark.inside >= parameters.inside_share
    if landmark.was_passed or 2 * landmark.bridges > landmark.looks:
        return IS_OVERHEAD
    if landmark.looks >= parameters.moved_looks and landmark.was_moving:
        return IS_OBSTACLE
    if landmark.road_looks >= parameters.road_looks:
        return IS_OVERHEAD
    if landmark.looks < parameters.obstacle_looks or landmark.looks < parameters.steady_share * landmark.age:
        return UNDECIDED
    if landmark.height_count >= parameters.obstacle_looks:
        height = landmark.height / landmark.height_count
        spread = landmark.height_square / landmark.height_count - height * height
        spread = sqrt((spread if spread > 0.0 else 0.0) / landmark.height_count)
        if height - 2.0 * spread > parameters.overhead_m:
            return IS_OVERHEAD
        return IS_OBSTACLE if is_inside and height + 2.0 * spread < parameters.overhead_m else UNDECIDED
    ratio = overhead_ratio(parameters, landmark)
    if ratio > parameters.decided:
        return IS_OVERHEAD
    # What looks more like above than on it is given the time that a lidar would have
    near_m = near_m if ratio <= 0.0 or near_m < parameters.near_watched_m else parameters.near_watched_m
    return IS_OBSTACLE if is_inside and (ratio < -sure or range_m < near_m) else UNDECIDED
