"""Calibration files of any content: a lidar that can be decoded with, or one sentence that names the file."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autonomy.errors import BadInputError
from drivers.lidar.calibration import calibrated
from drivers.lidar.calibration_numbers import LIMITS
from drivers.lidar.decoder import Decoder
from drivers.lidar.model import model
from tests.drivers.lidar.test_calibration import lasers, metadata, xml_of, yaml_of

ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.floats(), max_size=20),
    st.sampled_from([10**400, -1, 0, 1e308, "nan", "1e-05", {}, [], [[]], {"x": 1}]),
)  # fmt: skip


def is_sound_or_told(name: str, ending: str, content: bytes) -> None:
    path = Path(f"unit.{ending}")
    try:
        found = calibrated(model(name), path, content)
    except BadInputError as error:
        assert str(path) in str(error) and len(str(error)) < 600 and "\n" not in str(error)
        return
    assert found.rings == model(name).rings
    for field, (most, _) in LIMITS.items():
        assert np.all(np.abs(getattr(found.beams, field)) <= most)
    assert Decoder(found).capacity < 10_000_000


@given(st.sampled_from(sorted(metadata("LEGACY", False))), ODD)
def test_a_key_of_an_ousters_metadata_that_holds_anything(key, value):
    told = metadata("LEGACY", False) | {"beam_altitude_angles": [1.0] * 64, "beam_azimuth_angles": [0.0] * 64} | {key: value}
    is_sound_or_told("OS1-64", "json", json.dumps(told).encode())


@given(st.sampled_from(["beam_to_lidar_transform", "lidar_to_sensor_transform", "columns_per_packet", "udp_profile_lidar",
                        "lidar_origin_to_beam_origin_mm", "config_params"]), ODD)  # fmt: skip
def test_what_an_ousters_metadata_may_hold_beside(key, value):
    told = metadata("LEGACY", False) | {"beam_altitude_angles": [1.0] * 64, "beam_azimuth_angles": [0.0] * 64}
    del told["data_format"]
    is_sound_or_told("OS1-64", "json", json.dumps(told | {key: value}).encode())


@given(st.integers(0, 15), st.sampled_from(["laser_id", "vert_correction", "rot_correction", "dist_correction",
                                            "dist_correction_x", "vert_offset_correction", "unknown"]), ODD)  # fmt: skip
def test_a_key_of_a_velodynes_laser_that_holds_anything(place, key, value):
    told = lasers()
    told[place] |= {key: json.dumps(value)}
    is_sound_or_told("VLP-16", "yaml", yaml_of(told).encode())


@given(st.integers(0, 15), st.sampled_from(["laser_id", "vert_correction", "rot_correction", "dist_correction"]),
       st.one_of(st.floats(), st.just(math.inf)))  # fmt: skip
def test_a_number_of_a_velodynes_xml_that_is_anything(place, key, value):
    told = lasers()
    told[place] |= {key: value}
    is_sound_or_told("VLP-16", "xml", xml_of(told).encode())


VALUE = st.one_of(st.integers(-1, 40).map(str), st.floats().map(str), st.text(max_size=4))


@given(st.lists(st.lists(VALUE, max_size=5), max_size=40))
def test_lines_of_a_hesais_angles_that_hold_anything(rows):
    is_sound_or_told("XT32", "csv", "\n".join(["Channel,Elevation,Azimuth", *(",".join(row) for row in rows)]).encode())


@given(st.sampled_from([("VLP-16", "yaml"), ("VLP-16", "xml"), ("XT32", "csv"), ("OS1-64", "json")]), st.binary(max_size=200))
def test_bytes_that_are_no_calibration(kind, content):
    is_sound_or_told(*kind, content)


@given(st.sampled_from([("VLP-16", "yaml", yaml_of(lasers())), ("VLP-16", "xml", xml_of(lasers()))]), st.floats(0.0, 1.0),
       st.binary(max_size=3))  # fmt: skip
def test_a_whole_file_with_other_bytes_in_its_middle(file, share, others):
    name, ending, text = file
    at = int(share * len(text))
    is_sound_or_told(name, ending, text.encode()[:at] + others + text.encode()[at + len(others) :])


@given(st.sampled_from([("VLP-16", "yaml", yaml_of(lasers())), ("VLP-16", "xml", xml_of(lasers())),
                        ("OS1-64", "json", json.dumps(metadata("LEGACY", False)))]), st.floats(0.0, 1.0))  # fmt: skip
def test_a_file_that_was_cut(file, share):
    name, ending, text = file
    is_sound_or_told(name, ending, text.encode()[: int(share * len(text))])
