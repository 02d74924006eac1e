"""Objects of a Vector binary log (BLF), already unpacked, into CAN frames.

An object is `LOBJ`, header size uint16, header version uint16, size uint32, type uint32; then, by version, flags uint32,
8 bytes of others' counters and statuses with the time uint64 (units of 10 us or ns, by the flags); then its content.
The format has no public specification; field layouts as the readers of python-can and of the free vector_blf show them.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset
from autonomy.log._mcap cimport Record
from autonomy.log.formats._frames cimport EXTENDED, FD_BODY, LARGEST_EXTENDED, Output, put_frame
from autonomy.msg.messages cimport (
    CanFdFrame, CanFdFrame_FLAG_BIT_RATE_SWITCH, CanFdFrame_FLAG_ERROR, CanFdFrame_FLAG_ERROR_STATE_INDICATOR,
    CanFdFrame_FLAG_TRANSMITTED, CanFrame_FLAG_REMOTE, LAYOUT_HASH,
)
from autonomy.msg.layout import require
from drivers._unaligned cimport read_u16, read_u32, read_u64

require(__name__, LAYOUT_HASH)

cdef enum:
    CAN_MESSAGE = 1
    CAN_ERROR = 2
    CAN_ERROR_EXT = 73
    CAN_MESSAGE2 = 86
    CAN_FD_MESSAGE = 100
    CAN_FD_MESSAGE_64 = 101
    CAN_FD_ERROR_64 = 104
    BASE_HEADER = 16
    MOST_TYPES = 256

# Results that are not frames
cdef enum:
    FRAME = 0
    FD_FRAME = 1
    OTHER = 2
    BROKEN = 3

# Counted in `odd`; ODD in autonomy/log/formats/blf.py names them
cdef enum:
    ODD_HEADER = 0
    ODD_SHORT = 1
    ODD_TIME = 2
    ODD_LENGTH = 3

cdef uint8_t LENGTHS[16]
LENGTHS[:] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64]


cdef inline void set_identifier(CanFdFrame* frame, uint32_t identifier) noexcept nogil:
    frame.id = identifier & (<uint32_t> EXTENDED | <uint32_t> LARGEST_EXTENDED)


cdef inline void set_bus(CanFdFrame* frame, uint32_t channel) noexcept nogil:
    """Channels count from 1; 0, an unknown one, wraps to bus 255."""
    frame.bus = <uint8_t> (channel - 1)


cdef inline void set_data(CanFdFrame* frame, const uint8_t* data, int64_t there, int64_t valid, int64_t* odd) noexcept nogil:
    """Takes `valid` bytes of which `there` are in the object; the rest is zero, as in CANoe."""
    if valid > 64:
        odd[ODD_LENGTH] += 1
        valid = 64
    if there > 0:
        memcpy(frame.data, data, min(valid, there))
    frame.length = <uint8_t> valid


cdef int read_object(uint32_t kind, const uint8_t* body, int64_t size, int64_t header, CanFdFrame* frame,
                     int64_t* odd) noexcept nogil:
    """The content of one object, `size` bytes behind its header of `header` bytes."""
    cdef uint32_t flags
    cdef int is_fd
    if kind == CAN_MESSAGE or kind == CAN_MESSAGE2:   # channel u16, flags u8, dlc u8, id u32, data
        if size < 16:
            return BROKEN
        set_bus(frame, read_u16(body))
        set_identifier(frame, read_u32(body + 4))
        frame.flags = CanFdFrame_FLAG_TRANSMITTED if body[2] & 1 else 0
        if body[3] > 8:
            odd[ODD_LENGTH] += 1
        frame.length = min(body[3], <uint8_t> 8)
        if body[2] & 0x80:
            frame.flags |= CanFrame_FLAG_REMOTE
        else:
            memcpy(frame.data, body + 8, frame.length)
        return FRAME
    if kind == CAN_ERROR:   # channel u16
        if size < 2:
            return BROKEN
        set_bus(frame, read_u16(body))
        frame.flags = CanFdFrame_FLAG_ERROR
        return FRAME
    if kind == CAN_ERROR_EXT:
        # channel u16, length u16, flags u32, ecc, position, dlc, pad, frame length u32, id u32, u16, pad, data
        if size < 32:
            return BROKEN
        set_bus(frame, read_u16(body))
        set_identifier(frame, read_u32(body + 16))
        frame.flags = CanFdFrame_FLAG_ERROR
        frame.length = min(body[10], <uint8_t> 8)
        memcpy(frame.data, body + 24, frame.length)
        return FRAME
    if kind == CAN_FD_MESSAGE:
        # channel u16, flags u8, dlc u8, id u32, frame length u32, bits u8, fd flags u8, valid u8, 5 pad, data
        if size < 20:
            return BROKEN
        set_bus(frame, read_u16(body))
        set_identifier(frame, read_u32(body + 4))
        flags = body[13]
        is_fd = flags & 1
        frame.flags = CanFdFrame_FLAG_TRANSMITTED if body[2] & 1 else 0
        if body[2] & 0x80 and not is_fd:
            frame.flags |= CanFrame_FLAG_REMOTE
            frame.length = min(body[3], <uint8_t> 8)
            return FRAME
        set_data(frame, body + 20, size - 20, body[14], odd)
        flags = flags << 1       # BRS 2, ESI 4 there
    elif kind == CAN_FD_MESSAGE_64:
        # channel, dlc, valid, tx count, id u32, frame length u32, flags u32, ... direction 34, offset 35
        if size < 40:
            return BROKEN
        set_bus(frame, body[0])
        set_identifier(frame, read_u32(body + 4))
        flags = read_u32(body + 12)
        is_fd = (flags >> 12) & 1
        frame.flags = CanFdFrame_FLAG_TRANSMITTED if body[34] else 0
        if flags & 0x10 and not is_fd:
            frame.flags |= CanFrame_FLAG_REMOTE
            frame.length = min(LENGTHS[body[1] & 15], <uint8_t> 8)
            return FRAME
        # Fewer bytes than it tells may be there, up to what an extension takes behind them
        if body[35] and body[35] - header < size:
            size = body[35] - header
        set_data(frame, body + 40, size - 40, body[2], odd)
        flags = flags >> 11      # BRS 0x2000, ESI 0x4000 there
    elif kind == CAN_FD_ERROR_64:
        # channel, dlc, valid, ecc, flags u16, code u16, flags u16, offset u8, pad, id u32, ... data at 44
        if size < 44:
            return BROKEN
        set_bus(frame, body[0])
        set_identifier(frame, read_u32(body + 12))
        frame.flags = CanFdFrame_FLAG_ERROR
        set_data(frame, body + 44, size - 44, body[2], odd)
        return FD_FRAME
    else:
        return OTHER
    if not is_fd and frame.length <= 8:
        return FRAME
    if flags & 4:
        frame.flags |= CanFdFrame_FLAG_BIT_RATE_SWITCH
    if flags & 8:
        frame.flags |= CanFdFrame_FLAG_ERROR_STATE_INDICATOR
    return FD_FRAME


cdef inline int64_t find_signature(const uint8_t* base, int64_t position, int64_t size) noexcept nogil:
    """Where the next object begins: up to 4 bytes of padding may stand in front of it. -1 when it is not there, -2 when
    the bytes do not reach so far."""
    cdef int64_t k
    for k in range(5):
        if position + k + 4 > size:
            return -2
        if memcmp(base + position + k, b"LOBJ", 4) == 0:
            return position + k
    return -1


def parse(const uint8_t[::1] data, int64_t start_ns, Record[::1] records, uint8_t[::1] bodies, int64_t[::1] others,
          int64_t[::1] odd):
    """Frames of the whole objects in `data`: (count, used, position, sound).

    Stopped at `position`, where an object begins that is not whole, there is no room, or (`sound` False) no object is.
    Times get `start_ns` added. `others[type]` counts objects that are no frames, the last one types beyond; `odd` what
    was wrong.
    """
    cdef int64_t size = data.shape[0], position = 0, found_at, length, header, time_ns, most = records.shape[0]
    cdef int64_t room = bodies.shape[0]
    cdef uint32_t kind
    cdef uint64_t ticks
    cdef uint16_t version
    cdef const uint8_t* at
    cdef const uint8_t* base
    cdef bint sound = True
    cdef int found
    cdef CanFdFrame frame
    cdef Output output
    output.count = output.used = 0
    if size == 0 or most == 0:
        return 0, 0, 0, True
    base = &data[0]
    output.records = &records[0]
    output.data = &bodies[0]
    with nogil:
        while output.count < most and output.used + FD_BODY <= room:
            found_at = find_signature(base, position, size)
            if found_at < 0:
                sound = found_at == -2
                break
            at = base + found_at
            if size - found_at < BASE_HEADER:
                break
            version = read_u16(at + 6)
            length = read_u32(at + 8)
            kind = read_u32(at + 12)
            if length < BASE_HEADER:
                sound = False
                break
            if length > size - found_at:
                break
            position = found_at + length
            header = 32 if version == 1 else 40 if version == 2 else 0
            if header == 0:
                odd[ODD_HEADER] += 1
                continue
            if length < header:
                odd[ODD_SHORT] += 1
                continue
            memset(&frame, 0, sizeof(frame))
            found = read_object(kind, at + header, length - header, header, &frame, &odd[0])
            if found == OTHER:
                others[min(kind, MOST_TYPES - 1)] += 1
                continue
            if found == BROKEN:
                odd[ODD_SHORT] += 1
                continue
            ticks = read_u64(at + 24)
            if read_u32(at + 16) == 1:
                ticks = ticks * 10_000 if ticks < (1ull << 49) else 1ull << 62
            if ticks >= (1ull << 62):
                odd[ODD_TIME] += 1
                continue
            frame.time_ns = start_ns + <int64_t> ticks
            put_frame(&output, &frame, found == FD_FRAME)
    return output.count, output.used, position, sound
