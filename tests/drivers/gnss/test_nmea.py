"""NMEA: kernel (drivers.gnss._nmea), twin, encoder and pynmeagps say the same.

What is disturbed costs its sentence, and one sample a part.
"""

from __future__ import annotations

import math
from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.gnss import nmea, nmea_twin
from tests.drivers.gnss.streams import PIECES, contents, decoded, fix, known, router

ALL = ["RMC", "VTG", "GGA", "GST"]
EPOCHS = [nmea.epoch(fix(index, validity=index == 3), ALL) for index in range(6)]
STREAM = b"".join(EPOCHS)
SATELLITES = nmea.sentence("GPGSV,2,1,06,05,28,056,28,15,75,021,,18,43,329,30,23,,,28")
FIELD = st.text("0123456789.,-ANSEWVMTK", max_size=12)
SENTENCES = st.builds(lambda name, fields: nmea.sentence(",".join(["GP" + name, *fields])),
                      st.sampled_from([*ALL, "GSV", "ZDA"]), st.lists(FIELD, max_size=14))  # fmt: skip


def test_an_encoded_epoch_comes_back():
    sent = fix(2)
    (kind, row), = decoded(router("nmea", sentences=ALL), nmea.epoch(sent, ALL))  # fmt: skip
    assert kind == "gnss" and row["source"] == 3
    for name, resolution in {"latitude_deg": 1e-8, "longitude_deg": 1e-8, "altitude_m": 5e-4, "speed": 5e-4, "course_deg": 5e-3,
                             "position_sigma": 5e-4, "altitude_sigma": 5e-4}.items():  # fmt: skip
        assert row[name][0] == pytest.approx(float(sent[name]), abs=1.01 * resolution), name
    for name in ("utc_time_ns", "fix_type", "satellites", "validity"):
        assert row[name][0] == sent[name], name
    assert math.isnan(row["velocity_east"][0])


def test_the_sentence_of_the_text_book():
    stream = (b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"
              b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n")  # fmt: skip
    (_, row), = decoded(router("nmea"), stream)  # fmt: skip
    assert row["latitude_deg"][0] == 48 + 7.038 / 60 and row["longitude_deg"][0] == 11 + 31.0 / 60
    assert row["altitude_m"][0] == 545.4 + 46.9 and row["satellites"][0] == 8
    assert row["speed"][0] == 22.4 * (1852 / 3600) and row["course_deg"][0] == 84.4
    assert row["utc_time_ns"][0] == 764_426_119_000_000_000  # 1994-03-23 12:35:19


def test_the_oracle_reads_what_we_write():
    pynmeagps = pytest.importorskip("pynmeagps")
    sent = fix(7)
    read = {name: pynmeagps.NMEAReader.parse(nmea.epoch(sent, [name])) for name in ALL}
    for name in ("GGA", "RMC"):
        assert read[name].lat == pytest.approx(float(sent["latitude_deg"]), abs=1e-8)
        assert read[name].lon == pytest.approx(float(sent["longitude_deg"]), abs=1e-8)
    assert read["GGA"].quality == 1 and read["GGA"].numSV == 14
    assert read["GGA"].alt + read["GGA"].sep == pytest.approx(500.25)
    assert read["RMC"].spd * nmea.KNOT == pytest.approx(20.5, abs=5e-4) and read["RMC"].date.isoformat() == "2026-01-05"
    assert read["VTG"].sogk / 3.6 == pytest.approx(20.5, abs=5e-4) and read["VTG"].cogt == pytest.approx(350.12, abs=0.01)
    assert read["GST"].stdLat == 0.35 and read["GST"].stdAlt == 0.6


@given(lat=st.floats(-89.9, 89.9), lon=st.floats(-179.9, 179.9), speed=st.floats(0, 60))
def test_we_read_what_the_oracle_writes(lat, lon, speed):
    pynmeagps = pytest.importorskip("pynmeagps")
    sentence = pynmeagps.NMEAMessage("GN", "RMC", pynmeagps.GET, lat=lat, lon=lon, spd=round(speed, 3), status="A", cog=12.5,
                                     date=date(2026, 1, 5), time=time(12, 0, 0)).serialize()  # fmt: skip
    (_, row), = decoded(router("nmea", sentences=["RMC"]), sentence)  # fmt: skip
    assert row["latitude_deg"][0] == pytest.approx(lat, abs=1e-6) and row["longitude_deg"][0] == pytest.approx(lon, abs=1e-6)
    assert row["speed"][0] == pytest.approx(speed * nmea.KNOT, abs=1e-3)


@given(pieces=PIECES)
def test_any_pieces_give_the_same_samples(pieces):
    whole = decoded(router("nmea", sentences=ALL), STREAM, [len(STREAM)])
    assert len(whole) == 6 and contents(decoded(router("nmea", sentences=ALL), STREAM, pieces)) == contents(whole)


@given(parts=st.lists(st.binary(max_size=30) | SENTENCES | st.sampled_from([*EPOCHS, SATELLITES]), max_size=12), pieces=PIECES,
       wanted=st.sets(st.sampled_from(ALL)).map(lambda names: sorted(names | {"GGA"})))  # fmt: skip
def test_kernel_and_twin_agree_on_anything(parts, pieces, wanted):
    stream = b"".join(parts)
    found = decoded(router("nmea", sentences=wanted), stream, pieces)
    assert [(kind, known(row)) for kind, row in found] == [
        (kind, {name: value for name, value in fields.items() if (name, value) != ("utc_time_ns", 0)})
        for kind, fields, _ in nmea_twin.decode(stream, tuple(wanted))
    ]


@given(bit=st.integers(0, 8 * len(STREAM) - 1))
def test_a_single_bit_error_never_passes(bit):
    broken = bytearray(STREAM)
    broken[bit // 8] ^= 1 << bit % 8
    whole = [known(row) for _, row in decoded(router("nmea", sentences=ALL), STREAM)]
    heard = [known(row) for _, row in decoded(router("nmea", sentences=ALL), bytes(broken))]
    assert len(heard) >= len(whole) - 1
    for sample in heard:
        # Without its VTG an epoch has the speed and course of its RMC, which are rounded otherwise
        fitting = [other for other in whole if all(other.get(name) == pytest.approx(value, rel=0, abs=0.006)
                                                   for name, value in sample.items())]  # fmt: skip
        assert fitting, sample


@given(garbage=st.binary(max_size=40).filter(lambda data: b"$" not in data), place=st.integers(0, 6))
def test_garbage_between_sentences_costs_nothing(garbage, place):
    stream = b"".join(EPOCHS[:place]) + garbage + b"".join(EPOCHS[place:])
    assert contents(decoded(router("nmea", sentences=ALL), stream)) == contents(decoded(router("nmea", sentences=ALL), STREAM))


def test_a_lost_sentence_sends_the_epoch_out_with_the_next():
    stream = EPOCHS[0].replace(b"A*", b"B*", 1) + EPOCHS[1]
    port = router("nmea", sentences=ALL)
    first, second = decoded(port, stream)
    assert port.counts()["x:nmea>gnss"]["incomplete"] == 1 and port.counts()["x:nmea>gnss"]["malformed"] == 1
    assert first[1]["received_time_ns"] < second[1]["received_time_ns"] and first[1]["latitude_deg"] == pytest.approx(48.2)


@pytest.mark.parametrize("rate_hz", [1, 5, 10, 20])
def test_epochs_of_any_rate(rate_hz):
    stream = b"".join(nmea.epoch(fix(0, utc_time_ns=int(fix(0)["utc_time_ns"]) + n * 10**9 // rate_hz), ALL) for n in range(25))
    times = [row["utc_time_ns"][0] for _, row in decoded(router("nmea", sentences=ALL), stream)]
    assert [int(b - a) for a, b in zip(times, times[1:], strict=False)] == [10**9 // rate_hz] * 24
