"""LZF, as PCD files of the kind binary_compressed use it (the format of Marc Lehmann's LibLZF).

A byte below 32 heads a run of 1 to 32 literal bytes; else its upper three bits are a length, 7 meaning that the next byte adds
to it, and its lower five with the following byte how far back the copy begins. Twin: autonomy/perception/lzf_twin.py.
"""
import numpy as np


cdef long long expand(const unsigned char* packed, long long size, unsigned char* out, long long room) noexcept nogil:
    """Bytes written, or -1 when the stream does not fit its sizes."""
    cdef long long at = 0, to = 0, back, length, i
    while at < size:
        length = packed[at]
        at += 1
        if length < 32:
            length += 1
            if at + length > size or to + length > room:
                return -1
            for i in range(length):
                out[to + i] = packed[at + i]
            at += length
        else:
            back = (length & 31) << 8
            length >>= 5
            if length == 7:
                if at >= size:
                    return -1
                length += packed[at]
                at += 1
            if at >= size:
                return -1
            back += packed[at] + 1
            at += 1
            length += 2
            if back > to or to + length > room:
                return -1
            for i in range(length):
                out[to + i] = out[to + i - back]
        to += length
    return to


def unpack(const unsigned char[::1] packed, long long size):
    """uint8 [size], or None when the stream does not give exactly so many."""
    cdef unsigned char[::1] out = np.zeros(max(size, 1), np.uint8)
    cdef long long count = 0
    if packed.shape[0] > 0:
        count = expand(&packed[0], packed.shape[0], &out[0], size)
    return np.asarray(out)[:size] if count == size else None
