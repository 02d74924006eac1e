"""The receiving end of the local bus: its hub's datagrams, each a CanFrame or a CanFdFrame, in batches."""

from libc.errno cimport EAGAIN, ECONNRESET, EINTR, errno
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH, CanFdFrame, CanFrame
from drivers._sockets cimport MSG_DONTWAIT, iovec, mmsghdr, recvmmsg
from drivers.can._frame_source cimport FrameSource, Taken

require(__name__, LAYOUT_HASH)

cdef enum:
    BATCH = 64
    SLOT_BYTES = 128            # more than a frame: a longer datagram shows to be none

if sizeof(CanFdFrame) >= SLOT_BYTES:
    raise ImportError("a CanFdFrame has outgrown the slots of _local_source.pyx")


cdef class LocalSource(FrameSource):
    """Of a connected socket, which stays its owner's: `close` only forgets it. `odd` counts datagrams that are no frame."""
    cdef readonly uint64_t odd
    cdef mmsghdr[BATCH] messages
    cdef iovec[BATCH] parts
    cdef uint8_t[BATCH][SLOT_BYTES] slots

    def __cinit__(self, int descriptor):
        cdef int place
        self.descriptor = descriptor
        for place in range(BATCH):
            self.parts[place].iov_base = &self.slots[place][0]
            self.parts[place].iov_len = SLOT_BYTES
            self.messages[place].msg_hdr.msg_iov = &self.parts[place]
            self.messages[place].msg_hdr.msg_iovlen = 1

    def close(self) -> None:
        self.descriptor = -1

    cdef Taken take(self, CanFrame *frames, CanFdFrame *fd_frames, int rows) noexcept nogil:
        """A hub that has gone, or threw this node off, is ECONNRESET; what it had passed on before is read first, unless it
        left something unread itself."""
        cdef Taken found
        cdef int place, taken = recvmmsg(self.descriptor, &self.messages[0], min(rows, <int> BATCH), MSG_DONTWAIT, NULL)
        found.count = found.fd_count = found.error = 0
        found.is_more = taken == BATCH or (taken < 0 and errno == EINTR)
        if taken < 0 and errno != EINTR:
            found.error = errno
        for place in range(taken):
            if self.messages[place].msg_len == sizeof(CanFdFrame):
                memcpy(&fd_frames[found.fd_count], &self.slots[place][0], sizeof(CanFdFrame))
                found.fd_count += 1
            elif self.messages[place].msg_len == sizeof(CanFrame):
                memcpy(&frames[found.count], &self.slots[place][0], sizeof(CanFrame))
                found.count += 1
            elif self.messages[place].msg_len == 0:
                found.is_more = False
                if found.count + found.fd_count:
                    self.kept_error = ECONNRESET
                else:
                    found.error = ECONNRESET
                break
            else:
                self.odd += 1
        return found
