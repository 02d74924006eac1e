"""Identifiers: fields and back, addressed and broadcast groups."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.can.j1939.identifier import ADDRESS_CLAIMED, GLOBAL, build, parse


@given(st.integers(0, 2**29 - 1))
def test_an_identifier_is_its_fields(number):
    fields = parse(number)
    assert build(*fields) == number | 0x80000000


def test_fields_of_known_identifiers():
    assert parse(0x0CF00400) == (3, 0xF004, 0x00, GLOBAL)
    assert parse(0x98EAFFF9) == (6, 0xEA00, 0xF9, 0xFF)
    assert parse(0x0C000B27) == (3, 0x0000, 0x27, 0x0B)
    assert parse(0x19F01103) == (6, 0x1F011, 0x03, GLOBAL)  # data page 1


def test_pain_24_a_claim_is_found_whatever_its_destination():
    """python-j1939#21: the claim to everyone was compared as EEFF and never matched EE00."""
    assert parse(0x18EEFF00).pgn == ADDRESS_CLAIMED == parse(0x18EE2700).pgn


@pytest.mark.parametrize(
    ("fields", "message"),
    [((8, 0xF004, 0), "priority"), ((3, 0x40000, 0), "PGN"), ((3, 0xF004, 256), "source"), ((3, 0xEA00, 0, 256), "destination"),
     ((3, 0xF004, 0, 3), "broadcast"), ((3, 0xEA05, 0, 3), "EA00")],
)  # fmt: skip
def test_what_cannot_be_is_named(fields, message):
    with pytest.raises(ValueError, match=message):
        build(*fields)
