"""Lines of candump into CAN frames: the log form (`-L`), and the form it shows on the screen with `-t a`, `A` or `z`.

    (1691508198.524707) can1 0CF00400#007D921F19000F92
    (1691508198.524707) can1 123##1AABBCC T
     (1691508198.524707)  can1  0CF00400   [8]  00 7D 92 1F 19 00 0F 92

Written from the output of can-utils (candump.c, lib.c describe it): `#` data, `##` flags and data of CAN FD, `#R` remote
request, identifiers of 3 digits standard, of 8 extended, with 0x20000000 an error frame.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp, memchr, memset
from autonomy.log._mcap cimport Record
from autonomy.log.formats._candump_time cimport is_digit, read_number, read_time, skip_space
from autonomy.log.formats._frames cimport (
    EXTENDED, FD_BODY, LARGEST_EXTENDED, LARGEST_STANDARD, Output, put_frame,
)
from autonomy.msg.messages cimport (
    CanFdFrame, CanFdFrame_FLAG_BIT_RATE_SWITCH, CanFdFrame_FLAG_ERROR, CanFdFrame_FLAG_ERROR_STATE_INDICATOR,
    CanFdFrame_FLAG_TRANSMITTED, CanFrame_FLAG_REMOTE, LAYOUT_HASH,
)
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef enum:
    NAME_BYTES = 16              # of an interface (IFNAMSIZ)
    ERROR_IDENTIFIER = 0x20000000
    NO_FRAME = -1
    NEW_NAME = -2
    XL_FRAME = -3

# What lines other than frames were, counted in `odd`; LINES in autonomy/log/formats/candump.py names them.
cdef enum:
    ODD_LINE = 0
    ODD_XL = 1
    ODD_RAW_LENGTH = 2
    ODD_FINE_TIME = 3

cdef struct Name:
    uint8_t text[NAME_BYTES]     # filled with zeros
    uint8_t length
    uint8_t bus

NAME_DTYPE = [("text", "u1", (NAME_BYTES,)), ("length", "u1"), ("bus", "u1")]

cdef signed char HEX[256]
cdef int _i
for _i in range(256):
    HEX[_i] = -1
for _i in range(10):
    HEX[48 + _i] = _i
for _i in range(6):
    HEX[65 + _i] = HEX[97 + _i] = 10 + _i


cdef inline const uint8_t* read_bytes(const uint8_t* at, const uint8_t* end, CanFdFrame* frame, int most) noexcept nogil:
    """Pairs of hexadecimal digits, dots between them allowed; NULL when there are more than `most` or half a pair."""
    cdef int high, low
    while at < end:
        if at[0] == 46:
            at += 1
            continue
        high = HEX[at[0]]
        if high < 0:
            break
        if at + 1 >= end or frame.length >= most:
            return NULL
        low = HEX[at[1]]
        if low < 0:
            return NULL
        frame.data[frame.length] = <uint8_t> (high * 16 + low)
        frame.length += 1
        at += 2
    return at


cdef int read_hash_form(const uint8_t* at, const uint8_t* end, CanFdFrame* frame, int64_t* odd) noexcept nogil:
    """What follows the first `#`; 1 for CAN FD, 0 for CAN, else a reason."""
    cdef int is_fd = 0, flags, most
    if at < end and at[0] == 35:
        is_fd = 1
        if at + 1 >= end or HEX[at[1]] < 0:
            return NO_FRAME
        flags = HEX[at[1]]
        at += 2
        if flags & 1:
            frame.flags |= CanFdFrame_FLAG_BIT_RATE_SWITCH
        if flags & 2:
            frame.flags |= CanFdFrame_FLAG_ERROR_STATE_INDICATOR
    if not is_fd and at < end and (at[0] == 82 or at[0] == 114):
        frame.flags |= CanFrame_FLAG_REMOTE
        at += 1
        if at < end and is_digit(at[0]):
            frame.length = min(at[0] - 48, 8)
            at += 1
    else:
        most = 64 if is_fd else 8
        at = read_bytes(at, end, frame, most)
        if at == NULL:
            return NO_FRAME
    if at < end and (at[0] == 35 or at[0] == 58):
        return XL_FRAME
    if at + 1 < end and at[0] == 95 and not is_fd and HEX[at[1]] > 8:
        odd[0] += 1   # the length code of the frame was above 8
        at += 2
    if at < end and at[0] != 32 and at[0] != 9 and at[0] != 13:
        return NO_FRAME
    at = skip_space(at, end)
    if at < end:
        if at[0] == 84 or at[0] == 116:
            frame.flags |= CanFdFrame_FLAG_TRANSMITTED
        elif at[0] != 82 and at[0] != 114:
            return NO_FRAME
        if skip_space(at + 1, end) != end:
            return NO_FRAME
    return is_fd


cdef int read_bracket_form(const uint8_t* at, const uint8_t* end, CanFdFrame* frame) noexcept nogil:
    """`[8]  00 7D ...`; two digits in the bracket mean CAN FD. What follows the bytes (ASCII, error text) is left."""
    cdef int64_t length
    cdef int is_fd
    cdef const uint8_t* start
    if at >= end or at[0] != 91:
        return NO_FRAME
    start = at + 1
    at = read_number(start, end, &length, 2)
    if at == NULL or at >= end or at[0] != 93:
        return NO_FRAME
    is_fd = at - start == 2
    if length > (64 if is_fd else 8):
        return NO_FRAME
    at = skip_space(at + 1, end)
    if not is_fd and end - at >= 14 and memcmp(at, b"remote request", 14) == 0:
        frame.flags |= CanFrame_FLAG_REMOTE
        frame.length = <uint8_t> length
        return 0
    while frame.length < length:
        at = skip_space(at, end)
        if end - at < 2 or HEX[at[0]] < 0 or HEX[at[1]] < 0:
            return NO_FRAME
        frame.data[frame.length] = <uint8_t> (HEX[at[0]] * 16 + HEX[at[1]])
        frame.length += 1
        at += 2
    return is_fd


cdef int read_line(const uint8_t* at, const uint8_t* end, const Name* names, int64_t name_count, int64_t* last_name,
                   CanFdFrame* frame, int64_t* odd, const uint8_t** name_at, int64_t* name_length) noexcept nogil:
    """One line without its end; 1 for CAN FD, 0 for CAN, else a reason."""
    cdef const uint8_t* start
    cdef int64_t k, number, digits, name
    cdef uint32_t identifier = 0
    cdef bint is_screen = False
    at = read_time(skip_space(at, end), end, &frame.time_ns, &odd[ODD_FINE_TIME])
    if at == NULL:
        return NO_FRAME
    start = at = skip_space(at, end)
    while at < end and at[0] > 32:
        at += 1
    name_at[0] = start
    name_length[0] = at - start
    if not 0 < at - start <= NAME_BYTES:
        return NO_FRAME
    at = skip_space(at, end)
    if end - at > 6 and (at[0] == 82 or at[0] == 84) and at[1] == 88 and at[2] == 32:   # "RX B E" of candump -x
        is_screen = True
        if at[0] == 84:
            frame.flags |= CanFdFrame_FLAG_TRANSMITTED
        at = skip_space(at + 2, end)
        if at < end and at[0] == 66:
            frame.flags |= CanFdFrame_FLAG_BIT_RATE_SWITCH
        at = skip_space(at + 1, end)
        if at < end and at[0] == 69:
            frame.flags |= CanFdFrame_FLAG_ERROR_STATE_INDICATOR
        at = skip_space(at + 1, end)
    start = at
    while at < end and HEX[at[0]] >= 0:
        identifier = identifier * 16 + HEX[at[0]]
        at += 1
    digits = at - start
    if not 1 <= digits <= 8 or at >= end:
        return NO_FRAME
    if digits <= 3:
        if identifier > LARGEST_STANDARD:
            return NO_FRAME
        frame.id = identifier
    elif identifier & ERROR_IDENTIFIER and identifier >> 30 == 0:
        frame.id = identifier & LARGEST_EXTENDED
        frame.flags |= CanFdFrame_FLAG_ERROR
    elif identifier > LARGEST_EXTENDED:
        return NO_FRAME
    else:
        frame.id = identifier | <uint32_t> EXTENDED
    if at[0] == 35 and not is_screen:
        number = read_hash_form(at + 1, end, frame, &odd[ODD_RAW_LENGTH])
    else:
        number = read_bracket_form(skip_space(at, end), end, frame)
    if number < 0:
        return <int> number
    if number == 0:
        frame.flags &= ~<uint8_t> (CanFdFrame_FLAG_BIT_RATE_SWITCH | CanFdFrame_FLAG_ERROR_STATE_INDICATOR)
    name = last_name[0]
    if name < name_count and names[name].length == name_length[0] and memcmp(names[name].text, name_at[0], name_length[0]) == 0:
        frame.bus = names[name].bus
        return <int> number
    for k in range(name_count):
        if names[k].length == name_length[0] and memcmp(names[k].text, name_at[0], name_length[0]) == 0:
            last_name[0] = k
            frame.bus = names[k].bus
            return <int> number
    return NEW_NAME


def parse(const uint8_t[::1] data, int64_t start, const Name[::1] names, Record[::1] records, uint8_t[::1] bodies,
          int64_t count, int64_t used, int64_t[::1] odd):
    """Frames of the whole lines of `data` from `start` on, into `records` and `bodies` behind what is there already.

    Returns (count, used, position, name): stopped at `position`, because no whole line is left, there is no room, or the
    interface `name` is not in `names` (None otherwise). `odd` counts what was no frame, see LINES in candump.py.
    """
    cdef int64_t size = data.shape[0], last_name = 0, name_length = 0, room = bodies.shape[0], most = records.shape[0]
    cdef const uint8_t* at
    cdef const uint8_t* base
    cdef const uint8_t* last
    cdef const uint8_t* end
    cdef const uint8_t* name_at = NULL
    cdef const Name* known = &names[0] if names.shape[0] else NULL
    cdef int64_t name_count = names.shape[0]
    cdef CanFdFrame frame
    cdef Output output
    cdef int found = 0
    cdef int64_t raw_lengths, fine_times
    if size == 0 or most == 0:
        return count, used, start, None
    base = &data[0]
    at = base + start
    last = base + size
    output.records = &records[0]
    output.data = &bodies[0]
    output.count = count
    output.used = used
    name = None
    with nogil:
        while at < last and output.count < most and output.used + FD_BODY <= room:
            end = <const uint8_t*> memchr(at, 10, last - at)
            if end == NULL:
                break
            memset(&frame, 0, sizeof(frame))
            raw_lengths, fine_times = odd[ODD_RAW_LENGTH], odd[ODD_FINE_TIME]
            found = read_line(at, end, known, name_count, &last_name, &frame, &odd[0], &name_at, &name_length)
            if found >= 0:
                put_frame(&output, &frame, found)
            elif found == NEW_NAME:   # the line will be read again
                odd[ODD_RAW_LENGTH], odd[ODD_FINE_TIME] = raw_lengths, fine_times
                break
            elif found == XL_FRAME:
                odd[ODD_XL] += 1
            elif skip_space(at, end) != end:
                odd[ODD_LINE] += 1
            at = end + 1
    if found == NEW_NAME:
        name = (<const char*> name_at)[:name_length]
    return output.count, output.used, at - base, name
