"""A run whose process is killed at some moment and resumed sums up to the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpus.test_run import SUMMARY
from tests.playback.conftest import drive, write

ROOT = Path(__file__).parents[2]
LOGS = 24


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_bytes(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    write(folder / "log-00.mcap", drive(1.0))
    for number in range(1, LOGS):
        os.link(folder / "log-00.mcap", folder / f"log-{number:02d}.mcap")
    run(folder, tmp_path / "whole", lines=None)
    for kill_at in (1, 2, 9, LOGS):
        run(folder, tmp_path / f"killed-{kill_at}", lines=kill_at)
        run(folder, tmp_path / f"killed-{kill_at}", "--resume", lines=None)
        for name in SUMMARY:
            assert (tmp_path / f"killed-{kill_at}" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def run(folder: Path, output: Path, *options: str, lines: int | None) -> None:
    """Runs the corpus; kills it as soon as so many lines of the results are there."""
    command = [sys.executable, "-m", "autonomy", "test", str(folder), "-o", str(output), "-j", "2", "--keep", "nothing", *options]
    environment = dict(os.environ, PYTHONPATH=str(ROOT), PYTHONUNBUFFERED="1")
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while lines is not None and process.poll() is None:
            path = output / "result.jsonl"
            if path.is_file() and path.read_bytes().count(b"\n") >= lines:
                process.send_signal(signal.SIGKILL)
                break
        code = process.wait()
    assert code == 0 or (lines is not None and code == -signal.SIGKILL)
