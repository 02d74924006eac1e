"""Frames of radars on CAN: kernel (_can_scan), twin and encoder say the same; what is lost, late, torn or repeated is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.errors import UsageError
from autonomy.msg import dtype
from drivers.radar import decoder_twin, encoder
from drivers.radar.decoder import CAN_MODELS, CanDecoder
from tests.drivers.radar.streams import DETECTION, START_NS, frames, targets

NAMES = tuple(CAN_MODELS)
STEP = {"toyota-tss-p": {"x": 0.005, "y": 0.02, "range_rate": 0.0125},
        "delphi-esr": {"range": 0.05, "azimuth": 0.00088, "range_rate": 0.005}}  # half a unit of the frame  # fmt: skip


def decoded(name: str, stream: np.ndarray) -> tuple[list, dict[str, int]]:
    decoder = CanDecoder(name)
    return [*decoder.feed(stream), *decoder.finish()], decoder.counts()


def plain(stream: np.ndarray) -> list[tuple[int, int, bytes]]:
    return [(int(frame["time_ns"]), int(frame["id"]), frame["data"].tobytes()[: frame["length"]]) for frame in stream]


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**32 - 1), counter=st.integers(0, 255), share=st.floats(0.0, 1.0))
def test_what_is_encoded_is_decoded(name, seed, counter, share):
    rows = targets(name, np.random.default_rng(seed), share)
    (scan,), counts = decoded(name, encoder.can_frames(CAN_MODELS[name], rows, counter, START_NS))
    assert scan.is_whole and scan.header == {"counter": counter, "missing": 0} and scan.stamp_ns == START_NS
    assert np.array_equal(scan.detections["target_id"], rows["target_id"])
    for field, half in STEP[name].items():
        assert np.abs(scan.detections[field] - rows[field]).max(initial=0.0) <= half
    flags = DETECTION["INVALID_ELEVATION"] | DETECTION["INVALID_ELEVATION_SIGMA"]
    assert np.array_equal(scan.detections["flags"], rows["flags"] | flags)
    assert (scan.detections["time_ns"] == START_NS).all() and np.isnan(scan.detections["elevation"]).all()
    assert counts["targets"] == len(rows) and counts["targets"] + counts["empty"] == CAN_MODELS[name].count


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**32 - 1))
def test_kernel_and_twin_agree_on_frames_that_are_disturbed(name, seed):
    """Frames dropped, repeated and swapped, with any bits in them: the same scans, the same places, the same numbers."""
    random, radar = np.random.default_rng(seed), CAN_MODELS[name]
    stream = frames(name, 5, seed)
    noise = random.random(len(stream)) < 0.2
    if not radar.is_checked:
        stream["data"][noise & (stream["id"] != radar.header_identifier)] = random.integers(0, 256, 8)
    order = np.arange(len(stream))[random.random(len(stream)) < 0.9]
    for place in random.integers(0, len(order) - 1, 5):
        order[place], order[place + 1] = order[place + 1], order[place]
    stream = stream[np.sort(np.concatenate([order, random.choice(order, 3)]))]
    scans, counts = decoded(name, stream)
    twin = decoder_twin.scans(radar, plain(stream))
    assert len(scans) == len(twin)
    for scan, places in zip(scans, twin, strict=True):
        held = [row for _, row in sorted(places.items()) if row is not None]
        assert scan.header["missing"] == radar.count - len(places)
        assert len(scan.detections) == len(held)
        for row, expected in zip(scan.detections, held, strict=True):
            for field, value in expected.items():
                assert abs(row[field] - value) < 1e-12, field
    assert counts["frames"] + counts["stale"] + counts["malformed"] + counts["other"] == len(stream)


@pytest.mark.parametrize("name", NAMES)
def test_batches_do_not_matter(name):
    stream = frames(name, 4)
    whole, _ = decoded(name, stream)
    decoder = CanDecoder(name)
    pieces = [scan for at in range(0, len(stream), 7) for scan in decoder.feed(stream[at : at + 7])]
    assert [scan.detections.tobytes() for scan in pieces] == [scan.detections.tobytes() for scan in whole]


@pytest.mark.parametrize("name", NAMES)
def test_lost_scans_and_missing_frames_are_counted(name):
    radar, stream = CAN_MODELS[name], frames(name, 6)
    of_scan = radar.count + (radar.header_identifier is not None)
    scans, counts = decoded(name, np.concatenate([stream[:of_scan], stream[3 * of_scan :]]))
    assert len(scans) == 4 and counts["lost"] == 2 and [scan.is_whole for scan in scans] == [True, False, True, True]
    scans, counts = decoded(name, np.delete(stream, [of_scan + 5, of_scan + 7]))
    assert len(scans) == 6 and counts["missing"] == 2 and counts["lost"] == 0
    assert [scan.header["missing"] for scan in scans] == [0, 2, 0, 0, 0, 0]


@pytest.mark.parametrize("name", NAMES)
def test_a_sensor_that_hangs_gives_no_scans(name):
    stream = frames(name, 1)
    again = np.concatenate([stream] * 50)
    again["time_ns"] = START_NS + np.arange(50).repeat(len(stream)) * 50_000_000
    scans, counts = decoded(name, again)
    assert len(scans) == 1 and counts["stale"] == 49 * len(stream)


@pytest.mark.parametrize("name", NAMES)
def test_a_counter_that_comes_round_loses_nothing_and_one_that_begins_anew_is_taken(name):
    radar = CAN_MODELS[name]
    modulo = 1 << radar.counter.length
    rows = targets(name, np.random.default_rng(0))
    around = [encoder.can_frames(radar, rows, counter % modulo, START_NS + number * radar.cycle_ns)
              for number, counter in enumerate(range(modulo - 2, modulo + 3))]  # fmt: skip
    scans, counts = decoded(name, np.concatenate(around))
    assert len(scans) == 5 and counts["lost"] == 0
    anew = [encoder.can_frames(radar, rows, 100, START_NS), encoder.can_frames(radar, rows, 0, START_NS + 4 * radar.cycle_ns)]
    scans, counts = decoded(name, np.concatenate(anew))
    assert len(scans) == 2 and counts["lost"] == 3


def test_torn_and_wrong_frames_are_malformed():
    for name in NAMES:
        stream = frames(name, 1)
        stream["length"][3] = CAN_MODELS[name].target_length - 1
        assert decoded(name, stream)[1]["malformed"] == 1
    stream = frames("toyota-tss-p", 1)
    stream["data"][4, 2] ^= 1
    scans, counts = decoded("toyota-tss-p", stream)
    assert counts["malformed"] == 1 and scans[0].header["missing"] == 1


def test_echoes_error_frames_and_other_buses_are_others():
    stream = frames("toyota-tss-p", 2)
    stream["flags"][:16] = 1
    decoder = CanDecoder("toyota-tss-p", bus=0)
    other = stream.copy()
    other["bus"] = 3
    assert len(list(decoder.feed(np.concatenate([stream, other])))) == 1
    assert decoder.counts()["other"] == 16 + 32


def test_wrong_use_is_told():
    with pytest.raises(UsageError, match="no radar 'esr'"):
        CanDecoder("esr")
    with pytest.raises(UsageError, match="CanFrame"):
        list(CanDecoder("delphi-esr").feed(np.zeros(3)))
    twice = np.zeros(2, dtype("RadarDetection"))
    twice["target_id"] = 0x500
    with pytest.raises(ValueError, match="each once"):
        encoder.can_frames(CAN_MODELS["delphi-esr"], twice, 0, START_NS)


def test_an_esr_is_read_as_cantools_reads_it_with_the_public_database():
    cantools = pytest.importorskip("cantools")
    opendbc = pytest.importorskip("opendbc", reason="opendbc, whose ESR.dbc this is held against, is not installed")
    database = cantools.database.load_file(Path(opendbc.__file__).parent / "dbc" / "ESR.dbc", strict=False)
    stream = frames("delphi-esr", 20, 3)
    random = np.random.default_rng(1)
    tracks = stream["id"] != 0x4E0
    stream["data"][tracks] = random.integers(0, 256, (tracks.sum(), 8))
    scans, _ = decoded("delphi-esr", stream)
    rows = np.concatenate([scan.detections for scan in scans])
    found, indices = 0, []
    for _, identifier, data in plain(stream):
        told = database.decode_message(identifier, data, decode_choices=False)
        if identifier == 0x4E0:
            indices.append(told["CAN_TX_SCAN_INDEX"])
            continue
        told = {key.removeprefix("CAN_TX_TRACK_"): value for key, value in told.items()}
        if told["STATUS"] in (0, 6):
            continue
        row, found = rows[found], found + 1
        assert row["target_id"] == identifier
        assert abs(row["range"] - told["RANGE"]) < 1e-9 and abs(row["range_rate"] - told["RANGE_RATE"]) < 1e-9
        assert abs(np.degrees(row["azimuth"]) + told["ANGLE"]) < 1e-9
        assert bool(row["flags"] & DETECTION["FLAG_BRIDGE"]) == told["BRIDGE_OBJECT"]
        assert bool(row["flags"] & DETECTION["FLAG_ONCOMING"]) == told["ONCOMING"]
        assert bool(row["flags"] & DETECTION["FLAG_COASTED"]) == (told["STATUS"] in (4, 7))
        assert bool(row["flags"] & DETECTION["FLAG_NEW"]) == (told["STATUS"] in (1, 2, 7))
    assert found == len(rows) > 500 and indices == [scan.header["counter"] for scan in scans]


@pytest.mark.real_data
def test_the_recorded_radar_is_what_its_publisher_decoded(data_directory):
    folder = data_directory / "comma2k19" / "processed_log" / "CAN"
    bus, address, data, time_s = (np.load(folder / "raw_can" / name) for name in ("src", "address", "data", "t"))
    stream = np.zeros(len(bus), dtype("CanFrame"))
    stream["time_ns"], stream["id"], stream["bus"], stream["length"] = np.round(time_s * 1e9), address, bus, 8
    stream["data"] = data.view(np.uint8).reshape(-1, 8)
    decoder = CanDecoder("toyota-tss-p", bus=1)
    scans = [*decoder.feed(stream), *decoder.finish()]
    rows = np.concatenate([scan.detections for scan in scans])
    counts = decoder.counts()
    assert len(scans) == 1200 and not any(counts[name] for name in ("lost", "missing", "malformed", "stale"))
    assert counts["targets"] + counts["empty"] == 16 * 1200
    published = np.load(folder / "radar" / "value")  # ahead (of the camera, 2.7 m behind), left, range rate, -, -, id, new
    times = np.round(np.load(folder / "radar" / "t") * 1e9)
    assert len(rows) == len(published) == 10100
    rows, order = rows[np.lexsort((rows["target_id"], rows["time_ns"]))], np.lexsort((published[:, 5], times))
    published, times = published[order], times[order]
    assert np.array_equal(rows["target_id"], published[:, 5]) and np.array_equal(rows["time_ns"], times)
    # Published with two bits less than the database says today: cut to whole steps of 0.04 m
    assert np.abs(np.floor(rows["x"] / 0.04 + 1e-6) * 0.04 - (published[:, 0] - 2.7)).max() < 1e-9
    assert np.abs(rows["y"] - published[:, 1]).max() < 1e-12
    assert np.abs(rows["range_rate"] - published[:, 2]).max() < 1e-12
    assert np.array_equal((rows["flags"] & DETECTION["FLAG_NEW"]) > 0, published[:, 6] > 0)
