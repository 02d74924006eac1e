"""docs/how-to/add-a-lidar.md is true: a model that is added as it says is taken everywhere, and its lists and names are there."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields, replace
from pathlib import Path

import pytest

from autonomy.bench import lidar as bench
from drivers.lidar import model as lidar_models
from drivers.lidar import velodyne
from drivers.lidar.model import FAMILIES, LidarModel, PacketShape, models
from hil.lidar.optics import optics_of
from tests.drivers.lidar.streams import decoded, packets_of, variants
from tests.fuzz.targets import lidar as fuzz

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/how-to/add-a-lidar.md").read_text()
LIDARS = (ROOT / "docs/lidar.md").read_text()


@pytest.fixture
def added(monkeypatch):
    """A model of a maker that is there, added as the page says."""
    new = replace(models()["VLP-16"], name="VLP-16X", zero_yaw_deg=90.0)
    monkeypatch.setattr(velodyne, "MODELS", (*velodyne.MODELS, new))
    monkeypatch.setitem(velodyne.MODEL_BYTES, new.name, 0x7F)
    lidar_models.models.cache_clear()
    yield new
    monkeypatch.undo()
    lidar_models.models.cache_clear()


def test_an_added_model_is_decoded_fuzzed_and_timed(added):
    (scan,), decoder = decoded(added.name, packets_of(added.name, 1, 3), cut_azimuth_rad=0.9)
    assert decoder.counts()["packets"] == 3 and len(scan.points) > 500
    assert (added.name, 1) in variants() and (added.name, 2) in variants()
    assert added in fuzz.fuzzed() and any(data[0] == fuzz.fuzzed().index(added) for data in fuzz.seeds())
    for data in fuzz.seeds():
        fuzz.lidar_packets(data)
    assert int(bench.mutated_row(len(models()))["kernel"].split()[0]) == len(models())


def test_the_page_names_every_field_of_a_model():
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert {field.name for field in fields(LidarModel)} <= named
    assert {field.name for field in fields(LidarModel) if field.default is not MISSING} == {"height_m"}
    told = next(line for line in PAGE.splitlines() if line.strip().startswith("| `shape`"))
    assert all(word in told for word in ("bytes", "header", "blocks", "channels", "columns"))
    assert {"size", "header", "blocks", "channels", "columns"} <= {field.name for field in fields(PacketShape)}


def test_the_page_names_files_and_lists_that_are_there():
    for path in re.findall(r"`((?:drivers|tests|hil|autonomy|ext)/[\w/.]+\.\w+)`", PAGE):
        assert (ROOT / path).exists(), path
    assert {f"{family}.py" for family in FAMILIES} <= set(re.findall(r"`(?:drivers/lidar/)?(\w+\.py)`", PAGE))
    tables = (ROOT / "ext/drivers/lidar/_tables.pxd").read_text()
    assert [int(re.search(rf"{family.upper()} = (\d)", tables)[1]) for family in FAMILIES] == list(range(len(FAMILIES)))


def test_every_model_is_where_the_page_says():
    for name, lidar in models().items():
        assert optics_of(name), name
        assert name in LIDARS or name.removesuffix("-dual") in LIDARS, name
        assert lidar.family != "velodyne" or name in velodyne.MODEL_BYTES, name
        assert lidar.family == "ouster" or lidar.rings * (lidar.shape.channels // lidar.rings or 1) in (32, 64, 96, 128), name
    assert set(bench.PEERS) <= set(models())
