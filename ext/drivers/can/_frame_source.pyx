"""A bus's receiving end in rows: without the GIL for threads of kernels, with it for everybody else."""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint8_t

from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH, CanFdFrame, CanFrame
from drivers._clocks cimport monotonic_ns
from drivers._sockets cimport POLLIN, poll, pollfd

require(__name__, LAYOUT_HASH)

cdef int64_t NS_PER_MS = 1_000_000


cdef class FrameSource:
    """Fills rows of CanFrame and of CanFdFrame in the order in which they came; frames for which there is no row stay."""

    cdef Taken take(self, CanFrame *frames, CanFdFrame *fd_frames, int rows) noexcept nogil:
        """What is there: at most so many rows of both kinds together."""
        cdef Taken taken
        taken.count = taken.fd_count = 0
        taken.error, taken.is_more = EAGAIN, False
        return taken

    cdef Taken wait_and_take(self, CanFrame *frames, CanFdFrame *fd_frames, int rows, int timeout_ms) noexcept nogil:
        """The same; waits for the first frame as long as that, whatever signals come."""
        cdef pollfd waiting
        cdef int64_t until_ns, left_ms = timeout_ms
        cdef Taken found, more
        found.count = found.fd_count = 0
        found.is_more, found.error = False, self.kept_error
        self.kept_error = 0
        if found.error:
            return found
        found = self.take(frames, fd_frames, rows)
        if found.error == EAGAIN and timeout_ms > 0:
            until_ns = monotonic_ns() + timeout_ms * NS_PER_MS
            waiting.fd, waiting.events, waiting.revents = self.descriptor, POLLIN, 0
            while poll(&waiting, 1, <int> left_ms) < 0 and errno == EINTR and left_ms > 0:
                left_ms = max((until_ns - monotonic_ns()) // NS_PER_MS, <int64_t> 0)
            found = self.take(frames, fd_frames, rows)
        while found.is_more and found.count + found.fd_count < rows:
            more = self.take(frames + found.count, fd_frames + found.fd_count, rows - found.count - found.fd_count)
            found.count, found.fd_count = found.count + more.count, found.fd_count + more.fd_count
            found.is_more = more.is_more
            if more.error != EAGAIN:
                self.kept_error = more.error
        if found.error == EAGAIN:
            found.error = 0
        return found

    def receive(self, uint8_t[::1] classic, uint8_t[::1] fd, int timeout_ms) -> tuple:
        """Rows of CanFrame and of CanFdFrame (contiguous, as bytes); (how many, how many FD), (0, 0) when none came in time.

        Raises OSError when the bus failed.
        """
        cdef int rows = <int> min(classic.shape[0] // sizeof(CanFrame), fd.shape[0] // sizeof(CanFdFrame))
        cdef Taken found
        if rows < 1:
            raise ValueError("receive: no room for a frame of each kind")
        if self.descriptor < 0:
            raise OSError(9, "the bus is closed")
        with nogil:
            found = self.wait_and_take(<CanFrame*> &classic[0], <CanFdFrame*> &fd[0], rows, timeout_ms)
        if found.error:
            raise OSError(found.error, "receiving failed")
        return found.count, found.fd_count
