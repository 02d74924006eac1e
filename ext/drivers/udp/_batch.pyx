"""Datagrams of a socket in batches: recvmmsg(2), the kernel's time of each, its count of what it threw away (socket(7))."""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from posix.time cimport CLOCK_REALTIME, timespec

from drivers._clocks cimport clock_ns
from drivers._sockets cimport (CMSG_DATA, CMSG_FIRSTHDR, CMSG_NXTHDR, MSG_DONTWAIT, POLLIN, cmsghdr, iovec, mmsghdr, msghdr, poll,
                               pollfd, recvmmsg)

cdef extern from "sys/socket.h" nogil:
    int SOL_SOCKET, SO_RXQ_OVFL, SCM_TIMESTAMPNS "SO_TIMESTAMPNS"

cdef extern from "netinet/in.h" nogil:
    cdef struct in_addr:
        uint32_t s_addr
    cdef struct sockaddr_in:
        uint16_t sin_port
        in_addr sin_addr
    uint32_t ntohl(uint32_t number)
    uint16_t ntohs(uint16_t number)

cdef enum:
    BATCH = 64
    LARGEST = 65536             # beyond the longest datagram of IPv4
    CONTROL_BYTES = 64          # a time stamp (32), the overflow counter (24)


cdef class DatagramBatch:
    """Of a socket that stays its owner's. `overflowed`: datagrams without room in its buffer, as told with the last one read."""
    cdef readonly uint32_t overflowed
    cdef int descriptor
    cdef mmsghdr[BATCH] messages
    cdef iovec[BATCH] parts
    cdef sockaddr_in[BATCH] senders
    cdef uint8_t[BATCH][CONTROL_BYTES] controls
    cdef uint8_t *buffers

    def __cinit__(self, int descriptor):
        cdef int place
        self.descriptor = descriptor
        self.buffers = <uint8_t*> malloc(BATCH * LARGEST)
        if self.buffers == NULL:
            raise MemoryError
        for place in range(BATCH):
            self.parts[place].iov_base = self.buffers + <size_t> place * LARGEST
            self.parts[place].iov_len = LARGEST
            self.messages[place].msg_hdr.msg_iov = &self.parts[place]
            self.messages[place].msg_hdr.msg_iovlen = 1

    def __dealloc__(self):
        free(self.buffers)

    def close(self) -> None:
        """Forgets the socket: its number may be another's by now."""
        self.descriptor = -1

    def receive(self, int timeout_ms) -> list:
        """[(CLOCK_REALTIME in ns of its arrival, sender's IPv4 address, port, data)], waiting for the first as long as that.

        Raises OSError.
        """
        cdef int place, taken, number
        cdef pollfd waiting
        cdef int64_t read_ns
        if self.descriptor < 0:
            raise OSError(9, "the socket is closed")
        with nogil:
            taken, number = self._take(), errno
            if taken < 0 and (number == EAGAIN or number == EINTR) and timeout_ms > 0:
                waiting.fd, waiting.events, waiting.revents = self.descriptor, POLLIN, 0
                poll(&waiting, 1, timeout_ms)
                taken, number = self._take(), errno
            read_ns = clock_ns(CLOCK_REALTIME)
        if taken < 0 and number != EAGAIN and number != EINTR:
            raise OSError(number, "receiving failed")
        return [(self._time_ns(place, read_ns), ntohl(self.senders[place].sin_addr.s_addr),
                 ntohs(self.senders[place].sin_port),
                 <bytes> (<const char*> self.parts[place].iov_base)[:self.messages[place].msg_len])
                for place in range(taken)]

    cdef int _take(self) noexcept nogil:
        cdef int place
        for place in range(BATCH):
            self.messages[place].msg_hdr.msg_name = &self.senders[place]
            self.messages[place].msg_hdr.msg_namelen = sizeof(sockaddr_in)
            self.messages[place].msg_hdr.msg_control = &self.controls[place][0]
            self.messages[place].msg_hdr.msg_controllen = CONTROL_BYTES
        return recvmmsg(self.descriptor, &self.messages[0], BATCH, MSG_DONTWAIT, NULL)

    cdef int64_t _time_ns(self, int place, int64_t otherwise_ns):
        """The kernel's, or when it was read; takes the overflow counter on the way."""
        cdef msghdr *message = &self.messages[place].msg_hdr
        cdef cmsghdr *control = CMSG_FIRSTHDR(message)
        cdef timespec stamp
        cdef int64_t time_ns = otherwise_ns
        while control != NULL:
            if control.cmsg_level == SOL_SOCKET and control.cmsg_type == SCM_TIMESTAMPNS:
                memcpy(&stamp, CMSG_DATA(control), sizeof(stamp))
                time_ns = stamp.tv_sec * 1_000_000_000 + stamp.tv_nsec
            elif control.cmsg_level == SOL_SOCKET and control.cmsg_type == SO_RXQ_OVFL:
                memcpy(&self.overflowed, CMSG_DATA(control), sizeof(self.overflowed))
            control = CMSG_NXTHDR(message, control)
        return time_ns
