"""Bytes of serial ports into samples; the Python face and the configuration are in drivers/serial/."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import numpy as np

from autonomy.inputs._append cimport KIND_GNSS, KIND_NONE, InputKind, append_sample, item_size
from autonomy.msg.messages cimport LAYOUT_HASH, GnssSample, InputFrame

from autonomy.msg import dtype
from autonomy.msg.layout import require

from drivers.gnss._nmea cimport SENTENCE_GGA, SENTENCE_GST, SENTENCE_RMC, SENTENCE_VTG, nmea_next, nmea_push
from drivers.gnss._port cimport PROTOCOL_MTDATA2, PROTOCOL_NMEA, PROTOCOL_UBX, PortCounts, PortRow
from drivers.gnss._ubx cimport ubx_next, ubx_push
from drivers.imu._mtdata2 cimport mtdata2_next, mtdata2_push

require(__name__, LAYOUT_HASH)

ROW_SIZE = sizeof(PortRow)
LIMIT = MAX_ENTRIES
PROTOCOLS = {"ubx": PROTOCOL_UBX, "nmea": PROTOCOL_NMEA, "mtdata2": PROTOCOL_MTDATA2}
SENTENCES = {"GGA": SENTENCE_GGA, "RMC": SENTENCE_RMC, "VTG": SENTENCE_VTG, "GST": SENTENCE_GST}


cdef void route_bytes(const PortRow *rows, SerialState *state, int32_t first, const uint8_t *data, uint32_t length,
                      int64_t time_ns, InputFrame *inputs) noexcept nogil:
    """Appends the samples that are whole with these bytes, for every entry that reads the port of entry `first`."""
    cdef GnssSample sample  # the larger of the two kinds
    cdef int32_t entry = first
    cdef uint32_t position
    cdef int kind
    while entry >= 0:
        position = 0
        while position < length:
            position += push(&rows[entry], &state.entries[entry], data + position, length - position, time_ns)
            kind = next_sample(&rows[entry], &state.entries[entry], &sample)
            while kind != KIND_NONE:
                append_sample(inputs, <InputKind>kind, &sample)
                kind = next_sample(&rows[entry], &state.entries[entry], &sample)
        entry = rows[entry].next


cdef inline uint32_t push(const PortRow *row, EntryState *state, const uint8_t *data, uint32_t length,
                          int64_t time_ns) noexcept nogil:
    if row.protocol == PROTOCOL_UBX:
        return ubx_push(&state.ubx, data, length, time_ns)
    if row.protocol == PROTOCOL_MTDATA2:
        return mtdata2_push(&state.mtdata2, data, length, time_ns)
    return nmea_push(&state.nmea, row, data, length, time_ns)


cdef inline int next_sample(const PortRow *row, EntryState *state, void *sample) noexcept nogil:
    if row.protocol == PROTOCOL_UBX:
        return ubx_next(&state.ubx, row, sample)
    if row.protocol == PROTOCOL_MTDATA2:
        return mtdata2_next(&state.mtdata2, row, sample)
    return nmea_next(&state.nmea, row, sample)


cdef class SerialRouter:
    """Entries of [serial] and a state of its own. `entries`: the rows built by drivers/serial/router.py."""

    def __cinit__(self, entries, entry_names, *args):
        cdef const uint8_t[::1] view
        if len(entries) > MAX_ENTRIES or entries.dtype.itemsize != sizeof(PortRow):
            raise ValueError("SerialRouter: rows of another layout")
        self.entries, self.entry_names = entries, tuple(entry_names)
        if len(entries):
            view = entries.view(np.uint8)
            self.rows = <const PortRow *>&view[0]
        self.state = <SerialState *>calloc(1, sizeof(SerialState))
        if self.state == NULL:
            raise MemoryError()

    def __dealloc__(self):
        free(self.state)

    def route(self, int entry, int64_t time_ns, data, inputs):
        """Bytes that arrived by `time_ns` at the port of an entry, into an InputFrame array of one element."""
        if inputs.dtype != dtype("InputFrame") or inputs.size != 1 or not inputs.flags.c_contiguous:
            raise TypeError("route: give a contiguous array of one dtype('InputFrame')")
        self._check(entry)
        cdef const uint8_t[::1] raw = data
        cdef uint8_t[::1] target = inputs.reshape(-1).view(np.uint8)
        if raw.shape[0]:
            route_bytes(self.rows, self.state, entry, &raw[0], <uint32_t>raw.shape[0], time_ns, <InputFrame *>&target[0])

    def samples(self, int entry, int64_t time_ns, data):
        """[(kind, row)] of one entry alone, as many as there are; kind "gnss" or "imu", row an array of one sample."""
        self._check(entry)
        cdef const uint8_t[::1] raw = data
        cdef const PortRow *row = &self.rows[entry]
        cdef EntryState *state = &self.state.entries[entry]
        cdef uint32_t position = 0
        cdef GnssSample sample
        cdef int kind
        found = []
        while position < raw.shape[0]:
            position += push(row, state, &raw[position], <uint32_t>raw.shape[0] - position, time_ns)
            kind = next_sample(row, state, &sample)
            while kind != KIND_NONE:
                name = "gnss" if kind == KIND_GNSS else "imu"
                content = (<const char *>&sample)[:item_size(kind)]
                found.append((name, np.frombuffer(content, dtype("GnssSample" if name == "gnss" else "ImuSample"))))
                kind = next_sample(row, state, &sample)
        return found

    def counts(self):
        """{entry: {bytes, messages, samples, unused, malformed, skipped, incomplete}} of this object's own state."""
        return self.counts_of(self.state)

    def reset(self):
        """Empties counts and half-read messages."""
        memset(self.state, 0, sizeof(SerialState))

    def _check(self, entry):
        if not 0 <= entry < len(self.entry_names):
            raise IndexError(f"entry {entry} of {len(self.entry_names)}")

    cdef dict counts_of(self, const SerialState *state):
        cdef const PortCounts *counts
        result = {}
        for place, name in enumerate(self.entry_names):
            counts = &state.entries[place].ubx.counts
            if self.rows[place].protocol == PROTOCOL_NMEA:
                counts = &state.entries[place].nmea.counts
            elif self.rows[place].protocol == PROTOCOL_MTDATA2:
                counts = &state.entries[place].mtdata2.counts
            result[name] = {
                "bytes": counts.bytes, "messages": counts.messages, "samples": counts.samples, "unused": counts.unused,
                "malformed": counts.malformed, "skipped": counts.skipped, "incomplete": counts.incomplete,
            }
        return result
