"""MTData2: kernel (drivers.imu._mtdata2), twin and encoder say the same; what is disturbed costs no more than itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.imu import mtdata2, mtdata2_twin
from drivers.serial.route_config import SerialError, read
from tests.drivers.gnss.streams import BYTE_NS, PIECES, contents, decoded, imu, known, router

NAMES = [f"{quantity}_{axis}" for quantity in ("acceleration", "angular_rate") for axis in "xyz"]
RESOLUTION = {"float32": 1e-6, "fixed 12.20": 0.51 / 2**20, "fixed 16.32": 0.51 / 2**32, "float64": 0.0}
COUNTS = "x:mtdata2>imu"


def sent(index: int) -> bytes:
    makers = [
        lambda: mtdata2.mtdata2(imu(index), ticks=100 * index, counter=index, status=3),
        lambda: mtdata2.message(0x3E, b""),  # WakeUp
        lambda: mtdata2.mtdata2(imu(index), number="fixed 16.32"),
        lambda: mtdata2.message(mtdata2.MTDATA2, mtdata2.packet(0x2010, bytes(16))),  # an orientation alone
        lambda: mtdata2.message(mtdata2.MTDATA2, mtdata2.packet(0x9999, bytes(200)) * 2),  # of the long form
    ]
    return makers[index % len(makers)]()


STREAM = b"".join(sent(index) for index in range(15))
GARBAGE = st.binary(max_size=60) | st.builds(lambda rest: b"\xfa\xff\x36" + rest, st.binary(max_size=30))


@pytest.mark.parametrize("number", mtdata2.FORMATS)
def test_an_encoded_sample_comes_back_along_the_axes_of_the_vehicle(number):
    row = imu(3)
    stream = mtdata2.mtdata2(row, number=number, axes=[-2, 1, 3])
    ((kind, got),) = decoded(router("mtdata2", axes=["-y", "x", "z"], delay_s=0.002), stream)
    assert kind == "imu" and got["source"] == 3 and got["received_time_ns"] == len(stream) * BYTE_NS
    assert got["valid_time_ns"] == got["received_time_ns"] - 2_000_000
    for name in NAMES:
        assert got[name][0] == pytest.approx(float(row[name]), abs=RESOLUTION[number]), name


@given(PIECES)
def test_kernel_and_twin_say_the_same_however_the_stream_is_cut(pieces):
    port = router("mtdata2")
    found = decoded(port, STREAM, pieces)
    assert [known(row) for _, row in found] == [{"validity": 0} | fields for fields, _, _ in mtdata2_twin.decode(STREAM)]
    counts = port.counts()[COUNTS]
    assert (counts["samples"], counts["messages"], counts["unused"], counts["malformed"], counts["skipped"]) == (6, 15, 9, 0, 0)


@given(st.lists(GARBAGE | st.integers(0, 14).map(sent), max_size=12), PIECES)
def test_garbage_between_messages_is_what_the_twin_finds_it(parts, pieces):
    stream = b"".join(parts)
    found = decoded(router("mtdata2"), stream, pieces)
    assert [{"validity": 0} | known(row) for _, row in found] == [
        {"validity": 0} | fields for fields, _, _ in mtdata2_twin.decode(stream)]  # fmt: skip


@given(st.integers(0, 14), st.data())
def test_a_disturbed_byte_costs_its_message_alone(index, data):
    """Every bit of every place; a length that grew holds the line up until it is given up."""
    whole = [contents(decoded(router("mtdata2"), sent(n))) for n in range(15)]
    stream = bytearray(STREAM)
    begin = sum(len(sent(n)) for n in range(index))
    place = data.draw(st.integers(begin, begin + len(sent(index)) - 1))
    stream[place] ^= 1 << data.draw(st.integers(0, 7))
    port = router("mtdata2")
    found = decoded(port, bytes(stream))
    found += port.samples(0, 10**12, b"\0" * 1024)  # much later: nothing can be waiting any more
    others = [row for n, rows in enumerate(whole) if n != index for row in rows]
    assert contents(found) == others
    counts = port.counts()[COUNTS]
    assert counts["malformed"] + counts["skipped"] > 0


@pytest.mark.parametrize(
    ("payload", "counted"),
    [
        (mtdata2.packet(mtdata2.ACCELERATION, bytes(12)), "incomplete"),
        (mtdata2.packet(mtdata2.ACCELERATION, bytes(8)), "malformed"),
        (mtdata2.packet(mtdata2.ACCELERATION | 3, bytes(12)), "malformed"),
        (mtdata2.packet(mtdata2.SAMPLE_TIME_FINE, bytes(2)), "malformed"),
        (b"\x40\x20", "malformed"),
        (b"\x40\x20\x0c" + bytes(11), "malformed"),
        (b"", "unused"),
    ],
)
def test_a_sound_message_without_a_sample_is_counted(payload, counted):
    port = router("mtdata2")
    assert decoded(port, mtdata2.message(mtdata2.MTDATA2, payload)) == []
    counts = port.counts()[COUNTS]
    assert counts[counted] == 1 and counts["messages"] == 1 and counts["samples"] == 0


def test_a_sensor_beyond_its_range_and_numbers_that_are_none_are_errors():
    row = imu(0)
    row["angular_rate_y"] = np.inf
    stream = mtdata2.mtdata2(row) + b"".join(mtdata2.mtdata2(imu(1), status=1 << bit) for bit in range(8, 14))
    found = decoded(router("mtdata2"), stream)
    assert [row["validity"][0] for _, row in found] == [2] * 7
    assert all(np.isnan(row[name][0]) for _, row in found for name in NAMES)
    assert decoded(router("mtdata2"), mtdata2.mtdata2(imu(1), status=0x4003))[0][1]["validity"] == 0  # the magnetometer's


def times(ticks: list[int], arrivals_ns: list[int]) -> list[int]:
    port = router("mtdata2")
    return [int(row["valid_time_ns"][0]) for tick, arrival_ns in zip(ticks, arrivals_ns, strict=True)
            for _, row in port.samples(0, arrival_ns, mtdata2.mtdata2(imu(0), ticks=tick))]  # fmt: skip


def test_a_line_that_holds_bytes_back_does_not_scatter_the_samples():
    """100 Hz, a quartz 80 ppm off, a counter that wraps, messages up to 16 ms late."""
    random = np.random.default_rng(0)
    for ppm in (-80.0, 80.0):
        ticks = [(2**32 - 5_000 + 100 * n) % 2**32 for n in range(3000)]
        taken = [round(n * 10_000_000 * (1 + ppm * 1e-6)) for n in range(3000)]
        arrivals = np.maximum.accumulate([at + 2_000_000 + int(random.uniform(0, 16e6)) for at in taken]).tolist()
        found = np.array(times(ticks, arrivals)) - taken
        assert np.std(found[300:]) < 0.3e6 < np.std(np.array(arrivals) - taken) / 10
        assert found[300:].min() > 1_900_000 and found[300:].max() < 4_000_000


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 50_000_000)), min_size=1, max_size=60))
def test_times_are_the_twins_and_neither_step_back_nor_lie_ahead(steps):
    ticks = np.cumsum([step for step, _ in steps]).tolist()
    arrivals = (1_000_000_000 + np.cumsum([wait for _, wait in steps])).tolist()
    found = times(ticks, arrivals)
    assert found == mtdata2_twin.steady_times(ticks, arrivals)
    assert (np.diff(found) >= 0).all() and all(at <= arrival for at, arrival in zip(found, arrivals, strict=True))


def test_the_protocol_gives_imu_samples_only():
    with pytest.raises(SerialError, match="mtdata2 gives imu"):
        read({"port": [{"port": "imu", "protocol": "mtdata2", "source": 1}]}, "truck.toml")


# Payloads that an MTi-300 (firmware 1.8.2) sent, and what Xsens' MT Manager showed for them; published with their values
AT_REST = bytes.fromhex(
    "102002918D 106004 01363FA6 201010 3F35E0423F31CD15BD9F49DBBDA938CF 40200C BD635A90411D08D43E5FAA50"
    "40100C B91168003CC901003A0F7D00 40300C BC3B29803C35FC003CA46E00 80200C 3CAEA241BB56D800BAD5AC01"
    "803010 3F80000037DF8801B6898000B608C000 C0200C BEFBFBF23F33C485BFA0A2C1 081004 42168000 301004 000186E1 E02004 00400003"
)
SHAKEN = bytes.fromhex(
    "102002FB85 106004 01A498DE 201010 3F2A1463BED7EFA73CDEE5083F1DCEC9 40200C C1F246C3C1ECE076C28F853F"
    "40100C BD932CCCBD920A16BE3A6EEC 40300C 42519464C27B5A5AC1CCC0AE 80200C 40854D6DC125559EC0908E1F"
    "803010 3F7FF8983BAA9EE5BC539EC0BBB9060C C0200C 3EDC7439BE752B483FAF9A3F 301004 000186DE E02004 00481401"
)
SHOWN = [-0.05550629, 9.81465530, 0.21842313, 0.02131760, -0.00327826, -0.00163019]


def test_what_a_sensor_sent_is_read_as_its_maker_shows_it():
    stream = mtdata2.message(mtdata2.MTDATA2, AT_REST)
    ((kind, got),) = decoded(router("mtdata2"), stream)
    assert kind == "imu" and [float(got[name][0]) for name in NAMES] == pytest.approx(SHOWN, abs=6e-9)
    ((_, ticks, _),) = mtdata2_twin.decode(stream)
    assert ticks == 20_332_454


def test_a_sensor_shaken_beyond_its_range_says_so():
    """-71.8 m/s2 along z, -10.3 rad/s about y."""
    ((_, got),) = decoded(router("mtdata2"), mtdata2.message(mtdata2.MTDATA2, SHAKEN))
    assert got["validity"][0] == 2


@pytest.mark.parametrize(
    "recorded",
    ["FAFF3000D1", "FAFF1000F1", "FAFF8E02000071", "FAFFC10810 20FFFF1060FFFF9C", "FAFF0304037003F88C",
     "FAFF130B01080200000025000115 3469",
     "FAFFC0301020FFFF1060FFFF2010019040200190401001904030019080200190803001 90C02000640810000A30100032E020FFFF99"],
)  # fmt: skip
def test_checksums_are_those_of_the_maker(recorded):
    whole = bytes.fromhex(recorded)
    assert mtdata2.message(whole[2], whole[4:-1]) == whole
