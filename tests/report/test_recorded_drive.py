"""The report of the recorded highway drive, made by the commands a user types."""

from __future__ import annotations

import json
import xml.etree.ElementTree as tree

import numpy as np
import pytest

from autonomy.cli.main import main

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.real_data
def test_the_recorded_drive_fills_every_section(data_directory, tmp_path, capsys):
    log, output = tmp_path / "drive.mcap", tmp_path / "run"
    assert main(["log", "convert", str(data_directory / "comma2k19"), str(log)]) == 0
    capsys.readouterr()
    assert (
        main(["replay", str(log), "-o", str(output), "--outages", "at=20:end", "--junit", str(output / "junit.xml"), "--json"])
        == 0
    )
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["report"] == str(output / "report.html")

    text = (output / "report.html").read_text(encoding="utf-8")
    assert len(text) < 3_000_000
    root = tree.fromstring(text)
    sections = {section.get("id"): section for section in root.iter("{http://www.w3.org/1999/xhtml}section")}
    for anchor in (
        "drive",
        "birdseye",
        "errors",
        "outages",
        "aids",
        "commands",
        "lead",
        "lane",
        "health",
        "timing",
        "inputs",
        "calibration",
    ):
        assert sections[anchor].findall(f".//{SVG}svg[@role='img']"), anchor
    radar = [
        path.get("d")
        for path in sections["lead"].iter(f"{SVG}path")
        if path.get("class") == "dots raw" and "data" not in path.attrib
    ]
    assert max(len(drawn) for drawn in radar) > 1000  # raw targets lie under the lead
    assert "estimated without GNSS" in text and "GNSS fixes" in text and "Drift over distance" in text
    assert tree.parse(output / "junit.xml").getroot().get("failures") == "0"


@pytest.mark.real_data
def test_heads_of_lists_are_the_messages_without_them(data_directory, tmp_path):
    from autonomy import replay

    log = tmp_path / "drive.mcap"
    assert main(["log", "convert", str(data_directory / "comma2k19"), str(log)]) == 0
    result = replay(log, end=3.0)
    whole, head = result.topic("tracks"), result.head("tracks")
    assert "tracks" not in head.dtype.names and head.dtype.itemsize < 100
    for name in head.dtype.names:
        np.testing.assert_array_equal(head[name], whole[name])
    assert (result.head("ego") == result.topic("ego")).all()
