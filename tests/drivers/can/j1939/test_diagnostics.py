"""Trouble codes: lamps, the four conversion methods, what "nothing to report" looks like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.can.j1939.diagnostics import Diagnostics, TroubleCode


def test_a_recorded_message_is_read():
    found = Diagnostics.parse(bytes.fromhex("40ff66000301ffff"))
    assert [str(lamp) for lamp in found.lit] == ["malfunction on"]
    assert [str(code) for code in found.codes] == ["SPN 102 FMI 3 x1"]
    assert found.left_over == 0


def test_lamps_and_how_they_flash():
    lamps = Diagnostics.parse(bytes((0b01_01_10_11, 0b00_01_11_11))).lamps
    assert list(map(str, lamps)) == [
        "malfunction on flashing slow", "red stop on flashing fast", "amber warning error", "protect not available",
    ]  # fmt: skip


@pytest.mark.parametrize("data", ["00ff00000000ffff", "00ffffffffffffff", "0000", "00ff000000000000", "00ff000000"])
def test_nothing_to_report(data):
    found = Diagnostics.parse(bytes.fromhex(data))
    assert found.codes == () and found.lit == () and found.left_over == 0


@given(st.integers(0, 2**19 - 1), st.integers(0, 31), st.integers(0, 127))
def test_the_four_conversion_methods(spn, fmi, count):
    low, middle, top = spn & 0xFF, spn >> 8 & 0xFF, spn >> 16
    upper, lowest = spn >> 3, spn & 7
    version_1 = bytes((upper >> 8, upper & 0xFF, lowest << 5 | fmi, 0x80 | count))
    version_2 = bytes((upper & 0xFF, upper >> 8, lowest << 5 | fmi, 0x80 | count))
    version_3 = bytes((low, middle, top << 5 | fmi, 0x80 | count))
    version_4 = bytes((low, middle, top << 5 | fmi, count))
    expected = None if count == 127 else count
    assert TroubleCode.parse(version_4) == (spn, fmi, expected, 0, ())
    for version, data in enumerate((version_1, version_2, version_3), 1):
        open_reading = TroubleCode.parse(data)
        assert open_reading.spn is None and open_reading.candidates[version - 1] == spn and open_reading.conversion_method == 1
        assert TroubleCode.parse(data, version).spn == spn
        assert "one of" in str(open_reading) and f"SPN {spn} FMI {fmi}" in str(TroubleCode.parse(data, version))


@given(st.binary(min_size=2, max_size=1785))
def test_any_bytes_are_read_without_a_crash(data):
    found = Diagnostics.parse(data)
    assert len(found.codes) <= (len(data) - 2) // 4 and len(found.lamps) == 4


def test_too_little_is_named():
    for reads, data in ((Diagnostics.parse, b"\x00"), (TroubleCode.parse, bytes(3))):
        with pytest.raises(ValueError, match="bytes, not"):
            reads(data)
