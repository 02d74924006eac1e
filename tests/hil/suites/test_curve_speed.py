"""How the figures of a bend are judged, on series and drives that are made up."""

import numpy as np
import pytest

from autonomy.tick_period import TICK_S
from hil.suites import curve_speed
from hil.suites.curve_speed import Drive

TIME = np.arange(0.0, 40.0, TICK_S)
GOOD = Drive(1.4, 1.35, 60.0, 12.0, 0.2, 1.26, False)


@pytest.mark.parametrize(("frequency", "share"), [(0.25, 1.0), (10.0, 0.0)])
def test_a_peak_counts_as_far_as_the_truck_can_roll_with_it(frequency, share):
    series = (1.2 + 0.5 * np.sin(2.0 * np.pi * frequency * TIME)) * np.hanning(len(TIME))  # a drive begins and ends straight on
    assert curve_speed.peak_below(series) == pytest.approx(1.2 + 0.5 * share, abs=0.02)


def test_a_short_rise_is_seen_that_a_mean_over_half_a_second_hides():
    rise = 1.2 + 0.4 * np.exp(-(((TIME - 20.0) / 0.15) ** 2))
    mean = np.convolve(rise, np.full(50, 0.02), mode="valid").max()
    assert curve_speed.peak_below(rise) > mean + 0.02


def test_the_worst_of_the_drives_is_judged():
    assert all(row["met"] is not False for row in curve_speed.judged("x", 1.5, [GOOD, GOOD]))
    for wrong in ({"lateral": 1.51}, {"margin": 24.0}, {"nearest": -0.01}, {"bad": True}):
        missed = [row["figure"] for row in curve_speed.judged("x", 1.5, [GOOD, GOOD._replace(**wrong)]) if row["met"] is False]
        assert len(missed) == 1, wrong


def test_the_cases_are_the_whole_suite_and_a_part_of_it():
    whole = curve_speed.cases(quick=False)
    assert len(set(whole)) == len(whole) and set(curve_speed.cases(quick=True)) <= set(whole)
    assert {case.load for case in whole} == set(curve_speed.PLANTS) and {case.awkward for case in whole} == {"", "wind", "bank"}
