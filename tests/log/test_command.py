"""`autonomy log`: what it prints and the codes it ends with."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from autonomy.bench import log as bench
from autonomy.cli.main import main
from tests.log.samples import write_small
from tests.log.test_columns import IMU, IMU_ROWS


def test_convert_prints_what_it_did(tmp_path, capsys):
    (tmp_path / "mapping.toml").write_text(IMU)
    (tmp_path / "imu.csv").write_text(IMU_ROWS)
    out = tmp_path / "out.mcap"
    assert main(["log", "convert", str(tmp_path), str(out), "--map", str(tmp_path / "mapping.toml"), "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert result["format"] == "columns" and result["messages"] == {"/in/imu": 2} and sum(result["unused"].values()) == 3
    assert (result["start_ns"], result["end_ns"]) == (1_490_000_000, 1_500_000_000)
    assert "converting" in printed.err
    assert main(["log", "convert", str(tmp_path), str(out), "--map", str(tmp_path / "mapping.toml")]) == 0
    assert "unused: imu.csv: marked invalid: 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["convert", "a", "b"], 2, "must end in .mcap"),
        (["convert", "b.mcap"], 2, "give at least one recording"),
        (["convert", "/nowhere", "b.mcap"], 3, "/nowhere does not exist"),
        (["convert", ".", "b.mcap"], 3, "is a folder, and neither a comma2k19 segment"),
        (["convert", ".", "b.mcap", "--map", "/no.toml"], 2, "/no.toml: cannot be read"),
        (["convert", ".", "b.mcap", "--map", "x", "--dbc", "0=a"], 2, "has no meaning with --map"),
        (["info", "/nowhere.mcap"], 3, "cannot read /nowhere.mcap"),
        (["check", "/nowhere.mcap"], 3, "cannot read /nowhere.mcap"),
    ],
)
def test_a_mistake_ends_in_one_sentence_and_its_code(tmp_path, monkeypatch, capsys, arguments, code, sentence):
    monkeypatch.chdir(tmp_path)
    assert main(["log", *arguments]) == code
    error = capsys.readouterr().err
    assert sentence in error and "Traceback" not in error


@pytest.mark.parametrize("option", ["x", "a=b", "200=f", "0="])
def test_a_bad_dbc_option_is_named(tmp_path, capsys, option):
    (tmp_path / "global_pose").mkdir()
    assert main(["log", "convert", str(tmp_path), str(tmp_path / "b.mcap"), "--dbc", option]) == 2
    assert "write BUS=FILE" in capsys.readouterr().err


def test_info_and_check_of_a_whole_log(tmp_path, capsys):
    write_small(tmp_path / "a.mcap")
    assert main(["log", "info", str(tmp_path / "a.mcap"), "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["messages"] == {"/raw/can/0": 300, "/in/imu": 30, "/out/tracks": 20} and not info["truncated"]
    assert main(["log", "check", str(tmp_path / "a.mcap")]) == 0
    assert "attachment can/0.dbc" in capsys.readouterr().out


def test_check_says_where_a_cut_log_ends(tmp_path, capsys):
    write_small(tmp_path / "a.mcap")
    data = (tmp_path / "a.mcap").read_bytes()
    (tmp_path / "a.mcap").write_bytes(data[: len(data) // 2])
    assert main(["log", "check", str(tmp_path / "a.mcap"), "--json"]) == 3
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert result["truncated"] and result["last_good_ns"] == result["end_ns"]
    assert 0 < result["messages"]["/raw/can/0"] < 300 and "can be read" in printed.err
    assert main(["log", "info", str(tmp_path / "a.mcap")]) == 3


def test_the_command_starts_fast():
    """Nothing heavy is loaded before the action is known."""
    code = (
        "import sys; from autonomy.cli.main import main; main(['log', '--help']); "
        "print(sorted({'numpy', 'scipy', 'lz4'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines()[-1] == "[]"


def test_the_benchmark_gives_its_rows(monkeypatch):
    monkeypatch.setattr(bench, "MESSAGES", 500)
    monkeypatch.setattr(bench, "REPEATS", 1)
    rows = bench.rows()
    assert len(rows) == 7 and all(np.isfinite(row["ratio"]) and row["peer_version"] for row in rows)
