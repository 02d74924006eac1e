"""What is kept on disk comes back as it went in, leaves nothing behind, and keeps memory as it was."""

from __future__ import annotations

import tracemalloc

from autonomy.log.spilled import Spilled


def test_records_come_back_in_order_and_nothing_stays_in_the_folder(tmp_path):
    kept = Spilled(tmp_path)
    for number in range(50_000):
        kept.append(number.to_bytes(4, "big"))
    assert (kept.count, kept.size) == (50_000, 200_000)
    assert b"".join(kept.blocks()) == b"".join(number.to_bytes(4, "big") for number in range(50_000))
    assert list(tmp_path.iterdir()) == []
    kept.close()


def test_pain_16_memory_does_not_grow_with_what_is_kept(tmp_path):
    kept, record = Spilled(tmp_path), bytes(400)
    kept.append(record)
    tracemalloc.start()
    try:
        for _ in range(20_000):  # the indexes of three hours
            kept.append(record)
        assert tracemalloc.get_traced_memory()[1] < 20_000
    finally:
        tracemalloc.stop()
    kept.close()
