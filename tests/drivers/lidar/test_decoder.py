"""The kernels drivers.lidar._decoder and ._encoder: against the NumPy twin, there and back, and at the limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.errors import UsageError
from drivers.lidar import decoder_twin
from drivers.lidar.decoder import Decoder
from drivers.lidar.encoder import columns_per_packet, encode
from drivers.lidar.model import Beams, model, models
from tests.drivers.lidar.streams import RATE_HZ, START_NS, columns, decoded, packets_of, sorted_points, variants

TURN_NS = round(1e9 / RATE_HZ)


def assert_is_twin(points: np.ndarray, twin: dict[str, np.ndarray], first_time_ns: int = 0) -> None:
    order = np.lexsort((twin["return_kind"], twin["ring"], twin["column"]))
    ours = sorted_points(points)
    for name in ("column", "ring", "return_kind", "intensity"):
        assert (ours[name] == twin[name][order]).all(), name
    assert (ours["time_offset_ns"] == twin["time_ns"][order] - first_time_ns).all()
    for axis in "xyz":
        assert np.abs(ours[axis] - twin[axis][order]).max(initial=0.0) < 2e-4  # single precision at 260 m


@pytest.mark.parametrize(("name", "returns"), variants())
def test_kernel_and_twin_agree(name, returns):
    lidar = model(name)
    (packet,) = packets_of(name, returns, 1)
    (scan,), _ = decoded(lidar, [packet])
    first = 0 if lidar.family == "ouster" else lidar.first_column_ns[returns - 1]
    assert_is_twin(scan.points, decoder_twin.decode(lidar, packet), first)


@pytest.mark.parametrize("mode", [0x33, 0x38, 0x3B, 0x3C])
def test_other_return_modes_of_hesai(mode):
    packet = bytearray(packets_of("XT32", 2 if mode > 0x39 else 1, 1)[0])
    packet[1052 + 10] = mode
    (scan,), _ = decoded("XT32", [bytes(packet)])
    lidar = model("XT32")
    assert_is_twin(scan.points, decoder_twin.decode(lidar, bytes(packet)), lidar.first_column_ns[mode > 0x39])


def test_a_calibrated_unit_is_placed_as_the_twin_places_it():
    generator = np.random.default_rng(3)
    beams = Beams(*(tuple(generator.uniform(-size, size, 16)) for size in (15.0, 3.0, 0.1, 0.02, 0.05, 0.03)))
    lidar = model("VLP-16").with_beams(beams)
    (packet,) = packets_of("VLP-16", 1, 1)
    (scan,), _ = decoded(lidar, [packet])
    assert_is_twin(scan.points, decoder_twin.decode(lidar, packet))


@pytest.mark.parametrize(("name", "returns"), variants())
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), azimuth=st.floats(0.0, 6.28), time_ns=st.integers(10**18, 2 * 10**18))
def test_what_is_encoded_comes_back(name, returns, seed, azimuth, time_ns):
    lidar = model(name)
    azimuths, ranges, intensities, times = columns(lidar, returns, 4, seed, azimuth, time_ns)
    packets = [packet.tobytes() for packet in encode(lidar, azimuths, ranges, intensities, times)]
    scans, decoder = decoded(lidar, packets, time_ns, clock="locked", cut_azimuth_rad=(azimuth + math.pi) % (2.0 * math.pi))
    (scan,) = scans
    points, counts = scan.points, decoder.counts()
    assert counts["packets"] == 4 and not any(counts[kind] for kind in ("lost", "malformed", "other", "reordered", "duplicated"))
    column, ring = points["column"].astype(int), points["ring"].astype(int)
    one = np.isin(points["return_kind"], [1, 6] if lidar.family == "ouster" else [1]) * (returns - 1)
    one = np.where(points["return_kind"] == 6, 1, 0) if lidar.family == "ouster" else one
    assert len(points) == sum((ranges[..., k] > 0).sum() for k in range(returns)) - _equal(lidar, ranges)
    assert (points["intensity"] == intensities[column, ring, one]).all()
    expected = times[column] + lidar.firing_ns()[ring]
    assert np.abs(scan.stamp_ns + points["time_offset_ns"].astype(np.int64) - expected).max() <= 500  # packets count us
    yaw = lidar.beam_yaw_rad(azimuths, RATE_HZ * 2.0 * math.pi)[column, ring]
    elevation = lidar.elevation_rad()[ring]
    origin = lidar.beam_origin_m(azimuths)[column, ring]
    away = np.stack([np.cos(elevation) * np.cos(yaw), np.cos(elevation) * np.sin(yaw), np.sin(elevation)], axis=1)
    placed = np.stack([points[axis] for axis in "xyz"], axis=1) - origin
    length = ranges[column, ring, one]
    assert np.abs(np.linalg.norm(placed, axis=1) - length).max() <= lidar.range_resolution_m / 2 + 1e-4
    is_lone = lidar.name == "VLS-128" and returns == 2  # of its first packet the kernel cannot know how fast it turns
    sideways = np.linalg.norm(placed - away * length[:, None], axis=1)[column > 0 if is_lone else column >= 0]
    assert sideways.max() <= 100.0 * math.radians(0.016) + lidar.range_resolution_m


def _equal(lidar, ranges: np.ndarray) -> int:
    """Pairs that come back as one point."""
    if ranges.shape[2] == 1 or lidar.family == "ouster":
        return 0
    units = np.round(ranges.astype(np.float32) / lidar.range_resolution_m)
    return int(((units[..., 0] == units[..., 1]) & (units[..., 0] > 0)).sum())


@pytest.mark.parametrize("name", ["VLP-16", "VLS-128", "Pandar64", "XT32", "OS1-64"])
@pytest.mark.parametrize("cut", [0.0, 2.0])
def test_scans_begin_at_the_cut(name, cut):
    lidar = model(name)
    per_turn = TURN_NS // lidar.column_period_ns // columns_per_packet(lidar, 1) + 1
    scans, decoder = decoded(lidar, packets_of(name, 1, 3 * per_turn), clock="locked", cut_azimuth_rad=cut)
    assert [scan.begins_at_cut for scan in scans] == [False, True, True, True][: len(scans)] and len(scans) >= 3
    assert not any(decoder.counts()[kind] for kind in ("cut_by_time", "dropped_columns", "lost"))
    for scan in scans[1:-1]:
        assert scan.is_whole and scan.points["column"].max() + 1 == pytest.approx(TURN_NS / lidar.column_period_ns, abs=3)
        first = scan.points[scan.points["column"] == 0]
        yaw = np.arctan2(first["y"], first["x"])
        azimuth = math.radians(lidar.zero_yaw_deg) - yaw - lidar.azimuth_offset_rad()[first["ring"]]
        assert np.abs((azimuth - cut + math.pi) % (2.0 * math.pi) - math.pi).max() < math.radians(1.0)
    assert sum(len(scan.points) for scan in scans) == decoder.counts()["points"]


def test_the_hour_that_begins_anew():
    hour_ns = 3_600_000_000_000
    start = START_NS // hour_ns * hour_ns + hour_ns - 20_000_000
    packets = packets_of("VLP-16", 1, 40, time_ns=start)
    for clock, received in (("locked", start + 5_000_000), ("sensor", start)):
        (scan,), decoder = decoded("VLP-16", packets, received, clock=clock, cut_azimuth_rad=0.9)
        assert decoder.counts()["hour_wraps"] == 1 and decoder.counts()["clock_jumps"] == 0
        assert scan.stamp_ns == pytest.approx(start, abs=1000)
        assert scan.points["time_offset_ns"].max() == pytest.approx(40 * 24 * 55_296, abs=60_000)


def test_clocks():
    packets = packets_of("XT32", 1, 3)
    arrivals = [START_NS + 10**9 + 7_000 * place for place in range(3)]
    stamps = {}
    for clock in ("sensor", "locked", "received"):
        decoder = Decoder("XT32", clock=clock, cut_azimuth_rad=0.9)
        (stamps[clock],) = (scan.stamp_ns for scan in decoder.scans(zip(packets, arrivals, strict=True)))
    first = model("XT32").first_column_ns[0]
    assert stamps["locked"] == START_NS
    assert stamps["sensor"] == stamps["received"] == arrivals[0] + first


@pytest.mark.parametrize("name", ["VLP-32C", "XT32", "OS1-64"])
def test_lost_late_and_repeated_packets_are_counted(name):
    packets = packets_of(name, 1, 12)
    order = [0, 1, 1, 2, 5, 4, 6, 6, 7, 8, 9, 11]  # 3 and 10 never come
    (scan,), decoder = decoded(name, [packets[place] for place in order], cut_azimuth_rad=0.9)
    counts = decoder.counts()
    assert (counts["packets"], counts["duplicated"], counts["reordered"], counts["lost"]) == (10, 2, 1, 2)
    assert set(np.unique(scan.points["flags"])) == {0, 1}
    assert scan.health["lost"] == 2 and not scan.is_whole


def test_a_packet_of_the_scan_before_is_dropped():
    lidar = model("VLP-16")
    packets = packets_of("VLP-16", 1, 80)
    scans, decoder = decoded(lidar, [*packets[:70], packets[10], *packets[71:]], cut_azimuth_rad=5.0)
    assert len(scans) == 2 and decoder.counts()["reordered"] == 1
    assert decoder.counts()["dropped_columns"] == 24
    assert not (scans[1].points["time_offset_ns"] < 0).any()


@pytest.mark.parametrize(("name", "ppm", "ahead_s"), [("XT32", 40.0, 0), ("VLP-16", -60.0, 0), ("OS1-64", 25.0, 37)])
def test_a_clock_that_drifts_is_followed(name, ppm, ahead_s):
    """A packet each 0.3 s of a minute, each the first of a scan; their ways differ by up to a millisecond."""
    random = np.random.default_rng(4)
    decoder, late_ns = Decoder(name, cut_azimuth_rad=0.9), []
    for number in range(200):
        moment_ns = number * 300_000_000  # of the log's clock
        own_ns = START_NS + ahead_s * 10**9 + round(moment_ns * (1.0 + ppm * 1e-6))
        for packet in packets_of(name, 1, 1, time_ns=own_ns):
            decoder.feed(packet, START_NS + moment_ns + (0 if number % 7 == 0 else int(random.integers(0, 1_000_000))))
        _, _, stamp_ns, *_ = decoder._kernel.rest()
        late_ns.append(stamp_ns - model(name).first_column_ns[0] - (START_NS + moment_ns))
    drift_ns = abs(ppm) * 1e-6 * 1e9  # in a second
    # Behind by two stretches at most; without following a minute
    assert 9.0 * drift_ns < max(map(abs, late_ns)) < 22.0 * drift_ns


def test_a_clock_that_is_set():
    packets = [*packets_of("XT32", 1, 5), *packets_of("XT32", 1, 5, time_ns=START_NS + 5 * 10**9)]
    scans, decoder = decoded("XT32", packets, cut_azimuth_rad=0.9)
    assert decoder.counts()["clock_jumps"] == 1 and sum(len(scan.points) for scan in scans) == decoder.counts()["points"]
    assert all(0 <= scan.points["time_offset_ns"].max() < 220_000_000 for scan in scans)


@pytest.mark.parametrize("name", ["VLP-16", "XT32", "OS1-64"])
@pytest.mark.parametrize("back_ns", [20_000_000, 150_000_000, 400_000_000, 950_000_000])
def test_a_lidar_whose_clock_is_set_back_a_little_goes_blind(name, back_ns):
    """Scans go on at once; five packets at most are taken for late ones."""
    lidar = model(name)
    per_turn = TURN_NS // lidar.column_period_ns // columns_per_packet(lidar, 1) + 1
    packets = packets_of(name, 1, 4 * per_turn)
    at = per_turn * 3 // 2
    azimuth = lidar.columns(RATE_HZ, at * columns_per_packet(lidar, 1) + 1, 0, 1.0)[0][-1]
    since_ns = at * columns_per_packet(lidar, 1) * lidar.column_period_ns
    later = packets_of(name, 1, 3 * per_turn, azimuth=azimuth, time_ns=START_NS + since_ns - back_ns)
    decoder = Decoder(name, cut_azimuth_rad=0.9)
    period_ns = lidar.column_period_ns * columns_per_packet(lidar, 1)
    received = [(packet, START_NS + place * period_ns) for place, packet in enumerate([*packets[:at], *later])]
    scans = list(decoder.scans(received))
    counts = decoder.counts()
    assert counts["clock_jumps"] == 1 and counts["reordered"] == (0 if back_ns > 250_000_000 else 4)
    assert counts["packets"] == at + len(later) and counts["lost"] == 0 and counts["cut_by_time"] == 1
    # The jump is in the second scan; the one that begins there is no whole one, the others are
    assert [scan.begins_at_cut for scan in scans[1:]] == [True, False, True, True, True][: len(scans) - 1] and len(scans) >= 5
    assert [scan.is_whole for scan in scans[1:-1]] == [False, False, True, True][: len(scans) - 2]
    stamps = [scan.stamp_ns for scan in scans]
    assert stamps == sorted(stamps) and np.diff(stamps).max() < 1.1 * TURN_NS  # on the log's clock nothing has jumped


def test_single_packets_that_come_late_are_no_jump_of_the_clock():
    packets = packets_of("XT32", 1, 40)
    order = [0, 1, 6, 2, 3, 4, 5, 7, 8, 9, 12, 10, 11, *range(13, 40)]  # four behind one
    (scan,), decoder = decoded("XT32", [packets[place] for place in order], cut_azimuth_rad=0.9)
    counts = decoder.counts()
    assert (counts["clock_jumps"], counts["reordered"], counts["lost"], counts["packets"]) == (0, 6, 0, 40)
    assert len(scan.points) == counts["points"]


def test_a_recording_that_ends_within_a_scan_gives_no_whole_one():
    packets = packets_of("VLP-16", 1, 76 * 2 + 30)
    scans, _ = decoded("VLP-16", packets, cut_azimuth_rad=1.0)
    assert scans[-1].begins_at_cut and not scans[-1].ends_at_cut and not scans[-1].is_whole
    assert scans[-2].is_whole and scans[-2].as_json()["is_whole"] is True


def test_packets_lost_between_two_scans_are_lost_to_both():
    packets = packets_of("VLP-16", 1, 76 * 4)
    whole, _ = decoded("VLP-16", packets, cut_azimuth_rad=1.3)
    assert [scan.is_whole for scan in whole[1:-1]] == [True] * (len(whole) - 2)
    ends = np.cumsum([scan.points["column"].max() + 1 for scan in whole]) // 24
    del packets[ends[1] - 1 : ends[1] + 2]
    scans, decoder = decoded("VLP-16", packets, cut_azimuth_rad=1.3)
    assert decoder.counts()["lost"] == 3 and [scan.health["lost"] for scan in scans[:4]] == [0, 3, 3, 0]
    assert [scan.is_whole for scan in scans[:4]] == [False, False, False, True]


@pytest.mark.parametrize("pause_turns", [2.7, 15.7])
def test_a_scan_after_a_pause_begins_where_the_lidar_looked_then(pause_turns):
    """Also where less than half a turn seems to be missing."""
    packets = packets_of("VLP-16", 1, 76 * 24)
    begin = 76 * 2
    del packets[begin : begin + round(76 * pause_turns)]
    scans, decoder = decoded("VLP-16", packets, cut_azimuth_rad=1.0)
    assert decoder.counts()["cut_by_time"] >= 1
    cut_off = next(place for place, scan in enumerate(scans) if scan.health["cut_by_time"])
    assert not scans[cut_off].ends_at_cut and not scans[cut_off + 1].begins_at_cut
    assert scans[cut_off + 2].is_whole


@pytest.mark.parametrize(
    ("name", "at", "value", "kind"),
    [
        ("VLP-16", 0, 0x00, "malformed"), ("VLP-16", 3, 0xFF, "malformed"), ("VLP-16", 1204, 0x00, "malformed"),
        ("VLP-16", 1205, 0x28, "other"), ("VLP-16", 1203, 0xFF, "malformed"), ("VLS-128", 101, 0x77, "malformed"),
        ("XT32", 0, 0x00, "malformed"), ("XT32", 6, 64, "other"), ("XT32", 9, 2, "other"), ("XT32", 1062, 0x01, "malformed"),
        ("XT32", 1066, 13, "malformed"), ("XT32", 1074, 0xFF, "malformed"), ("Pandar64", 2, 40, "other"),
        ("OS1-64", 0, 2, "other"), ("OS1-64", 32 + 9, 0xFF, "malformed"), ("OS1-64", 32 + 7, 0xFF, "malformed"),
    ],
)  # fmt: skip
def test_a_disturbed_packet_is_counted_and_costs_itself(name, at, value, kind):
    packets = packets_of(name, 1, 3)
    packets[1] = packets[1][:at] + bytes([value]) + packets[1][at + 1 :]
    _, decoder = decoded(name, packets, cut_azimuth_rad=0.9)
    assert decoder.counts()[kind] == 1 and decoder.counts()["packets"] == 2 and decoder.counts()["lost"] == 1


@pytest.mark.parametrize("name", sorted(models()))
def test_a_packet_of_any_wrong_length(name):
    (packet,) = packets_of(name, len(model(name).shape.pixel.distance_at) if model(name).shape.pixel else 1, 1)
    wrong = [packet[:size] for size in (0, 1, 100, len(packet) - 1)] + [packet + b"\0"]
    _, decoder = decoded(name, wrong)
    assert decoder.counts()["malformed"] == len(wrong) and decoder.counts()["points"] == 0


def test_position_packets_of_a_velodyne_are_another_kind():
    _, decoder = decoded("VLP-16", [bytes(512)])
    assert decoder.counts()["other"] == 1 and decoder.counts()["malformed"] == 0


def test_a_hesai_without_packet_numbers():
    packets = [packet[:-4] for packet in packets_of("XT32", 1, 6)]
    del packets[2:4]
    _, decoder = decoded("XT32", packets, cut_azimuth_rad=0.9)
    assert decoder.counts()["packets"] == 4 and decoder.counts()["lost"] == 2


def test_ranges_left_out():
    packets = packets_of("VLP-16", 1, 4)
    (everything,), _ = decoded("VLP-16", packets, cut_azimuth_rad=0.9)
    (some,), _ = decoded("VLP-16", packets, cut_azimuth_rad=0.9, minimum_range_m=10.0, maximum_range_m=50.0)
    distances = np.linalg.norm(np.stack([everything.points[axis] for axis in "xyz"], axis=1).astype(float), axis=1)
    assert len(some.points) == ((distances > 9.999) & (distances < 50.001)).sum()


def test_a_scan_that_is_held_is_not_written_over():
    lidar = model("VLP-16")
    decoder, held, copies = Decoder(lidar), [], []
    for packet in packets_of("VLP-16", 1, 76 * 6):
        for scan in decoder.feed(packet, START_NS):
            held.append(scan)
            copies.append(scan.points.copy())
    assert len(held) >= 5
    assert all((scan.points == copy).all() for scan, copy in zip(held, copies, strict=True))


def test_scans_that_are_let_go_of_need_no_new_memory():
    decoder = Decoder("VLP-16")
    for packet in packets_of("VLP-16", 1, 76 * 6):
        decoder.feed(packet, START_NS)
    assert len(decoder._buffers) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [({"clock": "gps"}, "gps"), ({"convention": "x"}, "'x'"), ({"minimum_range_m": 5.0, "maximum_range_m": 5.0}, "5.0 .. 5.0")],
)
def test_wrong_options_are_told(options, words):
    with pytest.raises(UsageError, match=words):
        Decoder("VLP-16", **options)


def test_a_model_that_is_not_there():
    with pytest.raises(UsageError, match="no lidar 'VLP-17'; there are VLP-16"):
        Decoder("VLP-17")


def test_columns_that_fill_no_packet():
    lidar = model("XT32")
    with pytest.raises(UsageError, match="7 columns with 1 returns fill no whole packets of 8"):
        encode(lidar, np.zeros(7), np.ones((7, 32, 1)), np.ones((7, 32, 1)), np.zeros(7))


def test_a_run_of_packets_in_one_buffer_gives_the_scans_of_single_ones():
    packets = packets_of("VLP-16", 1, 76 * 4)
    one, other = Decoder("VLP-16"), Decoder("VLP-16")
    times = START_NS + 1_327_000 * np.arange(len(packets), dtype=np.int64)
    single = [(scan.stamp_ns, scan.points.copy()) for packet, time_ns in zip(packets, times.tolist(), strict=True)
              for scan in one.feed(packet, time_ns)]  # fmt: skip
    data = np.frombuffer(b"##".join(packets), np.uint8)
    lengths = np.array([len(packet) for packet in packets], np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths + 2)[:-1]]).astype(np.int64)
    begin, runs = 0, []
    while begin < len(packets):
        begin, scan = other.feed_run(data, offsets, lengths, times, begin)
        if scan is not None:
            runs.append((scan.stamp_ns, scan.points.copy()))
    assert len(runs) == len(single) >= 2 and one.counts() == other.counts()
    for (stamp, points), (stamp_of_run, points_of_run) in zip(single, runs, strict=True):
        assert stamp == stamp_of_run and points.tobytes() == points_of_run.tobytes()
    with pytest.raises(ValueError, match="packet 1 lies beyond"):
        Decoder("VLP-16").feed_run(data[:1300], offsets, lengths, times)
