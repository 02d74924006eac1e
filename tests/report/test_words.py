"""Numbers as people write them."""

from __future__ import annotations

import math

import pytest

from autonomy.report import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
        ("x", "–"),
        (True, "–"),
        (0, "0 m"),
        (1234.5, "1\u202f234 m"),
        (-0.0123, "−0.0123 m"),
        (99.96, "100.0 m"),
    ],
)
def test_numbers_have_three_digits_or_a_dash(value, text):
    assert words.number(value, "m" if text != "–" else "") == text


def test_shares_are_finer_near_the_ends():
    assert [words.percent(share) for share in (0.0, 0.003, 0.52, 0.9951, 1.0, None)] == [
        "0 %",
        "0.30 %",
        "52.0 %",
        "99.51 %",
        "100 %",
        "–",
    ]


def test_durations_grow_with_their_units():
    assert [words.duration(value) for value in (59.94, 725, 7380, None)] == ["59.9 s", "12 min 05 s", "2 h 03 min", "–"]


def test_a_group_of_unknown_figures_is_no_group():
    assert words.known({"a": None, "b": math.nan}) == {} and words.known(None) == {} and words.known({"a": 1}) == {"a": 1}
