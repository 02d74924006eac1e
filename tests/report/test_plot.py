"""Ticks, thinning and path data: what is drawn is what was there."""

from __future__ import annotations

import re
import xml.etree.ElementTree as tree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.report import series
from autonomy.report.map import Track, map_figure
from autonomy.report.plot import Band, Level, Line, Points, area_data, dots_data, histogram, path_data, time_figure, value_range
from autonomy.report.scale import Scale, covering, decade_ticks, label, round_ticks
from autonomy.report.strips import Strip, strip_figure

finite = st.floats(-1e12, 1e12, allow_nan=False)


@given(finite, st.floats(1e-6, 1e12), st.integers(2, 14))
def test_ticks_are_round_inside_and_not_too_many(low, span, most):
    high = low + span
    if high - low < 1e-9 * max(abs(low), abs(high)):
        return
    ticks = round_ticks(low, high, most)
    values = [value for value, _ in ticks]
    assert len(values) <= most + 1
    slack = 1e-6 * (high - low)
    assert all(low - slack <= value <= high + slack for value in values)
    steps = np.diff(values)
    if len(steps):
        mantissa = steps[0] / 10 ** np.floor(np.log10(steps[0]) + 1e-9)
        assert np.isclose(mantissa, [1, 2, 5, 10], rtol=1e-3).any()


def test_tick_labels_carry_the_decimals_of_their_step():
    assert [text for _, text in round_ticks(-0.1, 0.1, 4)] == ["−0.10", "−0.05", "0", "0.05", "0.10"]
    assert label(12500.0, 500.0) == "12\u202f500"
    assert label(3e-7, 1e-7) == "3e−07"
    assert [text for _, text in decade_ticks(4.0, 60.0)] == ["5", "10", "20", "50"]


def test_no_ticks_where_there_is_no_range():
    assert round_ticks(1.0, 1.0, 5) == [] and round_ticks(np.nan, 1.0, 5) == []


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=50))
def test_a_range_covers_every_finite_value(values):
    values = [value for value in values if not np.isfinite(value) or abs(value) < 1e150]
    low, high = covering(values)
    assert low < high and np.isfinite([low, high]).all()
    assert all(low <= value <= high for value in values if np.isfinite(value))


def test_a_scale_keeps_far_values_near():
    pixels = Scale(0.0, 1.0, 0.0, 100.0)([0.5, 1e300, -1e300, np.inf, np.nan])
    assert pixels[0] == 50.0 and abs(pixels[1:3]).max() <= 500.0 and np.isnan(pixels[3:]).all()


@given(st.integers(0, 5000), st.integers(0, 2**32 - 1), st.integers(2, 300))
def test_an_envelope_keeps_extremes_and_order(count, seed, buckets):
    noise = np.random.default_rng(seed)
    x, y = np.arange(count) * 0.01, noise.standard_normal(count)
    y[noise.random(count) < 0.1] = np.nan
    thin_x, thin_y = series.envelope(x, y, buckets)
    assert len(thin_x) == len(thin_y) <= max(2 * buckets, 0)
    assert (np.diff(thin_x) >= 0).all()
    if np.isfinite(y).any():
        assert np.nanmin(thin_y) == np.nanmin(y) and np.nanmax(thin_y) == np.nanmax(y)


def test_an_envelope_keeps_gaps():
    y = np.ones(10_000)
    y[4000:6000] = np.nan
    x, thin = series.envelope(np.arange(10_000), y, 100)
    inside = (x > 4200) & (x < 5800)
    assert inside.any() and np.isnan(thin[inside]).all()


def test_a_band_covers_all_it_stands_for():
    time = np.arange(9001) * 0.01
    high = np.abs(np.sin(50 * time)) + 1
    x, low_thin, high_thin = series.band_envelope(time, -high, high, 100)
    assert len(x) <= 101 and x[0] == 0 and x[-1] == time[-1]
    assert high_thin.max() == high.max() and low_thin.min() == (-high).min()


def test_outliers_survive_thinning():
    y = np.zeros(50_000)
    y[31_234] = 9.0
    _, thin = series.thin_points(np.arange(50_000), y)
    assert thin.max() == 9.0 and len(thin) <= series.MOST_POINTS


def test_runs_are_half_open_and_cover_everything():
    assert series.runs(np.array([0, 0, 1, 1, 1, 0])) == [(0, 2), (2, 5), (5, 6)]
    assert series.runs(np.zeros(0)) == []


def test_a_line_breaks_at_gaps_and_skips_what_is_flat():
    x, y = np.arange(8.0), np.array([1, 2, 2, 2, np.nan, 3, 4, 4])
    assert path_data(x, y) == "M0 1L1 2 3 2 M5 3L6 4 7 4"
    assert path_data(x, np.full(8, np.nan)) == ""


def test_dots_and_areas_leave_out_what_is_unknown():
    x = np.arange(5.0)
    y = np.array([1, np.nan, 2, 2, 2])
    assert dots_data(x, y).count("h0") == 4
    assert area_data(x, y, y + 1).count("Z") == 1
    assert area_data(x[:2], y[:2], y[:2]) == ""


def test_settling_does_not_set_the_axis_but_later_peaks_do():
    time = np.arange(1000) * 0.1
    y = np.where(time < 3, 100.0, 0.0)
    y[800] = 7.0
    low, high = value_range([Line(time, y, "s1")], 0.0, settled_s=5.0)
    assert 7.0 <= high < 9.0 and -1.0 < low <= 0.0


def test_wide_bounds_do_not_flatten_a_line():
    time = np.arange(100.0)
    huge = Band(time, np.full(100, -1e6), np.full(100, 1e6), "s1")
    low, high = value_range([huge, Line(time, np.sin(time), "s1")])
    assert -2.0 < low < high < 2.0


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=40))
def test_any_values_give_well_formed_plots(values):
    y = np.array(values)
    x = np.linspace(0, 10, len(y))
    marks = [
        Band(x, y - 1, y + 1, "s1", "band"),
        Line(x, y, "s1", '<line> & "more"'),
        Points(x, y, "raw", "dots"),
        Level(1.0, "gate"),
    ]
    figure = time_figure("title", marks, "value (m)", (0.0, 10.0))
    root = tree.fromstring(figure.svg)
    assert not re.search(r"nan|inf", figure.svg.replace("infinit", ""))
    assert root.get("data-x") == "0 10"
    assert [name for _, _, name in figure.legend] == ["band", '<line> & "more"', "dots"]


def test_a_histogram_shows_every_count():
    edges, counts = np.geomspace(1.0, 100.0, 11), np.array([0, 3, 0, 100, 2, 0, 0, 0, 0, 1])
    root = tree.fromstring(histogram(edges, counts, [(5.0, "median 5"), (90.0, "longest 90")], "time (µs)", "ticks"))
    bars = [element for element in root.iter() if element.get("class") == "bar s1"]
    assert len(bars) == 4 and all(float(bar.get("height")) > 0 for bar in bars)


@pytest.mark.parametrize("end", [(1000.0, 10.0), (10.0, 1000.0), (0.0, 0.0)])
def test_a_map_has_equal_axes_scale_bar_and_north(end):
    time = np.linspace(0, 60, 601)
    points = np.stack([np.linspace(0, end[0], 601), np.linspace(0, end[1], 601)], axis=1)
    root = tree.fromstring(map_figure("map", [Track(points, "s1", "path", time)]).svg)
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "N" in words and any(re.fullmatch(r"[\d.]+ k?m", word) for word in words)
    places = np.array([[float(part) for part in place.split(",")] for place in root.get("data-places").split()])
    width, height = (float(part) for part in root.get("viewBox").split()[2:])
    assert (
        (places[:, 1] >= 0).all()
        and (places[:, 1] <= width).all()
        and (places[:, 2] >= 0).all()
        and (places[:, 2] <= height).all()
    )
    travelled = np.abs(places[-1, 1:] - places[0, 1:])
    if end != (0.0, 0.0):
        assert travelled[0] * end[1] == pytest.approx(travelled[1] * end[0], abs=1000.0)


def test_flickering_states_stay_bounded_and_show_the_worst():
    times = np.arange(100_000) * 0.01
    values = (np.arange(100_000) % 2).astype(np.uint8) * 2
    figure = strip_figure("states", times, [Strip("level", values, {0: "ok", 2: "bad"}, {0: "good", 2: "bad"})], (0.0, 1000.0))
    root = tree.fromstring(figure.svg)
    styles = [element.get("class") for element in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert styles == ["bad"]
