"""Bytes of serial ports into samples of the input frame: each entry of [serial] with the codec of its protocol.

Rows are filled by drivers/serial/router.py. SerialState is plain memory without pointers, all zeros at start, so a snapshot
is a memcpy.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from autonomy.msg.messages cimport InputFrame

from drivers.gnss._nmea cimport NmeaState
from drivers.gnss._port cimport PortRow
from drivers.gnss._ubx cimport UbxState
from drivers.imu._mtdata2 cimport Mtdata2State

cdef enum:
    MAX_ENTRIES = 8

cdef struct EntryState:
    UbxState ubx
    NmeaState nmea
    Mtdata2State mtdata2

cdef struct SerialState:
    EntryState entries[MAX_ENTRIES]

cdef void route_bytes(const PortRow *rows, SerialState *state, int32_t first, const uint8_t *data, uint32_t length,
                      int64_t time_ns, InputFrame *inputs) noexcept nogil

cdef class SerialRouter:
    cdef const PortRow *rows
    cdef SerialState *state                 # the router's own, for use from Python
    cdef readonly object entries            # the NumPy array the rows are in
    cdef readonly tuple entry_names

    cdef dict counts_of(self, const SerialState *state)
