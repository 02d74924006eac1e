"""`autonomy perceive`: files in, files out, and what it says of a wrong call."""

import json

import numpy as np
import pytest

from autonomy.cli.main import main
from drivers.lidar.encoder import encode
from drivers.lidar.model import model
from tests.log.formats.captures import FIRST_NS, classic, datagram, ethernet
from tests.perception.scenes import HEIGHT_M, street


@pytest.fixture
def kitti(tmp_path):
    points = street(300, 64)
    table = np.column_stack([points["x"], points["y"], points["z"], points["intensity"] / 255.0]).astype("<f4")
    path = tmp_path / "000001.bin"
    path.write_bytes(table.tobytes())
    return path, len(points)


def test_a_scan_gives_all_files_in_the_frame_of_the_input(kitti, tmp_path, capsys):
    path, count = kitti
    out = tmp_path / "out"
    assert main(["perceive", str(path), "-o", str(out), "--height", str(HEIGHT_M), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary == json.loads((out / "summary.json").read_text()) and summary["points"] == count
    scan = json.loads((out / "000001.json").read_text())
    assert scan["points"] == count and 0.2 < scan["ground_share"] < 1.0
    assert set(scan["timing_ms"]) >= {"decode", "deskew", "ground", "obstacles", "lanes", "total"}
    assert {"class", "x", "y", "z", "yaw", "length", "width", "height", "points", "score"} <= set(scan["obstacles"][0])
    assert {lane["side"] for lane in scan["lanes"]} >= {"left", "right"}
    cars = [obstacle for obstacle in scan["obstacles"] if obstacle["class"] == "car"]
    assert cars and all(-HEIGHT_M < car["z"] < -HEIGHT_M + 1.5 for car in cars)
    labels, instances = np.load(out / "000001.labels.npy"), np.load(out / "000001.instances.npy")
    assert labels.dtype == np.uint8 and instances.dtype == np.int32 and len(labels) == len(instances) == count
    assert instances.max() == len(scan["obstacles"]) - 1
    assert (out / "000001.png").read_bytes().startswith(b"\x89PNG")


def test_the_height_is_estimated_when_nobody_tells_it(kitti, tmp_path):
    assert main(["perceive", str(kitti[0]), "-o", str(tmp_path / "out"), "--no-pictures"]) == 0
    assert json.loads((tmp_path / "out" / "000001.json").read_text())["height_m"] == pytest.approx(HEIGHT_M, abs=0.1)
    assert not (tmp_path / "out" / "000001.png").exists()


@pytest.mark.parametrize(("arguments", "code", "told"), [
    (["{scan}", "--sensor", "abacus"], 2, "abacus"),
    (["{scan}", "--height", "100"], 2, "must be between"),
    (["{scan}", "--config", "ego"], 2, "must be a number"),
    (["{folder}/none.bin"], 3, "no such file"),
    (["{folder}/log.pcap"], 2, "give --sensor"),
    (["{folder}/log.pcap", "--sensor", "VLP-16"], 3, "log.pcap"),
    (["{scan}", "{folder}/other/000001.bin"], 2, "would both be written"),
])  # fmt: skip
def test_a_wrong_call_is_one_sentence(kitti, tmp_path, capsys, arguments, code, told):
    (tmp_path / "log.pcap").write_bytes(b"no capture")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "000001.bin").write_bytes(b"")
    words = [word.format(scan=kitti[0], folder=tmp_path) for word in arguments]
    assert main(["perceive", *words, "-o", str(tmp_path / "out")]) == code
    error = capsys.readouterr().err
    assert told in error and "Traceback" not in error


def test_a_scan_of_which_packets_are_lost_says_so(tmp_path):
    """It is perceived like the others: `perceive` leaves out what does not begin at the cut, and tells how many."""
    lidar = model("VLP-16")
    azimuth, times = lidar.columns(10.0, 24 * 76 * 5, FIRST_NS, 3.0)
    ranges = np.zeros((len(azimuth), 16, 1))
    down = lidar.elevation_rad() < 0.0
    ranges[:, down, 0] = HEIGHT_M / np.sin(-lidar.elevation_rad()[down])
    packets = [(int(times[24 * place]), ethernet(bytes(datagram(packet.tobytes()))))
               for place, packet in enumerate(encode(lidar, azimuth, ranges, 0.0 * ranges + 20.0, times))]  # fmt: skip
    del packets[120:125]
    path = tmp_path / "drive.pcap"
    path.write_bytes(classic(packets))
    assert main(["perceive", str(path), "--sensor", "VLP-16", "-o", str(tmp_path / "out"), "--no-pictures"]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    scans = list(summary["scans"].values())
    assert [scan["is_whole"] for scan in scans] == [True, False, True, True]
    assert [scan["lost_packets"] for scan in scans] == [0, 5, 0, 0]
    assert summary["packets"][str(path)]["scans_left_out"] == 2
    told = json.loads((tmp_path / "out" / "drive_0001.json").read_text())
    assert told["packets"] == {
        "is_whole": False, "begins_at_cut": True, "ends_at_cut": True, "lost": 5, "reordered": 0, "duplicated": 0, "malformed": 0,
        "other": 0, "clock_jumps": 0, "cut_by_time": 0, "dropped_columns": 0,
    }  # fmt: skip


def test_rain_and_blocked_glass_are_told_in_the_results(tmp_path):
    points = street(300, 64)
    points = points[np.abs(np.arctan2(points["y"], points["x"])) > 0.4]
    table = np.column_stack([points["x"], points["y"], points["z"], points["intensity"] / 255.0]).astype("<f4")
    (tmp_path / "hidden.bin").write_bytes(table.tobytes())
    out = tmp_path / "out"
    assert main(["perceive", str(tmp_path / "hidden.bin"), "-o", str(out), "--height", str(HEIGHT_M), "--no-pictures"]) == 0
    scan, summary = json.loads((out / "hidden.json").read_text()), json.loads((out / "summary.json").read_text())
    assert scan["packets"] is None and scan["health"]["blockage"] > 0.05 and {"rain", "spray"} <= set(scan["health"])
    assert summary["scans"]["hidden"]["blockage"] == scan["health"]["blockage"]
    assert summary["scans"]["hidden"]["is_whole"] is None


@pytest.mark.real_data
def test_recorded_scans_and_packets_are_perceived(data_directory, tmp_path):
    folder = data_directory / "lidar_radar_packets"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    bag = next(folder.glob("vlp16*.db3"))
    assert main(["perceive", str(next(folder.glob("vls128*.pcd"))), "-o", str(tmp_path), "--no-pictures"]) == 0
    assert main(["perceive", str(bag), "--sensor", "VLP-16", "-o", str(tmp_path), "--no-pictures"]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert len(summary["scans"]) >= 2 and summary["packets"][str(bag)]["malformed"] == 0
