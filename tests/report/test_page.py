"""The page: well-formed, self-contained, complete, bounded, and safe against what a log may hold."""

from __future__ import annotations

import re
import xml.etree.ElementTree as tree
from html.parser import HTMLParser

import numpy as np
import pytest

from autonomy.report.page import SECTIONS, _tiles_in_a_row, write_report
from tests.report import drives

ANCHORS = [
    "drive", "birdseye", "errors", "outages", "aids", "commands", "lead", "lane", "truck", "health", "events", "timing",
    "inputs", "calibration", "provenance",
]  # fmt: skip
HTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"


def written(tmp_path, run, times=None) -> str:
    path = write_report(tmp_path / "run", run, times if times is not None else drives.tick_times(len(run.outputs)))
    assert path == tmp_path / "run" / "report.html"
    return path.read_text(encoding="utf-8")


def parsed(text: str) -> tree.Element:
    assert text.startswith("<!DOCTYPE html>")
    return tree.fromstring(text)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    return written(tmp_path_factory.mktemp("page"), drives.run())


def test_has_every_section_in_order_with_its_title_and_link(page):
    root = parsed(page)
    sections = root.findall(f".//{HTML}section")
    assert [section.get("id") for section in sections] == ANCHORS
    assert len(SECTIONS) == len(ANCHORS) + 1  # but that of a drive with a lidar
    assert all(section.find(f"{HTML}h2").text for section in sections)
    assert [link.get("href") for link in root.findall(f".//{HTML}nav/{HTML}a")] == [f"#{anchor}" for anchor in ANCHORS]


def test_a_full_run_draws_every_section_but_those_of_tables(page):
    for section in parsed(page).findall(f".//{HTML}section"):
        drawn = section.findall(f".//{SVG}svg[@role='img']")
        assert bool(drawn) == (section.get("id") not in ("events", "provenance")), section.get("id")


def test_needs_no_network(page):
    assert not re.search(
        r"(src|srcset|action|poster|data)\s*=", re.sub(r"data-[a-z]+=|<script>.*?</script>", "", page, flags=re.S)
    )
    for found in re.findall(r"https?://[^\s\"'<)]+", page):
        assert found in ("http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg")  # names, not places
    assert not re.search(r"url\(|@import|@font-face|<link|<iframe|<object|fetch\(|XMLHttpRequest", page)
    assert all(link.get("href").startswith("#") for link in parsed(page).findall(f".//{HTML}a"))


def test_is_html_whose_elements_all_close(page):
    class Balance(HTMLParser):
        open: list[str] = []

        def handle_starttag(self, tag, attributes):
            self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    balance = Balance()
    balance.feed(page)
    assert balance.open == []


def test_verdict_comes_first_with_ten_figures(page):
    root = parsed(page)
    head = root.find(f".//{HTML}header")
    assert "Pass" in "".join(head.find(f"{HTML}p[@class='verdict']").itertext())
    tiles = head.findall(f"{HTML}dl/{HTML}div")
    assert len(tiles) == 10
    assert ["".join(tile.find(f"{HTML}dd").itertext()) for tile in tiles[:4]] == ["60.0 s", "412 ×", "14.1 µs", "0.41 m"]


def test_says_nothing_that_is_no_number(page):
    drawn = " ".join(re.findall(r' (?:d|x|y|width|height|cx|cy|viewBox|data-\w+)="([^"]*)"', page))
    assert not re.search(r"\b(nan|inf|None)\b", drawn, flags=re.I)
    visible = re.sub(r"<(script|style)>.*?</\1>|<[^>]+>", " ", page, flags=re.S)
    assert not re.search(r"\b(nan|None|inf)\b", visible)


def test_hostile_names_stay_text(tmp_path):
    run = drives.run(300)
    attack = "</script><script>alert(1)</script>\" onload='x' &amp; <b>"
    run.metrics["log"]["path"] = attack
    run.metrics["path"] = attack
    run.metrics["version"] = attack
    run.metrics["oddities"] = {attack: 3}
    run.metrics["drops"] = {attack: {"received": 1, "used": 0, "unusable": 1, "max_gap_ms": 1.0}}
    run.metrics["aids"] = {attack: {"accepted": 1, "rejected": 0, "nis_per_dof": 1.0, "share_over_95": 0.0}}
    run.metrics["clocks"] = {attack: {"delay_s": 0.1, "sigma_s": 0.1, "offset_s": None, "rate_ppm": None}}
    run.metrics["faults"] = [{"source": attack, "kind": attack, "start_s": 1.0, "end_s": None, "value": None}]
    text = written(tmp_path, run)
    root = parsed(text)
    assert "<script>alert" not in text
    assert len(root.findall(f".//{HTML}script")) == 1
    assert not root.findall(f".//{HTML}b")
    assert all("onload" not in element.attrib for element in root.iter())


def test_long_runs_make_no_longer_page(tmp_path, page):
    long = written(tmp_path, drives.run(60_000))
    assert len(page) < 1_500_000
    assert len(long) < 1.7 * len(page)


@pytest.mark.parametrize("ticks", [0, 1, 2, 3, 50])
def test_short_runs_give_a_page(tmp_path, ticks):
    run = drives.run(ticks)
    run.metrics |= {
        "verdict": "error",
        "exit_code": 3,
        "ticks": ticks,
        "reference": None,
        "drops": {},
        "aids": {},
        "clocks": {},
        "outages": [],
        "shadow": {},
        "tick_us": {"p50": None, "p99": None, "max": None},
    }
    root = parsed(written(tmp_path, run))
    assert [section.get("id") for section in root.findall(f".//{HTML}section")] == ANCHORS


def test_without_a_reference_shows_the_filters_own_uncertainty(tmp_path):
    run = drives.run(1000, with_reference=False)
    run.metrics["reference"] = dict.fromkeys(run.metrics["reference"])
    text = written(tmp_path, run)
    assert "Position, 1 sigma of the filter" in text
    assert "No reference in this log" in text and "Position error forward" not in text


def test_a_run_of_nothing_known_gives_a_page(tmp_path):
    run = drives.run(500)
    for name in run.outputs.dtype.names:
        if run.outputs.dtype[name].names:
            for field in run.outputs.dtype[name].names:
                if run.outputs.dtype[name][field].base.kind == "f":
                    run.outputs[name][field] = np.nan
    run.metrics = {"verdict": "pass", "log": {}, "ticks": 500}
    text = written(tmp_path, run)
    test_says_nothing_that_is_no_number(text)


def test_missing_parts_are_named(tmp_path):
    run = drives.run(500)
    run.outputs["lane"]["status"] = 0
    run.outputs["tracks"]["lead_distance"] = np.nan
    run.outputs["ego"]["status"] = 0
    text = written(tmp_path, run)
    for sentence in ("No lane was seen", "No vehicle ahead", "never found a position"):
        assert sentence in text


def test_no_script_of_the_page_leaves_its_element(page):
    script = re.search(r"<script>(.*?)</script>", page, flags=re.S)[1]
    assert "</" not in script and "<!--" not in script and script.count("]]>") == 1


def test_same_run_gives_the_same_page(tmp_path):
    assert written(tmp_path / "a", drives.run(700)) == written(tmp_path / "b", drives.run(700))


@pytest.mark.parametrize(("count", "in_a_row"), [(1, 1), (4, 4), (6, 6), (10, 5), (11, 4), (12, 4), (13, 5)])
def test_rows_of_tiles_are_as_full_as_they_can_be(count, in_a_row):
    assert _tiles_in_a_row(count) == in_a_row
