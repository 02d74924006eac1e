# Many messages of a socket in one system call, what comes beside them, waiting for the first one or for room: sendmmsg(2),
# recvmmsg(2), cmsg(3), poll(2).
from posix.time cimport timespec

cdef extern from "sys/uio.h" nogil:
    cdef struct iovec:
        void *iov_base
        size_t iov_len

cdef extern from "sys/socket.h" nogil:
    cdef struct msghdr:
        void *msg_name
        unsigned int msg_namelen
        iovec *msg_iov
        size_t msg_iovlen
        void *msg_control
        size_t msg_controllen
        int msg_flags
    cdef struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len
    cdef struct cmsghdr:
        size_t cmsg_len
        int cmsg_level
        int cmsg_type
    cmsghdr *CMSG_FIRSTHDR(msghdr *message)
    cmsghdr *CMSG_NXTHDR(msghdr *message, cmsghdr *control)
    unsigned char *CMSG_DATA(cmsghdr *control)
    int sendmmsg(int descriptor, mmsghdr *messages, unsigned int count, int flags)
    int recvmmsg(int descriptor, mmsghdr *messages, unsigned int count, int flags, timespec *timeout)
    int MSG_DONTWAIT, MSG_NOSIGNAL

cdef extern from "poll.h" nogil:
    cdef struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd *waiting, unsigned long count, int timeout_ms)
    short POLLIN, POLLOUT
