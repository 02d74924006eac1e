"""Calibration files of the three makers."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from autonomy.errors import BadInputError
from drivers.lidar import ouster
from drivers.lidar.calibration import calibrated, ouster_model
from drivers.lidar.encoder import encode
from drivers.lidar.model import model
from tests.drivers.lidar.streams import columns, decoded, packets_of


def yaml_of(lasers: list[dict]) -> str:
    rows = "\n".join("  - {" + ", ".join(f"{key}: {value}" for key, value in laser.items()) + "}" for laser in lasers)
    return f"lasers:\n{rows}\nnum_lasers: {len(lasers)}\ndistance_resolution: 0.002\n"


def lasers(**more: float) -> list[dict]:
    """Of a VLP-16, half a degree too high."""
    angles = np.radians(np.array(model("VLP-16").beams.elevation_deg) + 0.5)
    plain = ({"laser_id": number, "vert_correction": float(angle)} for number, angle in enumerate(angles))
    return [laser | {"rot_correction": 0.01} | more for laser in plain]


def xml_of(lasers: list[dict]) -> str:
    names = {"laser_id": ("id_", 1.0), "rot_correction": ("rotCorrection_", 180.0 / math.pi),
             "vert_correction": ("vertCorrection_", 180.0 / math.pi), "dist_correction": ("distCorrection_", 100.0),
             "vert_offset_correction": ("vertOffsetCorrection_", 100.0)}  # fmt: skip
    items = "".join(
        "<item><px>" + "".join(f"<{names[key][0]}>{value * names[key][1]:.12g}</{names[key][0]}>" for key, value in laser.items())
        + "</px></item>" for laser in lasers
    )  # fmt: skip
    return f"<boost_serialization><DB><points_>{items}</points_></DB></boost_serialization>"


@pytest.mark.parametrize(("ending", "written"), [("yaml", yaml_of), ("xml", xml_of)])
def test_velodyne_files(tmp_path, ending, written):
    path = tmp_path / f"unit.{ending}"
    path.write_text(written(lasers(dist_correction=0.05, vert_offset_correction=0.02)))
    lidar = calibrated(model("VLP-16"), path)
    plain = model("VLP-16").beams
    assert np.allclose(np.array(lidar.beams.elevation_deg) - plain.elevation_deg, 0.5, atol=1e-6)
    assert np.allclose(lidar.beams.azimuth_offset_deg, -math.degrees(0.01), atol=1e-6)
    assert np.allclose(lidar.beams.range_offset_m, 0.05) and np.allclose(lidar.beams.vertical_offset_m, 0.02)
    (packet,) = packets_of("VLP-16", 1, 1)
    (before,), _ = decoded("VLP-16", [packet])
    (after,), _ = decoded(lidar, [packet])
    lengths = [np.linalg.norm(np.stack([scan.points[axis] for axis in "xyz"]).astype(float), axis=0) for scan in (before, after)]
    assert np.allclose(np.hypot(lengths[0] + 0.05, 0.02), lengths[1], atol=1e-4)


def test_hesai_angle_file(tmp_path):
    path = tmp_path / "unit.csv"
    xt32 = model("XT32")
    angles = zip(xt32.beams.elevation_deg, xt32.beams.azimuth_offset_deg, strict=True)
    rows = [f"{number},{elevation + 0.1:.6f},{azimuth - 0.2:.6f}" for number, (elevation, azimuth) in enumerate(angles, 1)]
    path.write_text("\n".join(["Channel,Elevation,Azimuth", *rows, ""]))
    lidar = calibrated(xt32, path)
    assert np.allclose(np.array(lidar.beams.elevation_deg) - xt32.beams.elevation_deg, 0.1)
    assert np.allclose(np.array(lidar.beams.azimuth_offset_deg) - xt32.beams.azimuth_offset_deg, -0.2)


def metadata(profile: str, sections: bool) -> dict:
    altitudes, azimuths = list(np.linspace(20.0, -20.0, 32)), [3.0, 1.0, -1.0, -3.0] * 8
    if not sections:
        return {"lidar_mode": "512x20", "prod_line": "OS-1-32", "beam_altitude_angles": altitudes,
                "beam_azimuth_angles": azimuths, "lidar_origin_to_beam_origin_mm": 15.8,
                "data_format": {"columns_per_packet": 16, "udp_profile_lidar": profile}}  # fmt: skip
    return {
        "sensor_info": {"prod_line": "OS-1-32"},
        "beam_intrinsics": {"beam_altitude_angles": altitudes, "beam_azimuth_angles": azimuths,
                            "beam_to_lidar_transform": [1, 0, 0, 15.8, 0, 1, 0, 0, 0, 0, 1, 2.0, 0, 0, 0, 1]},
        "lidar_intrinsics": {"lidar_to_sensor_transform": [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 36.18, 0, 0, 0, 1]},
        "lidar_data_format": {"columns_per_packet": 16, "udp_profile_lidar": profile},
        "config_params": {"lidar_mode": "512x20"},
    }  # fmt: skip


def altered(**changes) -> str:
    return json.dumps(metadata("LEGACY", False) | changes)


@pytest.mark.parametrize("sections", [False, True])
@pytest.mark.parametrize("profile", ouster.PROFILES)
def test_ouster_metadata(tmp_path, profile, sections):
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps(metadata(profile, sections)))
    lidar = ouster_model(path)
    assert (lidar.name, lidar.rings, lidar.azimuth_units, lidar.shape.blocks) == ("OS-1-32", 32, 512, 16)
    assert lidar.height_m == pytest.approx(0.03818 if sections else 0.03618)
    assert lidar.beams.forward_offset_m[0] == pytest.approx(0.0158) == -lidar.beams.range_offset_m[0]
    returns = len(lidar.shape.pixel.distance_at)
    packets = [packet.tobytes() for packet in encode(lidar, *columns(lidar, returns, 3))]
    _, decoder = decoded(lidar, packets)
    assert decoder.counts()["packets"] == 3 and decoder.counts()["points"] > 1000


@pytest.mark.parametrize(
    ("name", "file", "text", "words"),
    [
        ("VLP-16", "a.yaml", yaml_of(lasers()[:8]), "8 lasers, but a VLP-16 has 16"),
        ("VLP-16", "a.yaml", yaml_of(lasers()[1:]), "laser_id must count from 0"),
        ("VLP-16", "a.yaml", yaml_of(lasers(dist_correction_x=0.3)), "two-point corrections"),
        ("VLP-16", "a.yaml", yaml_of([{"laser_id": 0}]), "vert_correction"),
        ("VLP-16", "a.yaml", "lasers: [", "no list of lasers"),
        ("VLP-16", "a.yaml", "nothing: 1", "no list of lasers"),
        ("VLP-16", "a.yaml", "lasers: 3", "no list of lasers"),
        ("VLP-16", "a.yaml", "lasers: [3]", "entry 1 of lasers: has no laser_id"),
        ("VLP-16", "a.yaml", yaml_of([{"vert_correction": 0.1}]), "entry 1 of lasers: has no laser_id"),
        ("VLP-16", "a.yaml", yaml_of([*lasers(), lasers()[3]]), "laser_id 3 is there twice"),
        ("VLP-16", "a.yaml", yaml_of([{"laser_id": ".inf"}]), "laser_id = inf: is not finite"),
        ("VLP-16", "a.yaml", yaml_of([{"laser_id": 0.5}]), "laser_id = 0.5: must be a whole number"),
        ("VLP-16", "a.yaml", yaml_of(lasers(rot_correction="[1]")), r"entry 1 of lasers: rot_correction = \[1\]: is no number"),
        ("VLP-16", "a.yaml", yaml_of(lasers(rot_correction="yes")), "rot_correction = True: is no number"),
        ("VLP-16", "a.yaml", yaml_of(lasers(vert_correction=".nan")), "vert_correction = nan: is not finite"),
        ("VLP-16", "a.yaml", yaml_of(lasers(vert_correction=15.0)), r"elevation_deg = 859.437 is beyond \+-90 degrees"),
        ("VLP-16", "a.yaml", yaml_of(lasers(dist_correction=51)), r"range_offset_m = 51 is beyond \+-5 m"),
        ("VLP-16", "a.yaml", yaml_of(lasers(dist_correction="1" + "0" * 400)), "dist_correction = 1000.*is no number"),
        ("VLP-16", "a.xml", "<db><px></db>", "no calibration of a Velodyne"),
        ("VLP-16", "a.xml", xml_of(lasers()).replace("rotCorrection_", "x"), "px number 1: rotCorrection_ is missing"),
        ("VLP-16", "a.xml", xml_of(lasers()).replace("id_", "x"), "px number 1: id_ = None: is no number"),
        ("VLP-16", "a.xml", xml_of([*lasers(), lasers()[3]]), "laser_id 3 is there twice"),
        ("XT32", "a.csv", "Channel,Elevation,Azimuth\n1,2\n", "line 2: '1,2' is not channel"),
        ("XT32", "a.csv", "Channel,Elevation,Azimuth\n1,nan,0\n", "not finite"),
        ("XT32", "a.csv", "Channel,Elevation,Azimuth\n2,1,0\n", "must count from 1"),
        ("XT32", "a.csv", "", "must count from 1"),
        ("XT32", "a.csv", "Channel,Elevation,Azimuth\n1,1,0,7\n", "line 2: '1,1,0,7' is more than channel"),
        ("XT32", "a.csv", "Channel,Elevation,Azimuth\n1,1,0\n1,2,0\n", "line 3: channel 1 is there twice"),
        ("XT32", "a.csv", "Channel,Elevation,Azimuth\n1,91,0\n", r"elevation_deg = 91 is beyond \+-90 degrees"),
        ("XT32", "a.csv", "Channel,Elevation,Azimuth\n1,1,-361\n", r"azimuth_offset_deg = -361 is beyond \+-360 degrees"),
        ("XT32", "a.csv", f"Channel,Elevation,Azimuth\n1,{'1' * 200000},0\n", "line 2: cannot be read as CSV"),
        ("OS1-64", "a.json", "{", "is not JSON"),
        ("OS1-64", "a.json", "[]", "not the metadata"),
        ("OS1-64", "a.json", json.dumps(metadata("LEGACY", False) | {"lidar_mode": "x"}), "not the metadata"),
        ("OS1-64", "a.json", json.dumps(metadata("FIVE", False)), "udp_profile_lidar = FIVE; there are LEGACY"),
        ("OS1-64", "a.json", "[" * 100000, "is nested too deeply"),
        ("OS1-64", "a.json", "{}", "lidar_mode is missing"),
        ("OS1-64", "a.json", altered(lidar_mode="512x0"), "lidar_mode = 512x0"),
        ("OS1-64", "a.json", altered(lidar_mode="512x1000000"), "lidar_mode = 512x1000000"),
        ("OS1-64", "a.json", altered(beam_altitude_angles="123"), "beam_altitude_angles = '123': is no list"),
        ("OS1-64", "a.json", altered(beam_altitude_angles=[math.nan] * 32), r"beam_altitude_angles\[0\] = nan: is not finite"),
        ("OS1-64", "a.json", altered(beam_altitude_angles=[900] * 32), "elevation_deg = 900 is beyond"),
        ("OS1-64", "a.json", altered(beam_azimuth_angles=[0] * 31), "32 altitudes and 31 azimuths"),
        ("OS1-64", "a.json", altered(beam_to_lidar_transform=[1]), "beam_to_lidar_transform has 1 numbers"),
        ("OS1-64", "a.json", altered(lidar_to_sensor_transform=7), "lidar_to_sensor_transform = 7: is no list"),
        ("OS1-64", "a.json", altered(lidar_to_sensor_transform=[1] * 16), "is not a half turn"),
        ("OS1-64", "a.json", altered(lidar_origin_to_beam_origin_mm=1e9), "is beyond"),
        ("OS1-64", "a.json", altered(lidar_origin_to_beam_origin_mm=10**400), "is no number"),
        ("OS1-64", "a.json", altered(data_format={"columns_per_packet": math.inf}), "columns_per_packet = inf"),
        ("OS1-64", "a.json", altered(data_format={"columns_per_packet": 0}), "not what an Ouster has"),
        ("OS1-64", "a.json", altered(prod_line=[1]), "prod_line"),
        ("OS1-64", "a.json", json.dumps(metadata("LEGACY", False)), "32 lasers, but a OS1-64 has 64"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_told(tmp_path, name, file, text, words):
    path = tmp_path / file
    path.write_text(text)
    with pytest.raises(BadInputError, match=words) as told:
        calibrated(model(name), path)
    assert str(path) in str(told.value)


def test_a_file_that_was_kept_is_read_from_its_bytes(tmp_path):
    text = yaml_of(lasers())
    (tmp_path / "unit.yaml").write_text(text)
    read, kept = (calibrated(model("VLP-16"), tmp_path / name, content) for name, content in
                  (("unit.yaml", None), ("gone.yaml", text.encode())))  # fmt: skip
    assert read == kept


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BadInputError, match="cannot be read"):
        calibrated(model("XT32"), tmp_path / "none.csv")
