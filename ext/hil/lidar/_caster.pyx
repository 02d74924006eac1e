"""One turn of a lidar: rays of all columns and beams against the road, bodies and weather; ranges, intensities and labels.

Everything is single precision in the frame of the window (hil/lidar/surface.py). Chance comes from counters (_wide.pxd): it
depends on key, column and beam and on nothing else. A turn is cast in parts that know nothing of each other, always the same
ones, so that several threads give the bits that one gives. Twin: hil/lidar/caster_twin.py.
"""
import numpy as np
from libc.math cimport cos, sin
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from autonomy.inputs._face cimport pointer
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.errors import UsageError
from autonomy.msg.layout import require
from hil.lidar._bodies cimport Interval, bound, cast_body
from hil.lidar._data cimport *
from hil.lidar._ground cimport cast_ground
from hil.lidar._mixing cimport mix_neighbours, rain, spray
from hil.lidar._returns cimport Returns, finish
from hil.lidar._surfaces cimport shade
from hil.lidar._wide cimport *

require(__name__, LAYOUT_HASH)

cdef extern from "<stdlib.h>" nogil:
    void* aligned_alloc(size_t alignment, size_t size)

cdef enum:
    KNOT = 64                  # columns between two exact attitudes of the sensor, linear in between
    MEAN_PER_COLUMN = 64       # bodies that a column may meet, on average
    TURN_PARTS = 4             # as many threads are of use

cdef struct Mounting:          # of the sensor on the vehicle
    double[3] place
    double[9] turn

cdef struct Entry:             # one body in one column
    uint16_t primitive
    uint8_t first
    uint8_t last


cdef struct Work:              # of one part; each field's size is a multiple of eight lanes', but for the last
    Met met
    Column[2] pair
    float[128] ground          # where the column before met the ground
    int[128] mine              # lanes that would meet the instance at hand
    Rays rays
    Lanes lanes


cdef struct Turning:           # the turn at hand
    const double* begin        # poses
    const double* end
    const double* time_s
    double duration_s
    const Primitive* bodies
    uint32_t key
    const float* through
    long stride
    int32_t* rays_of           # (PARTS, slots, 2)
    long slots
    Returns out

PARTS = TURN_PARTS
cdef size_t WORK_BYTES = (sizeof(Work) + 63) // 64 * 64


cdef void rotation(double yaw, double pitch, double roll, double* out) noexcept nogil:
    """Body to level, ISO 8855: yaw about z after pitch about y after roll about x."""
    cdef double cy = cos(yaw), sy = sin(yaw), cp = cos(pitch), sp = sin(pitch), cr = cos(roll), sr = sin(roll)
    out[0], out[1], out[2] = cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr
    out[3], out[4], out[5] = sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr
    out[6], out[7], out[8] = -sp, cp * sr, cp * cr


cdef void stand(const double* begin, const double* end, double share, const Mounting* mounting, double* place,
                double* turn) noexcept nogil:
    """Place and attitude of the sensor at a share of the turn; poses are x, y, z, yaw, pitch, roll of the vehicle."""
    cdef double[6] pose
    cdef double[9] body
    cdef int i, j
    for i in range(6):
        pose[i] = begin[i] + share * (end[i] - begin[i])
    rotation(pose[3], pose[4], pose[5], body)
    for i in range(3):
        place[i] = pose[i]
        for j in range(3):
            place[i] += body[3 * i + j] * mounting.place[j]
            turn[3 * i + j] = body[3 * i] * mounting.turn[j] + body[3 * i + 1] * mounting.turn[3 + j] \
                + body[3 * i + 2] * mounting.turn[6 + j]


cdef inline void about(const float* turn, float cosine, float sine, float* out) noexcept nogil:
    """Sensor at azimuth zero -> sensor at this azimuth -> where `turn` leads."""
    cdef int i
    for i in range(3):
        out[3 * i] = turn[3 * i] * cosine + turn[3 * i + 1] * sine
        out[3 * i + 1] = turn[3 * i + 1] * cosine - turn[3 * i] * sine
        out[3 * i + 2] = turn[3 * i + 2]


cdef inline void aim(const Lanes* lanes, Rays* rays) noexcept nogil:
    cdef int k
    cdef float8 x, y, z, delay, from_x, from_y, from_z
    for k in range(0, 8 * lanes.blocks, 8):
        delay = load8(lanes.delay_s + k)
        from_x, from_y, from_z = (rays.origin[0] + rays.motion[0] * delay, rays.origin[1] + rays.motion[1] * delay,
                                  rays.origin[2] + rays.motion[2] * delay)
        if lanes.parallax:
            x, y, z = load8(lanes.origin_x + k), load8(lanes.origin_y + k), load8(lanes.origin_z + k)
            from_x = from_x + rays.turn[0] * x + rays.turn[1] * y + rays.turn[2] * z
            from_y = from_y + rays.turn[3] * x + rays.turn[4] * y + rays.turn[5] * z
            from_z = from_z + rays.turn[6] * x + rays.turn[7] * y + rays.turn[8] * z
        store8(rays.from_x + k, from_x)
        store8(rays.from_y + k, from_y)
        store8(rays.from_z + k, from_z)
        x, y, z = load8(lanes.x + k), load8(lanes.y + k), load8(lanes.z + k)
        store8(rays.x + k, rays.turn[0] * x + rays.turn[1] * y + rays.turn[2] * z)
        store8(rays.y + k, rays.turn[3] * x + rays.turn[4] * y + rays.turn[5] * z)
        store8(rays.z + k, rays.turn[6] * x + rays.turn[7] * y + rays.turn[8] * z)


cdef class Caster:
    """One sensor: its beams, and the memory of one turn. Structs are 0-d arrays, filled by hil/lidar/emulator.py."""

    cdef readonly object lanes
    cdef readonly object optics
    cdef readonly object weather
    cdef readonly object profile
    cdef readonly int columns
    cdef Lanes* _lanes
    cdef Optics* _optics
    cdef Weather* _weather
    cdef Profile* _profile
    cdef Mounting _mounting
    cdef Window _window
    cdef float* _cosine
    cdef float* _sine
    cdef float* _yaw
    cdef float _step           # rad from column to column
    cdef Entry* _entries       # of all columns, one after the other
    cdef int* _starts          # where each column's begin and end
    cdef int* _ends
    cdef Interval* _intervals
    cdef char* _work           # PARTS of Work, each at the beginning of a cache line
    cdef Turning _turning
    cdef object _kept          # arrays that the window points into
    cdef readonly int left_out # bodies for which there was no room, since the start

    def __cinit__(self, int columns):
        self.lanes, self.optics, self.weather, self.profile = (np.zeros((), kind) for kind in dtypes()[:4])
        self._lanes = <Lanes*>pointer(self.lanes)
        self._optics = <Optics*>pointer(self.optics)
        self._weather = <Weather*>pointer(self.weather)
        self._profile = <Profile*>pointer(self.profile)
        self.columns = columns
        self._cosine = <float*>calloc(columns, sizeof(float))
        self._sine = <float*>calloc(columns, sizeof(float))
        self._yaw = <float*>calloc(columns, sizeof(float))
        self._entries = <Entry*>calloc(<size_t>columns * MEAN_PER_COLUMN, sizeof(Entry))
        self._starts = <int*>calloc(columns + 1, sizeof(int))
        self._ends = <int*>calloc(columns, sizeof(int))
        self._work = <char*>aligned_alloc(64, TURN_PARTS * WORK_BYTES)
        if not (self._work and self._cosine and self._sine and self._yaw and self._entries and self._starts and self._ends):
            raise MemoryError("lidar: no memory for the columns")

    def __dealloc__(self):
        free(self._work)
        free(self._cosine)
        free(self._sine)
        free(self._yaw)
        free(self._entries)
        free(self._starts)
        free(self._ends)

    def mount(self, double[::1] place, double[:, ::1] turn):
        """Place (3,) m and attitude (3, 3), sensor -> vehicle."""
        cdef int i
        for i in range(3):
            self._mounting.place[i] = place[i]
        for i in range(9):
            self._mounting.turn[i] = turn[i // 3, i % 3]

    def look(self, window):
        """Takes a hil.lidar.surface.Window; its arrays stay alive as long as they are used."""
        cdef float[:, :, ::1] cells = window.cells
        cdef const uint8_t[:, ::1] wet = window.wet
        cdef const uint8_t[:, :, ::1] bins = window.bins
        cdef Window* w = &self._window
        if <size_t>&cells[0, 0, 0] % 32:
            raise UsageError("lidar: the window's cells must begin at a multiple of 32 bytes")
        self._kept = (window.cells, window.wet, window.bins, window.lines)
        w.cells, w.nx, w.ny = &cells[0, 0, 0], cells.shape[0], cells.shape[1]
        w.x, w.y, w.per_m, w.size_m = window.corner[0], window.corner[1], window.per_m, 1.0 / window.per_m
        w.wet, w.wet_s, w.wet_d, w.is_wet = &wet[0, 0], wet.shape[0], wet.shape[1], window.wet.any()
        w.bins, w.bins_s, w.bins_d = &bins[0, 0, 0], bins.shape[0], bins.shape[1]
        w.s, w.d = window.s, window.d
        w.lines = <const Line*>pointer(window.lines)

    def azimuths(self, double[::1] azimuth):
        """Of each column in rad, left positive and without jumps: where the sensor's azimuth zero points at that time."""
        cdef int c
        self._step = <float>(abs(azimuth[self.columns - 1] - azimuth[0]) / (self.columns - 1))
        for c in range(self.columns):
            self._cosine[c], self._sine[c], self._yaw[c] = <float>cos(azimuth[c]), <float>sin(azimuth[c]), <float>azimuth[c]

    def turn(self, double[::1] begin, double[::1] end, double[::1] time_s, double duration_s, double[::1] azimuth, primitives,
             uint32_t key, float[:, :, ::1] ranges, float[:, :, ::1] intensity, uint8_t[:, :, ::1] label,
             int32_t[:, :, ::1] instance, int32_t[:, :, ::1] rays_of, transmission=None, each=map):
        """Fills ranges (m, 0 = no return), intensity (0..255), label and instance, each
        (columns, rings, returns).

        `begin`, `end`: poses (6,) of the vehicle in the window's frame. `time_s` (columns,) since the start. `primitives`:
        structured array of bodies, the
        near ones first where speed counts, clouds last. `rays_of` (PARTS, slots, 2): rays that met each slot's body, and that
        would have met it alone, by part. `transmission`: (columns, lanes) float32, the share of light that passes the
        window once.
        `each(function, numbers)` calls it for all of them, in threads if it likes.
        """
        cdef Turning* turning = &self._turning
        cdef const float[:, ::1] passing
        cdef const float* through = NULL
        cdef long stride = 0
        cdef const Primitive* bodies = <const Primitive*>pointer(primitives)
        cdef int count = primitives.shape[0]
        intervals = np.zeros((max(count, 1), 9), np.int32)
        self._intervals = <Interval*>pointer(intervals)
        if transmission is not None:
            passing = transmission
            through, stride = &passing[0, 0], passing.shape[1]
        turning.begin, turning.end, turning.time_s, turning.duration_s = &begin[0], &end[0], &time_s[0], duration_s
        turning.bodies, turning.key, turning.through, turning.stride = bodies, key, through, stride
        turning.rays_of, turning.slots = &rays_of[0, 0, 0], rays_of.shape[1]
        turning.out.range, turning.out.intensity = &ranges[0, 0, 0], &intensity[0, 0, 0]
        turning.out.label, turning.out.instance, turning.out.kept = &label[0, 0, 0], &instance[0, 0, 0], ranges.shape[2]
        with nogil:
            self.sort(&begin[0], &end[0], duration_s, &azimuth[0], bodies, count)
        for _ in each(self._part, range(TURN_PARTS)):
            pass

    def _part(self, int part):
        with nogil:
            self.sweep(part)

    cdef void sensor_at(self, const double* begin, const double* end, double share, double duration_s, Rays* rays) noexcept nogil:
        """Origin, motion and attitude at azimuth zero."""
        cdef double[3] first
        cdef double[3] last
        cdef double[3] place
        cdef double[9] turn
        cdef int i
        stand(begin, end, 0.0, &self._mounting, first, turn)
        stand(begin, end, 1.0, &self._mounting, last, turn)
        stand(begin, end, share, &self._mounting, place, turn)
        for i in range(3):
            rays.origin[i], rays.motion[i] = place[i], (last[i] - first[i]) / duration_s
            rays.own_origin[i] = self._mounting.place[i]
        for i in range(9):
            rays.turn[i], rays.own_turn[i] = turn[i], self._mounting.turn[i]
        rays.time_s = share * duration_s

    cdef void sort(self, const double* begin, const double* end, double duration_s, const double* azimuth,
                   const Primitive* bodies, int count) noexcept nogil:
        """Each body into the columns and blocks that may meet it."""
        cdef Rays first, last
        cdef const Lanes* lanes = self._lanes
        cdef Interval* seen
        cdef int i, c, k, block, low, total = 0
        cdef double step = (azimuth[self.columns - 1] - azimuth[0]) / (self.columns - 1), middle, a, b
        cdef Entry* entry
        self.sensor_at(begin, end, 0.0, duration_s, &first)
        self.sensor_at(begin, end, 1.0, duration_s, &last)
        memset(self._starts, 0, (self.columns + 1) * sizeof(int))
        for i in range(count):
            seen = self._intervals + i
            bound(bodies + i, &first, &last, <float>duration_s, seen)
            seen.first, seen.last = BLOCKS, -1
            for block in range(lanes.blocks):
                if lanes.high[block] >= seen.low and lanes.low[block] <= seen.high:
                    seen.first = block if block < seen.first else seen.first
                    seen.last = block
            # column azimuth + lane azimuth within the interval; columns run with `step`, which may be negative
            a = seen.azimuth - seen.half_azimuth - lanes.azimuth_high
            b = seen.azimuth + seen.half_azimuth - lanes.azimuth_low
            if b - a >= (self.columns - 2) * (step if step > 0 else -step):
                seen.from_column, seen.columns = 0, self.columns
            else:
                middle = (0.5 * (a + b) - azimuth[0]) / step
                a = 0.5 * (b - a) / (step if step > 0 else -step) + 1.0
                low = <int>(middle - a + 100.0 * self.columns) - 100 * self.columns
                seen.columns = <int>(middle + a + 1.0) - low + 1
                seen.from_column = (low + 200 * self.columns) % self.columns
            if seen.last < 0 or total + seen.columns > self.columns * MEAN_PER_COLUMN:
                self.left_out += seen.last >= 0
                seen.columns = 0
            total += seen.columns
            for c in range(seen.columns):
                k = seen.from_column + c
                self._starts[(k if k < self.columns else k - self.columns) + 1] += 1
        for c in range(self.columns):
            self._starts[c + 1] += self._starts[c]
        memcpy(self._ends, self._starts, self.columns * sizeof(int))
        for i in range(count):
            seen = self._intervals + i
            for c in range(seen.columns):
                k = seen.from_column + c
                k = k if k < self.columns else k - self.columns
                entry = self._entries + self._ends[k]
                entry.primitive, entry.first, entry.last = i, seen.first, seen.last
                self._ends[k] += 1

    cdef void sweep(self, int part) noexcept nogil:
        """The columns of one part. One more to either side is cast for what rays at the border share."""
        cdef Rays early, late
        cdef const Turning* turning = &self._turning
        cdef Work* work = <Work*>(self._work + part * WORK_BYTES)
        cdef Rays* rays = &work.rays
        cdef const Lanes* lanes = &work.lanes
        cdef Column* column
        cdef Column* before = NULL
        cdef float[9] turn
        cdef float[9] own
        cdef float share
        cdef float step = self._step
        cdef int32_t* rays_of = turning.rays_of + 2 * turning.slots * part
        cdef int first = self.columns * part // TURN_PARTS, end = self.columns * (part + 1) // TURN_PARTS
        cdef int begin = first - 1 if first > 0 else 0, stop = end + 1 if end < self.columns else end
        cdef int c, i, base, knot = 0
        cdef uint32_t before_key = 0
        memset(work, 0, sizeof(Work))
        memcpy(&work.lanes, self._lanes, sizeof(Lanes))
        for c in range(begin, stop):
            if c % KNOT == 0 or c == begin:
                base = c - c % KNOT
                i = base + KNOT if base + KNOT < self.columns else self.columns - 1
                knot = i - base
                self.sensor_at(turning.begin, turning.end, turning.time_s[base] / turning.duration_s, turning.duration_s, &early)
                self.sensor_at(turning.begin, turning.end, turning.time_s[i] / turning.duration_s, turning.duration_s, &late)
                memcpy(rays, &early, sizeof(Rays))
            share = <float>(c % KNOT) / <float>(knot if knot > 0 else 1)
            rays.time_s, rays.yaw = <float>turning.time_s[c], self._yaw[c]
            for i in range(3):
                rays.origin[i] = early.origin[i] + share * (late.origin[i] - early.origin[i])
            for i in range(9):
                turn[i] = early.turn[i] + share * (late.turn[i] - early.turn[i])
                own[i] = early.own_turn[i]
            about(turn, self._cosine[c], self._sine[c], rays.turn)
            about(own, self._cosine[c], self._sine[c], rays.own_turn)
            rays.key = hashed(turning.key + <uint32_t>c * <uint32_t>0x9E3779B1)
            column = &work.pair[c & 1]
            self.cast(work, self._entries + self._starts[c], self._ends[c] - self._starts[c],
                      rays_of if first <= c < end else NULL, column)
            mix_neighbours(before, column, lanes, self._optics, step, rays.key)
            if before != NULL and c - 1 >= first:
                self.tell(work, before, c - 1, before_key)
            before, before_key = column, rays.key
        if stop == end:
            self.tell(work, before, end - 1, before_key)

    cdef void tell(self, const Work* work, Column* column, int number, uint32_t key) noexcept nogil:
        cdef const float* through = self._turning.through
        finish(&work.lanes, self._optics, self._weather, column,
               through + number * self._turning.stride if through != NULL else NULL, number, key, &self._turning.out)

    cdef void cast(self, Work* work, const Entry* entries, int count, int32_t* rays_of, Column* column) noexcept nogil:
        """Everything that the rays of one column meet by themselves; not counted where `rays_of` is NULL."""
        cdef Met* met = &work.met
        cdef int* mine = work.mine
        cdef const Lanes* lanes = &work.lanes
        cdef Rays* rays = &work.rays
        cdef const Primitive* bodies = self._turning.bodies
        cdef const Primitive* body
        cdef int e, k, slot = -1, first = BLOCKS, last = -1
        cdef bint counted = False
        aim(lanes, rays)
        for k in range(0, 8 * lanes.blocks, 8):
            store8(met.range + k, all8(FAR_M))
            store8(met.cosine + k, all8(0.0))
            store_whole8(met.primitive + k, all_whole8(-2))
        for e in range(count):
            body = bodies + entries[e].primitive
            if body.shape == VOLUME:
                break
            if body.slot != slot or e == 0:
                count_alone(mine, slot, first, last, rays_of)
                slot, first, last = body.slot, BLOCKS, -1
                counted = counted or slot >= 0
                memset(mine, 0, LANES * sizeof(int))
            first = entries[e].first if entries[e].first < first else first
            last = entries[e].last if entries[e].last > last else last
            cast_body(body, entries[e].primitive, self._intervals + entries[e].primitive, lanes, rays,
                      entries[e].first, entries[e].last, met, mine)
        count_alone(mine, slot, first, last, rays_of)
        cast_ground(&self._window, self._profile, lanes, rays, work.ground, met)
        shade(&self._window, self._profile, bodies, lanes, rays, met, column)
        for k in range(0, 8 * lanes.blocks, 8):
            store8(column.share + k, all8(1.0))
            store8(column.second_range + k, all8(FAR_M))
        for k in range(lanes.rings if counted and rays_of != NULL else 0):
            if met.primitive[k] >= 0 and bodies[met.primitive[k]].slot >= 0:
                rays_of[2 * bodies[met.primitive[k]].slot] += 1
        if self._weather.drops > 0:
            rain(column, lanes, self._optics, self._weather, rays.key ^ <uint32_t>0x68bc21eb)
        for e in range(count):
            body = bodies + entries[e].primitive
            if body.shape == VOLUME:
                spray(body, lanes, self._optics, rays, entries[e].first, entries[e].last, column,
                      rays.key + <uint32_t>entries[e].primitive * <uint32_t>0x85ebca6b)


cdef inline void count_alone(const int* mine, int slot, int first, int last, int32_t* rays_of) noexcept nogil:
    cdef int block
    if slot < 0 or rays_of == NULL:
        return
    for block in range(first, last + 1):
        rays_of[2 * slot + 1] += count8(load_whole8(mine + 8 * block))


def dtypes():
    """NumPy's view of the structs: lanes, optics, weather, profile, primitive, line."""
    cdef Lanes lanes
    cdef Optics optics
    cdef Weather weather
    cdef Profile profile
    cdef Primitive primitive
    cdef Line line
    return (np.asarray(<Lanes[:1]> &lanes).dtype, np.asarray(<Optics[:1]> &optics).dtype,
            np.asarray(<Weather[:1]> &weather).dtype, np.asarray(<Profile[:1]> &profile).dtype,
            np.asarray(<Primitive[:1]> &primitive).dtype, np.asarray(<Line[:1]> &line).dtype)
