"""Replay of the recorded highway minute, log reading included: real-time factor and memory, on ten minutes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from autonomy import recordings
from autonomy.log.reader import LogReader, rows_of
from autonomy.log.writer import METADATA_NAME, LogWriter
from autonomy.tick_period import TICK_NS

COPIES = 10
AIM_REALTIME, AIM_RSS_MB = 300.0, 250.0
TIME_FIELDS = ("valid_time_ns", "received_time_ns", "time_ns")

# In a process of its own, so that its peak memory is that of one replay
# (the resource module's maximum would begin with the parent's at the fork)
_CHILD = """
import json, sys
from autonomy import replay
result = replay(sys.argv[1])
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
keep = {key: result.metrics[key] for key in ("ticks", "realtime_factor", "startup_s", "tick_us")}
print(json.dumps(keep | {"peak_rss_mb": peak}))
"""


def recorded_drive() -> Path | None:
    """The folder of the comma2k19 segment, None where the recordings are not."""
    return recordings.find("comma2k19")


def rows() -> list[dict]:
    """Rows of the bench table; none where the recorded drive is absent."""
    from autonomy.log.importers.comma2k19 import convert

    segment = recorded_drive()
    if segment is None:
        print("replay: the recorded drive is not here (set AUTONOMY_DATA); left out", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory(prefix="autonomy-bench-") as directory:
        minute, long = Path(directory) / "minute.mcap", Path(directory) / "long.mcap"
        convert([segment], minute)
        concatenate(minute, long, COPIES)
        short_run, long_run = _run(minute), _run(long)
    common = {"ours_ns": None, "peer_version": None, "peer_ns": None}
    factor, p50 = long_run["realtime_factor"], long_run["tick_us"]["p50"]
    grown = long_run["peak_rss_mb"] - short_run["peak_rss_mb"]
    return [
        common | {"kernel": f"replay, {COPIES} recorded minutes", "peer": "real time", "ratio": factor,
                  "aim": f">= {AIM_REALTIME:.0f}x", "met": factor >= AIM_REALTIME},
        common | {"kernel": "whole tick, median", "ours_ns": p50 * 1e3, "peer": "", "ratio": None,
                  "aim": "<= 18 us", "met": p50 <= 18.0},
        common | {"kernel": "replay start-up", "ours_ns": long_run["startup_s"] * 1e9, "peer": "", "ratio": None, "aim": "",
                  "met": None},
        common | {"kernel": f"replay peak memory {long_run['peak_rss_mb']:.0f} MB ({grown:+.0f} MB over one minute)", "peer": "",
                  "ratio": None, "aim": f"<= {AIM_RSS_MB:.0f} MB", "met": long_run["peak_rss_mb"] <= AIM_RSS_MB},
    ]  # fmt: skip


def concatenate(source: Path, target: Path, copies: int) -> None:
    """Writes `copies` of a log one after the other, all times shifted, in bounded memory."""
    with LogReader(source) as reader:
        period = reader.end_ns - reader.start_ns + TICK_NS
        metadata = {key: value for key, value in reader.metadata[METADATA_NAME].items() if key != "version"}
        with LogWriter(target, metadata) as writer:
            for name in reader.attachments:
                writer.attach(name, reader.attachment(name))
            for copy in range(copies):
                for batch in reader.batches():
                    writer.write_merged(_shifted(reader, batch, copy * period))


def _shifted(reader: LogReader, batch, shift_ns: int) -> dict:
    from autonomy import msg
    from autonomy.log.reader import Batch

    streams = {}
    for number in np.unique(batch.records["channel"]):
        channel = reader.channels[int(number)]
        records = batch.records[batch.records["channel"] == number]
        rows = rows_of(Batch(records, batch.data), msg.dtype(reader.message_name(channel.topic)))
        holder = rows["items"] if "items" in rows.dtype.names else rows
        for field in TIME_FIELDS:
            if field in holder.dtype.names:
                holder[field][holder[field] > 0] += shift_ns
        streams[channel.topic] = records["log_time_ns"] + shift_ns, rows
    return streams


def _run(log: Path) -> dict:
    root = str(Path(__file__).parents[2])
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])))
    done = subprocess.run([sys.executable, "-c", _CHILD, str(log)], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
