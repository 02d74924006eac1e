"""comma2k19 segments: a made-up one for the rules, the recorded one for the conventions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autonomy import geodesy
from autonomy.errors import LogError
from autonomy.log.importers import comma2k19
from autonomy.log.reader import LogReader

DBC = (
    'VERSION ""\nBO_ 36 KINEMATICS: 8 XXX\n SG_ YAW : 1|10@0+ (1,0) [0|1] "" XXX\n'
    "BO_ 170 WHEELS: 6 XXX\nBO_ 2565866496 EEC1: 8 XXX\n"
)


def save(folder: Path, name: str, array) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.save(file, np.asarray(array))


@pytest.fixture
def segment(tmp_path) -> Path:
    folder = tmp_path / "segment"
    can = "processed_log/CAN/raw_can"
    save(folder, f"{can}/t", [100.000000001, 100.5, 100.5, 100.6, 100.7, np.nan])
    save(folder, f"{can}/address", [36, 170, 36, 999, 0x18F00400, 36])
    save(folder, f"{can}/src", [0, 0, 1, 0, 128, 0])
    save(folder, f"{can}/data", np.array([b"\1\2\3\4\5\6\7\x08", b"\1\2", b"\1\0\1", b"", b"\7", b"x"], "S8"))
    (folder / "powertrain.dbc").write_text(DBC)
    save(folder, "processed_log/IMU/accelerometer/t", [100.1, 100.2, 100.3])
    save(folder, "processed_log/IMU/accelerometer/value", [[1.0, 2.0, -9.8], [np.nan, 0.0, 0.0], [1.0, 1.0, 1.0]])
    save(folder, "processed_log/IMU/gyro/t", [100.1, 100.2, 100.4])
    save(folder, "processed_log/IMU/gyro/value", [[0.1, 0.2, 0.3]] * 3)
    save(folder, "processed_log/GNSS/live_gnss_ublox/t", [100.15])
    save(folder, "processed_log/GNSS/live_gnss_ublox/value", [[37.5, -122.25, 8.5, 1533226488299.0, 33.0, 2.5]])
    return folder


def test_every_row_becomes_a_message_or_is_counted(segment, tmp_path):
    result = comma2k19.convert([segment], tmp_path / "a.mcap")
    assert result.messages == {"/raw/can/0": 3, "/raw/can/1": 1, "/raw/can/128": 1, "/in/imu": 2, "/in/gnss": 1}
    assert {reason: count for reason, count in result.unused.items() if count} == {
        "raw_can with a time that is not a number or out of range": 1,
        "accelerometer sample without a gyro sample of the same time": 1,
        "gyro sample without an accelerometer sample of the same time": 1,
    }
    assert result.notes == {"length_unknown": 1, "no global_pose": 1}
    assert (result.start_ns, result.end_ns) == (100_000_000_001, 100_700_000_000)


def test_frames_keep_time_bytes_and_sender(segment, tmp_path):
    comma2k19.convert([segment], tmp_path / "a.mcap")
    reader = LogReader(tmp_path / "a.mcap")
    frames = reader.read_topic("/raw/can/0")
    assert frames["time_ns"].tolist() == [100_000_000_001, 100_500_000_000, 100_600_000_000]
    assert frames["length"].tolist() == [8, 6, 8]
    assert frames["data"][0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8] and frames["data"][1].tolist() == [1, 2, 0, 0, 0, 0, 0, 0]
    sent = reader.read_topic("/raw/can/128")[0]
    assert sent["id"] == 0x18F00400 | 1 << 31 and sent["flags"] == 1 and sent["bus"] == 128 and sent["length"] == 8
    assert reader.attachment("can/0.dbc").decode() == DBC


def test_a_dbc_can_be_named_for_a_bus(segment, tmp_path):
    (tmp_path / "own.dbc").write_text("BO_ 36 KINEMATICS: 4 XXX\n")
    result = comma2k19.convert([segment], tmp_path / "a.mcap", {1: tmp_path / "own.dbc"})
    reader = LogReader(tmp_path / "a.mcap")
    assert reader.read_topic("/raw/can/1")["length"].tolist() == [4]
    assert "can/1.dbc" in reader.attachments and result.notes["length_unknown"] == 1


def test_a_dbc_shorter_than_the_data_is_not_believed(segment, tmp_path):
    (tmp_path / "own.dbc").write_text("BO_ 36 KINEMATICS: 2 XXX\n")
    result = comma2k19.convert([segment], tmp_path / "a.mcap", {1: tmp_path / "own.dbc"})
    assert LogReader(tmp_path / "a.mcap").read_topic("/raw/can/1")["length"].tolist() == [8]
    assert result.notes["longer_than_dbc"] == 1


def test_imu_axes_turn_from_forward_right_down(segment, tmp_path):
    comma2k19.convert([segment], tmp_path / "a.mcap")
    items = LogReader(tmp_path / "a.mcap").read_topic("/in/imu")["items"][:, 0]
    assert [items[0][f"acceleration_{axis}"] for axis in "xyz"] == [1.0, -2.0, 9.8]
    assert [items[0][f"angular_rate_{axis}"] for axis in "xyz"] == [0.1, -0.2, -0.3]
    assert items["validity"].tolist() == [0, 1]


def test_a_fix_keeps_its_columns(segment, tmp_path):
    comma2k19.convert([segment], tmp_path / "a.mcap")
    message = LogReader(tmp_path / "a.mcap").read_topic("/in/gnss")[0]
    item = message["items"][0]
    assert message["count"] == 1 and message["tick_index"] == 2**64 - 1
    assert [item[name] for name in ("latitude_deg", "longitude_deg", "altitude_m", "speed", "course_deg")] == [
        37.5,
        -122.25,
        33,
        8.5,
        2.5,
    ]
    assert item["utc_time_ns"] == 1533226488299_000_000 and np.isnan(item["position_sigma"]) and item["fix_type"] == 255


def test_a_reference_turns_into_the_local_frame():
    """A vehicle on the equator at longitude 0 that looks and drives north."""
    to_enu = geodesy.enu_rotation(0.0, 0.0)
    forward, right, down = to_enu.T @ [0, 1, 0], to_enu.T @ [1, 0, 0], to_enu.T @ [0, 0, -1]
    from scipy.spatial.transform import Rotation

    quaternion = Rotation.from_matrix(np.stack([forward, right, down], axis=1)).as_quat(scalar_first=True)
    rows = comma2k19.ecef_reference(np.array([7]), np.array([[6378137.0, 0, 0]]), forward[None] * 5, quaternion[None])
    assert abs(rows["altitude_m"][0]) < 1e-6 and rows["velocity_north"][0] == pytest.approx(5.0)
    np.testing.assert_allclose(rows["orientation"][0], [np.sqrt(0.5), 0, 0, np.sqrt(0.5)], atol=1e-12)


@pytest.mark.parametrize(
    ("name", "array", "sentence"),
    [
        ("processed_log/CAN/raw_can/src", [0, 1], "raw_can: the arrays differ in length \\(t 6, address 6, src 2, data 6\\)"),
        ("processed_log/CAN/raw_can/data", [0.0] * 6, "data holds float64, which is not"),
        ("processed_log/CAN/raw_can/data", np.array([b"x" * 64] * 6), "not up to 8 bytes a frame"),
        ("processed_log/IMU/gyro/value", [[0.0, 1.0]] * 3, "value has shape \\(3, 2\\), expected \\(n, 3\\)"),
        ("processed_log/GNSS/live_gnss_ublox/value", [1.0], "expected \\(n, 6\\)"),
    ],
)
def test_arrays_that_do_not_fit_are_named(segment, tmp_path, name, array, sentence):
    save(segment, name, array)
    with pytest.raises(LogError, match=sentence):
        comma2k19.convert([segment], tmp_path / "a.mcap")


def test_damaged_and_absent_arrays_are_named(segment, tmp_path):
    path = segment / "processed_log/CAN/raw_can/t"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(LogError, match="raw_can/t cannot be read as a NumPy array"):
        comma2k19.convert([segment], tmp_path / "a.mcap")
    path.unlink()
    (segment / "processed_log/IMU/gyro/t").unlink()
    with pytest.raises(LogError, match="gyro/t is absent"):
        comma2k19.convert([segment], tmp_path / "a.mcap")
    with pytest.raises(LogError, match="no comma2k19 segment"):
        comma2k19.convert([tmp_path], tmp_path / "a.mcap")


@pytest.fixture(scope="module")
def recorded(data_directory, tmp_path_factory):
    path = tmp_path_factory.mktemp("comma") / "a.mcap"
    return comma2k19.convert([data_directory / "comma2k19"], path), path, data_directory / "comma2k19"


@pytest.mark.real_data
def test_nothing_of_the_recorded_segment_is_lost(recorded):
    """Every raw frame, by bus and in order, bit for bit; times to the nanosecond."""
    result, path, folder = recorded
    raw = {name: np.load(folder / "processed_log/CAN/raw_can" / name) for name in ("t", "address", "src", "data")}
    reader = LogReader(path)
    for bus in np.unique(raw["src"]):
        frames, chosen = reader.read_topic(f"/raw/can/{bus}"), raw["src"] == bus
        assert (frames["id"] == raw["address"][chosen]).all()
        assert (frames["time_ns"] == np.rint(raw["t"][chosen] * 1e9).astype(int)).all()
        assert frames["data"].tobytes() == raw["data"][chosen].tobytes()
        assert (frames["flags"] == (bus >= 128)).all()
    assert sum(count for topic, count in result.messages.items() if topic.startswith("/raw/can")) == 135468
    assert result.messages["/in/imu"] == 6256 and result.messages["/in/gnss"] == 579 and result.messages["/ref/pose"] == 1200
    times = np.concatenate([batch.records["log_time_ns"] for batch in reader.batches()])
    assert (np.diff(times) >= 0).all() and reader.late == 0 and not reader.malformed


@pytest.mark.real_data
def test_lengths_are_those_cantools_reads(recorded):
    cantools = pytest.importorskip("cantools")
    _, path, folder = recorded
    reader = LogReader(path)
    for bus, name in ((0, "toyota_new_mc_pt_generated.dbc"), (1, "toyota_adas.dbc")):
        assert reader.attachment(f"can/{bus}.dbc") == (folder / name).read_bytes()
        lengths = {
            message.frame_id: message.length for message in cantools.database.load_file(folder / name, strict=False).messages
        }
        frames = reader.read_topic(f"/raw/can/{bus}")
        for identifier in np.unique(frames["id"]):
            assert set(frames["length"][frames["id"] == identifier]) == {lengths.get(int(identifier), 8)}


@pytest.mark.real_data
def test_axes_and_frames_of_the_recorded_segment(recorded):
    """Gravity reads up, the camera looks where the car goes and stands upright, fixes lie beside the reference."""
    from scipy.spatial.transform import Rotation

    _, path, _ = recorded
    reader = LogReader(path)
    assert reader.metadata["autonomy"]["gyro_stream"] == "gyro"
    assert reader.metadata["autonomy"]["vehicle"] == "vehicles/toyota_rav4_comma2k19"
    imu = reader.read_topic("/in/imu")["items"][:, 0]
    assert imu["acceleration_z"].mean() == pytest.approx(9.7, abs=0.2)
    pose = reader.read_topic("/ref/pose")
    turn = Rotation.from_quat(pose["orientation"], scalar_first=True)
    velocity = np.stack([pose["velocity_east"], pose["velocity_north"], pose["velocity_up"]], axis=1)
    direction = velocity / np.linalg.norm(velocity, axis=1)[:, None]
    assert (turn.apply([1, 0, 0]) * direction).sum(axis=1).min() > 0.99
    assert turn.apply([0, 0, 1])[:, 2].min() > 0.99
    # The turn of the orientation is the gyro's yaw rate: the left axis is on the left
    yaw = np.unwrap(np.arctan2(*turn.apply([1, 0, 0])[:, 1::-1].T))
    start, end = pose["time_ns"][[0, -1]]
    inside = (imu["valid_time_ns"] >= start) & (imu["valid_time_ns"] < end)
    turned = np.sum(imu["angular_rate_z"][inside][1:] * np.diff(imu["valid_time_ns"][inside]) * 1e-9)
    assert turned == pytest.approx(yaw[-1] - yaw[0], abs=0.05)
    fixes = reader.read_topic("/in/gnss")["items"][:, 0]
    at = np.interp(fixes["valid_time_ns"], pose["time_ns"], pose["latitude_deg"])
    assert np.abs(fixes["latitude_deg"] - at).max() * 111e3 < 5.0
    course = np.degrees(np.arctan2(np.interp(fixes["valid_time_ns"], pose["time_ns"], velocity[:, 0]),
                                   np.interp(fixes["valid_time_ns"], pose["time_ns"], velocity[:, 1])))  # fmt: skip
    assert np.median(np.abs((fixes["course_deg"] - course + 180) % 360 - 180)) < 0.5
