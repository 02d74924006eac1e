"""Decodes and encodes CAN frames with flat tables; the Python face is drivers/can/codec.py.

`decode` costs one look-up and a few ns a signal; nothing is allocated after construction.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

import numpy as np

from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH, CanFrame, CanFrame_FLAG_ERROR, CanFrame_FLAG_REMOTE

from drivers.can._encode cimport checksum_holds, encode_message, protect

require(__name__, LAYOUT_HASH)

ROW_SIZES = {
    "message": sizeof(MessageRow), "signal": sizeof(SignalRow), "range": sizeof(RangeRow), "bus": sizeof(BusRow),
}


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
        self.tables.ranges = <const RangeRow *>address_of(tables.ranges)
        self.tables.buses = <const BusRow *>address_of(tables.buses)
        self.tables.standard = <const int32_t *>address_of(tables.standard)
        self.tables.keys = <const uint32_t *>address_of(tables.keys)
        self.tables.values = <const int32_t *>address_of(tables.key_values)
        self.tables.message_count = count
        self.tables.max_signal_count = int(tables.messages["signal_count"].max()) if count else 0
        self.values = <double **>calloc(count + 1, sizeof(double *))
        self.validity = <uint8_t **>calloc(count + 1, sizeof(uint8_t *))
        self.short_counts = <uint64_t *>calloc(count + 1, sizeof(uint64_t))
        if self.values == NULL or self.validity == NULL or self.short_counts == NULL:
            raise MemoryError()
        self.results = []
        for place in range(count):
            room = max(1, int(tables.messages["signal_count"][place]))
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
        """{index: (frame places, time_ns, identifier, values, validity)} of an array of CanFrame, bus order kept."""
        cdef const uint8_t[::1] raw = np.ascontiguousarray(frames).reshape(-1).view(np.uint8)
        cdef Py_ssize_t count = raw.shape[0] // sizeof(CanFrame)
        cdef const CanFrame *frame = <const CanFrame *>&raw[0] if count else NULL
        cdef int32_t[::1] index_of = np.empty(max(count, 1), np.int32)
        cdef Py_ssize_t message_count = self.tables.message_count
        cdef int64_t[::1] counts = np.zeros(message_count + 1, np.int64)
        cdef uint64_t[:, ::1] targets
        cdef uint64_t *target
        cdef double[:, ::1] values_view
        cdef uint8_t[:, ::1] validity_view
        cdef int64_t[::1] time_view
        cdef uint32_t[::1] identifier_view
        cdef Py_ssize_t place
        cdef int32_t index
        cdef const MessageRow *message
        cdef uint64_t unknown = 0
        with nogil:
            for place in range(count):
                index = -1
                if not frame[place].flags & (CanFrame_FLAG_ERROR | CanFrame_FLAG_REMOTE):
                    index = find_message(&self.tables, frame[place].bus, frame[place].id)
                    if index < 0:
                        unknown += 1
                index_of[place] = index
                if index >= 0:
                    counts[index] += 1
        self.unknown_count += unknown
        # One row of write positions a message: values, validity, time, identifier
        columns = {}
        targets = np.zeros((message_count + 1, 4), np.uint64)
        for place in range(message_count):
            if counts[place]:
                width = self.tables.messages[place].signal_count
                values = np.empty((counts[place], max(1, width)))
                validity = np.empty((counts[place], max(1, width)), np.uint8)
                time_ns = np.empty(counts[place], np.int64)
                identifier = np.empty(counts[place], np.uint32)
                values_view, validity_view, time_view, identifier_view = values, validity, time_ns, identifier
                targets[place, 0] = <uint64_t>&values_view[0, 0]
                targets[place, 1] = <uint64_t>&validity_view[0, 0]
                targets[place, 2] = <uint64_t>&time_view[0]
                targets[place, 3] = <uint64_t>&identifier_view[0]
                columns[place] = (time_ns, identifier, values[:, :width], validity[:, :width])
        with nogil:
            for place in range(count):
                index = index_of[place]
                if index < 0:
                    continue
                message = &self.tables.messages[index]
                target = &targets[index, 0]
                if frame[place].length < message.end_byte:
                    self.short_counts[index] += 1
                decode_message(&self.tables, message, frame[place].data, min(frame[place].length, 8),
                               <double *>target[0], <uint8_t *>target[1])
                (<int64_t *>target[2])[0] = frame[place].time_ns
                (<uint32_t *>target[3])[0] = frame[place].id
                target[0] += message.signal_count * sizeof(double)
                target[1] += message.signal_count
                target[2] += sizeof(int64_t)
                target[3] += sizeof(uint32_t)
        return columns

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
