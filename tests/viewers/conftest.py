"""A drive of the demonstration truck, replayed once: its folder, what viewers decode from it, what the stack said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.viewers.decoding import decoded

DRIVE_S = 12.0


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory) -> Path:
    from autonomy import replay
    from hil.drive import record

    folder = tmp_path_factory.mktemp("viewers")
    replay(record(folder / "drive.mcap", duration_s=DRIVE_S, seed=2), output_dir=folder / "run", report=False)
    return folder / "run"


@pytest.fixture(scope="session")
def log(run_folder) -> Path:
    return run_folder / "output.mcap"


@pytest.fixture(scope="session")
def messages(log) -> dict[str, list]:
    """{topic: [(log time, message as mcap-ros2-support decodes it)]} of the standard messages."""
    return decoded(log)


@pytest.fixture(scope="session")
def outputs(run_folder):
    """{tick time: OutputFrame}."""
    from autonomy.playback import stored

    return {int(row["tick_time_ns"]): row for row in stored.load(run_folder).outputs}
