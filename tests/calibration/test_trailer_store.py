"""What is stored of a trailer: by name, replaced when it comes again, refused when there is no room."""

from __future__ import annotations

import numpy as np
import pytest

from autonomy import msg
from autonomy.calibration.trailer_store import MOST, names_of, with_trailer
from autonomy.errors import UsageError


@pytest.fixture
def measured():
    truck = np.zeros((), msg.dtype("TruckState"))
    truck["trailer_wheelbase_m"], truck["trailer_wheelbase_sigma_m"], truck["trailer_tyre_factor"] = 7.6, 0.3, 1.1
    truck["trailer_tyre_factor_sigma"], truck["trailer_wheelbase_known"] = 0.12, 1
    return truck


def test_a_trailer_is_stored_by_its_name_and_replaced_when_it_comes_again(measured):
    first = with_trailer({}, "box", measured)
    assert first["trailers.names"] == ["box"] and first["truck.stored_trailer"][0]["wheelbase_m"] == 7.6
    sections = {"truck": {"stored_trailer": first["truck.stored_trailer"]}, "trailers": {"names": ["box"]}}
    second = with_trailer(sections, "tank", measured)
    assert second["trailers.names"] == ["box", "tank"]
    measured["trailer_wheelbase_m"] = 7.9
    again = with_trailer(sections, "box", measured)
    assert again["trailers.names"] == ["box"] and again["truck.stored_trailer"][0]["wheelbase_m"] == 7.9


def test_rows_without_a_name_get_one(measured):
    sections = {"truck": {"stored_trailer": [{"wheelbase_m": 6.0}]}}
    assert with_trailer(sections, "box", measured)["trailers.names"] == ["trailer 1", "box"]


def test_what_was_not_measured_or_came_from_the_store_is_not_stored(measured):
    measured["trailer_restored"] = 1
    assert "did not measure" in with_trailer({}, "box", measured)
    measured["trailer_restored"], measured["trailer_wheelbase_known"] = 0, 0
    assert "did not measure" in with_trailer({}, "box", measured)


def test_a_full_store_is_told(measured):
    sections = {"truck": {"stored_trailer": [{}] * MOST}}
    with pytest.raises(UsageError, match="no more"):
        with_trailer(sections, "box", measured)


@pytest.mark.parametrize(
    ("names", "said"),
    [(5, "give a list of names"), ([5], "give a list of names"), (["a", "a"], "'a' comes more than once"),
     (["a", "b", "c"], "3 names, and [truck] stored_trailer has 2 rows")],
)  # fmt: skip
def test_names_that_cannot_be_meant_are_a_sentence(names, said):
    with pytest.raises(UsageError) as told:
        names_of({"truck": {"stored_trailer": [{}, {}]}, "trailers": {"names": names}})
    assert said in str(told.value)
