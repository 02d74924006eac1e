"""Packets of an ARS548: kernel (_ars548), twin, encoder and the reference decode of the driver nebula say the same."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.errors import UsageError
from autonomy.log.opening import open_recording
from drivers.radar import ars548, decoder_twin, encoder
from drivers.radar.decoder import Ars548Decoder
from tests.drivers.radar.streams import START_NS, detections, objects

CYCLE_NS = 50_000_000


def one(packet: bytes):
    (scan,) = Ars548Decoder().feed(packet, START_NS)
    return scan


def same(ours: np.void, theirs: dict, tolerance: float = 1e-12) -> None:
    for name, value in theirs.items():
        both = np.asarray(ours[name], float), np.asarray(value, float)
        assert np.allclose(*both, rtol=tolerance, atol=tolerance, equal_nan=True), name


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 800))
def test_detections_come_back(seed, count):
    rows = detections(count, np.random.default_rng(seed))
    packet = encoder.ars548_detections(rows, START_NS, counter=seed)
    assert len(packet) == ars548.DETECTIONS_SIZE
    scan = one(packet)
    found = scan.detections
    assert scan.is_whole and scan.header["sensor_time_ns"] == START_NS and scan.header["counter"] == seed
    for bit, name in enumerate(("range", "range_sigma", "azimuth", "azimuth_sigma", "elevation", "elevation_sigma", "range_rate",
                                "range_rate_sigma")):  # fmt: skip
        is_invalid = (rows["flags"] >> bit & 1).astype(bool)
        assert np.isnan(found[name][is_invalid]).all() and np.array_equal(found[name][~is_invalid], rows[name][~is_invalid])
    for name in ("rcs_dbsm", "target_id", "object_id", "classification", "flags"):
        assert np.array_equal(found[name], rows[name])
    for name in ("existence", "multi_target", "ambiguity"):
        assert np.allclose(found[name], rows[name], atol=1e-12)
    for row, expected in list(zip(found, decoder_twin.detections(packet), strict=True))[:50]:
        same(row, expected)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 50))
def test_objects_come_back(seed, count):
    rows = objects(count, np.random.default_rng(seed))
    rows["velocity_y"][: count // 3] = np.nan  # its group is marked as invalid
    packet = encoder.ars548_objects(rows, START_NS)
    assert len(packet) == ars548.OBJECTS_SIZE
    found = one(packet).objects
    for name in rows.dtype.names:
        if name in ("time_ns", "padding"):
            continue
        sound = slice(count // 3 if name.startswith("velocity") else 0, None)
        assert np.allclose(found[name][sound].astype(float), rows[name][sound].astype(float), rtol=1e-6), name
    assert np.isnan(found["velocity_x"][: count // 3]).all()
    for row, expected in zip(found, decoder_twin.objects(packet), strict=True):
        same(row, expected)


def lists(times, counters) -> dict[str, int]:
    decoder = Ars548Decoder()
    rows = detections(3, np.random.default_rng(0))
    for time_ns, counter in zip(times, counters, strict=True):
        decoder.feed(encoder.ars548_detections(rows, START_NS + time_ns, counter), START_NS)
    return decoder.counts()


def test_lost_and_stale_lists_are_counted_by_counter_or_by_time():
    at = [0, 1, 2, 5, 5, 4, 6]
    counts = lists([CYCLE_NS * place for place in at], [0] * 7)
    assert (counts["lost"], counts["stale"], counts["packets"]) == (2, 2, 5)
    counts = lists([CYCLE_NS * place for place in at], [9 + place for place in at])
    assert (counts["lost"], counts["stale"], counts["packets"]) == (2, 2, 5)
    assert lists([0, CYCLE_NS], [2**32 - 1, 1])["lost"] == 1  # round, over 0
    counts = lists([0, -(10**10)], [0, 0])
    assert (counts["clock_jumps"], counts["packets"]) == (1, 2)


@pytest.mark.parametrize(("counters", "lost"), [
    ([5000, 5001, 0, 1], 0), ([2**32 - 9000, 2**32 - 8999, 0, 1], 0), ([7, 8, 3_000_000, 3_000_001], 0), ([7, 8, 28, 29], 19),
])  # fmt: skip
def test_a_radar_whose_counter_begins_anew_has_not_lost_thousands_of_lists(counters, lost):
    counts = lists([CYCLE_NS * place for place in range(4)], counters)
    assert (counts["lost"], counts["packets"], counts["stale"]) == (lost, 4, 0)
    # What was lost meanwhile is told by the time
    if lost == 0:
        assert lists([0, CYCLE_NS, 5 * CYCLE_NS, 6 * CYCLE_NS], counters)["lost"] == 3
        assert lists([0, CYCLE_NS, 10**10, 10**10 + CYCLE_NS], counters)["lost"] == 0


def test_an_outage_of_a_radar_is_counted_by_its_counter():
    counts = lists([0, 10**10], [100, 300])
    assert (counts["lost"], counts["clock_jumps"], counts["packets"]) == (199, 1, 2)


def test_what_is_no_list_is_counted():
    decoder = Ars548Decoder()
    good = encoder.ars548_detections(detections(5, np.random.default_rng(0)), START_NS)
    many = bytearray(good)
    many[35309:35313] = struct.pack(">I", 801)
    other = bytearray(good[:100])
    other[2:4] = struct.pack(">H", 380)
    for packet in (good[:-1], bytes(many), good[:20]):
        assert decoder.feed(packet, START_NS) == []
    for packet in (b"", b"\1" * 500, bytes(other)):
        assert decoder.feed(packet, START_NS) == []
    counts = decoder.counts()
    assert (counts["malformed"], counts["other"], counts["packets"]) == (3, 3, 0)
    crowded = bytearray(encoder.ars548_objects(objects(3, np.random.default_rng(0)), START_NS))
    crowded[50] = 51
    assert decoder.feed(bytes(crowded), START_NS) == [] and decoder.counts()["malformed"] == 4


def test_numbers_that_are_none_are_nan_and_counted():
    rows = detections(4, np.random.default_rng(0))
    rows["flags"] = 0
    packet = bytearray(encoder.ars548_detections(rows, START_NS))
    packet[101 + 17 : 101 + 21] = struct.pack(">f", np.inf)
    decoder = Ars548Decoder()
    (scan,) = decoder.feed(bytes(packet), START_NS)
    assert np.isnan(scan.detections["range"][0]) and np.isnan(scan.detections["x"][0]) and decoder.counts()["unreadable"] == 1


def test_the_clock_is_chosen():
    packet = encoder.ars548_detections(detections(1, np.random.default_rng(0)), START_NS)
    assert Ars548Decoder("sensor").feed(packet, 5)[0].stamp_ns == START_NS
    assert Ars548Decoder().feed(packet, 5)[0].detections["time_ns"][0] == 5
    with pytest.raises(UsageError, match="radar clock 'gps'"):
        Ars548Decoder("gps")


def test_more_than_a_list_holds_is_refused():
    with pytest.raises(ValueError, match="801 detections"):
        encoder.ars548_detections(detections(801, np.random.default_rng(0)), START_NS)
    with pytest.raises(ValueError, match="51 objects"):
        encoder.ars548_objects(objects(51, np.random.default_rng(0)), START_NS)


# Names of the reference decode -> ours, and what one of theirs is in ours
DETECTION_NAMES = {
    "azimuth_angle": "azimuth", "azimuth_angle_std": "azimuth_sigma", "elevation_angle": "elevation",
    "elevation_angle_std": "elevation_sigma", "range": "range", "range_std": "range_sigma", "range_rate": "range_rate",
    "range_rate_std": "range_rate_sigma", "rcs": "rcs_dbsm", "measurement_id": "target_id", "classification": "classification",
    "object_id": "object_id", "raw_positive_predictive_value": "existence", "raw_multi_target_probability": "multi_target",
    "raw_ambiguity_flag": "ambiguity",
}  # fmt: skip
INVALID_NAMES = ("invalid_distance", "invalid_distance_std", "invalid_azimuth", "invalid_azimuth_std", "invalid_elevation",
                 "invalid_elevation_std", "invalid_range_rate", "invalid_range_rate_std")  # fmt: skip
OBJECT_NAMES = {
    "object_id": "object_id", "age": "age", "status_measurement": "measured", "status_movement": "movement",
    "position_reference": "reference", "position_covariance_xy": "xy_covariance", "orientation": "yaw",
    "orientation_std": "yaw_sigma",
    "raw_existence_probability": "existence", "orientation_rate_mean": "yaw_rate", "orientation_rate_std": "yaw_rate_sigma",
    "shape_length_edge_mean": "length", "shape_width_edge_mean": "width",
}  # fmt: skip
KINDS = ("car", "truck", "motorcycle", "bicycle", "pedestrian", "animal", "hazard", "unknown")
# That driver writes the relative acceleration into the message's relative velocity, over it, and leaves the acceleration at zero
VECTORS = {"absolute_velocity": "velocity", "relative_velocity": "relative_acceleration", "absolute_acceleration": "acceleration"}
PERCENT = ("existence", "multi_target", "ambiguity")


@pytest.fixture(scope="module")
def recorded(data_directory):
    """(scan of detections, scan of objects, their references)"""
    yaml = pytest.importorskip("yaml", reason="PyYAML, which reads the reference decode, is not installed")
    folder = data_directory / "lidar_radar_packets"
    decoder = Ars548Decoder()
    scans = []
    with open_recording(folder / "ars548__1708578204__1708578204.db3") as reader:
        for time_ns, row in reader.messages("/raw/udp/sensing_radar_front_center_nebula"):
            scans += decoder.feed(row["data"][: row["count"]].tobytes(), time_ns)
    told, seen = ((folder / f"ars548__1708578204_{name}.yaml").read_text() for name in
                  ("199326753_object", "202447652_detection"))  # fmt: skip
    load = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    assert decoder.counts()["packets"] == 2 and all(scan.is_whole for scan in scans)
    return scans[1], scans[0], yaml.load(seen, load), yaml.load(told, load)


def close(ours: float, theirs: float) -> bool:
    """Theirs are printed with six digits."""
    return abs(float(ours) - float(theirs)) <= 1e-5 * abs(float(theirs)) + 1e-12


@pytest.mark.real_data
def test_every_value_of_the_reference_detections_is_ours(recorded):
    scan, _, reference, _ = recorded
    assert len(scan.detections) == len(reference["detections"]) == 308
    for row, expected in zip(scan.detections, reference["detections"], strict=True):
        left = dict(expected)
        for name, ours in DETECTION_NAMES.items():
            assert close(row[ours] * (100.0 if ours in PERCENT else 1.0), left.pop(name)), name
        assert [bool(row["flags"] >> bit & 1) for bit in range(8)] == [left.pop(name) for name in INVALID_NAMES]
        assert not left
    head = dict(reference)
    del head["detections"]
    stamp, origin = head.pop("header")["stamp"], head.pop("origin_pos")
    assert scan.stamp_ns == stamp["sec"] * 10**9 + stamp["nanosec"]
    assert all(close(scan.header[axis], origin[axis]) for axis in "xyz")
    ours = {"stamp_sync_status": "sync_status", "origin_pitch": "pitch", "origin_pitch_std": "pitch_sigma", "origin_yaw": "yaw",
            "origin_yaw_std": "yaw_sigma", "ambiguity_free_velocity_min": "range_rate_min", "ambiguity_free_velocity_max":
            "range_rate_max", "alignment_azimuth_correction": "alignment_azimuth", "alignment_elevation_correction":
            "alignment_elevation", "alignment_status": "alignment_status"}  # fmt: skip
    for name, own in ours.items():
        assert close(scan.header[own], head.pop(name)), name
    assert not head


@pytest.mark.real_data
def test_velocity_minus_relative_velocity_is_the_own_speed(recorded):
    """What the reference does not hold: the place of the relative velocity, against the detections of the same moment."""
    scan, held, _, _ = recorded
    ahead = scan.detections[np.abs(scan.detections["azimuth"]) < 0.1]
    own = -np.median(ahead["range_rate"])
    own_told = held.objects["velocity_x"] - held.objects["relative_velocity_x"]
    assert own > 3.0 and abs(np.median(own_told) - own) < 0.1 * own


@pytest.mark.real_data
def test_every_value_of_the_reference_objects_is_ours(recorded):
    _, scan, _, reference = recorded
    assert len(scan.objects) == len(reference["objects"]) == 50
    for row, expected in zip(scan.objects, reference["objects"], strict=True):
        left = dict(expected)
        for name, ours in OBJECT_NAMES.items():
            assert close(row[ours] * (100.0 if ours == "existence" else 1.0), left.pop(name)), name
        assert [left.pop(f"raw_classification_{kind}") for kind in KINDS] == row["likelihood"][:8].tolist()
        place, sigma = left.pop("position"), left.pop("position_std")
        assert all(close(row[axis], place[axis]) and close(row[f"{axis}_sigma"], sigma[axis]) for axis in "xyz")
        for name, ours in VECTORS.items():
            mean, sigma = left.pop(name), left.pop(f"{name}_std")
            assert mean["z"] == sigma["z"] == 0.0  # the packet holds none
            assert all(
                close(row[f"{ours}_{axis}"], mean[axis]) and close(row[f"{ours}_{axis}_sigma"], sigma[axis]) for axis in "xy"
            )
            assert close(row[f"{ours}_covariance"], left.pop(f"{name}_covariance_xy")), name
        assert left.pop("relative_acceleration") == left.pop("relative_acceleration_std") == dict.fromkeys("xyz", 0.0)
        assert left.pop("relative_acceleration_covariance_xy") == 0.0
        assert not left
    assert scan.header["sync_status"] == reference["stamp_sync_status"]
    assert scan.stamp_ns == reference["header"]["stamp"]["sec"] * 10**9 + reference["header"]["stamp"]["nanosec"]
