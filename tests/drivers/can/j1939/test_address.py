"""Address claims: NAME fields, contention and its end, cannot claim, bounded memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.can.j1939.address import MOST_NAMES, AddressTable, Name

ENGINE = 0x1000000003A9030D  # as a recorded truck claims address 0


def claim(table: AddressTable, time_ns: int, source: int, number: int):
    event = table.receive(time_ns, source, number.to_bytes(8, "little"))
    return event and event.kind


def test_a_recorded_name_has_its_fields():
    name = Name.parse(bytes.fromhex("0d03a90100000010"))
    assert (name.identity, name.manufacturer, name.function, name.industry_group) == (0x09030D, 13, 0, 1)
    assert not name.arbitrary_address and name.vehicle_system == name.ecu_instance == name.function_instance == 0


@given(st.integers(0, 2**64 - 1))
def test_a_name_is_its_fields(number):
    reserved = 1 << 48
    assert Name.from_number(number).number == number & ~reserved


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 3), st.integers(0, 9)), max_size=60))
def test_any_order_of_claims_leaves_one_address_a_name(claims):
    table = AddressTable()
    for time_ns, (source, number, length) in enumerate(claims):
        table.receive(time_ns, source, number.to_bytes(8, "little") if length else b"")
    held = [holder.number for holder in table.holders.values()]
    assert len(held) == len(set(held)) and not set(held) & set(table.without_address)
    assert table.claims + table.malformed == len(claims)


def test_pain_24_a_name_claiming_again_is_no_contention():
    """can-j1939#102: answering one's own claim floods the bus."""
    table = AddressTable()
    assert [claim(table, time, 0, ENGINE) for time in range(41)] == ["claimed"] + [None] * 40
    assert (table.contentions, table.holders[0].claims, table.holders[0].first_ns, table.holders[0].last_ns) == (0, 41, 0, 40)


def test_the_smaller_name_defends_its_address_and_the_other_cannot_claim():
    table = AddressTable()
    kinds = [claim(table, 0, 5, 100), claim(table, 1, 5, 200), claim(table, 2, 5, 100), claim(table, 3, 254, 200)]
    assert kinds == ["claimed", "contention", "defended", "cannot claim"]
    assert table.holders[5].number == 100 and table.holders[5].rivals == (200,) and table.contentions == 1
    assert table.without_address == {200: 3}


def test_a_loser_may_move_and_a_name_may_come_back():
    table = AddressTable()
    kinds = [claim(table, 0, 5, 200), claim(table, 1, 5, 100), claim(table, 2, 128, 200), claim(table, 3, 254, 100),
             claim(table, 4, 5, 100)]  # fmt: skip
    assert kinds == ["claimed", "contention", "moved", "cannot claim", "claimed"]
    assert {address: holder.number for address, holder in table.holders.items()} == {5: 100, 128: 200}
    assert not table.without_address


def test_memory_is_bounded_and_what_is_left_out_is_counted():
    table = AddressTable()
    for number in range(2 * MOST_NAMES):
        claim(table, number, 5, number)
    assert table.left_out == MOST_NAMES and len(table.events) == 1000 and len(table.holders[5].rivals) == 8


def test_a_short_claim_is_counted():
    table = AddressTable()
    assert table.receive(0, 5, bytes(7)) is None and table.malformed == 1
    with pytest.raises(ValueError, match="8 bytes, not 7"):
        Name.parse(bytes(7))
