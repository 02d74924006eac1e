# The inner loops of the MCAP writer and reader; see autonomy/log/writer.py and reader.py.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

# One message found in a chunk. RECORD_DTYPE in autonomy/log/reader.py is the same memory.
cdef struct Record:
    int64_t log_time_ns
    uint64_t offset          # of the CDR body (behind the 4-byte header) in the batch's data
    uint32_t sequence
    uint32_t length          # of the CDR body
    uint32_t rank            # its place among records of equal time: of its topic and its section, see ordered.py
    uint16_t channel         # channel id of the file
    uint16_t flags           # FLAG_... of autonomy/log/reader.py

# How the messages of one channel are laid out. LAYOUT_DTYPE in autonomy/log/layouts.py is the same memory.
cdef struct Layout:
    int64_t size             # of the struct in memory; 0 = a foreign message whose length is not checked
    int64_t count_offset     # of the list's count, -1 without a list
    int64_t first            # offset of the first list element
    int64_t element          # size of one
    uint32_t bound           # most elements
    uint32_t rank
    uint8_t known            # the channel exists
    uint8_t selected         # its messages are wanted
    uint8_t header           # bytes in front of the body: 4 for CDR, 0 for other encodings
    uint8_t padding
    uint32_t padding2
