# What a bus's frames come from, for whoever takes them without the GIL.
from autonomy.msg.messages cimport CanFdFrame, CanFrame

cdef struct Taken:
    int count, fd_count
    int error                   # errno, 0 while all is well; never with frames
    bint is_more                # there may be more at once

cdef class FrameSource:
    cdef readonly int descriptor  # -1: closed
    cdef int kept_error           # told behind the frames before it
    cdef Taken take(self, CanFrame *frames, CanFdFrame *fd_frames, int rows) noexcept nogil
    cdef Taken wait_and_take(self, CanFrame *frames, CanFdFrame *fd_frames, int rows, int timeout_ms) noexcept nogil
