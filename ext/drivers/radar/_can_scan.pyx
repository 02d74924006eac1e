"""The face of the radar codec for CAN: batches of frames into scans. See _can_scan.pxd; drivers/radar/decoder_twin.py says the
same plainly."""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

import numpy as np

from autonomy.msg.messages cimport LAYOUT_HASH, CanFrame, RadarDetection

from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)


cdef Py_ssize_t take_frames(const CanRadarTables* tables, CanScanState* state, const CanFrame* frames, Py_ssize_t count,
                            bint* ended) noexcept nogil:
    """How many of the frames were taken: all, or up to the one that ended a scan."""
    cdef Py_ssize_t i
    for i in range(count):
        ended[0] = take_frame(tables, state, &frames[i])
        if ended[0]:
            return i + 1
    return count


cdef uint32_t mask(statuses):
    cdef uint32_t found = 0
    for status in statuses:
        found |= <uint32_t>1 << <int>status
    return found


cdef fill(SignalRow* row, signal):
    row.length, row.shift, row.scale = signal.length, signal.shift, signal.scale
    row.sign_bit = <uint64_t>1 << (signal.length - 1) if signal.is_signed else 0


cdef class CanScanKernel:
    """One radar's frames. `radar`: drivers.radar.model.CanRadar; `fields`: its FIELDS."""

    cdef CanRadarTables* tables
    cdef CanScanState* state

    def __cinit__(self, radar, fields):
        self.tables = <CanRadarTables*>PyMem_RawCalloc(1, sizeof(CanRadarTables))
        self.state = <CanScanState*>PyMem_RawCalloc(1, sizeof(CanScanState))
        if self.tables == NULL or self.state == NULL:
            raise MemoryError
        if not 2 <= radar.count <= MOST_TARGETS or len(fields) != FIELD_COUNT:
            raise ValueError(f"a radar of {radar.count} targets does not fit the tables")
        tables = self.tables
        for signal in radar.signals:
            fill(&tables.signals[fields.index(signal.field)], signal)
        fill(&tables.counter, radar.counter)
        tables.first_identifier, tables.count = radar.first_identifier, radar.count
        tables.header_identifier = 0xFFFFFFFF if radar.header_identifier is None else radar.header_identifier
        tables.whole = 0xFFFFFFFFFFFFFFFF >> (64 - radar.count)
        tables.target_length = radar.target_length
        tables.header_length = radar.counter.last_byte + 1
        tables.valid_mask, tables.new_mask = mask(radar.valid_status), mask(radar.new_status)
        tables.coasted_mask, tables.is_checked, tables.cycle_ns = mask(radar.coasted_status), radar.is_checked, radar.cycle_ns
        tables.range_sigma, tables.azimuth_sigma = radar.range_sigma, radar.azimuth_sigma
        tables.range_rate_sigma = radar.range_rate_sigma
        self.state.counter = -1
        prepare(tables, self.state)

    def __dealloc__(self):
        PyMem_RawFree(self.tables)
        PyMem_RawFree(self.state)

    def push(self, const uint8_t[::1] frames not None, Py_ssize_t first) -> tuple[int, bool]:
        """(frames taken, whether a scan ended) from the `first` of these CanFrames on, as bytes."""
        cdef bint ended = False
        cdef Py_ssize_t count = frames.shape[0] // <Py_ssize_t>sizeof(CanFrame) - first, taken
        if count <= 0:
            return 0, False
        with nogil:
            taken = take_frames(self.tables, self.state, <const CanFrame*>&frames[0] + first, count, &ended)
        return taken, bool(ended)

    def take(self):
        """(RadarDetection [n], time of its first frame, counter, frames it lacks) of the scan that ended last."""
        return self._rows(), self.state.ended_ns, self.state.ended_counter, self.state.ended_missing

    def rest(self) -> bool:
        """Ends the scan in the making, for the end of a recording; False without one."""
        if not self.state.is_open:
            return False
        end_scan(self.tables, self.state)
        return True

    def counts(self) -> dict:
        return self.state.counts

    cdef object _rows(self):
        rows = np.empty(self.state.ended_count, dtype("RadarDetection"))
        cdef uint8_t[::1] memory
        if self.state.ended_count:
            memory = rows.view(np.uint8)
            memcpy(&memory[0], &self.state.ended[0], self.state.ended_count * sizeof(RadarDetection))
        return rows
