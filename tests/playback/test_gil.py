"""The tick runs to its end while another thread keeps the GIL and never lets go."""

from __future__ import annotations

import sys
import threading

import numpy as np

from autonomy import msg
from autonomy.log.writer import LogWriter
from autonomy.playback.engine import FAR_FUTURE_NS, Engine
from autonomy.playback.source import open_log
from autonomy.stack import Stack
from tests.playback.conftest import VEHICLE, drive

TICKS = 3900
PATIENCE = 20_000_000  # turns of the waiting loop; it needs some ten thousand


def test_ticks_need_no_gil(tmp_path):
    path = tmp_path / "one_chunk.mcap"
    with LogWriter(path, {"vehicle": VEHICLE}, chunk_bytes=1 << 26, chunk_ns=10**12) as writer:
        writer.write_merged(drive(40.0))
    source = open_log(path)
    engine = Engine(source, Stack(source.parameters, source.config), keep_frames=False)
    (batch,) = source.reader.batches()
    outputs, timing = np.zeros(TICKS, msg.dtype("OutputFrame")), np.zeros((TICKS, 3), np.int64)
    times = outputs["tick_time_ns"]
    worker = threading.Thread(
        target=engine.feed.run, args=(batch.records, batch.data, 0, outputs, timing, None, FAR_FUTURE_NS), daemon=True
    )
    interval = sys.getswitchinterval()
    worker.start()
    turns = 0
    while not times[0] and turns < PATIENCE:
        turns += 1
    begun = np.count_nonzero(times)
    sys.setswitchinterval(1e6)  # from here on this loop keeps the GIL
    try:
        while not times[TICKS - 1] and turns < PATIENCE:
            turns += 1
        finished = bool(times[TICKS - 1])
    finally:
        sys.setswitchinterval(interval)
    worker.join()
    assert begun < TICKS, "all ticks were over before the GIL was kept: the drive is too short for this machine"
    assert finished, "the ticks stopped when the GIL was kept elsewhere"
