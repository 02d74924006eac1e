"""A corpus run as a user starts it: verdicts, resuming, shards, the reference."""

from __future__ import annotations

import json
import xml.etree.ElementTree as tree
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from autonomy.cli.main import main
from autonomy.corpus import results

SUMMARY = ("summary.json", "results.parquet", "index.html")


def run(capsys, *arguments) -> tuple[int, dict]:
    code = main(["test", *map(str, arguments), "--json"])
    text = capsys.readouterr().out
    return code, json.loads(text) if text else {}


def summary_bytes(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in SUMMARY]


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory) -> Path:
    """The corpus, run in one go, all outputs kept."""
    output = tmp_path_factory.mktemp("runs") / "whole"
    assert main(["test", str(corpus), "-o", str(output), "--keep", "all"]) == 3
    return output


def test_every_log_has_its_row_report_and_outputs(whole, corpus):
    head, rows = results.read(whole)
    assert list(rows) == head["names"] == ["a", "b", "below/d", "broken", "c"]
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "a": "pass", "b": "pass", "below/d": "pass", "broken": "error", "c": "pass",
    }  # fmt: skip
    assert "is not an MCAP file" in rows["broken"]["reason"] and rows["broken"]["exit_code"] == 3
    for name in ("a", "below/d"):
        assert (whole / rows[name]["report"]).is_file() and (whole / "runs" / name / "output.mcap").is_file()


def test_the_table_has_a_row_a_log_and_a_column_a_figure(whole):
    table = parquet.read_table(whole / "results.parquet").to_pydict()
    assert table["name"] == ["a", "b", "below/d", "broken", "c"]
    assert table["ticks"][0] == 100 and table["ticks"][3] is None
    assert "drops.imu.received" in table and not any(name.startswith("tick_us") for name in table)


def test_the_page_lists_the_worst_first_and_links_the_reports(whole):
    text = (whole / "index.html").read_text(encoding="utf-8")
    root = tree.fromstring(text)
    html = "{http://www.w3.org/1999/xhtml}"
    first = root.find(f".//{html}section[@id='logs']//{html}tbody/{html}tr")
    assert "".join(first.find(f"{html}td").itertext()) == "broken"
    assert "runs/below/d/report.html" in {link.get("href") for link in root.iter(f"{html}a")}


def test_an_earlier_result_is_not_overwritten(whole, corpus, capsys):
    assert main(["test", str(corpus), "-o", str(whole)]) == 2
    assert "--resume" in capsys.readouterr().err


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_ended_anywhere_and_resumed_sums_up_to_the_same_bytes(whole, corpus, tmp_path, capsys, jobs):
    lines = (whole / "result.jsonl").read_bytes().splitlines(keepends=True)
    for number, kept in enumerate((b"", lines[0], lines[0][:40], b"".join(lines[:3]), b"".join(lines[:3]) + lines[3][:-30])):
        output = tmp_path / str(number)
        output.mkdir()
        (output / "result.jsonl").write_bytes(kept)
        code, _ = run(capsys, corpus, "-o", output, "--keep", "all", "--resume", "-j", jobs)
        assert code == 3
        assert summary_bytes(output) == summary_bytes(whole)


def test_resuming_with_other_options_is_refused(whole, corpus, capsys):
    assert main(["test", str(corpus), "-o", str(whole), "--keep", "all", "--resume", "--set", "vehicle.mass_kg=1800"]) == 2
    assert "other logs" in capsys.readouterr().err


def test_shards_merge_to_the_figures_of_the_whole(whole, corpus, tmp_path, capsys):
    parts = [tmp_path / str(number) for number in (1, 2)]
    for number, part in enumerate(parts, 1):
        run(capsys, corpus, "-o", part, "--shard", f"{number}/2", "--keep", "all")
    code, told = run(capsys, "--merge", *parts, "-o", tmp_path / "merged")
    assert code == 3 and told == json.loads((whole / "summary.json").read_text())
    _, rows = results.read(tmp_path / "merged")
    assert (tmp_path / "merged" / rows["a"]["report"]).is_file()
    code, told = run(capsys, "--merge", parts[1], "-o", tmp_path / "half")
    assert told["missing"] == ["(3 logs of shards that were not given)"]


def test_pain_22_logs_that_came_went_and_changed_are_told_with_their_fields(whole, corpus, tmp_path, capsys):
    now = tmp_path / "corpus"
    now.mkdir()
    for name in ("a", "b", "c"):
        (now / f"{name}.mcap").symlink_to(corpus / f"{name}.mcap")
    (now / "new.mcap").symlink_to(corpus / "c.mcap")
    code, told = run(capsys, now, "-o", tmp_path / "same", "--ref", whole)
    assert code == 0 and told["changed"] == [] and told["added"] == ["new"] and told["removed"] == ["below/d", "broken"]

    code, told = run(capsys, now, "-o", tmp_path / "other", "--ref", whole, "--set", "vehicle.mass_kg=1800.0")
    assert code == 1 and told["changed"] == ["a", "b", "c"]
    found = results.read(tmp_path / "other")[1]["a"]
    assert any(item["topic"] == "/out/truck" and item["field"] == "mass_kg" for item in found["differences"])
    assert main(["test", str(now), "-o", str(tmp_path / "told"), "--ref", str(whole), "--set", "vehicle.mass_kg=1800.0"]) == 1
    printed = capsys.readouterr().out
    assert (
        "changed       a: " in printed
        and "/out/" in printed
        and "removed       below/d" in printed
        and "added         new" in printed
    )


def test_pain_22_ignored_fields_do_not_count(whole, corpus, tmp_path, capsys):
    fields = {item["topic"][5:] for item in _differences(whole, corpus, tmp_path, capsys)}
    options = ("--set", "vehicle.mass_kg=1800.0", "--ignore-fields", *fields)
    code, told = run(capsys, corpus / "a.mcap", "-o", tmp_path / "ignored", "--ref", whole, *options)
    assert code == 0 and told["changed"] == [] and told["within_tolerance"] == ["a"]


def _differences(whole, corpus, tmp_path, capsys):
    run(capsys, corpus / "a.mcap", "-o", tmp_path / "first", "--ref", whole, "--set", "vehicle.mass_kg=1800.0")
    return results.read(tmp_path / "first")[1]["a"]["differences"]


def test_conditions_make_verdicts(corpus, tmp_path, capsys):
    code, told = run(
        capsys, corpus / "a.mcap", "-o", tmp_path / "1", "--condition", "ticks >= 100", "--condition", "verdict == pass"
    )
    assert code == 0 and told["verdict"] == "pass"
    code, told = run(capsys, corpus / "a.mcap", "-o", tmp_path / "2", "--condition", "ticks > 100")
    assert code == 1 and results.read(tmp_path / "2")[1]["a"]["reason"] == "ticks is 100.0, wanted > 100"
    code, told = run(capsys, corpus / "a.mcap", "-o", tmp_path / "3", "--condition", "reference.position_rms_m <= 1")
    assert code == 5 and told["verdict"] == "inconclusive"


def test_junit_has_a_case_a_log(corpus, tmp_path):
    assert main(["test", str(corpus), "-o", str(tmp_path / "run"), "--junit", str(tmp_path / "j.xml"), "--keep", "nothing"]) == 3
    suite = tree.parse(tmp_path / "j.xml").getroot()
    assert [case.get("name") for case in suite.iter("testcase")] == ["a", "b", "below/d", "broken", "c"]
    assert suite.get("errors") == "1" and suite.get("failures") == "0"
    assert not (tmp_path / "run" / "runs").exists()


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--shard", "3/2"], "--shard"),
        (["--jobs", "0"], "--jobs"),
        (["--condition", "fast"], "condition"),
        (["--time-out", "nan"], "--time-out"),
        (["--ignore-fields", "ego"], "--ref"),
    ],
)
def test_wrong_options_are_one_sentence(corpus, tmp_path, capsys, arguments, said):
    assert main(["test", str(corpus), "-o", str(tmp_path / "x"), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_folders_without_logs_are_bad_input(tmp_path, capsys):
    assert main(["test", str(tmp_path), "-o", str(tmp_path / "x")]) == 3
    assert main(["test", str(tmp_path / "nowhere"), "-o", str(tmp_path / "x")]) == 3
    assert "holds no log" in capsys.readouterr().err
