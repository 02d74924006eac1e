"""A folder of five small logs: four drives of different length, one of them in a folder below, and one that is no log."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.playback.conftest import drive, write


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "below").mkdir()
    for name, seconds in (("a", 1.0), ("b", 1.5), ("c", 2.0), ("below/d", 1.2)):
        write(folder / f"{name}.mcap", drive(seconds))
    (folder / "broken.mcap").write_text("no log at all")
    return folder
