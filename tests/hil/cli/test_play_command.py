"""`autonomy hil play` from the command line: verdict, JSON, JUnit, and mistakes in one sentence."""

from __future__ import annotations

import json
import xml.etree.ElementTree as tree

import pytest

from autonomy.cli.main import main
from autonomy.errors import USAGE
from tests.hil.rig import logs


@pytest.fixture
def log(tmp_path) -> str:
    return logs.write_log(tmp_path / "drive.mcap")


def test_a_run_is_told_as_lines_json_and_junit(log, tmp_path, capsys):
    channel, junit = str(tmp_path / "a"), tmp_path / "out" / "junit.xml"
    words = ["hil", "play", log, "-i", "local", "-c", channel, "--map", f"0={channel}", "--no-dut", "--rate", "1000",
             "--late-limit", "60000", "--baseline", "0.2"]  # fmt: skip
    with logs.hubs(tmp_path, "a"):
        code = main([*words, "--json", "--junit", str(junit)])
        found = json.loads(capsys.readouterr().out)
        assert main(words) in (0, 5)
        shown = capsys.readouterr().out
    assert code == found["exit_code"] in (0, 5) and found["counts"]["sent"] == 40 and found["baseline"]["lateness_us"]["p50"] > 0
    suite = tree.parse(junit).getroot().find("testsuite")
    assert [case.get("name") for case in suite][-1] == "verdict" and suite.find("properties/property[@name='records_sent']").get(
        "value"
    ) == "40"
    assert f"local {channel}" in shown and "bare loop" in shown and "account      56 read = " in shown


def test_a_dry_run_needs_no_bus(log, capsys):
    assert main(["hil", "play", log, "-i", "socketcan", "-c", "can7", "--map", "0=can7", "--dut-sa", "0b", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "10 of the device under test" in said and "30 of 56 records would be sent in one pass, nothing was" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rate", "0"], "--rate 0"),
        (["--start", "-1"], "--start -1"),
        (["--start", "5", "--end", "3"], "must lie behind --start"),
        (["--end", "3", "--duration", "3"], "--end and --duration"),
        (["--dut-sa", "0b", "--no-dut"], "exclude each other"),
        (["--patience", "0", "--no-dut"], "--patience 0"),
        (["--dut-sa", "1ff"], "no source address"),
        (["--no-dut", "--start", "900"], "ends 0.390 s after"),
        (["--no-dut", "--baud", "-5"], "'-5' is no rate"),
        (["--no-dut", "--for", "0"], "--for 0"),
    ],
)
def test_a_mistake_is_one_sentence(log, capsys, words, said):
    assert main(["hil", "play", log, "-i", "local", "-c", "a", "--map", "0=a", *words]) == USAGE
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told
