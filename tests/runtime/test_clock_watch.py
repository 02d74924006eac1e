"""Messages that come late and pulses that have no name make one time, through leap seconds too."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from autonomy.errors import EnvironmentFault
from autonomy.log.timescales import utc_to_gps_ns, utc_to_tai_ns
from autonomy.runtime.clock_watch import ClockWatch, gps_ns_of
from drivers.gnss import nmea, ubx
from drivers.gnss.time_marks import TIM_TP, TP, TimeMarks
from drivers.ptp_clock import Reading

S = 1_000_000_000
BEGIN_NS = int(datetime(2016, 12, 31, 23, 59, 30, tzinfo=UTC).timestamp()) * S  # half a minute before a leap second
RATE_PPM, DELAY_S = 25.0, 0.12


class Edges:
    """Pulses of our making."""

    def __init__(self):
        self.edges, self.missed, self.waiting = 0, 0, []

    def fresh(self):
        self.edges += bool(self.waiting)
        return self.waiting.pop(0) if self.waiting else None


def monotonic_of(second: float) -> int:
    return 1000 * S + round(second * S * (1 + RATE_PPM * 1e-6))


def zda(second: int) -> bytes:
    """`second` seconds behind the beginning, as a receiver says it."""
    if second == 30:
        return nmea.sentence("GPZDA,235960.00,31,12,2016,00,00")
    moment = datetime.fromtimestamp(BEGIN_NS // S + second - (second > 30), UTC)
    return nmea.sentence(f"GPZDA,{moment:%H%M%S}.00,{moment:%d,%m,%Y},00,00")


def watched(seconds: int, pulses: bool = True) -> tuple[ClockWatch, Edges]:
    edges, random = Edges(), np.random.default_rng(2)
    watch = ClockWatch({"gnss": "nmea"}, edges if pulses else None)
    for second in range(seconds):
        edges.waiting.append(monotonic_of(second))
        watch.look()
        watch.hear("gnss", monotonic_of(second + DELAY_S) + round(random.normal() * 2e6), zda(second))
    return watch, edges


def utc_error_ns(figures: dict, second: float) -> int:
    """What a table row says of UTC at the last sample, against what it was."""
    true_ns = BEGIN_NS + round((second - (second > 30)) * S)
    return figures["utc_minus_clock_ns"] + monotonic_of(second) - true_ns


def test_the_seconds_of_a_leap_second_are_three_ordinary_ones():
    before, leap, behind = (gps_ns_of(TimeMarks("nmea").feed(zda(second), 0)[0]) for second in (29, 30, 31))
    assert leap - before == behind - leap == S and before == utc_to_gps_ns(BEGIN_NS + 29 * S)


def test_pulses_tell_the_second_to_microseconds_and_messages_their_delay():
    watch, _ = watched(100)
    found = watch.figures()
    assert abs(utc_error_ns(found["pps"], 99)) < 20_000 and found["pps"]["sigma_s"] < 2e-5
    assert utc_error_ns(found["gnss"], 99 + DELAY_S) == pytest.approx(-DELAY_S * S, abs=5e6)
    for row in found.values():
        assert row["steps"] == row["rejected"] == 0 and abs(row["rate_ppm"] - RATE_PPM) < 60.0
    assert abs(found["pps"]["rate_ppm"] - RATE_PPM) < 1.0
    assert found["pps"]["unnamed"] == 1 and found["gnss"]["malformed"] == 0, "the first pulse came before any message"


def test_without_pulses_the_line_is_all_there_is():
    watch, _ = watched(50, pulses=False)
    assert set(watch.figures()) == {"gnss"} and watch.figures()["gnss"]["samples"] == 50


def test_a_line_that_says_nothing_names_no_pulse():
    edges = Edges()
    watch = ClockWatch({"gnss": "ubx"}, edges)
    edges.waiting = [S, 2 * S]
    watch.look(), watch.look()
    found = watch.figures()
    assert found["pps"]["samples"] == 0 and found["pps"]["unnamed"] == 2 and found["gnss"]["utc_minus_clock_ns"] is None


def test_a_message_that_names_the_next_pulse_does():
    edges = Edges()
    watch = ClockWatch({"gnss": "ubx"}, edges)
    for second in range(1, 20):
        watch.hear("gnss", monotonic_of(second - 0.3), ubx.frame(TIM_TP, TP.pack(second * 1000, 0, 0, 1930, 0, 0)))
        edges.waiting.append(monotonic_of(second))
        watch.look()
    found = watch.figures()["pps"]
    assert found["samples"] == 19 and found["unnamed"] == 0 and found["rejected"] == 0
    edges.waiting.append(monotonic_of(22))  # its message did not come
    watch.look()
    assert watch.figures()["pps"]["unnamed"] == 1


def test_pulses_that_fail_are_told_and_end_nothing():
    class Gone(Edges):
        def fresh(self):
            raise EnvironmentFault("pulses 'pps0' cannot be read: No such file or directory")

    watch = ClockWatch({}, Gone())
    watch.look(), watch.look()
    assert "cannot be read" in watch.figures()["pps"]["error"]


class Hardware:
    """A PTP clock of our making, `tai` or not, read when the test has got so far."""

    def __init__(self, scale: str):
        self.scale, self.second, self.fails, self.zero = scale, 0.0, False, False

    def read(self) -> Reading:
        if self.fails:
            raise EnvironmentFault("PTP clock /dev/ptp0 cannot be read: gone")
        utc_ns = BEGIN_NS + round(self.second * S)
        return Reading(monotonic_of(self.second), 0 if self.zero else utc_to_tai_ns(utc_ns) if self.scale == "tai" else utc_ns,
                       150, "extended offset")  # fmt: skip


@pytest.mark.parametrize("scale", ["tai", "utc"])
def test_a_ptp_clock_is_followed_in_its_own_scale(scale):
    hardware = Hardware(scale)
    watch = ClockWatch({}, ptp=(hardware, scale))
    for tenth in range(290):  # up to the leap second
        hardware.second = tenth / 10
        watch.look()
    found = watch.figures()["ptp"]
    assert found["samples"] == 29 and found["method"] == "extended offset" and found["ahead_of_line_s"] is None
    assert abs(utc_error_ns(found, 28.0)) < 1000 and found["rate_ppm"] == pytest.approx(RATE_PPM, abs=0.1)


def test_a_ptp_clock_in_another_scale_than_told_is_seen_beside_a_line():
    hardware = Hardware("utc")
    watch = ClockWatch({"gnss": "nmea"}, ptp=(hardware, "tai"))
    for second in range(20):
        hardware.second = second
        watch.look()
        watch.hear("gnss", monotonic_of(second + DELAY_S), zda(second))
    assert watch.figures()["ptp"]["ahead_of_line_s"] == pytest.approx(-36.0 + DELAY_S, abs=0.02)  # before 2017


def test_a_ptp_clock_names_no_pulse_and_one_that_is_unset_or_gone_is_told():
    hardware, edges = Hardware("tai"), Edges()
    watch = ClockWatch({}, edges, ptp=(hardware, "tai"))
    hardware.zero = True
    edges.waiting.append(monotonic_of(0))
    watch.look()
    hardware.zero, hardware.fails = False, True
    watch.look()
    found = watch.figures()
    assert (found["ptp"]["samples"], found["ptp"]["unset"], found["pps"]["unnamed"]) == (0, 1, 1)
    assert found["ptp"]["error"] == "PTP clock /dev/ptp0 cannot be read: gone"
