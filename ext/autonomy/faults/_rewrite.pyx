"""Raw signal bits into frames that exist already: every other bit stays, a checksum that held before holds again."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

import numpy as np

from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH, CanFrame

from drivers.can._codec cimport CodecKernel
from drivers.can._encode cimport checksum_holds, protect, put_bits
from drivers.can._tables cimport MessageRow, SignalRow

require(__name__, LAYOUT_HASH)


def write_signals(CodecKernel codec, int message, frames, const int32_t[::1] places, const uint64_t[:, ::1] raw,
                  const uint8_t[:, ::1] written):
    """Writes `raw[n, k]` into signal `places[k]` of frame n wherever `written[n, k]`, in place; counters are kept.

    `frames`: contiguous array (n,) of CanFrame, all of the message with this index. Signals beyond a frame's length
    are left out. Returns the number of frames changed. Raises IndexError for a message that does not exist.
    """
    cdef uint8_t[::1] memory = frames.view(np.uint8)
    cdef Py_ssize_t count = memory.shape[0] // sizeof(CanFrame), n, k
    cdef CanFrame* frame
    cdef const MessageRow* row
    cdef const SignalRow* signal
    cdef int64_t changed = 0
    cdef bint held, touched
    if not 0 <= message < <int> codec.tables.message_count:
        raise IndexError(message)
    if raw.shape[0] < count or written.shape[0] < count or raw.shape[1] < places.shape[0] or written.shape[1] < places.shape[0]:
        raise ValueError(f"{count} frames and {places.shape[0]} signals need as many rows and columns")
    if count == 0:
        return 0
    row = &codec.tables.messages[message]
    frame = <CanFrame*> &memory[0]
    with nogil:
        for n in range(count):
            held = row.checksum_signal >= 0 and frame[n].length >= row.length and row.length <= 8 and checksum_holds(
                &codec.tables, row, frame[n].id, frame[n].data)
            touched = False
            for k in range(places.shape[0]):
                signal = &codec.tables.signals[row.first_signal + places[k]]
                if written[n, k] and signal.end_byte <= frame[n].length and signal.end_byte <= 8:
                    put_bits(signal, raw[n, k], frame[n].data)
                    touched = True
            if touched and held:
                protect(&codec.tables, row, frame[n].id, -1, frame[n].data)
            changed += touched
    return changed
