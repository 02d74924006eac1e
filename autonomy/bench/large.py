"""Commands on a log larger than memory: peak memory, and time per gigabyte."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from autonomy.bench import synthetic
from autonomy.bench.measuring import measure
from autonomy.errors import EnvironmentFault

AIM_RSS_MB = 300.0
GIGABYTE = 1_000_000_000
ROOM = 2.5  # times the log's size that must be free on the disk: a replay's output log repeats its inputs


def rows(gigabytes: float = 20.0, directory: Path | None = None) -> list[dict]:
    """Rows of the bench table; the log is made in `directory` (default: the folder for temporary files) and deleted.

    Raises EnvironmentFault where the disk has no room.
    """
    size = int(gigabytes * GIGABYTE)
    free = shutil.disk_usage(directory or tempfile.gettempdir()).free
    if free < ROOM * size:
        raise EnvironmentFault(
            f"bench large: {directory or tempfile.gettempdir()} has {free / GIGABYTE:.1f} GB free, a log of {gigabytes:g} GB "
            f"needs {ROOM:g} times its size; give --gigabytes or --directory"
        )
    with tempfile.TemporaryDirectory(prefix="autonomy-large-", dir=directory) as folder:
        log = Path(folder) / "large.mcap"
        began = time.perf_counter()
        seconds = synthetic.write(log, size)
        made = log.stat().st_size / GIGABYTE
        took = time.perf_counter() - began
        print(f"large: {made:.1f} GB, {seconds / 3600:.2f} h of drive, made in {took:.0f} s", file=sys.stderr)
        out = Path(folder) / "out.mcap"
        commands = {
            "log info": ["log", "info", log],
            "log check": ["log", "check", log],
            "log cut, a minute in the middle": ["log", "cut", log, "--start", seconds / 2, "--duration", 60, "-o", out],
            "log cut, one topic of all": ["log", "cut", log, "--topics", "/in/gnss", "-o", out],
            "replay --end 600": ["replay", log, "--end", 600],
            "replay of all": ["replay", log],
            "replay of all, output log and report": ["replay", log, "-o", Path(folder) / "run"],
        }
        return [_row(name, command, made) for name, command in commands.items()]


def _row(name: str, command: list[object], gigabytes: float) -> dict:
    found = measure(command)
    print(f"large: {name}: {found.seconds:.1f} s, {found.peak_rss_mb:.0f} MB", file=sys.stderr)
    return {
        "kernel": f"{name}, peak {found.peak_rss_mb:.0f} MB",
        "ours_ns": found.seconds * 1e9,
        "peer": f"{found.seconds / gigabytes:.2f} s a GB of {gigabytes:.1f}",
        "peer_version": None,
        "peer_ns": None,
        "ratio": None,
        "aim": f"<= {AIM_RSS_MB:.0f} MB",
        "met": found.code == 0 and found.peak_rss_mb <= AIM_RSS_MB,
    }
