"""Time and peak memory of one command in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# VmHWM, not the resource module's maximum: that would begin with the parent's at the fork
_CHILD = """
import json, resource, sys, time
limit = int(sys.argv.pop(1))
if limit:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
from autonomy.cli.main import main
began = time.perf_counter()
code = main(sys.argv[1:])
sys.stdout.flush()
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
print(json.dumps({"code": code, "seconds": time.perf_counter() - began, "peak_rss_mb": peak}), file=sys.stderr)
"""


@dataclass(frozen=True)
class Measured:
    code: int
    seconds: float
    peak_rss_mb: float
    output: str


def measure(arguments: list[object], keep_output: bool = True, address_space_bytes: int = 0) -> Measured:
    """Runs `autonomy ARGUMENTS`, in no more than so much address space if any is named.

    Raises RuntimeError with its last words when it does not end by itself.
    """
    root = str(Path(__file__).parents[2])
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])))
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(address_space_bytes), *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE if keep_output else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    try:
        figures = json.loads(done.stderr.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        raise RuntimeError(f"autonomy {' '.join(map(str, arguments))} died: {done.stderr[-500:]}") from None
    return Measured(output=done.stdout or "", **figures)


def row(kernel: str, ours_ns: float | None, peer: tuple | None, aim: str | None, met: bool | None) -> dict:
    """Of a benchmark's table; `peer`: name, version, ns. Without an aim it is only told."""
    name, told, peer_ns = peer or (None, None, None)
    return {"kernel": kernel, "ours_ns": ours_ns, "peer": name, "peer_version": told, "peer_ns": peer_ns,
            "ratio": peer_ns / ours_ns if peer_ns and ours_ns else None, "aim": aim, "met": met}  # fmt: skip
