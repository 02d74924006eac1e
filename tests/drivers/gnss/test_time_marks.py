"""Times of GNSS messages and of pulses: as pyubx2 and pynmeagps write them, leap seconds, disturbed lines, any cut."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.errors import EnvironmentFault
from drivers.gnss import nmea, ubx
from drivers.gnss.pulses import Pulses, edge_of
from drivers.gnss.time_marks import GPS, NAV_TIMEGPS, TIM_TP, TIMEGPS, TP, UTC_SCALE, TimeMarks
from tests.drivers.gnss.streams import fix

S = 1_000_000_000
WEEK = 2400
MOMENT = datetime(2026, 1, 4, 0, 0, 5, tzinfo=UTC)
MOMENT_NS = int(MOMENT.timestamp()) * S


def timegps(tow_ms=5_000, fraction_ns=-250, valid=7, accuracy_ns=20) -> bytes:
    return ubx.frame(NAV_TIMEGPS, TIMEGPS.pack(tow_ms, fraction_ns, WEEK, 18, valid, accuracy_ns))


def tim_tp(flags=0, reference=0, sub_ms=0) -> bytes:
    return ubx.frame(TIM_TP, TP.pack(6_000, sub_ms, 1200, WEEK, flags, reference))


def told(protocol: str, stream: bytes):
    return TimeMarks(protocol).feed(stream, 77)


def test_the_times_of_ubx_messages():
    sample = fix(0)
    sample["utc_time_ns"] = MOMENT_NS + 400_000_000
    pvt, gps, pulse = told("ubx", ubx.nav_pvt(sample) + timegps() + tim_tp(sub_ms=1 << 31))
    assert (pvt.kind, pvt.scale, pvt.time_ns, pvt.accuracy_ns) == ("NAV-PVT", UTC_SCALE, MOMENT_NS + 400_000_000, 30)
    assert (gps.scale, gps.time_ns, gps.accuracy_ns) == (GPS, WEEK * 7 * 86_400 * S + 5 * S - 250, 20)
    assert pulse.of_next_pulse and pulse.time_ns == WEEK * 7 * 86_400 * S + 6 * S + 500_000 and gps.received_ns == 77


def test_a_receiver_that_does_not_know_the_time_tells_none():
    marks = TimeMarks("ubx")
    blind = fix(0)
    blind["utc_time_ns"] = 0
    assert marks.feed(ubx.nav_pvt(blind) + timegps(valid=1) + tim_tp(flags=1) + tim_tp(reference=2), 0) == []
    assert (marks.messages, marks.untimed, marks.malformed) == (4, 4, 0)


def test_pyubx2_writes_what_is_read():
    pyubx2 = pytest.importorskip("pyubx2", reason="the extra hil brings pyubx2")
    fields = {"iTOW": 5_000, "year": 2026, "month": 1, "day": 4, "hour": 0, "min": 0, "second": 5, "validDate": 1, "validTime": 1,
              "fullyResolved": 1, "tAcc": 31, "nano": -999}  # fmt: skip
    (pvt,) = told("ubx", pyubx2.UBXMessage("NAV", "NAV-PVT", pyubx2.GET, **fields).serialize())
    assert (pvt.time_ns, pvt.accuracy_ns) == (MOMENT_NS - 999, 31)
    fields = {"iTOW": 5_000, "fTOW": 7, "week": WEEK, "leapS": 18, "towValid": 1, "weekValid": 1, "leapSValid": 1, "tAcc": 9}
    (gps,) = told("ubx", pyubx2.UBXMessage("NAV", "NAV-TIMEGPS", pyubx2.GET, **fields).serialize())
    assert (gps.time_ns, gps.accuracy_ns) == (WEEK * 7 * 86_400 * S + 5 * S + 7, 9)
    for name, value, count in (("timeBase", 0, 1), ("timeBase", 1, 0), ("timeRefGnss", 1, 0)):
        message = pyubx2.UBXMessage("TIM", "TIM-TP", pyubx2.GET, towMS=6_000, week=WEEK, **{name: value})
        assert len(told("ubx", message.serialize())) == count


def test_pynmeagps_reads_what_is_read():
    pynmeagps = pytest.importorskip("pynmeagps", reason="the extra hil brings pynmeagps")
    for body in ("GNRMC,000005.25,A,4812.0,N,01136.0,E,0.0,0.0,040126,,,A", "GPZDA,000005.250,04,01,2026,00,00"):
        sentence = nmea.sentence(body)
        (mark,) = told("nmea", sentence)
        parsed = pynmeagps.NMEAReader.parse(sentence)
        date = parsed.date if hasattr(parsed, "date") else datetime(parsed.year, parsed.month, parsed.day).date()
        expected = datetime.combine(date, parsed.time, UTC)
        assert (mark.scale, mark.time_ns) == (UTC_SCALE, int(expected.timestamp() * 1000) * 1_000_000) and mark.kind == body[2:5]


def test_a_leap_second_is_the_second_behind_the_59th():
    before, leap, behind = (told("nmea", nmea.sentence(body))[0] for body in (
        "GPZDA,235959.00,31,12,2016,00,00", "GPZDA,235960.00,31,12,2016,00,00", "GPZDA,000000.00,01,01,2017,00,00"))  # fmt: skip
    assert leap.in_leap_second and not before.in_leap_second and leap.time_ns == before.time_ns == behind.time_ns - S


@pytest.mark.parametrize(
    "body",
    ["GPZDA,235961.00,31,12,2016,00,00", "GPZDA,,,,,,", "GPZDA,120000,31,02,2026,00,00", "GPZDA,120000,01,01,1970,00,00",
     "GNRMC,120000,V,,,,,,,040126,,,N", "GNRMC,12,A,,,,,,,040126,,,A", "GNRMC,120000,A,,,,,,,,,,A"],
)  # fmt: skip
def test_what_is_no_time_is_counted(body):
    marks = TimeMarks("nmea")
    assert marks.feed(nmea.sentence(body), 0) == [] and (marks.messages, marks.untimed) == (1, 1)


@pytest.mark.parametrize("protocol", ["ubx", "nmea"])
@given(data=st.data())
def test_cuts_change_nothing_and_a_disturbed_byte_costs_its_message(protocol, data):
    messages = [timegps(1000 * n) for n in range(6)] if protocol == "ubx" else [
        nmea.sentence(f"GPZDA,00000{n}.00,04,01,2026,00,00") for n in range(6)]  # fmt: skip
    stream = bytearray(b"".join(messages))
    place = data.draw(st.integers(0, len(messages[0]) - 1))
    stream[2 * len(messages[0]) + place] ^= data.draw(st.integers(1, 255))
    whole = told(protocol, bytes(stream))
    assert {mark.time_ns for mark in whole} >= {mark.time_ns for n in (0, 1, 4, 5) for mark in told(protocol, messages[n])}
    assert len(whole) <= 6
    marks, pieces, first = TimeMarks(protocol), [], 0
    for cut in sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6))) + [len(stream)]:
        pieces += marks.feed(bytes(stream[first:cut]), 77)
        first = cut
    assert pieces == whole


@pytest.mark.parametrize("protocol", ["ubx", "nmea"])
@given(stream=st.lists(st.binary(max_size=200) | st.sampled_from([b"\xb5\x62", b"$GPZDA,", b"\r\n", b"*00\r\n"]), max_size=20))
def test_garbage_is_read_without_an_end(protocol, stream):
    marks = TimeMarks(protocol)
    for piece in stream:
        marks.feed(piece, 0)
    assert len(marks._rest) <= 1032


def test_edges_are_told_once_on_the_monotonic_clock(tmp_path):
    folder, now_ns = tmp_path / "pps0", [MOMENT_NS + 200_000_000]
    folder.mkdir()
    edge = folder / "assert"
    edge.write_text(f"{MOMENT_NS // S - 1}.000000100#41\n")
    pulses = Pulses("pps0", tmp_path, monotonic_ns=lambda: 50 * S, realtime_ns=lambda: now_ns[0])
    assert pulses.fresh() is None, "an edge before the start"
    edge.write_text(f"{MOMENT_NS // S}.000000100#42\n")
    assert pulses.fresh() == 50 * S - 199_999_900 and pulses.fresh() is None
    edge.write_text(f"{MOMENT_NS // S}.000000100#45\n")
    assert pulses.fresh() is not None and (pulses.edges, pulses.missed) == (2, 2)
    now_ns[0] += 3600 * S  # the wall clock was set: the age says nothing
    edge.write_text(f"{MOMENT_NS // S}.000000100#46\n")
    assert pulses.fresh() is None
    edge.write_text("nothing")
    with pytest.raises(EnvironmentFault, match="is no SECONDS"):
        pulses.fresh()
    with pytest.raises(EnvironmentFault, match="this machine has pps0"):
        Pulses("pps1", tmp_path)
    assert edge_of("12.000000034#7") == (12_000_000_034, 7)
