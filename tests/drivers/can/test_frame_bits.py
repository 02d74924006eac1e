"""Bit times of frames, stuff bits included, against a reading of the standard a bit at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drivers.can.frame_bits import frame_bits
from drivers.can.frame_flags import ERROR, REMOTE
from tests.drivers.can.build import EXTENDED, can_frame, can_frames


def plain_bits(identifier: int, data: bytes, is_remote: bool) -> int:
    low = identifier & 0x1FFFFFFF
    remote = "1" if is_remote else "0"
    head = f"0{low >> 18:011b}11{low & 0x3FFFF:018b}{remote}00" if identifier & EXTENDED else f"0{low:011b}{remote}00"
    text = head + f"{len(data):04b}" + ("" if is_remote else "".join(f"{byte:08b}" for byte in data))
    crc = 0
    for bit in text:
        crc = crc << 1 ^ (0x4599 if (crc >> 14 & 1) != int(bit) else 0)
        crc &= 0x7FFF
    text += f"{crc:015b}"
    sent, run = "", 0
    for bit in text:
        run = run + 1 if sent and bit == sent[-1] else 1
        sent += bit
        if run == 5:
            sent += "10"[int(bit)]
            run = 1
    return len(sent) + 1 + 2 + 7 + 3


FRAME = st.tuples(
    st.one_of(st.integers(0, 0x7FF), st.integers(0, 2**29 - 1).map(lambda number: number | EXTENDED)),
    st.one_of(st.binary(max_size=8), st.sampled_from([bytes(8), b"\xff" * 8, b"\x83\x0f" * 4])),
    st.booleans(),
)


@given(st.lists(FRAME, min_size=1, max_size=30))
def test_every_bit_is_counted(items):
    frames = can_frames(*(can_frame(identifier, data, flags=REMOTE if remote else 0) for identifier, data, remote in items))
    assert frame_bits(frames).tolist() == [plain_bits(*item) for item in items]


def test_bounds_of_the_standard():
    """A J1939 frame of 8 bytes takes 131 bits without stuff bits, 29 more at most; a standard one 111 and 24."""
    random = np.random.default_rng(0)
    for identifier, least, most in ((EXTENDED | 0x18FEF100, 131, 160), (0x123, 111, 135)):
        bits = frame_bits(can_frames(*(can_frame(identifier, random.bytes(8)) for _ in range(300))))
        assert least <= bits.min() and bits.max() <= most
    assert frame_bits(can_frames(can_frame(EXTENDED, bytes(8))))[0] > 145


def test_an_error_frame_has_no_known_length():
    assert frame_bits(can_frames(can_frame(0, bytes(8), flags=ERROR))).tolist() == [0]
    assert frame_bits(can_frames()[:0]).tolist() == []
