"""Fixtures of all tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("autonomy", deadline=None)  # a busy machine is no failure
settings.load_profile("autonomy")


@pytest.fixture(scope="session")
def data_directory() -> Path:
    """The recorded logs: $AUTONOMY_DATA, or `shared/data` beside the repository. Their absence is a failure in CI."""
    told = os.environ.get("AUTONOMY_DATA")
    path = Path(told) if told else Path(__file__).parents[2] / "shared" / "data"
    if not path.is_dir():
        _missing(f"no recorded data in {path}; set AUTONOMY_DATA to the folder that holds comma2k19")
    return path.resolve()


@pytest.fixture(scope="session")
def recorded_j1939(data_directory) -> Callable[[str], Path]:
    """The recording of a truck's bus of that name; its absence is a failure in CI."""

    def recording(name: str) -> Path:
        path = data_directory / "j1939" / name
        if not path.exists():
            _missing(f"{path} is not there")
        return path

    return recording


def _missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
