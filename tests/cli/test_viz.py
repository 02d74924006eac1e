"""`autonomy viz`: what it tells, what it writes, and how it refuses."""

from __future__ import annotations

import json

import pytest

from autonomy import replay
from autonomy.cli.main import main
from autonomy.viewers import layout
from hil.drive import record
from tests.viewers.decoding import decoded


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("viz")
    replay(record(folder / "drive.mcap", duration_s=6.0, seed=3), output_dir=folder / "run", report=False)
    return folder / "run"


def test_it_tells_what_to_open(run, capsys):
    assert main(["viz", str(run)]) == 0
    told = capsys.readouterr().out
    assert str(run / "output.mcap") in told and str(layout.path()) in told and "missing" not in told
    assert main(["viz", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "log": str(run / "output.mcap"), "layout": str(layout.path()), "has_standard_messages": True,
    }  # fmt: skip


def test_the_standard_messages_alone(run, tmp_path, capsys):
    small = tmp_path / "view.mcap"
    assert main(["viz", str(run), "-o", str(small), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bytes"] == small.stat().st_size < 0.2 * (run / "output.mcap").stat().st_size
    assert decoded(small).keys() == decoded(run / "output.mcap").keys() == told["messages"].keys()


def test_a_stretch_of_it(run, tmp_path):
    assert main(["viz", str(run), "-o", str(tmp_path / "view.mcap"), "--start", "2", "--end", "4"]) == 0
    whole, part = decoded(run / "output.mcap")["/tf"], decoded(tmp_path / "view.mcap")["/tf"]
    first_ns = 1_000_000_000  # of the demonstration's clock
    assert [time for time, _ in part] == [time for time, _ in whole if first_ns + 2 * 10**9 <= time < first_ns + 4 * 10**9]


def test_a_log_that_was_cut_off_is_drawn_to_its_end(run, tmp_path, capsys):
    cut = tmp_path / "output.mcap"
    data = (run / "output.mcap").read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    assert main(["viz", str(cut), "-o", str(tmp_path / "view.mcap")]) == 0
    assert "ends early" in capsys.readouterr().out
    assert len(decoded(tmp_path / "view.mcap")["/tf"]) > 15


def test_without_standard_messages_it_says_how_to_make_them(run, tmp_path, capsys):
    bare = tmp_path / "bare.mcap"
    assert main(["log", "cut", str(run / "output.mcap"), "--topics", "/out/*", "/parameters", "-o", str(bare)]) == 0
    capsys.readouterr()
    assert main(["viz", str(bare)]) == 0
    assert f"autonomy viz {bare} -o view.mcap" in capsys.readouterr().out


@pytest.mark.parametrize(("options", "code", "words"), [
    (["--spawn"], 2, "with --rerun only"),
    (["-o", "x.rrd"], 2, "must end in .mcap"),
    (["--rerun", "-o", "x.mcap"], 2, "must end in .rrd"),
    (["--rerun", "--spawn", "--connect", "x"], 2, "give one of"),
    (["--rerun", "--memory-limit", "much"], 2, "write e.g. 2GB"),
    (["--start", "1"], 2, "with -o or --rerun only"),
    (["-o", "x.mcap", "--start", "9"], 2, "before the end"),
    (["-o", "x.mcap", "--start", "nan"], 2, "zero or more"),
])  # fmt: skip
def test_options_that_make_no_sense(run, capsys, monkeypatch, tmp_path, options, code, words):
    monkeypatch.chdir(tmp_path)
    assert main(["viz", str(run), *options]) == code
    assert words in capsys.readouterr().err


def test_what_is_no_run(run, tmp_path, capsys):
    assert main(["viz", str(run.parent / "drive.mcap")]) == 3
    assert "autonomy replay" in capsys.readouterr().err
    assert main(["viz", str(tmp_path)]) == 3
    assert "output.mcap" in capsys.readouterr().err


def test_the_log_is_not_overwritten_by_its_own_drawing(run, capsys):
    assert main(["viz", str(run), "-o", str(run / "output.mcap")]) == 2
    assert "being read" in capsys.readouterr().err
