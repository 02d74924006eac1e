"""The loop: wakes on absolute deadlines, takes what has arrived, runs the tick, hands out the command, keeps the account.

Frames and pieces of serial lines come through rings, one a bus and direction or line, stamped by the threads that received
them; what perception found, from its processes, in lists of samples. A tick at time T takes what is stamped up to T in the
order that a log has (log time, then topic) and writes that order down as it goes: a record's log time is its stamp, or just
behind the last cut when it came too late for that; never after the cut it went into. So a replay of the log from its cuts
routes the same records before the same ticks. Ticks are at multiples of 10 ms of CLOCK_MONOTONIC. One that comes late is run at
its own time; grid points that are past by a whole period are left out and counted.

Without the GIL, without allocation, one system call to sleep and, when a command leaves, one to wake its sender.
"""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy
from posix.unistd cimport write

import numpy as np

from autonomy._tick cimport TickCore, tick
from autonomy.inputs._append cimport LIST_COUNT, LIST_FIRST_ITEM, InputKind, append_sample, clear_frame, item_size
from autonomy.inputs._path_window cimport PathPoint, fill_path_window
from autonomy.msg.messages cimport (LAYOUT_HASH, Actuation, CanFrame, CanFrame_FLAG_TRANSMITTED, EgoState, FaultState_STATUS_TOLD,
                                    InputFrame, OutputFrame)
from drivers._clocks cimport monotonic_ns
from autonomy.runtime._account cimport HISTOGRAM_BINS, STAGES, LoopAccount, account_response, account_tick
from autonomy.runtime._deadline cimport sleep_until
from autonomy.runtime._journal cimport (
    LIST_BYTES, PIECE_BYTES, JournalFrame, JournalList, JournalPiece, JournalTick, SampleList, SerialPiece)
from autonomy.inputs._clock cimport PERIOD_NS
from autonomy.runtime._loop_state cimport MAY_DRIVE, MAY_NOT, MUST_STOP, LoopPlan, LoopState
from autonomy.runtime._response cimport TickArrivals, arrivals_add, arrivals_begin, arrivals_of
from drivers.can._router cimport Router, route_frame
from drivers._unaligned cimport read_u32
from drivers.serial._router cimport SerialRouter, route_bytes
from drivers.ring._ring cimport (Ring, RingMemory, ring_commit, ring_count, ring_load_relaxed, ring_peek, ring_push,
                                 ring_release, ring_reserve, ring_store_relaxed)

from autonomy import msg
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

HISTOGRAM_US = HISTOGRAM_BINS - 1
MOST_PORTS = 16
STAGE_NAMES = ("wake", "take", "tick", "send", "record")  # what a tick does, in this order; wake: from its deadline on
cdef enum:
    PORTS = 16
    FRAMES_A_TICK = 4096        # taken at most, so that a flood of frames cannot hold the tick up for more than about 1 ms
    LANE_TRACKED = 1            # LaneState.status
    LEVEL_FALLBACK = 2          # Health.level

PERMISSION_NONE, PERMISSION_DRIVE, PERMISSION_STOP = MAY_NOT, MAY_DRIVE, MUST_STOP


@cython.final  # its methods call each other without a table
cdef class Loop:
    """One stack driven by rings.

    `core`, `router`: of one Stack and its buses. `path`: float64 (n, 5), see autonomy/inputs/lane_path.py. `arrivals`: rings
    of CanFrame (24 bytes), in the order of their topics' names, which is the order in which equal times are taken. `frames`,
    `ticks`: rings of FRAME_ROW and TICK_ROW for the recorder. `commands`: ring of Actuation whose sender waits on
    `command_event`, or None: nothing is sent. `engage_tick`: the first tick at which the stack may take over by itself,
    None = never. `serial`: router of the serial lines, `lines`: [(ring of PIECE_ROW, the router's entry)] in the order of
    their topics, `pieces`: ring of JOURNAL_PIECE_ROW. `found`: rings of LIST_ROW from processes beside the loop, `lists`: ring of
    JOURNAL_LIST_ROW. `states`: rings that are given the EgoState of each tick, `outputs`: its whole OutputFrame.
    """
    cdef TickCore core
    cdef Router router
    cdef LoopState* state
    cdef LoopPlan plan
    cdef object _path
    cdef const PathPoint* path
    cdef Py_ssize_t path_length
    cdef tuple _arrivals
    cdef RingMemory *arrivals[PORTS]
    cdef int port_count         # buses and directions, then serial lines, then what others have found
    cdef int bus_count
    cdef int line_count
    cdef RingMemory *states[PORTS]
    cdef int state_count
    cdef RingMemory *outputs[PORTS]
    cdef int output_count
    cdef RingMemory *list_journal
    cdef tuple _states
    cdef tuple _outputs
    cdef Ring _lists
    cdef SerialRouter serial
    cdef int32_t entries[PORTS]
    cdef RingMemory *piece_journal
    cdef Ring _pieces
    cdef Ring _frames
    cdef Ring _ticks
    cdef Ring _commands

    def __cinit__(self, TickCore core, Router router, path, arrivals, Ring frames, Ring ticks, *, Ring commands=None,
                  int command_event=-1, double set_speed_mps=0.0, engage_tick=None, SerialRouter serial=None, lines=(),
                  Ring pieces=None, found=(), Ring lists=None, states=(), outputs=()):
        cdef const double[:, ::1] points = path
        cdef Ring ring
        if len(arrivals) + len(lines) + len(found) > PORTS or max(len(states), len(outputs)) > PORTS:
            raise ValueError(f"{len(arrivals) + len(lines) + len(found)} rings of arrivals: at most {MOST_PORTS}")
        if found and lists is None:
            raise ValueError("lists of samples need a ring for the journal")
        if lines and (serial is None or pieces is None):
            raise ValueError("serial lines need their router and a ring for the journal")
        for ring, size in [(ring, sizeof(CanFrame)) for ring in arrivals] + [(ring, sizeof(SerialPiece)) for ring, _ in lines] + [
                (ring, sizeof(SampleList)) for ring in found] + [(ring, sizeof(EgoState)) for ring in states] + [
                (ring, sizeof(OutputFrame)) for ring in outputs] + [
                (frames, sizeof(JournalFrame)), (ticks, sizeof(JournalTick))] + (
                [(commands, sizeof(Actuation))] if commands is not None else []) + (
                [(pieces, sizeof(JournalPiece))] if pieces is not None else []) + (
                [(lists, sizeof(JournalList))] if lists is not None else []):
            if ring.memory.slot_bytes != size:
                raise ValueError(f"a ring with slots of {ring.memory.slot_bytes} bytes where {size} are needed")
        self.state = <LoopState*> calloc(1, sizeof(LoopState))
        if self.state == NULL:
            raise MemoryError()
        self.core, self.router, self._path = core, router, path
        self.path_length = points.shape[0]
        self.path = <const PathPoint*> &points[0, 0] if self.path_length else NULL
        self._arrivals, self._frames, self._ticks, self._commands = tuple(arrivals), frames, ticks, commands
        self._arrivals += tuple(ring for ring, _ in lines) + tuple(found)
        self.serial, self._pieces, self.bus_count, self.line_count = serial, pieces, len(arrivals), len(lines)
        self._lists, self._states, self._outputs = lists, tuple(states), tuple(outputs)
        self.list_journal = NULL if lists is None else lists.memory
        for ring in self._states:
            self.states[self.state_count] = ring.memory
            self.state_count += 1
        for ring in self._outputs:
            self.outputs[self.output_count] = ring.memory
            self.output_count += 1
        for ring in self._arrivals:
            self.arrivals[self.port_count] = ring.memory
            self.port_count += 1
        for place, (_, entry) in enumerate(lines):
            self.entries[self.bus_count + place] = entry
        self.piece_journal = NULL if pieces is None else pieces.memory
        self.state.permission = MAY_DRIVE
        self.plan.set_speed_mps = set_speed_mps
        self.plan.engage_tick = -1 if engage_tick is None else engage_tick
        self.plan.sends = commands is not None
        self.plan.command_event = command_event

    def __dealloc__(self):
        free(self.state)

    def run(self, int64_t first_ns, int64_t end_ns):
        """Ticks at `first_ns` and every 10 ms until before `end_ns` or `stop()`. Call from the thread that is to be the loop."""
        with nogil:
            self._run(first_ns, end_ns)

    def step(self, int64_t tick_time_ns, int64_t woken_ns):
        """One tick, without sleeping: for tests, and for clocks that are not this machine's."""
        with nogil:
            self._step(tick_time_ns, woken_ns)

    def stop(self):
        """Lets `run` end behind the tick it is in."""
        ring_store_relaxed(&self.state.stop, 1)

    def permit(self, int permission):
        """PERMISSION_NONE: standby. PERMISSION_DRIVE (at first): engages as planned. PERMISSION_STOP: a driving stack stops."""
        if not 0 <= permission <= MUST_STOP:
            raise ValueError(f"permission {permission}")
        ring_store_relaxed(&self.state.permission, permission)

    cdef void _run(self, int64_t first_ns, int64_t end_ns) noexcept nogil:
        cdef LoopState* s = self.state
        cdef int64_t deadline_ns = first_ns, woken_ns, behind_ns
        while deadline_ns < end_ns and not ring_load_relaxed(&s.stop):
            sleep_until(deadline_ns)
            woken_ns = monotonic_ns()
            self._step(deadline_ns, woken_ns)
            deadline_ns += PERIOD_NS
            behind_ns = monotonic_ns() - deadline_ns
            if behind_ns >= PERIOD_NS:
                s.account.missed += behind_ns // PERIOD_NS
                deadline_ns += behind_ns // PERIOD_NS * PERIOD_NS

    cdef void _step(self, int64_t tick_time_ns, int64_t woken_ns) noexcept nogil:
        cdef LoopState* s = self.state
        cdef InputFrame* frame = &s.frame
        cdef int64_t[STAGES] stage_ns
        cdef int64_t taken_ns, decided_ns, finished_ns
        cdef int place
        cdef uint64_t permission = ring_load_relaxed(&s.permission)
        self._take(tick_time_ns)
        taken_ns = monotonic_ns()
        frame.tick_index = s.tick_index
        frame.tick_time_ns = tick_time_ns
        frame.set_speed_mps = self.plan.set_speed_mps
        if permission == MAY_NOT:
            s.engaged = 0
        frame.engage = <uint8_t> (MUST_STOP if s.engaged and permission == MUST_STOP else s.engaged)
        fill_path_window(self.path, self.path_length, &s.cursor, &s.out.ego, frame)
        tick(self.core.state, self.core.parameters, frame, &s.out)
        decided_ns = monotonic_ns()
        if self.plan.sends:
            self._send(&s.out.actuation)
        finished_ns = monotonic_ns()
        for place in range(self.state_count):
            ring_push(self.states[place], &s.out.ego)
        for place in range(self.output_count):
            ring_push(self.outputs[place], &s.out)
        self._write_down(woken_ns, finished_ns)
        stage_ns[0], stage_ns[1], stage_ns[2] = woken_ns - tick_time_ns, taken_ns - woken_ns, decided_ns - taken_ns
        stage_ns[3], stage_ns[4] = finished_ns - decided_ns, monotonic_ns() - finished_ns
        if s.tick_index == 0:
            s.first_output_ns = finished_ns
        account_tick(&s.account, tick_time_ns, woken_ns, finished_ns, stage_ns)
        clear_frame(frame)
        s.tick_index += 1
        if self.plan.engage_tick >= 0 and <int64_t> s.tick_index >= self.plan.engage_tick and not s.engaged \
                and permission == MAY_DRIVE:
            s.engaged = s.out.health.level < LEVEL_FALLBACK and s.out.lane.status == LANE_TRACKED

    cdef void _take(self, int64_t tick_time_ns) noexcept nogil:
        """All that is there and stamped up to the tick, in the order of the log: log time, then ring."""
        cdef LoopState* s = self.state
        cdef const int64_t* stamp    # each item begins with it
        cdef const void* first
        cdef uint64_t waiting[PORTS]
        cdef int64_t log_ns, first_ns
        cdef int port, first_port, taken
        arrivals_begin(&s.arrivals, s.tick_index, tick_time_ns)
        for port in range(self.port_count):
            waiting[port] = ring_count(self.arrivals[port])  # what comes while the others are emptied is the next tick's
        for taken in range(<int> FRAMES_A_TICK + 1):
            first = NULL
            for port in range(self.port_count):
                if not waiting[port]:
                    continue
                stamp = <const int64_t*> ring_peek(self.arrivals[port])
                # Behind the last cut: what came after the tick of its stamp belongs to this one
                log_ns = max(stamp[0], s.last_tick_ns + 1)
                if log_ns <= tick_time_ns and (first == NULL or log_ns < first_ns):
                    first, first_ns, first_port = stamp, log_ns, port
            if first == NULL:
                return
            if taken == FRAMES_A_TICK:
                s.account.deferred += 1
                return
            s.records += 1
            if first_port < self.bus_count:
                self._take_frame(<const CanFrame*> first, first_ns)
            elif first_port < self.bus_count + self.line_count:
                self._take_piece(<const SerialPiece*> first, first_ns, first_port)
            else:
                self._take_list(<const SampleList*> first, first_ns)
            waiting[first_port] -= 1
            ring_release(self.arrivals[first_port])

    cdef void _take_frame(self, const CanFrame* frame, int64_t log_ns) noexcept nogil:
        cdef JournalFrame* line
        route_frame(self.router.tables, &self.state.router, frame, &self.state.frame)
        line = <JournalFrame*> ring_reserve(self._frames.memory)
        if line != NULL:
            line.log_time_ns = log_ns
            line.frame = frame[0]
            ring_commit(self._frames.memory)
        if not frame.flags & CanFrame_FLAG_TRANSMITTED:
            arrivals_add(&self.state.arrivals, self.state.tick_index, frame.time_ns)

    cdef void _take_piece(self, const SerialPiece* piece, int64_t log_ns, int port) noexcept nogil:
        cdef JournalPiece* line
        route_bytes(self.serial.rows, &self.state.serial, self.entries[port], &piece.data[0],
                    min(piece.count, <uint32_t> PIECE_BYTES), piece.time_ns, &self.state.frame)
        line = <JournalPiece*> ring_reserve(self.piece_journal)
        if line != NULL:
            line.log_time_ns = log_ns
            line.line = port - self.bus_count
            line.padding = 0
            line.piece = piece[0]
            ring_commit(self.piece_journal)
        arrivals_add(&self.state.arrivals, self.state.tick_index, piece.time_ns)

    cdef void _take_list(self, const SampleList* samples, int64_t log_ns) noexcept nogil:
        cdef JournalList* line
        cdef uint32_t size = item_size(samples.kind), place, count = 0
        if size and <uint32_t> LIST_FIRST_ITEM <= samples.size <= <uint32_t> LIST_BYTES:
            count = min(read_u32(&samples.body[0] + LIST_COUNT), (samples.size - LIST_FIRST_ITEM) // size)
        for place in range(count):
            append_sample(&self.state.frame, <InputKind> samples.kind, &samples.body[0] + LIST_FIRST_ITEM + place * size)
        line = <JournalList*> ring_reserve(self.list_journal)
        if line != NULL:
            line.log_time_ns = log_ns
            line.samples = samples[0]
            ring_commit(self.list_journal)

    cdef void _send(self, const Actuation* actuation) noexcept nogil:
        cdef uint64_t one = 1
        ring_push(self._commands.memory, actuation)
        if self.plan.command_event >= 0:
            write(self.plan.command_event, &one, sizeof(one))

    cdef void _write_down(self, int64_t woken_ns, int64_t finished_ns) noexcept nogil:
        cdef LoopState* s = self.state
        cdef JournalTick* line = <JournalTick*> ring_reserve(self._ticks.memory)
        s.last_tick_ns = s.frame.tick_time_ns
        if line == NULL:
            return  # counted by the ring
        line.woken_ns = woken_ns
        line.finished_ns = finished_ns
        line.records = s.records
        memcpy(&line.frame, &s.frame, sizeof(InputFrame))
        memcpy(&line.out, &s.out, sizeof(OutputFrame))
        ring_commit(self._ticks.memory)

    def responded(self, int64_t tick_time_ns, int64_t sent_ns):
        """The command of that tick was on the bus at `sent_ns`: counts how long ago what the tick took had arrived. The
        sender's."""
        cdef LoopState* s = self.state
        cdef const TickArrivals* tick = arrivals_of(&s.arrivals, tick_time_ns)
        cdef uint32_t place
        if tick == NULL:
            return
        for place in range(tick.count):
            account_response(&s.account, sent_ns - tick.stamps_ns[place])

    @property
    def tick_index(self) -> int:
        """Ticks run."""
        return self.state.tick_index

    @property
    def first_output_ns(self) -> int:
        """CLOCK_MONOTONIC when the first OutputFrame was there; 0 before."""
        return self.state.first_output_ns

    @property
    def engaged(self) -> bool:
        return bool(self.state.engaged)

    def counts(self) -> dict:
        """ticks, records, late, overrun, missed, deferred; frames and ticks that the rings of recorder and commands had no
        room for."""
        cdef LoopState* s = self.state
        cdef Ring ring
        unrecorded = sum(ring.refused for ring in (self._frames, self._pieces, self._lists) if ring is not None)
        return {"ticks": s.tick_index, "records": s.records, "late": s.account.late,
                "overrun": s.account.overrun, "missed": s.account.missed, "deferred": s.account.deferred,
                "arrivals_lost": sum(ring.refused for ring in self._arrivals),
                "frames_unrecorded": unrecorded, "ticks_unrecorded": self._ticks.refused,
                "commands_lost": 0 if self._commands is None else self._commands.refused}

    def histograms(self) -> dict:
        """{"lateness", "work", "response"}: (uint32 counts by microsecond, the longest in ns)."""
        cdef LoopAccount* a = &self.state.account
        return {"lateness": (np.array(<uint32_t[:HISTOGRAM_BINS]> a.lateness_us), a.lateness_max_ns),
                "work": (np.array(<uint32_t[:HISTOGRAM_BINS]> a.work_us), a.work_max_ns),
                "response": (np.array(<uint32_t[:HISTOGRAM_BINS]> a.response_us), a.response_max_ns)}

    def stages(self) -> dict:
        """Per stage of a tick: {"late": ticks that were late or overrun with most of their time in it, "max_us"}."""
        cdef LoopAccount* a = &self.state.account
        return {name: {"late": a.late_in[i], "max_us": a.stage_max_ns[i] / 1e3} for i, name in enumerate(STAGE_NAMES)}

    def route_counts(self) -> dict:
        """Per route "bus:message>kind": frames received, used, unusable, inactive."""
        return self.router.counts_of(&self.state.router)

    def serial_counts(self) -> dict:
        """Per entry "port:protocol>kinds" of the serial lines: bytes, messages, samples and what was not of use."""
        return {} if self.serial is None else self.serial.counts_of(&self.state.serial)

    @property
    def faults(self) -> int:
        """Health.faults of the last tick, and above bit 32 the numbers of the faults of the table; from any thread."""
        found = self.state.out.health.faults
        for i in range(24):
            if self.state.out.faults.status[i] >= FaultState_STATUS_TOLD:
                found |= 1 << (32 + self.state.out.faults.fault[i])
        return found

    @property
    def output(self) -> np.void:
        """A copy of the last tick's OutputFrame; for when the loop stands still."""
        return np.frombuffer((<char*> &self.state.out)[:sizeof(OutputFrame)], msg.dtype("OutputFrame"))[0]
