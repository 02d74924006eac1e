"""The pages on comparison and corpus runs: their files load, their tables name every option and key."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from autonomy.cli.parser import Parser
from autonomy.corpus import scenario
from autonomy.playback import tolerance
from tests.docs.pages import DOCS, blocks


def test_the_scenario_of_the_page_loads_and_names_every_key(tmp_path):
    text = next(block.text for block in blocks(DOCS / "corpus.md", "toml"))
    (tmp_path / "drive.mcap").touch()
    (tmp_path / "scenario.toml").write_text(text)
    case = scenario.load(tmp_path / "scenario.toml", "motorway")
    assert len(case.conditions) == 3 and case.options["overrides"] == {"ego.wheel_sigma_mps": 0.06}
    assert all(re.search(rf"^\[?{key}\b", text, re.MULTILINE) for key in scenario.KEYS)


def test_the_tolerances_of_the_page_load(tmp_path):
    text = next(block.text for block in blocks(DOCS / "compare.md", "toml"))
    (tmp_path / "t.toml").write_text(text)
    limits = tolerance.load(tmp_path / "t.toml")
    assert limits.of_field("/out/ego", "yaw").angle and limits.of_field("/out/tracks", "tracks[3].x").ignore
    assert limits.of_metric("reference.position_rms_m").allow == "better" and limits.of_field("/out/plan", "behaviour").exact


@pytest.mark.parametrize("page, command", [("corpus.md", "test"), ("compare.md", "report")])
def test_pages_name_every_option(page, command):
    subparsers = Parser().add_subparsers()
    import_module(f"autonomy.cli.{command}").add_parser(subparsers)
    known = {option for action in subparsers.choices[command]._actions for option in action.option_strings} - {"-h", "--help"}
    rows = [line.split("|")[1] for line in (DOCS / page).read_text(encoding="utf-8").splitlines() if line.startswith("| `-")]
    assert known <= {name.split()[0] for row in rows for name in re.findall(r"`([^`]+)`", row)}
