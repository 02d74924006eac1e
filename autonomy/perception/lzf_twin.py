"""LZF in plain Python: the twin of ext/autonomy/perception/_lzf.pyx."""

from __future__ import annotations


def unpack(packed: bytes) -> bytes:
    """Raises IndexError when the stream ends early or looks back before its beginning."""
    out, at = bytearray(), 0
    while at < len(packed):
        control, at = packed[at], at + 1
        if control < 32:
            if at + control + 1 > len(packed):
                raise IndexError("literals end early")
            out += packed[at : at + control + 1]
            at += control + 1
            continue
        length = control >> 5
        if length == 7:
            length, at = length + packed[at], at + 1
        back, at = ((control & 31) << 8) + packed[at] + 1, at + 1
        if back > len(out):
            raise IndexError("looks back before the beginning")
        for _ in range(length + 2):
            out.append(out[-back])
    return bytes(out)
