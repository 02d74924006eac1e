"""Wrong options of a corpus run are told once, before its first log; figures do not depend on what is kept."""

from __future__ import annotations

import pytest

from autonomy.cli.main import main
from autonomy.corpus import results
from autonomy.errors import StaleBuildError
from tests.corpus.test_scenario import folder


@pytest.mark.parametrize(
    "options, said",
    [
        (["--set", "ego.nope=1"], "--set ego.nope: no such key"),
        (["--set", "ego.wheel_sigma_mps='wide'"], "[ego] wheel_sigma_mps = 'wide': not a number"),
        (["--outages", "bla"], "--outages bla: cannot read 'bla'"),
        (["--faults", "none_such"], "--faults: no fault timeline 'none_such'"),
        (["--config", "none_such"], "--config: no configuration 'none_such'"),
    ],
)
def test_a_wrong_option_is_told_once_with_2(corpus, tmp_path, capsys, options, said):
    assert main(["test", str(corpus), "-o", str(tmp_path / "out"), *options]) == 2
    told = capsys.readouterr().err
    assert told.count(said) == 1 and len(told.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "line, said",
    [
        ('config = "none_such"', "config: no configuration 'none_such'"),
        ('faults = "none_such"', "faults: no fault timeline 'none_such'"),
        ('outages = "at=x:end"', "outages: --outages at=x:end: 'x' is not a number of seconds"),
        ('from = "somewhere"', "from: 'somewhere' is not known; choose one of auto, raw"),
        ('[set]\n"ego.nope" = 1', "[set]: --set ego.nope: no such key"),
        ('lane_path = "none.csv"', "lane_path: lane path none.csv: cannot be read"),
    ],
)
def test_a_wrong_value_of_a_scenario_names_file_and_key(corpus, tmp_path, capsys, line, said):
    here = folder(tmp_path, corpus, "one", f'log = "drive.mcap"\n{line}\n')
    assert main(["test", str(tmp_path / "scenarios"), "-o", str(tmp_path / "out")]) == 2
    assert f"{here / 'scenario.toml'}: {said}" in capsys.readouterr().err


def test_a_stale_kernel_is_told_once_with_4(corpus, tmp_path, monkeypatch, capsys):
    def stale(cases):
        raise StaleBuildError("autonomy._tick was compiled for other message layouts")

    monkeypatch.setattr("autonomy.corpus.checks.check_options", stale)
    assert main(["test", str(corpus), "-o", str(tmp_path / "out")]) == 4
    assert capsys.readouterr().err.count("other message layouts") == 1


def test_a_tolerance_that_fits_no_field_is_told_before_the_first_log(corpus, tmp_path, capsys):
    assert main(["test", str(corpus / "a.mcap"), "-o", str(tmp_path / "before")]) == 0
    command = ["test", str(corpus / "a.mcap"), "-o", str(tmp_path / "after"), "--ref", str(tmp_path / "before")]
    assert main([*command, "--ignore-fields", "ego.positon"]) == 2
    assert "no field of the outputs has this name" in capsys.readouterr().err
    assert main([*command, "--ignore-fields", "ego.position"]) == 0


def test_the_figures_are_the_same_whatever_is_kept(tmp_path):
    from hil import drive

    log = drive.record(tmp_path / "drive.mcap", duration_s=4.0, seed=1)
    figures = {}
    for keep in ("nothing", "reports", "all"):
        assert main(["test", str(log), "-o", str(tmp_path / keep), "--keep", keep]) == 0
        figures[keep] = results.read(tmp_path / keep)[1]["drive"]["figures"]
    assert figures["nothing"] == figures["reports"] == figures["all"]
    assert figures["all"]["shadow.lead_distance_m.samples"] > 0
