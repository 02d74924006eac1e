"""Runs a replay a second time in a fresh process and says whether every output byte is the same, and if not, where."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from autonomy.errors import EnvironmentFault
from autonomy.playback import difference
from autonomy.playback.recording import write_outputs
from autonomy.playback.result import OUTPUT_LOG, Result


def check(result: Result, log: str | Path, options: list[str]) -> dict[str, Any]:
    """`{equal, first_difference}` of `result` against a second run with the same `options` of `autonomy replay`.

    The second process gets another hash seed, so an order that hangs on hashing shows. Raises EnvironmentFault when
    it cannot run.
    """
    with tempfile.TemporaryDirectory(prefix="autonomy-determinism-") as directory:
        second = run_in_fresh_process(log, [*options, "-o", directory, "--no-report"])
        equal = second["output_sha256"] == result.metrics["output_sha256"]
        if equal:
            return {"equal": True, "first_difference": None}
        first = write_outputs(result, Path(directory) / "first.mcap")
        found = difference.compare_logs(first, Path(directory) / OUTPUT_LOG)
        return {"equal": False, "first_difference": difference.as_json(found)}


def run_in_fresh_process(log: str | Path, options: list[str], hash_seed: int = 1) -> dict[str, Any]:
    """The --json object of `autonomy replay LOG OPTIONS` in a new interpreter. Raises EnvironmentFault."""
    environment = dict(os.environ, PYTHONHASHSEED=str(hash_seed))
    root = str(Path(__file__).parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "autonomy", "replay", str(log), "--json", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        raise EnvironmentFault(f"the second run of the determinism check failed: {done.stderr.strip()[-500:]}") from None
