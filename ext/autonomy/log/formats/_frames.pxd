# CAN frames of a foreign recording as records and the bodies they point to, shared by the readers of this folder.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy
from autonomy.log._mcap cimport Record
from autonomy.msg.messages cimport CanFdFrame

cdef enum:
    FD_CHANNELS = 256        # channel of CAN FD bus b is 256 + b, of CAN bus b it is b; see autonomy/log/formats/frames.py
    CAN_BODY = 24            # a CanFdFrame cut behind 8 data bytes is a CanFrame
    FD_BODY = 80
    EXTENDED = 0x80000000
    LARGEST_STANDARD = 0x7FF
    LARGEST_EXTENDED = 0x1FFFFFFF

# Where the frames go; `records` and `data` are large enough for one more frame whenever put_frame is called.
cdef struct Output:
    Record* records
    uint8_t* data
    int64_t count
    int64_t used


cdef inline void put_frame(Output* output, const CanFdFrame* frame, bint is_fd) noexcept nogil:
    cdef Record* record = &output.records[output.count]
    record.log_time_ns = frame.time_ns
    record.offset = output.used
    record.sequence = <uint32_t> output.count
    record.length = FD_BODY if is_fd else CAN_BODY
    record.rank = 0
    record.channel = <uint16_t> (frame.bus + FD_CHANNELS) if is_fd else frame.bus
    record.flags = 0
    memcpy(output.data + output.used, frame, record.length)
    output.used += record.length
    output.count += 1
