"""Fixtures of all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_directory() -> Path:
    """The recorded logs: $AUTONOMY_DATA, or `shared/data` beside the repository. Their absence is a failure in CI."""
    told = os.environ.get("AUTONOMY_DATA")
    path = Path(told) if told else Path(__file__).parents[2] / "shared" / "data"
    if not path.is_dir():
        reason = f"no recorded data in {path}; set AUTONOMY_DATA to the folder that holds comma2k19"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path.resolve()
