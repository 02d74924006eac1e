"""Records of a log into ticks: the inner loop of replay, without the GIL and without allocation.

A feed owns one input frame and one tick state. It takes records in the log's order, puts samples into the frame and
runs a tick when the next one is due: on a 10 ms grid (`raw`), after the number of records a cut names (`cuts`), or for
each logged frame (`frames`). A fork is a second feed with a copy of everything, to try what happens without an input.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from autonomy._tick cimport TickCore, tick
from autonomy.inputs._append cimport (KIND_COUNT, KIND_GNSS, KIND_LANE_PATH, InputKind, append_sample, clear_frame, input_of,
                                      item_size, item_validity_offset, list_capacity)
from autonomy.inputs._path_window cimport PathCursor, PathPoint, fill_path_window
from autonomy.log._mcap cimport Record
from autonomy.msg.messages cimport (LAYOUT_HASH, CanFrame, GnssSample, ImuInput, ImuInput_NOT_IN_A_TICK, InputFrame, OutputFrame,
                                    RadarPoint, TickInput)
from autonomy.playback._bytes cimport now_ns, read_i64, read_u32, read_u64
from drivers.can._router cimport Router, RouterState, route_frame
from drivers.serial._router cimport SerialRouter, SerialState, route_bytes

from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

TICK_PERIOD_NS = 10_000_000
cdef int64_t PERIOD_NS = 10_000_000
cdef double CLOCK_JUMP_S = 0.5     # of two clocks against each other: the scatter of a message's way stays below
cdef int64_t LATEST_NS = 1 << 62   # year 2116: a later time is garbage, and the arithmetic below must not overflow
cdef int64_t LARGEST_GAP_NS = 10_000_000_000  # a longer silence is a clock jump: the grid starts over behind it

cdef enum Action:
    IGNORE = 0
    RAW_CAN = 1
    SAMPLES = 2
    TICK_FRAME = 3
    CUT = 4
    RAW_SERIAL = 5

ACTIONS = {"ignore": IGNORE, "raw_can": RAW_CAN, "samples": SAMPLES, "frame": TICK_FRAME, "cut": CUT,
           "raw_serial": RAW_SERIAL}
cdef enum:
    SERIAL_COUNT = 12            # of SerialBytes in a log: int64 time_ns; uint32 lost; uint32 count; the bytes
    SERIAL_FIRST = 16

cdef enum Mode:
    RAW = 0
    CUTS = 1
    FRAMES = 2

MODES = {"raw": RAW, "cuts": CUTS, "frames": FRAMES}

cdef struct ChannelRoute:
    int32_t action
    int32_t kind                 # of samples; of raw serial bytes the first entry that reads the port

cdef struct KindCounts:
    uint64_t received
    uint64_t used
    uint64_t unusable
    int64_t last_ns
    int64_t max_gap_ns

# The log's clock against the UTC that GNSS samples tell: sums of a line, anew behind a jump.
cdef struct ClockSums:
    int64_t first_received_ns
    int64_t first_utc_ns
    int64_t last_received_ns
    double count
    double sum_x                 # s since the first sample
    double sum_y                 # s, change of the difference of the clocks since the first sample
    double sum_xx
    double sum_xy
    double last_y

cdef struct FeedState:
    InputFrame frame
    ClockSums clock
    OutputFrame last
    RouterState router
    SerialState serial
    PathCursor cursor
    KindCounts[KIND_COUNT] counts
    int64_t next_tick_ns
    uint64_t tick_index
    uint64_t consumed            # input records so far
    uint64_t late                # records older than the tick before the one they went into
    uint64_t clock_jumps
    uint64_t beyond_time         # records before zero or after LATEST_NS: left out
    uint64_t malformed           # records too short for their type
    uint64_t cut_mismatches      # cuts whose count disagrees with the records read
    int started

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
    cdef int mode
    cdef uint32_t dropped_kinds
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
        self.mode = MODES[mode]
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
        other.mode = self.mode
        other.dropped_kinds = dropped_kinds
        memcpy(other.state, self.state, sizeof(FeedState))
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
        if self.mode != RAW or not self.state.started:
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
                if action == TICK_FRAME and self.mode == CUTS:
                    self._take_wishes(body, record.length)
                if (action == CUT) != (self.mode == CUTS) or (action == TICK_FRAME) != (self.mode == FRAMES):
                    position[0] += 1
                    continue
                if ticks == capacity or (s.started and read_i64(body + 8) >= stop_ns):
                    break
                self._open_logged_tick(action, body, record.length)
                ticks += self._tick_into(outputs, timing, kept, ticks)
                position[0] += 1
                continue
            kind = routes[record.channel].kind
            if self.mode == RAW:
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
            self._consume(action, kind, body, record.length)
            position[0] += 1
        return ticks

    cdef void _consume(self, int action, int kind, const uint8_t* body, uint32_t length) noexcept nogil:
        cdef FeedState* s = self.state
        cdef const ImuInput* head = <const ImuInput*> body   # every list message begins alike
        cdef uint32_t index, count
        cdef CanFrame can_frame
        cdef GnssSample sample
        if action == RAW_CAN:
            s.consumed += 1
            if length < sizeof(CanFrame):
                s.malformed += 1
            elif self.mode != FRAMES and self.router is not None:
                # Records are not aligned in the log's buffer
                memcpy(&can_frame, body, sizeof(CanFrame))
                self._route(&can_frame)
            return
        if action == RAW_SERIAL:
            s.consumed += 1
            if length < SERIAL_FIRST or read_u32(body + SERIAL_COUNT) > length - SERIAL_FIRST:
                s.malformed += 1
            elif self.mode != FRAMES and self.serial is not None:
                self._route_bytes(kind, body + SERIAL_FIRST, read_u32(body + SERIAL_COUNT), read_i64(body))
            return
        if length < 28:
            s.malformed += 1
            return
        if read_u64(body) == ImuInput_NOT_IN_A_TICK:
            s.consumed += 1
            if self.mode == FRAMES:
                return
            count = read_u32(body + 24)
            if count == 0 or 32 + <size_t> count * item_size(kind) > length:
                s.malformed += count != 0
                return
            for index in range(count):
                self._append(kind, body + 32 + index * item_size(kind))
        elif self.mode == FRAMES:
            count = read_u32(body + 24)
            if count > <uint32_t> list_capacity(kind) or (count and 32 + <size_t> count * item_size(kind) > length):
                s.malformed += 1
                return
            self._count(kind, count)
            if kind == <int> KIND_GNSS:
                for index in range(count):
                    memcpy(&sample, body + 32 + index * item_size(kind), sizeof(GnssSample))
                    self._watch_clock(&sample)
            if not self.dropped_kinds >> kind & 1:
                memcpy(input_of(&s.frame, kind), body, 28)
                if count:
                    memcpy(input_of(&s.frame, kind) + 32, body + 32, count * item_size(kind))

    cdef void _route(self, const CanFrame* frame) noexcept nogil:
        """One CAN frame into samples; a frame may feed several lists."""
        cdef uint32_t[KIND_COUNT] before
        self._note_counts(before)
        if route_frame(self.router.tables, &self.state.router, frame, &self.state.frame) > 0:
            self._account_new(before)

    cdef void _route_bytes(self, int entry, const uint8_t* data, uint32_t length, int64_t time_ns) noexcept nogil:
        cdef uint32_t[KIND_COUNT] before
        self._note_counts(before)
        route_bytes(self.serial.rows, &self.state.serial, entry, data, length, time_ns, &self.state.frame)
        self._account_new(before)

    cdef void _note_counts(self, uint32_t* before) noexcept nogil:
        cdef int kind
        for kind in range(1, <int> KIND_COUNT):
            before[kind] = (<ImuInput*> input_of(&self.state.frame, kind)).count

    cdef void _account_new(self, const uint32_t* before) noexcept nogil:
        """What came into the frame since its counts were noted."""
        cdef ImuInput* samples
        cdef uint32_t index
        cdef int kind
        for kind in range(1, <int> KIND_COUNT):
            samples = <ImuInput*> input_of(&self.state.frame, kind)
            for index in range(before[kind], samples.count):
                self._account(kind, input_of(&self.state.frame, kind) + 32 + index * item_size(kind))
            if self.dropped_kinds >> kind & 1:
                samples.count = before[kind]

    cdef void _append(self, int kind, const uint8_t* item) noexcept nogil:
        if not self.dropped_kinds >> kind & 1:
            append_sample(&self.state.frame, <InputKind> kind, item)
        self._account(kind, item)

    cdef void _account(self, int kind, const uint8_t* item) noexcept nogil:
        cdef KindCounts* counts = &self.state.counts[kind]
        cdef GnssSample sample
        cdef int64_t received_ns = read_i64(item + 8)
        counts.received += 1
        if kind == <int> KIND_GNSS:
            memcpy(&sample, item, sizeof(GnssSample))
            self._watch_clock(&sample)
        if kind != <int> KIND_LANE_PATH and item[item_validity_offset(kind)] != 0:
            counts.unusable += 1
        else:
            counts.used += 1
        if counts.last_ns and received_ns - counts.last_ns > counts.max_gap_ns:
            counts.max_gap_ns = received_ns - counts.last_ns
        counts.last_ns = received_ns

    cdef void _watch_clock(self, const GnssSample* sample) noexcept nogil:
        cdef ClockSums* c = &self.state.clock
        cdef double x, y
        if sample.validity != 0 or sample.utc_time_ns <= 0 or (c.count and sample.received_time_ns <= c.last_received_ns):
            return
        x = 1e-9 * <double> (sample.received_time_ns - c.first_received_ns)
        y = 1e-9 * <double> ((sample.received_time_ns - sample.utc_time_ns) - (c.first_received_ns - c.first_utc_ns))
        if c.count == 0.0 or not (-CLOCK_JUMP_S < y - c.last_y < CLOCK_JUMP_S):
            memset(c, 0, sizeof(ClockSums))
            c.first_received_ns = sample.received_time_ns
            c.first_utc_ns = sample.utc_time_ns
            x = 0.0
            y = 0.0
        c.last_received_ns = sample.received_time_ns
        c.last_y = y
        c.count += 1.0
        c.sum_x += x
        c.sum_y += y
        c.sum_xx += x * x
        c.sum_xy += x * y

    def gnss_clock(self) -> tuple | None:
        """(offset in seconds at the last sample, rate) of the log's clock against UTC since its last jump; None when too short."""
        cdef ClockSums* c = &self.state.clock
        cdef double length = 1e-9 * <double> (c.last_received_ns - c.first_received_ns)
        cdef double spread, rate
        if c.count < 10.0 or length < 10.0:
            return None
        spread = c.sum_xx - c.sum_x * c.sum_x / c.count
        rate = (c.sum_xy - c.sum_x * c.sum_y / c.count) / spread
        return (c.first_received_ns - c.first_utc_ns) / 1e9 + c.sum_y / c.count + rate * (length - c.sum_x / c.count), rate

    cdef void _count(self, int kind, uint32_t count) noexcept nogil:
        self.state.counts[kind].received += count
        self.state.counts[kind].used += count

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
        cdef int64_t start_ns = now_ns()
        frame.tick_index = s.tick_index
        frame.tick_time_ns = s.next_tick_ns
        frame.set_speed_mps = self.set_speed_mps
        frame.engage = self.engage
        if self.mode != FRAMES:
            fill_path_window(self.path, self.path_length, &s.cursor, &s.last.ego, frame)
        tick(self.core.state, self.core.parameters, frame, out)
        timing[0] = start_ns
        timing[1] = now_ns() - start_ns
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
