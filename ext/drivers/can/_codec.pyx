"""Decodes and encodes CAN frames with flat tables; the Python face is drivers/can/codec.py.

`decode` costs one look-up and a few ns a signal; nothing is allocated after construction.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

import numpy as np

from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH, CanFrame, CanFrame_FLAG_ERROR, CanFrame_FLAG_REMOTE

from drivers.can._encode cimport checksum_holds, encode_message, protect
from drivers.can._tables cimport BusRow, RangeRow

require(__name__, LAYOUT_HASH)

ROW_SIZES = {
    "message": sizeof(MessageRow), "signal": sizeof(SignalRow), "range": sizeof(RangeRow), "bus": sizeof(BusRow),
    "quad": sizeof(QuadRow),
}


def whole_quads(signal_count) -> int:
    """Values a message of so many signals is decoded into."""
    return (int(signal_count) + 3) // 4 * 4


cdef int NO_DATA_FLAGS = CanFrame_FLAG_ERROR | CanFrame_FLAG_REMOTE


cdef const void *address_of(object array) except? NULL:
    """Start of a contiguous NumPy array; an empty one has none."""
    cdef const uint8_t[::1] view
    if array.size == 0:
        return NULL
    view = array.reshape(-1).view(np.uint8)
    return &view[0]


cdef class CodecKernel:
    """The decoder over one set of tables (see drivers/can/tables.py for their meaning)."""

    def __cinit__(self, tables, *args, **kwargs):
        cdef uint32_t count = len(tables.messages)
        cdef uint32_t place
        cdef double[::1] values_view
        cdef uint8_t[::1] validity_view
        self._tables = tables
        self.names = tables.names
        self.tables.messages = <const MessageRow *>address_of(tables.messages)
        self.tables.signals = <const SignalRow *>address_of(tables.signals)
        self.tables.quads = <const QuadRow *>address_of(tables.quads)
        self.tables.ranges = <const RangeRow *>address_of(tables.ranges)
        self.tables.buses = <const BusRow *>address_of(tables.buses)
        self.tables.standard = <const int32_t *>address_of(tables.standard)
        self.tables.keys = <const uint32_t *>address_of(tables.keys)
        self.tables.values = <const int32_t *>address_of(tables.key_values)
        self.tables.message_count = count
        self.tables.room = whole_quads(tables.messages["signal_count"].max()) if count else 0
        self.values = <double **>calloc(count + 1, sizeof(double *))
        self.validity = <uint8_t **>calloc(count + 1, sizeof(uint8_t *))
        self.short_counts = <uint64_t *>calloc(count + 1, sizeof(uint64_t))
        if self.values == NULL or self.validity == NULL or self.short_counts == NULL:
            raise MemoryError()
        self.results = []
        for place in range(count):
            room = max(4, whole_quads(tables.messages["signal_count"][place]))
            values = np.full(room, np.nan)
            validity = np.ones(room, np.uint8)
            values_view, validity_view = values, validity
            self.values[place] = &values_view[0]
            self.validity[place] = &validity_view[0]
            used = int(tables.messages["signal_count"][place])
            self.results.append((values[:used], validity[:used]))

    def __dealloc__(self):
        free(self.values)
        free(self.validity)
        free(self.short_counts)

    def decode(self, uint32_t identifier, data, uint8_t bus=0):
        """(values, validity) of one frame, in the order of its message's signals; None for an unknown message.

        `identifier` has bit 31 set for extended frames; `data` is bytes. The two arrays belong to the message and are
        overwritten by the next frame of the same message.
        """
        cdef int32_t index = find_message(&self.tables, bus, identifier)
        cdef const MessageRow *message
        cdef uint16_t length
        if index < 0:
            self.unknown_count += 1
            return None
        if not PyBytes_CheckExact(data):
            data = bytes(data)
        if PyBytes_GET_SIZE(data) > 1785:
            raise ValueError(f"{PyBytes_GET_SIZE(data)} data bytes; a CAN or J1939 message has at most 1785")
        length = <uint16_t>PyBytes_GET_SIZE(data)
        message = &self.tables.messages[index]
        if length < message.end_byte:
            self.short_counts[index] += 1
        decode_message(&self.tables, message, <const uint8_t *>PyBytes_AS_STRING(data), length,
                       self.values[index], self.validity[index])
        return self.results[index]

    def find(self, uint32_t identifier, uint8_t bus=0):
        """Index of the message a frame with this identifier belongs to, -1 when unknown."""
        return find_message(&self.tables, bus, identifier)

    def _decode_columns(self, frames):
        """{index: (time_ns, identifier, values, validity)} of an array of CanFrame, bus order kept."""
        cdef const uint8_t[::1] raw = np.ascontiguousarray(frames).reshape(-1).view(np.uint8)
        cdef Py_ssize_t count = raw.shape[0] // sizeof(CanFrame)
        cdef const CanFrame *frame = <const CanFrame *>&raw[0] if count else NULL
        cdef int32_t[::1] index_of = np.empty(max(count, 1), np.int32)
        cdef Py_ssize_t message_count = self.tables.message_count
        cdef uint8_t[::1] column_bytes = np.zeros((message_count + 1) * sizeof(ColumnRow), np.uint8)
        cdef ColumnRow *columns = <ColumnRow *>&column_bytes[0]
        cdef Py_ssize_t place
        with nogil:
            self.unknown_count += self._count_rows(frame, count, &index_of[0], columns)
        result = {}
        for place in range(message_count):
            if columns[place].count:
                shape = (columns[place].count, self.tables.messages[place].signal_count)
                # Quads reach up to three values into the next row, which is written later, or beyond the last one
                values = np.empty(shape[0] * shape[1] + 4)
                validity = np.zeros(shape[0] * shape[1] + 4, np.uint8)
                time_ns = np.empty(columns[place].count, np.int64)
                identifier = np.empty(columns[place].count, np.uint32)
                columns[place].values = <double *>address_of(values)
                columns[place].validity = <uint8_t *>address_of(validity)
                columns[place].time_ns = <int64_t *>address_of(time_ns)
                columns[place].identifier = <uint32_t *>address_of(identifier)
                columns[place].count = 0
                result[place] = (time_ns, identifier, values[: shape[0] * shape[1]].reshape(shape),
                                 validity[: shape[0] * shape[1]].reshape(shape))
        with nogil:
            self._fill_rows(frame, count, &index_of[0], columns)
        return result

    cdef uint64_t _count_rows(self, const CanFrame *frames, Py_ssize_t count, int32_t *index_of,
                              ColumnRow *columns) noexcept nogil:
        """Message of each frame (-1 without) and rows of each message; returns the frames of no message."""
        cdef Py_ssize_t place
        cdef int32_t index
        cdef uint64_t unknown = 0
        for place in range(count):
            index = -1
            if not frames[place].flags & NO_DATA_FLAGS:
                index = find_message(&self.tables, frames[place].bus, frames[place].id)
                if index < 0:
                    unknown += 1
                else:
                    columns[index].count += 1
            index_of[place] = index
        return unknown

    cdef void _fill_rows(self, const CanFrame *frames, Py_ssize_t count, const int32_t *index_of,
                         ColumnRow *columns) noexcept nogil:
        cdef const CanFrame *frame
        cdef const MessageRow *message
        cdef ColumnRow *column
        cdef Py_ssize_t place
        cdef uint64_t row, word
        cdef size_t first
        for place in range(count):
            if index_of[place] < 0:
                continue
            frame = &frames[place]
            message = &self.tables.messages[index_of[place]]
            column = &columns[index_of[place]]
            row = column.count
            column.count = row + 1
            column.time_ns[row] = frame.time_ns
            column.identifier[row] = frame.id
            first = row * message.signal_count
            if is_plain_frame(message, frame.length):
                memcpy(&word, frame.data, 8)
                if decode_plain(&self.tables, message, word, column.values + first):
                    mark_codes(&self.tables, message, word, column.values + first, column.validity + first)
                continue
            if frame.length < message.end_byte:
                self.short_counts[index_of[place]] += 1
            decode_message(&self.tables, message, frame.data, min(frame.length, 8), column.values + first,
                           column.validity + first)

    def _encode(self, int index, uint32_t identifier, const double[::1] values, const uint8_t[::1] validity, int counter):
        """Data bytes of one message; raises IndexError(place of the signal) when a value does not fit."""
        cdef const MessageRow *message = &self.tables.messages[index]
        cdef uint8_t data[2048]
        cdef int status
        status = encode_message(&self.tables, message, &values[0], &validity[0] if validity is not None else NULL, data)
        if status < 0:
            raise IndexError(-1 - status)
        protect(&self.tables, message, identifier, counter, data)
        return (<char *>data)[: message.length]

    def checksum_holds(self, uint32_t identifier, bytes data, uint8_t bus=0):
        """True when the frame's checksum is right or its message has none; False for unknown or short frames."""
        cdef int32_t index = find_message(&self.tables, bus, identifier)
        if index < 0 or len(data) < self.tables.messages[index].length:
            return False
        return bool(checksum_holds(&self.tables, &self.tables.messages[index], identifier,
                                   <const uint8_t *>PyBytes_AS_STRING(data)))

    @property
    def short_frames(self):
        """{message: frames that were too short for one of its signals}, zeros left out."""
        return {self.names[place]: self.short_counts[place]
                for place in range(self.tables.message_count) if self.short_counts[place]}

    @property
    def unknown_frames(self):
        """Frames of identifiers no database names."""
        return self.unknown_count
