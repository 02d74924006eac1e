"""Tells road users from ghosts, barriers, what is above the road and clutter: one label for each detection of a scan.

By the range rate each detection stands or moves. What stands is matched with landmarks, what moves with movers that earlier scans
saw. Landmarks in a row beside the road are a barrier; what moves at the mirror image of a mover in it is a mirror, what has twice
the range and range rate of another is a second bounce. In the own corridor something that stands is an obstacle only when it is
confirmed (_memory.pxd, verdict_of). docs/radar.md has the policy; twin: autonomy/perception/radar/screen_twin.py.
"""
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from libc.math cimport NAN, cos, fabs, isfinite, sin, sqrt
from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memset

from autonomy.msg.messages cimport (
    LAYOUT_HASH,
    RadarDetection,
    RadarDetection_FLAG_BRIDGE,
    RadarDetection_LABEL_NONE,
    RadarDetection_LABEL_SECOND_BOUNCE,
)

from autonomy.msg.layout import require

from autonomy.perception.radar._label cimport is_second_bounce, label_of_moving, label_of_standing
from autonomy.perception.radar._memory cimport (
    IS_OBSTACLE, IS_OVERHEAD, MOST_BARRIERS, MOST_LANDMARKS, MOST_MOVERS, MOST_ROWS, Landmark, Memory, Mover, Scene,
    ScreenParameters, Seen, add_power, is_watched, move_memory, nearest_landmark, nearest_mover, sure_of, verdict_of,
)

require(__name__, LAYOUT_HASH)

cdef enum:
    BINS = 80
    SIDE = 2                # bins to either side that belong to a barrier's peak
    REACH = 4               # bins within which there is one barrier
cdef double BIN_M = 0.5
cdef double FIRST_BIN_M = -20.0
cdef int SHADOWED_LOOKS = 5       # [D] a quarter of a second: the nearer one is missed now and then
cdef int LONG_HIDDEN_LOOKS = 20   # [D] a second
cdef double INSIDE_GAIN = 0.2   # of a look: the last five count most


cdef void place(const ScreenParameters* parameters, const Scene* scene, RadarDetection* row, Seen* seen) noexcept nogil:
    cdef double yaw, level, flat, ahead, aside, sigma, rate_sigma, gate
    seen.landmark = seen.mover = -1
    seen.is_usable = isfinite(row.range) and isfinite(row.azimuth) and isfinite(row.range_rate) and row.range > 0.0
    row.label, row.looks, row.over_ground = RadarDetection_LABEL_NONE, 0, NAN
    if not seen.is_usable:
        return
    yaw = row.azimuth + scene.sensor_yaw
    level = cos(row.elevation) if isfinite(row.elevation) else 1.0
    flat = row.range * level
    ahead, aside = cos(yaw), sin(yaw)
    seen.x, seen.y = scene.sensor_x + flat * ahead, scene.sensor_y + flat * aside
    seen.offset = seen.y - 0.5 * scene.curvature * seen.x * seen.x
    sigma = row.azimuth_sigma if row.azimuth_sigma > 0.0 else parameters.azimuth_sigma
    seen.offset_sigma = sqrt(0.04 + row.range * row.range * sigma * sigma)
    row.over_ground = row.range_rate + (scene.velocity_x * ahead + scene.velocity_y * aside) * level
    rate_sigma = row.range_rate_sigma if row.range_rate_sigma > 0.0 else 0.0
    gate = 3.0 * sqrt(rate_sigma * rate_sigma + scene.velocity_sigma * scene.velocity_sigma)
    seen.stands = fabs(row.over_ground) < (gate if gate > parameters.standing_mps else parameters.standing_mps)
    ahead *= level
    seen.speed = row.over_ground / (ahead if fabs(ahead) > 0.3 else (0.3 if ahead >= 0.0 else -0.3))


cdef bint is_hidden(const ScreenParameters* parameters, const RadarDetection* rows, int count, int i) noexcept nogil:
    """Whether something nearer stands in the way: waves that pass beside or below it are weaker by nobody knows how much."""
    cdef int j
    for j in range(count):
        if rows[j].range + parameters.shadow_m < rows[i].range \
                and fabs(rows[j].azimuth - rows[i].azimuth) * rows[j].range < parameters.corridor_m:
            return True
    return False


cdef void see_landmark(const ScreenParameters* parameters, const Scene* scene, Memory* memory, const RadarDetection* rows,
                       int count, int i) noexcept nogil:
    cdef const RadarDetection* row = &rows[i]
    cdef Seen* seen = &memory.seen[i]
    cdef int found = nearest_landmark(parameters, memory, seen), mover, verdict
    cdef double gain, height, near_m
    cdef bint hidden
    cdef Landmark* landmark
    if found < 0:
        if memory.landmark_count == MOST_LANDMARKS:
            memory.overflow += 1
            return
        found = memory.landmark_count
        memory.landmark_count += 1
        landmark = &memory.landmarks[found]
        memset(landmark, 0, sizeof(Landmark))
        landmark.x, landmark.y, landmark.age = seen.x, seen.y, 1
        mover = nearest_mover(parameters, memory, seen, True)
        landmark.was_moving = mover >= 0 and memory.movers[mover].looks >= parameters.steady_looks \
            and fabs(memory.movers[mover].speed) < parameters.stopping_mps  # not one that passes below or beside it
    landmark = &memory.landmarks[found]
    landmark.looks += 1
    landmark.missed = 0
    landmark.is_claimed = True
    gain = 1.0 / (landmark.looks if landmark.looks < 5 else 5)
    landmark.x += gain * (seen.x - landmark.x)
    landmark.y += gain * (seen.y - landmark.y)
    gain = gain if gain > INSIDE_GAIN else INSIDE_GAIN
    landmark.inside += gain * ((1.0 if fabs(seen.offset) < parameters.corridor_m else 0.0) - landmark.inside)
    landmark.bridges += (row.flags & RadarDetection_FLAG_BRIDGE) != 0
    hidden = is_hidden(parameters, rows, count, i)
    landmark.shadowed = SHADOWED_LOOKS if hidden else max(landmark.shadowed - 1, 0)
    if isfinite(row.rcs_dbsm) and not hidden:
        if landmark.hidden >= LONG_HIDDEN_LOOKS and is_watched(parameters, memory):
            # before that it may have been hidden in part: not to be compared with now
            landmark.power_count = landmark.power = landmark.power_raised = landmark.drop = 0.0
        add_power(parameters, landmark, row.range, row.rcs_dbsm)
    landmark.hidden = landmark.hidden + 1 if hidden else 0
    if isfinite(row.elevation):
        height = scene.sensor_z + row.range * sin(row.elevation)
        landmark.height_count += 1.0
        landmark.height += height
        landmark.height_square += height * height
    # An obstacle stays one until it shows to be above the road; what seemed above it may come down. What is seen past a nearer
    # one in the corridor is not hurried: that one comes first, and will drive through it or not
    near_m = parameters.near_watched_m if is_watched(parameters, memory) else parameters.near_m
    verdict = verdict_of(parameters, landmark, row.range, 0.0 if landmark.shadowed > 0 else near_m, sure_of(parameters, memory))
    if landmark.verdict != IS_OBSTACLE or verdict == IS_OVERHEAD:
        landmark.verdict = verdict
    seen.landmark = found


cdef void see_mover(const ScreenParameters* parameters, Memory* memory, Seen* seen) noexcept nogil:
    cdef int found = nearest_mover(parameters, memory, seen, False)
    cdef double gain
    cdef Mover* mover
    if found < 0:
        if memory.mover_count == MOST_MOVERS:
            memory.overflow += 1
            return
        found = memory.mover_count
        memory.mover_count += 1
        mover = &memory.movers[found]
        memset(mover, 0, sizeof(Mover))
        mover.x, mover.y, mover.speed, mover.age = seen.x, seen.y, seen.speed, 1
    mover = &memory.movers[found]
    mover.looks += 1
    mover.missed = 0
    mover.is_claimed = True
    gain = 1.0 / (mover.looks if mover.looks < 3 else 3)
    mover.x += gain * (seen.x - mover.x)
    mover.y += gain * (seen.y - mover.y)
    mover.speed += gain * (seen.speed - mover.speed)
    seen.mover = found


cdef void see_passing(const ScreenParameters* parameters, Memory* memory) noexcept nogil:
    """What road users drive through stands above the road."""
    cdef int i, j
    cdef const Mover* mover
    cdef Landmark* landmark
    for i in range(memory.mover_count):
        mover = &memory.movers[i]
        if not mover.is_claimed or mover.looks < parameters.steady_looks or fabs(mover.speed) < parameters.stopping_mps:
            continue
        for j in range(memory.landmark_count):
            landmark = &memory.landmarks[j]
            if fabs(mover.x - landmark.x) < parameters.passed_x_m and fabs(mover.y - landmark.y) < parameters.passed_y_m:
                landmark.was_passed = True
                landmark.verdict = IS_OVERHEAD


cdef void find_barriers(const ScreenParameters* parameters, const Scene* scene, Memory* memory) noexcept nogil:
    """Rows of landmarks along the own path, by a histogram of their offsets; the fullest first."""
    cdef int[80] counts
    cdef int i, k, bin, best, most, around
    cdef double offset, total, least_x, most_x
    cdef Landmark* landmark
    memset(counts, 0, sizeof(counts))
    memory.barrier_count = 0
    for i in range(memory.landmark_count):
        landmark = &memory.landmarks[i]
        bin = bin_of(scene, landmark)
        if bin >= 0 and landmark.looks >= 2:
            counts[bin] += 1
    while memory.barrier_count < MOST_BARRIERS:
        best, most = -1, parameters.barrier_points - 1
        for bin in range(SIDE, BINS - SIDE):
            around = 0
            for k in range(bin - SIDE, bin + SIDE + 1):
                around += counts[k] if counts[k] > 0 else 0
            if around > most and counts[bin] >= 0:
                best, most = bin, around
        if best < 0:
            return
        total, around, least_x, most_x = 0.0, 0, 1e9, -1e9
        for i in range(memory.landmark_count):
            landmark = &memory.landmarks[i]
            bin = bin_of(scene, landmark)
            if landmark.looks >= 2 and best - SIDE <= bin <= best + SIDE and bin >= 0 and counts[bin] >= 0:
                total += landmark.y - 0.5 * scene.curvature * landmark.x * landmark.x
                around += 1
                least_x = landmark.x if landmark.x < least_x else least_x
                most_x = landmark.x if landmark.x > most_x else most_x
        for k in range(best - REACH if best > REACH else 0, best + REACH + 1 if best + REACH < BINS else BINS):
            counts[k] = -1
        offset = total / around
        if most_x - least_x >= parameters.barrier_length_m and fabs(offset) > parameters.corridor_m + parameters.barrier_half_m:
            memory.barriers[memory.barrier_count] = offset
            memory.barrier_count += 1


cdef inline int bin_of(const Scene* scene, const Landmark* landmark) noexcept nogil:
    cdef double place = (landmark.y - 0.5 * scene.curvature * landmark.x * landmark.x - FIRST_BIN_M) / BIN_M
    return <int>place if 0.0 <= place < BINS else -1


cdef void screen(const ScreenParameters* parameters, const Scene* scene, RadarDetection* rows, int count,
                 Memory* memory) noexcept nogil:
    """Writes `over_ground`, `looks` and `label` of each row."""
    cdef int i
    cdef Seen* seen
    memory.unwatched += memory.unwatched <= parameters.watched_scans
    move_memory(parameters, memory, scene.speed, scene.yaw_rate, scene.elapsed_s, scene.sensor_x)
    for i in range(count):
        seen = &memory.seen[i]
        place(parameters, scene, &rows[i], seen)
        if not seen.is_usable:
            continue
        if seen.stands:
            see_landmark(parameters, scene, memory, rows, count, i)
        else:
            see_mover(parameters, memory, seen)
    see_passing(parameters, memory)
    find_barriers(parameters, scene, memory)
    for i in range(count):
        seen = &memory.seen[i]
        if not seen.is_usable:
            continue
        if seen.landmark >= 0:
            rows[i].looks = <uint16_t>(memory.landmarks[seen.landmark].looks & 0xFFFF)
        elif seen.mover >= 0:
            rows[i].looks = <uint16_t>(memory.movers[seen.mover].looks & 0xFFFF)
        if is_second_bounce(parameters, memory, rows, count, i):
            rows[i].label = RadarDetection_LABEL_SECOND_BOUNCE
        elif seen.stands:
            rows[i].label = label_of_standing(parameters, memory, &rows[i], seen)
        else:
            rows[i].label = label_of_moving(parameters, scene, memory, &rows[i], i)


cdef class ScreenKernel:
    """One radar's memory. `parameters`: ScreenParameters; `mounting`: Mounting."""

    cdef ScreenParameters parameters
    cdef Scene scene
    cdef Memory* memory

    def __cinit__(self, parameters, mounting):
        self.memory = <Memory*>PyMem_RawCalloc(1, sizeof(Memory))
        if self.memory == NULL:
            raise MemoryError
        self.parameters = vars(parameters)
        self.memory.unwatched = self.parameters.watched_scans + 1
        self.scene.sensor_x, self.scene.sensor_y, self.scene.sensor_z = mounting.x_m, mounting.y_m, mounting.z_m
        self.scene.sensor_yaw = mounting.yaw

    def __dealloc__(self):
        PyMem_RawFree(self.memory)

    def screen(self, uint8_t[::1] rows not None, double elapsed_s, double speed, double yaw_rate, double velocity_x,
               double velocity_y, double velocity_sigma, double curvature):
        """Labels `rows`, RadarDetections as bytes, at most 800, in place."""
        cdef int count = <int>(rows.shape[0] // <Py_ssize_t>sizeof(RadarDetection))
        if count > MOST_ROWS:
            raise ValueError(f"{count} detections of a scan; at most {MOST_ROWS}")
        self.scene.elapsed_s, self.scene.speed, self.scene.yaw_rate = elapsed_s, speed, yaw_rate
        self.scene.velocity_x, self.scene.velocity_y, self.scene.velocity_sigma = velocity_x, velocity_y, velocity_sigma
        self.scene.curvature = curvature
        with nogil:
            screen(&self.parameters, &self.scene, <RadarDetection*>&rows[0] if count else NULL, count, self.memory)

    def places(self) -> list[tuple[float, float]]:
        """Of the landmarks, in the vehicle's frame at the last scan."""
        return [(self.memory.landmarks[i].x, self.memory.landmarks[i].y) for i in range(self.memory.landmark_count)]

    def see_road(self, list looks):
        """What a lidar saw at each of `places`: nothing (0), road (1) or something that stands (2)."""
        cdef int i
        self.memory.unwatched = 0
        for i in range(self.memory.landmark_count):
            if looks[i] == 2:
                self.memory.landmarks[i].road_looks = 0
            elif looks[i] == 1:
                self.memory.landmarks[i].road_looks += 1

    def barriers(self) -> list[float]:
        """Offsets to the left of the own path, m."""
        return [self.memory.barriers[place] for place in range(self.memory.barrier_count)]

    def counts(self) -> dict:
        return {"landmarks": self.memory.landmark_count, "movers": self.memory.mover_count, "overflow": self.memory.overflow}
