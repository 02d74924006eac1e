"""A raw CAN socket in batches: recvmmsg and sendmmsg, the kernel's time stamps, its count of what it threw away.

From the kernel's documentation: networking/can.rst (CAN_RAW), networking/timestamping.rst (SCM_TIMESTAMPING), socket(7)
(SO_RXQ_OVFL). Waiting, sending and receiving happen without the GIL; nothing is allocated behind the constructor. One thread
may receive while another one sends: each way has its own messages.
"""

from libc.errno cimport EAGAIN, EINTR, ENOBUFS, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from posix.time cimport timespec
from posix.unistd cimport close

import numpy as np

from autonomy.msg.layout import require
from autonomy.msg.messages cimport (LAYOUT_HASH, CanFdFrame, CanFdFrame_FLAG_BIT_RATE_SWITCH,
                                    CanFdFrame_FLAG_ERROR_STATE_INDICATOR, CanFrame, CanFrame_FLAG_ERROR, CanFrame_FLAG_REMOTE,
                                    CanFrame_FLAG_TRANSMITTED)
from drivers._sockets cimport (CMSG_DATA, CMSG_FIRSTHDR, CMSG_NXTHDR, MSG_DONTWAIT, MSG_NOSIGNAL, cmsghdr, iovec, mmsghdr, msghdr,
                               recvmmsg, sendmmsg)
from drivers.can._controller cimport ControllerState, hear_any, hear_frame
from drivers.can._frame_source cimport FrameSource, Taken

require(__name__, LAYOUT_HASH)

cdef extern from "sys/socket.h" nogil:
    cdef struct sockaddr:
        pass
    int socket(int family, int kind, int protocol)
    int bind(int descriptor, const sockaddr *address, unsigned int length)
    int setsockopt(int descriptor, int level, int name, const void *value, unsigned int length)
    int SOL_SOCKET, SO_TIMESTAMPING, SO_RXQ_OVFL, SO_RCVBUF, SO_RCVBUFFORCE, SO_SNDBUF
    int SOCK_RAW, SOCK_NONBLOCK, SOCK_CLOEXEC, MSG_CONFIRM, PF_CAN

cdef extern from "linux/can.h" nogil:
    cdef struct can_frame:
        uint32_t can_id
        uint8_t can_dlc
        uint8_t data[8]
    cdef struct canfd_frame:
        uint32_t can_id
        uint8_t len
        uint8_t flags
        uint8_t data[64]
    cdef struct sockaddr_can:
        unsigned short can_family
        int can_ifindex
    int CAN_RAW, CAN_MTU, CANFD_MTU, SOL_CAN_RAW "SOL_CAN_BASE + CAN_RAW"
    uint32_t CAN_EFF_FLAG, CAN_RTR_FLAG, CAN_ERR_FLAG, CAN_ERR_MASK, CAN_EFF_MASK
    uint8_t CANFD_BRS, CANFD_ESI

cdef extern from "linux/can/raw.h" nogil:
    int CAN_RAW_ERR_FILTER, CAN_RAW_RECV_OWN_MSGS, CAN_RAW_FD_FRAMES

cdef extern from "linux/net_tstamp.h" nogil:
    int SOF_TIMESTAMPING_RX_SOFTWARE, SOF_TIMESTAMPING_SOFTWARE, SOF_TIMESTAMPING_RX_HARDWARE, SOF_TIMESTAMPING_RAW_HARDWARE

cdef extern from "time.h" nogil:
    int nanosleep(const timespec *duration, timespec *rest)

MOST_AT_ONCE = 64
cdef enum:
    BATCH = 64
    CONTROL_BYTES = 128         # a time stamp (64), the overflow counter (24)
    FRAME_BYTES = 72
cdef int64_t FULL_NS = 100_000  # between tries while the queue of the interface is full (ENOBUFS tells no more)


cdef class RawCan(FrameSource):
    """One interface. `receive_buffer_bytes` is forced where this process may, else cut by net.core.rmem_max.

    `own`: also hear what other processes of this machine would hear of us, marked as transmitted. `hardware_stamps`: times
    are those of the controller where it has any (`hardware_stamped` counts them), on its own clock; else the kernel's,
    CLOCK_REALTIME. Raises OSError.
    """
    cdef readonly bint has_fd
    cdef bint hardware_stamps
    cdef readonly uint64_t received          # frames, errors included
    cdef readonly uint64_t sent
    cdef readonly uint64_t overflowed        # frames without room in the receive buffer, as told with the last frame
    cdef readonly uint64_t unstamped         # frames that came without any time
    cdef readonly uint64_t hardware_stamped
    cdef readonly uint64_t waits             # times the transmit queue was full
    cdef uint32_t overflow_seen
    cdef readonly ControllerState controller
    cdef mmsghdr[BATCH] messages
    cdef iovec[BATCH] parts
    cdef mmsghdr[BATCH] messages_out
    cdef iovec[BATCH] parts_out
    cdef uint8_t[BATCH][FRAME_BYTES] frames
    cdef uint8_t[BATCH][CONTROL_BYTES] controls

    def __cinit__(self, int index, *, bint fd=True, bint own=False, int receive_buffer_bytes=1 << 22,
                  bint hardware_stamps=False):
        cdef sockaddr_can address
        cdef int place
        self.descriptor = socket(PF_CAN, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, CAN_RAW)
        if self.descriptor < 0:
            raise OSError(errno, "this kernel has no CAN sockets")
        self.hardware_stamps = hardware_stamps
        self.controller = ControllerState()
        for place in range(BATCH):
            self.messages[place].msg_hdr.msg_iov = &self.parts[place]
            self.messages[place].msg_hdr.msg_iovlen = 1
            self.messages_out[place].msg_hdr.msg_iov = &self.parts_out[place]
            self.messages_out[place].msg_hdr.msg_iovlen = 1
        try:
            if fd:
                self.has_fd = self._set(SOL_CAN_RAW, CAN_RAW_FD_FRAMES, 1)
            self._need(SOL_CAN_RAW, CAN_RAW_ERR_FILTER, <int> CAN_ERR_MASK)
            self._need(SOL_CAN_RAW, CAN_RAW_RECV_OWN_MSGS, own)
            self._need(SOL_SOCKET, SO_RXQ_OVFL, 1)
            self._need(SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE
                       | SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE)
            if not self._set(SOL_SOCKET, SO_RCVBUFFORCE, receive_buffer_bytes):
                self._need(SOL_SOCKET, SO_RCVBUF, receive_buffer_bytes)
            memset(&address, 0, sizeof(address))
            address.can_family, address.can_ifindex = PF_CAN, index
            if bind(self.descriptor, <sockaddr*> &address, sizeof(address)):
                raise OSError(errno, "cannot be bound")
        except OSError:
            self.close()
            raise

    def __dealloc__(self):
        self.close()

    def close(self):
        if self.descriptor >= 0:
            close(self.descriptor)
        self.descriptor = -1

    cdef bint _set(self, int level, int name, int value):
        return setsockopt(self.descriptor, level, name, &value, sizeof(value)) == 0

    cdef int _need(self, int level, int name, int value) except -1:
        if not self._set(level, name, value):
            raise OSError(errno, f"socket option {level}:{name} refused")
        return 0

    cdef Taken take(self, CanFrame *frames, CanFdFrame *fd_frames, int rows) noexcept nogil:
        cdef Taken found
        cdef int place, taken = self._take(min(rows, <int> BATCH))
        found.count = found.fd_count = found.error = 0
        found.is_more = taken == BATCH or (taken < 0 and errno == EINTR)
        if taken < 0 and errno != EINTR:
            found.error = errno
        for place in range(taken):
            if self.messages[place].msg_len == <unsigned int> CANFD_MTU:
                self._store_fd(place, &fd_frames[found.fd_count])
                hear_any(self.controller)
                found.fd_count += 1
            else:
                self._store(place, &frames[found.count])
                hear_frame(self.controller, &frames[found.count])
                found.count += 1
        return found

    def send(self, const uint8_t[::1] frames, int size, int64_t patience_ns) -> int:
        """Sends `struct can_frame` or `canfd_frame` of `size` bytes each (drivers/can/wire.py); how many the kernel took.

        Fewer than all only when the transmit queue stayed full for `patience_ns`. Raises OSError, with `sent` told before.
        """
        cdef int count, done = 0, taken, batch, place, number
        cdef int64_t waited_ns = 0
        cdef const uint8_t *first
        cdef timespec pause
        if self.descriptor < 0:
            raise OSError(9, "the bus is closed")
        if size != CAN_MTU and size != CANFD_MTU or frames.shape[0] % size:
            raise ValueError(f"frames of {size} bytes in {frames.shape[0]} bytes")
        count = <int> (frames.shape[0] // size)
        if count == 0:
            return 0
        first = &frames[0]
        pause.tv_sec, pause.tv_nsec = 0, FULL_NS
        number = 0
        with nogil:
            while done < count:
                batch = min(count - done, <int> BATCH)
                for place in range(batch):
                    self.parts_out[place].iov_base = <void*> (first + <size_t> (done + place) * size)
                    self.parts_out[place].iov_len = size
                taken = sendmmsg(self.descriptor, &self.messages_out[0], batch, MSG_DONTWAIT | MSG_NOSIGNAL)
                if taken > 0:
                    done += taken
                    self.sent += taken
                    continue
                number = errno
                if number == EINTR:
                    continue
                if number != ENOBUFS and number != EAGAIN:
                    break
                number = 0
                if waited_ns >= patience_ns:
                    break
                self.waits += 1
                nanosleep(&pause, NULL)
                waited_ns += FULL_NS
        if number:
            raise OSError(number, "sending failed")
        return done

    def drain_plainly(self) -> int:
        """Reads and forgets all that waits, without times or counts: the least a receiver can do. For the bench."""
        cdef int taken, place
        cdef uint64_t count = 0
        with nogil:
            for place in range(BATCH):
                self.parts[place].iov_base = &self.frames[place][0]
                self.parts[place].iov_len = FRAME_BYTES
                self.messages[place].msg_hdr.msg_control = NULL
                self.messages[place].msg_hdr.msg_controllen = 0
            while True:
                taken = recvmmsg(self.descriptor, &self.messages[0], BATCH, MSG_DONTWAIT, NULL)
                if taken <= 0:
                    break
                count += taken
        return count

    cdef int _take(self, int most) noexcept nogil:
        cdef int place
        for place in range(most):
            self.parts[place].iov_base = &self.frames[place][0]
            self.parts[place].iov_len = FRAME_BYTES
            self.messages[place].msg_hdr.msg_control = &self.controls[place][0]
            self.messages[place].msg_hdr.msg_controllen = CONTROL_BYTES
        return recvmmsg(self.descriptor, &self.messages[0], most, MSG_DONTWAIT, NULL)

    cdef void _store(self, int place, CanFrame *row) noexcept nogil:
        cdef const can_frame *frame = <const can_frame*> &self.frames[place][0]
        cdef uint8_t flags = self._direction(place)
        memset(row, 0, sizeof(CanFrame))
        row.time_ns = self._stamp(place)
        row.id = frame.can_id & (CAN_EFF_FLAG | CAN_EFF_MASK)
        row.length = min(frame.can_dlc, <uint8_t> 8)
        if frame.can_id & CAN_ERR_FLAG:
            flags |= CanFrame_FLAG_ERROR
        if frame.can_id & CAN_RTR_FLAG:
            flags |= CanFrame_FLAG_REMOTE
        else:
            memcpy(row.data, frame.data, row.length)
        row.flags = flags
        self.received += 1

    cdef void _store_fd(self, int place, CanFdFrame *row) noexcept nogil:
        cdef const canfd_frame *frame = <const canfd_frame*> &self.frames[place][0]
        cdef uint8_t flags = self._direction(place)
        memset(row, 0, sizeof(CanFdFrame))
        row.time_ns = self._stamp(place)
        row.id = frame.can_id & (CAN_EFF_FLAG | CAN_EFF_MASK)
        row.length = min(frame.len, <uint8_t> 64)
        if frame.flags & CANFD_BRS:
            flags |= CanFdFrame_FLAG_BIT_RATE_SWITCH
        if frame.flags & CANFD_ESI:
            flags |= CanFdFrame_FLAG_ERROR_STATE_INDICATOR
        memcpy(row.data, frame.data, row.length)
        row.flags = flags
        self.received += 1

    cdef uint8_t _direction(self, int place) noexcept nogil:
        return CanFrame_FLAG_TRANSMITTED if self.messages[place].msg_hdr.msg_flags & MSG_CONFIRM else 0

    cdef int64_t _stamp(self, int place) noexcept nogil:
        """The frame's time in ns, 0 without one; takes the overflow counter on the way."""
        cdef msghdr *message = &self.messages[place].msg_hdr
        cdef cmsghdr *control = CMSG_FIRSTHDR(message)
        cdef const timespec *stamps
        cdef int64_t software_ns = 0, hardware_ns = 0
        cdef uint32_t overflow
        while control != NULL:
            if control.cmsg_level == SOL_SOCKET and control.cmsg_type == SO_TIMESTAMPING:
                stamps = <const timespec*> CMSG_DATA(control)
                software_ns = stamps[0].tv_sec * 1_000_000_000 + stamps[0].tv_nsec
                hardware_ns = stamps[2].tv_sec * 1_000_000_000 + stamps[2].tv_nsec
            elif control.cmsg_level == SOL_SOCKET and control.cmsg_type == SO_RXQ_OVFL:
                memcpy(&overflow, CMSG_DATA(control), sizeof(overflow))
                self.overflowed += <uint32_t> (overflow - self.overflow_seen)  # the kernel's 32 bits go round
                self.overflow_seen = overflow
            control = CMSG_NXTHDR(message, control)
        if self.hardware_stamps and hardware_ns:
            self.hardware_stamped += 1
            return hardware_ns
        self.unstamped += software_ns == 0
        return software_ns
