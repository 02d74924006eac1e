"""No byte entry keeps memory of what it was given: blocks of the C library and of Python's allocator, over and over again.

The leak sanitizer cannot tell a leak from what an interpreter keeps on purpose; that what is in use does not grow can be told
of any allocator.
"""

from __future__ import annotations

import ctypes
import gc
import sys

import pytest

from tests.fuzz.targets import TARGETS

ROUNDS, WINDOWS = 8, 24  # caches and free lists fill up; a leak grows in every window by one block a round at least
SMALLEST_BYTES = 32  # malloc(3) of the GNU C library gives no smaller block


class MallInfo(ctypes.Structure):
    """struct mallinfo2, mallinfo(3)."""

    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks",
                                                     "uordblks", "fordblks", "keepcost")]  # fmt: skip


@pytest.fixture(scope="module")
def in_use():
    """() -> (bytes in use of the C library, blocks in use of Python)."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        pytest.skip("needs mallinfo2 of the GNU C library 2.33")
    library.mallinfo2.restype = MallInfo

    def look() -> tuple[int, int]:
        gc.collect()
        info = library.mallinfo2()
        return info.uordblks + info.hblkhd, sys.getallocatedblocks()

    return look


def growth(run, inputs, in_use) -> list[list[int]]:
    """Bytes and blocks more, window by window, of what never stops growing; [] of what does."""
    grown: list[list[int]] = []
    for _ in range(WINDOWS):
        before = in_use()
        for _ in range(ROUNDS):
            for data in inputs:
                run(data)
        grown.append([now - then for now, then in zip(in_use(), before, strict=True)])
        if grown[-1][0] < ROUNDS * SMALLEST_BYTES and grown[-1][1] < ROUNDS:
            return []
    return grown


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TARGETS))
def test_pain_16_a_byte_entry_keeps_nothing_of_what_it_was_given(name, in_use):
    inputs = [data for seed in TARGETS[name].seeds()[:4] for data in (seed, seed[: len(seed) // 2])]
    assert growth(TARGETS[name].run, inputs, in_use) == []


def test_one_block_kept_an_input_is_seen(in_use):
    kept: list[bytearray] = []
    assert len(growth(lambda data: kept.append(bytearray(data)), [bytes(40)], in_use)) == WINDOWS
    assert growth(bytearray, [bytes(40)], in_use) == []
