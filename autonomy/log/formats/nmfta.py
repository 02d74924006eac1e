"""The truck logger of the NMFTA and the University of Tulsa: blocks of 512 bytes on its SD card, 21 frames each.

A block is count uint16, 2 bytes, then frames of 24 bytes, little endian: seconds since 1970 uint32, microseconds since
start uint32, microseconds of the second (low 24 bits) and length code (high 8), identifier uint32, 8 data bytes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autonomy import msg
from autonomy.log.formats import frames as can
from autonomy.log.formats.recording import BLOCK_BYTES, UTC, Block, FileRecording

NAME = "NMFTA truck logger"
PAGE = 512
MOST = 21
FRAME = np.dtype([("second", "<u4"), ("system_us", "<u4"), ("us_length", "<u4"), ("id", "<u4"), ("data", "u1", (8,))])
_FIRST_SECOND, _LAST_SECOND = 1_262_304_000, 2_524_608_000  # 2010 to 2050


def recognises(head: bytes, path: Path) -> bool:
    """No signature: the first page must be nothing but plausible frames."""
    if len(head) < PAGE:
        return False
    count = int.from_bytes(head[:2], "little")
    if not 1 <= count <= MOST or head[2:4] != b"\0\0":
        return False
    found = np.frombuffer(head, FRAME, count, 4)
    return bool(
        ((found["second"] > _FIRST_SECOND) & (found["second"] < _LAST_SECOND)).all()
        and ((found["us_length"] >> 24) <= 8).all()
        and ((found["id"] & 0x60000000) == 0).all()
    )


def open_format(path: Path) -> Nmfta:
    return Nmfta(path)


class Nmfta(FileRecording):
    def __init__(self, path: Path) -> None:
        super().__init__(path, NAME)
        self.clock = UTC
        self.details["identifiers"] = "above 0x7FF taken for 29 bit: the logger does not tell"

    def read(self, place: int, is_first_time: bool) -> Block:
        content = self.bytes_at(place, BLOCK_BYTES)
        whole = -(-len(content) // PAGE)
        pages = np.frombuffer(content.ljust(whole * PAGE, b"\0"), np.uint8).reshape(-1, PAGE)
        count = pages[:, :2].copy().view("<u2")[:, 0]
        if len(content) % PAGE:  # the frames that are there of a page that was cut
            count[-1] = min(count[-1], max(len(content) % PAGE - 4, 0) // FRAME.itemsize)
        found = pages[:, 4 : 4 + MOST * FRAME.itemsize].copy().view(FRAME)
        found = found[np.arange(MOST) < np.minimum(count, MOST)[:, None]]
        length = found["us_length"] >> 24
        sound = (length <= 8) & (found["second"] > 0) & (found["id"] & 0x60000000 == 0)
        if is_first_time:
            self.unused["frames with an impossible length, time or identifier"] += int((~sound).sum())
            self.unused["frames told of beyond the 21 a block holds"] += int(np.maximum(count.astype(int) - MOST, 0).sum())
        found, length = found[sound], length[sound].astype(np.uint8)
        rows = np.zeros(len(found), msg.dtype("CanFdFrame"))
        rows["time_ns"] = found["second"].astype(np.int64) * 10**9 + (found["us_length"] & 0xFFFFFF).astype(np.int64) * 1000
        rows["id"] = np.where(found["id"] > 0x7FF, found["id"] | np.uint32(can.EXTENDED), found["id"])
        rows["length"] = length
        rows["data"][:, :8] = np.where(np.arange(8) < length[:, None], found["data"], 0)
        end, following, problem = place + len(content), None, None
        if end < self.size:
            following = place + len(pages) * PAGE
        elif len(content) % PAGE:
            problem = f"the file ends within a block of {PAGE} bytes"
        return Block(*can.pack(rows, np.zeros(len(rows), bool)), following, problem)
