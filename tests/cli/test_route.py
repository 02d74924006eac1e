"""`autonomy route`: what it learns of drives, what it shows, and how it refuses."""

from __future__ import annotations

import json

import pytest

from autonomy.cli.main import main
from autonomy.log.writer import LogWriter
from autonomy.planning.route_grade import restore
from tests.planning.test_route_learning import driven


def written(path, ego, truck):
    with LogWriter(path, {}) as log:
        log.write_merged({"/out/ego": (ego["time_ns"], ego), "/out/truck": (truck["time_ns"], truck)})
    return str(path)


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("route")
    (folder / "monday").mkdir()
    written(folder / "monday" / "run.mcap", *driven())
    return {"monday": str(folder / "monday"), "tuesday": written(folder / "tuesday.mcap", *driven(noise=0.1, sigma=0.002)),
            "elsewhere": written(folder / "elsewhere.mcap", *driven(begin_m=5000.0, curvature=1 / 5000))}  # fmt: skip


def test_a_route_is_learned_shown_and_learned_onto(logs, tmp_path, capsys):
    route, more, page = tmp_path / "a.route", tmp_path / "b.route", tmp_path / "a.html"
    assert main(["route", "learn", logs["monday"], "-o", str(route)]) == 0
    told = capsys.readouterr()
    assert "1.5 km on the route, 0.0 km beside" in told.err and "grade known on 1.4" in told.out
    assert main(["route", "learn", logs["tuesday"], "--onto", str(route), "-o", str(more), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["drives_maximum"] == 2.0 and found["drives"][0]["on_m"] > 1400.0
    assert (restore(more).sigma[5:50] < restore(route).sigma[5:50]).all()
    assert main(["route", "show", str(more), "-o", str(page), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["length_m"] == restore(more).length_m
    assert page.read_text().count("<svg") >= 4


def test_two_drives_at_once_are_the_same_as_one_onto_the_other(logs, tmp_path, capsys):
    for name, words in (("both", [logs["monday"], logs["tuesday"]]), ("first", [logs["monday"]]),
                        ("onto", [logs["tuesday"], "--onto", str(tmp_path / "first.route")])):  # fmt: skip
        assert main(["route", "learn", *words, "-o", str(tmp_path / f"{name}.route")]) == 0
    both, onto = (restore(tmp_path / f"{name}.route") for name in ("both", "onto"))
    assert abs(both.grade - onto.grade).max() < 2e-6  # the file has six digits


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["learn", "{monday}", "{elsewhere}", "-o", "x.route"], 3, "drove nothing of the route"),
        (["learn", "{empty}", "-o", "x.route"], 3, "holds neither run.mcap nor output.mcap"),
        (["learn", "{bare}", "-o", "x.route"], 3, "has no topic /out/ego"),
        (["show", "{bare}"], 3, "is no text, so no file of grades"),
        (["learn", "{monday}", "-o", "nowhere/x.route"], 4, "cannot be written"),
        (["show", "x.route", "-o", "page.svg"], 2, "must end in .html"),
    ],
)
def test_it_refuses_in_one_sentence(logs, tmp_path, monkeypatch, capsys, words, code, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with LogWriter(tmp_path / "bare.mcap", {}) as log:
        log.write_merged({"/out/truck": (driven(100.0)[1]["time_ns"], driven(100.0)[1])})
    places = logs | {"empty": str(tmp_path / "empty"), "bare": str(tmp_path / "bare.mcap")}
    assert main(["route", *(word.format(**places) for word in words)]) == code
    assert sentence in capsys.readouterr().err.splitlines()[-1]
