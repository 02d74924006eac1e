"""Records of a log into ticks: the inner loop of replay, without the GIL and without allocation.

A feed owns one input frame and one tick state. It takes records in the log's order, puts samples into the frame and
runs a tick when the next one is due: on a 10 ms grid (`raw`), after the number of records a cut names (`cuts`), or for
each logged frame (`frames`). A fork is a second feed with a copy of everything, to try what happens without an input.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from autonomy._tick cimport TickCore, tick
from autonomy.inputs._append cimport KIND_COUNT, clear_frame
from autonomy.inputs._clock cimport PERIOD_NS
from autonomy.inputs._path_window cimport PathPoint, fill_path_window
from autonomy.log._mcap cimport Record
from autonomy.msg.messages cimport LAYOUT_HASH, InputFrame, OutputFrame, RadarPoint, TickInput
from drivers._clocks cimport monotonic_ns
from autonomy.playback._feed_state cimport *
from autonomy.playback._intake cimport consume
from autonomy.playback._log_clock cimport clock_line
from drivers._unaligned cimport read_i64, read_u64
from drivers.can._router cimport Router
from drivers.serial._router cimport SerialRouter

from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef int64_t LATEST_NS = 1 << 62   # year 2116: a later time is garbage, and the arithmetic below must not overflow
cdef int64_t LARGEST_GAP_NS = 10_000_000_000  # a longer silence is a clock jump: the grid starts over behind it

ACTIONS = {"ignore": IGNORE, "raw_can": RAW_CAN, "samples": SAMPLES, "frame": TICK_FRAME, "cut": CUT,
           "raw_serial": RAW_SERIAL}
MODES = {"raw": RAW, "cuts": CUTS, "frames": FRAMES}

cdef class Feed:
    cdef TickCore core
    cdef Router router
    cdef SerialRouter serial
    cdef FeedState* state
    cdef ChannelRoute[::1] routes
    cdef object _routes
    cdef object _path
    cdef const PathPoint* path
    cdef Py_ssize_t path_length
    cdef double set_speed_mps
    cdef uint8_t engage
    cdef Py_ssize_t kept_bytes   # of one row that is kept: an InputFrame or a RadarInput

    def __cinit__(self, TickCore core, Router router, routes, path, str mode, double set_speed_mps, bint engage,
                  SerialRouter serial=None):
        """`routes`: int32 array (n, 2) of action and kind by channel id; `path`: float64 array (n, 5), ECEF and widths."""
        self.state = <FeedState*> calloc(1, sizeof(FeedState))
        if self.state == NULL:
            raise MemoryError()
        self.core = core
        self.router = router
        self.serial = serial
        self._routes = routes
        self._path = path
        self.state.mode = MODES[mode]
        self.state.can_routes = router.tables if router is not None else NULL
        self.state.serial_ports = serial.rows if serial is not None else NULL
        self.set_speed_mps = set_speed_mps
        self.engage = engage
        cdef const double[:, ::1] points = path
        self.path_length = points.shape[0]
        self.path = <const PathPoint*> &points[0, 0] if self.path_length else NULL

    def __dealloc__(self):
        free(self.state)

    def fork(self, TickCore core, uint32_t dropped_kinds) -> Feed:
        """A feed that stands where this one stands, but runs `core` and leaves out the kinds of the bit mask."""
        cdef Feed other = Feed(core, self.router, self._routes, self._path, "raw", self.set_speed_mps, self.engage, self.serial)
        memcpy(other.state, self.state, sizeof(FeedState))
        other.state.dropped_kinds = dropped_kinds
        return other

    @property
    def next_tick_ns(self) -> int:
        """Time of the tick to come; 0 before the first record."""
        return self.state.next_tick_ns

    def run(self, records, data, Py_ssize_t begin, outputs, timing, frames, int64_t stop_ns):
        """Consumes records from `begin` until they end, `outputs` is full, or the tick due is at `stop_ns` or later.

        `records`: structured array of RECORD_DTYPE; `data`: the bytes they point into; `outputs`: array of OutputFrame;
        `timing`: int64 array (n, 3) for start, duration and records consumed; `frames`: array of InputFrame to keep the
        frames, of RadarInput to keep the used part of their radar lists alone, or None.
        Returns (position of the first record not consumed, ticks run).
        """
        cdef Py_buffer record_view, data_view, output_view, timing_view, frame_view
        cdef Py_ssize_t position = begin, ticks = 0, capacity
        cdef uint8_t* kept = NULL
        cdef const int32_t[:, ::1] routes = self._routes
        PyObject_GetBuffer(records, &record_view, PyBUF_SIMPLE)
        PyObject_GetBuffer(data, &data_view, PyBUF_SIMPLE)
        PyObject_GetBuffer(outputs, &output_view, PyBUF_WRITABLE)
        PyObject_GetBuffer(timing, &timing_view, PyBUF_WRITABLE)
        capacity = output_view.len // <Py_ssize_t> sizeof(OutputFrame)
        if frames is not None:
            PyObject_GetBuffer(frames, &frame_view, PyBUF_WRITABLE)
            kept = <uint8_t*> frame_view.buf
            self.kept_bytes = frame_view.itemsize
        try:
            with nogil:
                ticks = self._run(<const Record*> record_view.buf, record_view.len // <Py_ssize_t> sizeof(Record),
                                  <const uint8_t*> data_view.buf, data_view.len, &position,
                                  <const ChannelRoute*> &routes[0, 0], routes.shape[0],
                                  <OutputFrame*> output_view.buf, capacity, <int64_t*> timing_view.buf, kept, stop_ns)
        finally:
            PyBuffer_Release(&record_view)
            PyBuffer_Release(&data_view)
            PyBuffer_Release(&output_view)
            PyBuffer_Release(&timing_view)
            if frames is not None:
                PyBuffer_Release(&frame_view)
        return position, ticks

    def finish(self, outputs, timing, frames) -> int:
        """Runs the tick that holds the last records of the log; 1 if there was one (raw mode only), else 0."""
        cdef Py_buffer output_view, timing_view, frame_view
        cdef uint8_t* kept = NULL
        if self.state.mode != RAW or not self.state.started:
            return 0
        PyObject_GetBuffer(outputs, &output_view, PyBUF_WRITABLE)
        PyObject_GetBuffer(timing, &timing_view, PyBUF_WRITABLE)
        if frames is not None:
            PyObject_GetBuffer(frames, &frame_view, PyBUF_WRITABLE)
            kept = <uint8_t*> frame_view.buf
            self.kept_bytes = frame_view.itemsize
        try:
            self._tick(<OutputFrame*> output_view.buf, <int64_t*> timing_view.buf, kept)
        finally:
            PyBuffer_Release(&output_view)
            PyBuffer_Release(&timing_view)
            if frames is not None:
                PyBuffer_Release(&frame_view)
        return 1

    cdef Py_ssize_t _run(self, const Record* records, Py_ssize_t length, const uint8_t* data, Py_ssize_t data_size,
                         Py_ssize_t* position, const ChannelRoute* routes, Py_ssize_t route_count,
                         OutputFrame* outputs, Py_ssize_t capacity, int64_t* timing, uint8_t* kept,
                         int64_t stop_ns) noexcept nogil:
        cdef FeedState* s = self.state
        cdef const Record* record
        cdef const uint8_t* body
        cdef int action, kind
        cdef Py_ssize_t ticks = 0
        while position[0] < length:
            record = &records[position[0]]
            action = routes[record.channel].action if record.channel < route_count else IGNORE
            if action == IGNORE or <Py_ssize_t> (record.offset + record.length) > data_size:
                s.malformed += action != IGNORE
                position[0] += 1
                continue
            body = data + record.offset
            if not 0 <= record.log_time_ns < LATEST_NS:
                s.beyond_time += 1
                position[0] += 1
                continue
            if action == CUT or action == TICK_FRAME:
                if action == TICK_FRAME and self.state.mode == CUTS:
                    self._take_wishes(body, record.length)
                if (action == CUT) != (self.state.mode == CUTS) or (action == TICK_FRAME) != (self.state.mode == FRAMES):
                    position[0] += 1
                    continue
                if ticks == capacity or (s.started and read_i64(body + 8) >= stop_ns):
                    break
                self._open_logged_tick(action, body, record.length)
                ticks += self._tick_into(outputs, timing, kept, ticks)
                position[0] += 1
                continue
            kind = routes[record.channel].kind
            if self.state.mode == RAW:
                if not s.started:
                    s.next_tick_ns = _grid_after(record.log_time_ns)
                    s.started = 1
                elif record.log_time_ns > s.next_tick_ns + LARGEST_GAP_NS:
                    s.clock_jumps += 1
                    s.next_tick_ns = _grid_after(record.log_time_ns)
                if record.log_time_ns > s.next_tick_ns:
                    if ticks == capacity or s.next_tick_ns >= stop_ns:
                        break
                    ticks += self._tick_into(outputs, timing, kept, ticks)
                    continue  # the same record again: more than one tick may be due before it
                if record.log_time_ns < s.next_tick_ns - 2 * PERIOD_NS:
                    s.late += 1
            consume(s, action, kind, body, record.length)
            position[0] += 1
        return ticks

    def gnss_clock(self) -> tuple | None:
        """(offset in seconds at the last sample, rate) of the log's clock against UTC since its last jump; None if too short."""
        cdef double offset_s, rate
        return (offset_s, rate) if clock_line(&self.state.clock, &offset_s, &rate) else None

    cdef void _open_logged_tick(self, int action, const uint8_t* body, uint32_t length) noexcept nogil:
        """Takes index and time of the next tick from a cut or from a logged frame's header."""
        cdef FeedState* s = self.state
        s.started = 1
        s.tick_index = read_u64(body)
        s.next_tick_ns = read_i64(body + 8)
        if action == CUT:
            s.cut_mismatches += read_u64(body + 16) != s.consumed
        else:
            self._take_wishes(body, length)

    cdef void _take_wishes(self, const uint8_t* body, uint32_t length) noexcept nogil:
        """Set speed and engagement, which stand in no raw bytes."""
        cdef TickInput header
        if length >= sizeof(TickInput):
            memcpy(&header, body, sizeof(TickInput))
            self.set_speed_mps = header.set_speed_mps
            self.engage = header.engage

    cdef Py_ssize_t _tick_into(self, OutputFrame* outputs, int64_t* timing, uint8_t* kept, Py_ssize_t ticks) noexcept nogil:
        self._tick(&outputs[ticks], &timing[3 * ticks], kept + ticks * self.kept_bytes if kept != NULL else NULL)
        return 1

    cdef void _tick(self, OutputFrame* out, int64_t* timing, uint8_t* kept) noexcept nogil:
        cdef FeedState* s = self.state
        cdef InputFrame* frame = &s.frame
        cdef int64_t start_ns = monotonic_ns()
        frame.tick_index = s.tick_index
        frame.tick_time_ns = s.next_tick_ns
        frame.set_speed_mps = self.set_speed_mps
        frame.engage = self.engage
        if self.state.mode != FRAMES:
            fill_path_window(self.path, self.path_length, &s.cursor, &s.last.ego, frame)
        tick(self.core.state, self.core.parameters, frame, out)
        timing[0] = start_ns
        timing[1] = monotonic_ns() - start_ns
        timing[2] = <int64_t> s.consumed
        s.last.ego = out.ego
        if kept != NULL and self.kept_bytes == <Py_ssize_t> sizeof(InputFrame):
            memcpy(kept, frame, sizeof(InputFrame))
        elif kept != NULL:
            memcpy(kept, &frame.radar, 32 + <size_t> frame.radar.count * sizeof(RadarPoint))
        clear_frame(frame)
        s.tick_index += 1
        s.next_tick_ns += PERIOD_NS

    def counts(self) -> list:
        """Per kind: received, used, unusable, largest gap between two samples in nanoseconds."""
        cdef KindCounts* c
        cdef int kind
        result = []
        for kind in range(KIND_COUNT):
            c = &self.state.counts[kind]
            result.append((c.received, c.used, c.unusable, c.max_gap_ns))
        return result

    def route_counts(self) -> dict:
        """Per route "bus:message>kind" of the router: frames received, used, unusable, inactive."""
        return self.router.counts_of(&self.state.router)

    def serial_counts(self) -> dict:
        """Per entry "port:protocol>kinds" of the serial ports: bytes, messages, samples and what was not of use."""
        return {} if self.serial is None else self.serial.counts_of(&self.state.serial)

    def oddities(self) -> dict:
        """What was not as a good log has it, counted."""
        cdef FeedState* s = self.state
        return {"late": s.late, "clock_jumps": s.clock_jumps, "beyond_time": s.beyond_time, "malformed": s.malformed,
                "cut_mismatches": s.cut_mismatches}

    @property
    def consumed(self) -> int:
        return self.state.consumed


cdef inline int64_t _grid_after(int64_t time_ns) noexcept nogil:
    """The first grid point at or after a time: independent of where in the log one starts."""
    cdef int64_t remainder = time_ns % PERIOD_NS
    if remainder < 0:
        remainder += PERIOD_NS
    return time_ns if remainder == 0 else time_ns - remainder + PERIOD_NS
