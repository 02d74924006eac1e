"""A scan in, labels, obstacles, lanes, free space and health out: the steps in the order data passes, no allocation after
start.

The face is autonomy/perception/perceive.py.
"""
import numpy as np
from libc.string cimport memset
from posix.time cimport CLOCK_THREAD_CPUTIME_ID, clock_gettime, timespec
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH, LidarPoint
from autonomy.perception._boxes cimport BoxParameters, Obstacle, ObstacleList, find_boxes
from autonomy.perception._bright cimport BrightGrid, BrightParameters, Run, find_bright
from autonomy.perception._classify cimport ClassParameters, classify
from autonomy.perception._cloud cimport MARKING, Cloud
from autonomy.perception._clusters cimport Cell, ClusterGrid, ClusterParameters, join, occupy
from autonomy.perception._deskew cimport MOST_KNOTS, STEPS, Knot, Twist, deskew
from autonomy.perception._edges cimport EdgeParameters, find_edges
from autonomy.perception._free_space cimport FREE_SECTORS, find_free_space
from autonomy.perception._ground cimport GroundGrid, GroundParameters, arrange_ground, find_ground
from autonomy.perception._health cimport Health, HealthParameters, judge_health
from autonomy.perception._lane_memory cimport LaneMemory, recall, remember
from autonomy.perception._lanes cimport LaneLine, LaneList, LaneParameters, find_lanes
from autonomy.perception._sightings cimport SightingParameters, Sightings, hold, sieve

require(__name__, LAYOUT_HASH)

cdef double NEVER_S = 1e9
STEPS_TIMED = ("deskew", "ground", "obstacles", "lanes", "health")


cdef inline long long now() noexcept nogil:
    """Processor time of this thread: what else the machine does is not counted."""
    cdef timespec time
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return <long long>time.tv_sec * 1000000000 + time.tv_nsec


cdef class Perception:
    """Parameters, buffers and what is kept from scan to scan. One instance a sensor."""

    cdef Cloud cloud
    cdef GroundParameters ground
    cdef ClusterParameters cluster
    cdef BoxParameters box
    cdef ClassParameters classes
    cdef BrightParameters bright
    cdef LaneParameters lane
    cdef HealthParameters health_parameters
    cdef GroundGrid* ground_grid
    cdef ClusterGrid* cluster_grid
    cdef ObstacleList* obstacle_list
    cdef BrightGrid* bright_grid
    cdef LaneList lane_list
    cdef Health health_found
    cdef EdgeParameters edge
    cdef LaneMemory* memory_of_lanes
    cdef SightingParameters sighting
    cdef Sightings* sightings
    cdef float[STEPS * 12] poses
    cdef float[FREE_SECTORS] free_m
    cdef long long[6] spent_ns
    cdef int ground_points
    cdef list memory

    def __init__(self, sections, int capacity=500_000):
        """`sections`: the tables of configs/perception.toml. Raises KeyError or TypeError for a missing or wrong key."""
        self.ground = sections["ground"]
        self.cluster = sections["clusters"]
        self.sighting = sections["sightings"]
        self.box.closest_m = sections["boxes"]["closest_m"]
        self.classes = sections["classes"]
        self.bright = sections["markings"]
        self.lane = sections["lanes"]
        self.edge = sections["edges"]
        self.health_parameters = sections["health"]
        self.memory = []
        self.cloud.capacity = capacity
        self.cloud.x = <float*>self.room(capacity * sizeof(float))
        self.cloud.y = <float*>self.room(capacity * sizeof(float))
        self.cloud.z = <float*>self.room(capacity * sizeof(float))
        self.cloud.range_m = <float*>self.room(capacity * sizeof(float))
        self.cloud.corner = <float*>self.room(capacity * sizeof(float))
        self.cloud.height = <float*>self.room(capacity * sizeof(float))
        self.cloud.intensity = <unsigned short*>self.room(capacity * sizeof(short))
        self.cloud.bin = <unsigned short*>self.room(capacity * sizeof(short))
        self.cloud.cell = <int*>self.room(capacity * sizeof(int))
        self.cloud.above = <int*>self.room(capacity * sizeof(int))
        self.cloud.instance = <int*>self.room(capacity * sizeof(int))
        self.cloud.label = <unsigned char*>self.room(capacity)
        self.ground_grid = <GroundGrid*>self.room(sizeof(GroundGrid))
        self.cluster_grid = <ClusterGrid*>self.room(sizeof(ClusterGrid))
        self.obstacle_list = <ObstacleList*>self.room(sizeof(ObstacleList))
        self.bright_grid = <BrightGrid*>self.room(sizeof(BrightGrid))
        self.memory_of_lanes = <LaneMemory*>self.room(sizeof(LaneMemory))
        self.sightings = <Sightings*>self.room(sizeof(Sightings))
        arrange_ground(&self.ground, self.ground_grid)

    cdef void* room(self, size_t size):
        """Memory that lives as long as this object, touched once so that no page is missing later."""
        cdef unsigned char[::1] buffer = np.ones(size, np.uint8)
        buffer[:] = 0
        self.memory.append(buffer)
        return &buffer[0]

    def perceive(self, points, velocity, rate, knot_times, knots, double reference_s, double elapsed_s):
        """One scan. `points`: LidarPoint [n]; velocity (3,) m/s and rate (3,) rad/s of the chassis; knot_times (k,) s after the
        reference and knots (k, 6) of the sensor's pose in the chassis (m, rotation vector in rad); `reference_s` after the stamp;
        elapsed_s since the reference of the scan before, 0 when there is none.
        Raises ValueError when there are more points than room."""
        cdef const unsigned char[::1] raw = np.ascontiguousarray(points).view(np.uint8)
        cdef Twist twist
        cdef Knot[MOST_KNOTS] track
        cdef int count = len(points), knot_count = len(knot_times), i, k
        cdef const LidarPoint* first = <const LidarPoint*>&raw[0] if count else NULL
        if count > self.cloud.capacity:
            raise ValueError(f"{count} points where there is room for {self.cloud.capacity}")
        if not 1 <= knot_count <= MOST_KNOTS:
            raise ValueError(f"{knot_count} knots of the sensor's pose: between 1 and {MOST_KNOTS}")
        for i in range(3):
            twist.velocity[i] = velocity[i]
            twist.rate[i] = rate[i]
        for k in range(knot_count):
            track[k].time_s = knot_times[k]
            for i in range(3):
                track[k].position[i] = knots[k][i]
                track[k].rotation[i] = knots[k][3 + i]
        with nogil:
            self.run(first, count, &twist, track, knot_count, reference_s, elapsed_s)

    cdef void run(self, const LidarPoint* points, int count, const Twist* twist, const Knot* knots, int knot_count,
                  double reference_s, double elapsed_s) noexcept nogil:
        cdef long long begun = now(), ended
        cdef GroundParameters swept
        deskew(points, count, twist, knots, knot_count, reference_s, self.poses, &self.cloud)
        ended = now()
        self.spent_ns[0] = ended - begun
        begun = ended
        swept = self.ground                     # the vehicle drove on while it was scanned, and its points were moved along
        swept.own_front_m += max(twist.velocity[0], 0.0) * points[count - 1].time_offset_ns * 1e-9 if count > 0 else 0.0
        self.ground_points = find_ground(&swept, self.ground_grid, &self.cloud)
        ended = now()
        self.spent_ns[1] = ended - begun
        begun = ended
        find_bright(&self.bright, self.bright_grid, &self.cloud)
        recall(self.memory_of_lanes, twist, elapsed_s, self.lane.memory_s, self.bright.behind_m, self.bright_grid)
        find_lanes(&self.lane, self.bright.behind_m, self.bright_grid, &self.memory_of_lanes.shape, &self.lane_list)
        remember(self.memory_of_lanes, self.bright_grid, &self.lane_list.shape)
        ended = now()
        self.spent_ns[3] = ended - begun
        begun = ended
        self.find_obstacles(knots, twist, elapsed_s)
        self.mark()
        ended = now()
        self.spent_ns[2] = ended - begun
        begun = ended
        judge_health(&self.health_parameters, &self.cloud, &self.health_found)
        self.spent_ns[4] = now() - begun

    cdef void find_obstacles(self, const Knot* knots, const Twist* twist, double elapsed_s) noexcept nogil:
        """Road edges are found among the cells, before these are joined."""
        cdef int i
        cdef long long begun = now()
        occupy(&self.cluster, self.cluster_grid, &self.cloud)
        self.spent_ns[5] = now() - begun
        find_edges(&self.edge, self.cluster_grid, &self.lane_list)
        begun = now()
        join(&self.cluster, knots[0].position, self.cluster_grid, &self.cloud)
        self.spent_ns[5] += now() - begun
        sieve(&self.sighting, twist, elapsed_s, knots[0].position, self.sightings, self.cluster_grid)
        find_boxes(&self.box, self.cluster_grid, &self.cloud, self.obstacle_list)
        for i in range(self.obstacle_list.count):
            classify(&self.classes, &self.obstacle_list.obstacles[i])
        hold(&self.sighting, self.sightings, self.obstacle_list)
        find_free_space(self.cluster_grid, self.obstacle_list, self.ground.far_m, self.free_m)

    cdef void mark(self) noexcept nogil:
        """Points of runs that a line took are markings."""
        cdef int i, place
        cdef const short* runs = &self.bright_grid.run[0][0]
        cdef const float* limits = &self.bright_grid.limit[0][0]
        for i in range(self.bright_grid.near_count):
            place = self.bright_grid.place[i]
            if self.bright_grid.runs[runs[place] - 1].line >= 0:
                if self.cloud.intensity[self.bright_grid.near[i]] > limits[place] * (1.0 + 0.5 * self.bright.ratio):
                    self.cloud.label[self.bright_grid.near[i]] = MARKING

    def reset(self):
        """Forgets the scans before."""
        self.sightings.count = self.sightings.now_count = 0
        self.memory_of_lanes.count = 0
        memset(&self.memory_of_lanes.shape, 0, sizeof(self.memory_of_lanes.shape))
        self.memory_of_lanes.shape.side_age_s[0] = self.memory_of_lanes.shape.side_age_s[1] = NEVER_S

    @property
    def labels(self):
        return np.array(<unsigned char[:max(self.cloud.count, 1)]>self.cloud.label)[: self.cloud.count]

    @property
    def instances(self):
        return np.array(<int[:max(self.cloud.count, 1)]>self.cloud.instance)[: self.cloud.count]

    @property
    def points(self):
        """float32 [n, 4]: x, y, z after motion compensation and height above the ground, m."""
        n = self.cloud.count
        if n == 0:
            return np.zeros((0, 4), np.float32)
        return np.stack([<float[:n]>self.cloud.x, <float[:n]>self.cloud.y, <float[:n]>self.cloud.z, <float[:n]>self.cloud.height],
                        axis=1)

    @property
    def obstacles(self):
        """Structured array of Obstacle (ext/autonomy/perception/_boxes.pxd)."""
        return np.array(<Obstacle[:max(self.obstacle_list.count, 1)]>self.obstacle_list.obstacles)[:self.obstacle_list.count]

    @property
    def lanes(self):
        """Structured array of LaneLine (ext/autonomy/perception/_lanes.pxd), from left to right as found."""
        return np.array(<LaneLine[:max(self.lane_list.count, 1)]>self.lane_list.lines)[:self.lane_list.count]

    @property
    def runs(self):
        """Structured array of Run (ext/autonomy/perception/_bright.pxd): of this scan, then those held from scans before."""
        return np.array(<Run[:max(self.bright_grid.run_count, 1)]>self.bright_grid.runs)[:self.bright_grid.run_count]

    @property
    def cells(self):
        """Structured array of Cell (ext/autonomy/perception/_clusters.pxd)."""
        return np.array(<Cell[:max(self.cluster_grid.cell_count, 1)]>self.cluster_grid.cells)[:self.cluster_grid.cell_count]

    @property
    def free_space(self):
        return np.array(<float[:FREE_SECTORS]>self.free_m)

    @property
    def health(self):
        return dict(self.health_found)

    @property
    def counts(self):
        """What found no room, for the record."""
        return {"outside_grid": self.cluster_grid.outside, "cells_without_room": self.cluster_grid.overflow,
                "obstacles_without_room": self.obstacle_list.overflow, "runs_without_room": self.bright_grid.overflow}

    @property
    def timing_ns(self):
        return dict(zip(STEPS_TIMED, [self.spent_ns[i] for i in range(len(STEPS_TIMED))]))

    @property
    def clusters_ns(self):
        """What of the obstacles' time the grid clusters took."""
        return self.spent_ns[5]
