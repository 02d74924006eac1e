"""UBX: kernel (drivers.gnss._ubx), twin, encoder and pyubx2 say the same; what is disturbed costs no more than itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.gnss import ubx, ubx_twin
from tests.drivers.gnss.streams import BYTE_NS, PIECES, contents, decoded, fix, imu, known, router, told


def message(index: int) -> bytes:
    """Of a receiver's output: fixes, IMU readings and others."""
    makers = [
        lambda: ubx.nav_pvt(fix(index)),
        lambda: ubx.esf_meas(imu(index), 10 * index),
        lambda: ubx.frame((0x01, 0x35), bytes(8 + 12 * (index % 20))),  # NAV-SAT
        lambda: ubx.nav_pvt(fix(index, validity=1)),
        lambda: ubx.frame((0x0A, 0x09), bytes(60)),  # MON-HW
    ]
    return makers[index % len(makers)]()


STREAM = b"".join(message(index) for index in range(10))
GARBAGE = st.binary(max_size=60) | st.builds(
    lambda head, rest: b"\xb5\x62" + head + rest, st.binary(max_size=5), st.binary(max_size=20)
)


def test_an_encoded_fix_comes_back():
    sent = fix(3)
    (kind, row), = decoded(router("ubx", delay_s=0.08), ubx.nav_pvt(sent))  # fmt: skip
    assert kind == "gnss" and row["source"] == 3 and row["received_time_ns"] == 100 * BYTE_NS
    assert row["valid_time_ns"] == row["received_time_ns"] - 80_000_000
    for name, resolution in {"latitude_deg": 5e-8, "longitude_deg": 5e-8, "altitude_m": 5e-4, "velocity_east": 5e-4,
                             "velocity_north": 5e-4, "velocity_up": 5e-4, "speed": 5e-4, "course_deg": 5e-6,
                             "position_sigma": 5e-4, "altitude_sigma": 5e-4, "speed_sigma": 5e-4,
                             "course_sigma_deg": 5e-6}.items():  # fmt: skip
        assert row[name][0] == pytest.approx(float(sent[name]), abs=1.01 * resolution), name
    for name in ("utc_time_ns", "fix_type", "satellites", "validity"):
        assert row[name][0] == sent[name]


def test_encoded_readings_come_back_along_the_axes_of_the_vehicle():
    sent = imu(3)
    axes = {"axes": ["-y", "x", "z"]}
    (kind, row), = decoded(router("ubx", **axes), ubx.esf_meas(sent, 7, [-2, 1, 3]))  # fmt: skip
    assert kind == "imu"
    for axis in "xyz":
        assert row[f"acceleration_{axis}"][0] == pytest.approx(float(sent[f"acceleration_{axis}"]), abs=0.51 / 1024)
        assert row[f"angular_rate_{axis}"][0] == pytest.approx(float(sent[f"angular_rate_{axis}"]), abs=math.pi / 180 / 4096)


def test_readings_of_one_time_in_two_messages_are_one_sample():
    words = [list(ubx.MEAS.unpack(ubx.esf_meas(imu(index), 10 * index)[6:-2])) for index in range(3)]
    halves = [ubx.frame(ubx.ESF_MEAS, ubx.MEAS.pack(word[0], 3 << 11, 0, *part, *([0] * 3))[:20])
              for word in words for part in (word[3:6], word[6:9])]  # fmt: skip
    port = router("ubx")
    assert contents(decoded(port, b"".join(halves))) == contents(
        decoded(router("ubx"), b"".join(ubx.esf_meas(imu(index), 10 * index) for index in range(3)))
    )
    port.reset()
    assert len(decoded(port, b"".join(halves[:1] + halves[2:]))) == 2 and port.counts()["x:ubx>gnss+imu"]["incomplete"] == 1


def test_no_fix_is_a_sample_that_is_not_available():
    (_, row), = decoded(router("ubx"), ubx.nav_pvt(fix(0, validity=1)))  # fmt: skip
    assert row["validity"] == 1 and row["fix_type"] == 0 and row["utc_time_ns"] > 0
    assert np.isnan([row[name][0] for name in ("latitude_deg", "velocity_east", "speed", "position_sigma")]).all()


@given(second=st.integers(315_964_800, 4_000_000_000), nano=st.integers(0, 999_999_999))
def test_utc_is_exact(second, nano):
    sent = fix(0, utc_time_ns=second * 1_000_000_000 + nano)
    assert decoded(router("ubx"), ubx.nav_pvt(sent))[0][1]["utc_time_ns"][0] == sent["utc_time_ns"]


def test_the_oracle_reads_what_we_write():
    pyubx2 = pytest.importorskip("pyubx2")
    sent = fix(4)
    message = pyubx2.UBXReader.parse(ubx.nav_pvt(sent))
    assert message.identity == "NAV-PVT" and message.fixType == 3 and message.gnssFixOk == 1 and message.numSV == 14
    assert (message.year, message.month, message.day, message.hour, message.min, message.second) == (2026, 1, 5, 12, 0, 0)
    assert message.nano == 400_000_000 and message.validDate and message.validTime
    assert message.lat == pytest.approx(float(sent["latitude_deg"]), abs=1e-7)
    assert message.lon == pytest.approx(float(sent["longitude_deg"]), abs=1e-7)
    assert (message.height, message.hAcc, message.velN, message.velE, message.velD) == (500250, 350, 20125, -3500, -250)
    assert message.headMot == pytest.approx(350.125) and message.sAcc == 50
    readings = pyubx2.UBXReader.parse(ubx.esf_meas(imu(1), 70))
    assert readings.identity == "ESF-MEAS" and readings.timeTag == 70 and readings.numMeas == 6
    assert [getattr(readings, f"dataType_{place:02d}") for place in range(1, 7)] == list(ubx.READING_TYPES)


@given(values=st.tuples(*[st.integers(-(2**31), 2**31 - 1)] * 7), sigmas=st.tuples(*[st.integers(0, 2**32 - 1)] * 2),
       flags=st.integers(0, 255), fix_type=st.integers(0, 5))  # fmt: skip
def test_we_read_what_the_oracle_writes(values, sigmas, flags, fix_type):
    pyubx2 = pytest.importorskip("pyubx2")
    lon, lat, height, north, east, down, speed = values
    payload = ubx.PVT.pack(0, 2026, 2, 28, 23, 59, 59, 3, 0, -1, fix_type, flags, 0, 9, lon, lat, height, height, *sigmas, north,
                           east, down, speed, 0, 50, 30, 0, 0, bytes(4), 0, 0, 0)  # fmt: skip
    frame = pyubx2.UBXMessage(1, 7, pyubx2.GET, payload=payload).serialize()
    assert frame == ubx.frame(ubx.NAV_PVT, payload)
    (_, row), = decoded(router("ubx"), frame)  # fmt: skip
    assert known(row) == pytest.approx(ubx_twin.fix(payload), rel=0, abs=0)


@given(pieces=PIECES)
def test_any_pieces_give_the_same_samples(pieces):
    assert contents(decoded(router("ubx"), STREAM, pieces)) == contents(decoded(router("ubx"), STREAM, [len(STREAM)]))


@given(parts=st.lists(GARBAGE | st.integers(0, 9).map(message), max_size=12), pieces=PIECES)
def test_kernel_and_twin_agree_on_anything(parts, pieces):
    stream = b"".join(parts)
    port = router("ubx")
    found, expected = decoded(port, stream, pieces), ubx_twin.decode(stream)
    assert [(kind, known(row)) for kind, row in found] == [(kind, fields | ({"validity": 0} if kind == "imu" else {}))
                                                           for kind, fields, _ in expected]  # fmt: skip
    counts = port.counts()["x:ubx>gnss+imu"]
    sound = sum(8 + len(payload) for _, _, payload in ubx_twin.frames(stream))
    assert counts["bytes"] == len(stream) and counts["samples"] == len(found)
    assert 0 <= len(stream) - counts["skipped"] - sound <= 1024, "every byte is in a message, skipped or still waits"


@given(bit=st.integers(0, 8 * len(STREAM) - 1))
def test_a_single_bit_error_costs_its_message_alone(bit):
    broken = bytearray(STREAM)
    broken[bit // 8] ^= 1 << bit % 8
    whole, heard = contents(decoded(router("ubx"), STREAM)), contents(decoded(router("ubx"), bytes(broken) + bytes(1100)))
    assert all(sample in whole for sample in heard), "a wrong sample must never pass"
    assert len(heard) >= len(whole) - 1


@given(garbage=st.binary(max_size=40), place=st.integers(0, 10))
def test_garbage_between_messages_costs_nothing(garbage, place):
    messages = [message(index) for index in range(10)]
    stream = b"".join(messages[:place]) + garbage + b"".join(messages[place:])
    if b"\xb5\x62" in garbage or garbage.endswith(b"\xb5"):
        return
    assert contents(decoded(router("ubx"), stream)) == contents(decoded(router("ubx"), STREAM))


def test_a_length_that_never_comes_is_given_up_after_a_while():
    port = router("ubx")
    assert port.samples(0, 0, b"\xb5\x62\x0a\x09\xf0\x03") == []
    assert port.samples(0, 100_000_000, ubx.nav_pvt(fix(0))) == []
    late = port.samples(0, 400_000_000, b"\xb5\x62")
    assert [row["received_time_ns"][0] for _, row in late] == [100_000_000], "found late, with the time it came"
    assert port.counts()["x:ubx>gnss+imu"]["malformed"] == 1


def test_samples_of_another_kind_are_not_given():
    port = router("ubx", kinds=["gnss"])
    assert {kind for kind, _ in decoded(port, STREAM)} == {"gnss"}
    assert port.counts()["x:ubx>gnss"]["unused"] == 6
    assert {name for name in told(decoded(port, STREAM)[0][1])} >= {"latitude_deg", "source"}
