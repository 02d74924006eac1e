"""Output frames cut after their last track, against the same cut in NumPy."""

import numpy as np
from autonomy.playback._compact import compact
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg

_, HEAD_BYTES, TRACK_BYTES = msg.list_layout("OutputFrame")
FRAME = msg.dtype("OutputFrame")
MOST = FRAME.fields["tracks"][0].fields["tracks"][0].shape[0]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, MOST), max_size=6), st.integers(0, 2**32 - 1), st.integers(0, 2))
def test_each_frame_is_cut_after_its_last_track(counts, seed, left_out):
    random = np.random.default_rng(seed)
    outputs = np.frombuffer(random.bytes(len(counts) * FRAME.itemsize), FRAME).copy()
    outputs["tracks"]["count"] = counts
    taken = max(len(counts) - left_out, 0)
    found = bytearray(b"before")
    compact(outputs, taken, found)
    cut = [row.tobytes()[: HEAD_BYTES + count * TRACK_BYTES] for row, count in zip(outputs[:taken], counts, strict=False)]
    assert bytes(found) == b"before" + b"".join(cut)
