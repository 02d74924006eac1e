"""Messages of a batch as MCAP records again, byte for byte, on the channels of another file. The twin is copying_twin.py.

Record layout from the MCAP specification (mcap.dev/spec): opcode uint8, length uint64, channel uint16, sequence uint32,
log time uint64, publish time uint64, data.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memcpy
from autonomy.log._mcap cimport Record
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef enum:
    OPCODE_MESSAGE = 5
    HEAD = 31                # of a message record: opcode, length, channel, sequence, two times
    CDR_HEADER = 4           # 00 01 00 00: plain CDR, little endian
    FLAG_PLAIN = 2           # no CDR header in front of the body
    FLAG_WHOLE = 4           # the whole message record stands in front of the body


def record_lengths(const Record[::1] records, int64_t[::1] lengths):
    """Bytes of the message record that each one becomes."""
    cdef int64_t k
    with nogil:
        for k in range(records.shape[0]):
            lengths[k] = HEAD + (0 if records[k].flags & FLAG_PLAIN else CDR_HEADER) + records[k].length


def pack(const Record[::1] records, const uint8_t[::1] data, const uint16_t[::1] channels, uint8_t[::1] out):
    """Writes the records one behind the other into `out`; `channels` holds the new channel id of each old one.

    Log times are those of `records`; the publish time stays that of the file they came from, where it is known.
    """
    cdef int64_t k, position = 0
    cdef uint64_t body, content, header
    cdef const Record* record
    cdef uint8_t* at
    with nogil:
        for k in range(records.shape[0]):
            record = &records[k]
            header = 0 if record.flags & FLAG_PLAIN else CDR_HEADER
            body = record.length
            content = HEAD - 9 + header + body
            at = &out[position]
            if record.flags & FLAG_WHOLE:
                memcpy(at, &data[record.offset - HEAD - header], HEAD + header + body)
            else:
                if header:
                    at[HEAD] = at[HEAD + 2] = at[HEAD + 3] = 0
                    at[HEAD + 1] = 1
                if body:
                    memcpy(at + HEAD + header, &data[record.offset], body)
                memcpy(at + 23, &record.log_time_ns, 8)
            at[0] = OPCODE_MESSAGE
            memcpy(at + 1, &content, 8)
            memcpy(at + 9, &channels[record.channel], 2)
            memcpy(at + 11, &record.sequence, 4)
            memcpy(at + 15, &record.log_time_ns, 8)
            position += HEAD + header + body
    return position
