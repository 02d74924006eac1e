"""Time scales: the table of leap seconds, and conversions that lose nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.log import timescales

DAY_NS = 86_400 * timescales.SECOND_NS
SINCE_1972 = st.integers(63_072_000 * timescales.SECOND_NS, 2**62)


def _utc_ns(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * timescales.SECOND_NS


def test_pain_8_gps_utc_and_tai_are_kept_apart():
    now = _utc_ns("2021-07-26T04:42:44")
    assert timescales.gps_minus_utc_s(now) == 18
    assert timescales.tai_minus_utc_s(now) == 37
    assert timescales.utc_to_gps_ns(timescales.GPS_EPOCH_UTC_NS) == 0
    assert timescales.gps_minus_utc_s(_utc_ns("2016-12-31T23:59:59")) == 17
    assert timescales.gps_minus_utc_s(_utc_ns("2017-01-01")) == 18


@given(SINCE_1972)
def test_there_and_back_to_the_nanosecond(utc_ns):
    assert timescales.tai_to_utc_ns(timescales.utc_to_tai_ns(utc_ns)) == utc_ns
    assert timescales.gps_to_utc_ns(timescales.utc_to_gps_ns(utc_ns)) == utc_ns


@pytest.mark.parametrize("day", [day for day, _ in timescales.LEAP_SECONDS[1:]])
def test_tai_runs_on_through_a_leap_second(day):
    midnight = _utc_ns(day)
    before, after = timescales.utc_to_tai_ns(midnight - timescales.SECOND_NS), timescales.utc_to_tai_ns(midnight)
    assert after - before == 2 * timescales.SECOND_NS  # 23:59:59, 23:59:60, 00:00:00


def test_before_1972_is_refused():
    with pytest.raises(ValueError, match="1972"):
        timescales.utc_to_tai_ns(0)


def test_the_table_is_that_of_the_tz_database():
    path = Path("/usr/share/zoneinfo/leap-seconds.list")
    if not path.is_file():
        pytest.skip("no leap-seconds.list on this machine")
    rows = [line.split()[:2] for line in path.read_text().splitlines() if line and not line.startswith("#")]
    since_1900 = (date(1970, 1, 1) - date(1900, 1, 1)).days * 86_400
    table = {int(ntp) - since_1900: int(offset) for ntp, offset in rows}
    assert table == {_utc_ns(day) // timescales.SECOND_NS: offset for day, offset in timescales.LEAP_SECONDS}
