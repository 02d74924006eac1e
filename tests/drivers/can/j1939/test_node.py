"""Our own node: claims, defends or gives up its address, answers requests, tells trouble codes, counts intruders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.can.j1939.address import AddressTable, Name
from drivers.can.j1939.diagnostics import Diagnostics, TroubleCode
from drivers.can.j1939.identifier import ADDRESS_CLAIMED, DM1, GLOBAL, NULL, REQUEST, build, parse
from drivers.can.j1939.node import CLAIM_NS, DM1_NS, Node, NodeState
from drivers.can.j1939.transport import Message, TransportReceiver

OURS = Name(1, 0, 0, 0, 127, 0, 0, 1, False)


def claimed(address: int = 0x27) -> Node:
    node = Node(OURS, address)
    assert len(list(node.start(0))) == 1 and not node.may_send
    list(node.step(CLAIM_NS))
    assert node.may_send
    return node


def claim_of(number: int, address: int = 0x27) -> tuple[int, bytes]:
    return build(6, ADDRESS_CLAIMED, address, GLOBAL), number.to_bytes(8, "little")


def request(pgn: int, destination: int = 0x27) -> tuple[int, bytes]:
    return build(6, REQUEST, 0xF9, destination), pgn.to_bytes(3, "little")


def test_nothing_but_the_claim_is_sent_before_it_has_stood():
    node = Node(OURS, 0x27)
    assert list(node.step(0)) == []
    (identifier, data), = node.start(0)
    assert parse(identifier).source == 0x27 and Name.parse(data) == OURS
    assert list(node.step(CLAIM_NS - 1)) == [] and list(node.receive(1, *request(DM1))) == []
    assert parse(next(iter(node.step(CLAIM_NS)))[0]).pgn == DM1


@given(number=st.integers(0, 2**63 - 1))
def test_the_smaller_name_keeps_the_address(number):
    node = claimed()
    answer = list(node.receive(CLAIM_NS, *claim_of(number)))
    if number == OURS.number:
        assert answer == [] and node.intruders == 1
    elif number > OURS.number:
        assert node.state is NodeState.CLAIMED and parse(answer[0][0]).source == 0x27
    else:
        assert node.state is NodeState.LOST and parse(answer[0][0]).source == NULL and not node.may_send
        assert list(node.step(10 * CLAIM_NS)) == [] and list(node.receive(1, *request(DM1))) == []
    table = AddressTable()  # both claims as a listener sees them: it agrees who holds the address
    table.receive(0, 0x27, OURS.number.to_bytes(8, "little"))
    table.receive(1, 0x27, number.to_bytes(8, "little"))
    for identifier, data in answer:
        table.receive(2, parse(identifier).source, data)
    assert table.holders[0x27].number == min(number, OURS.number)


def test_a_frame_from_our_address_is_an_intruder():
    node = claimed()
    assert list(node.receive(0, build(3, 0, 0x27, 0), bytes(8))) == []
    assert node.intruders == 1
    list(node.receive(0, build(3, 0, 0x0B, 0), bytes(8)))
    assert node.intruders == 1


def test_requests_are_answered_or_refused():
    node = claimed()
    (identifier, data), = node.receive(0, *request(ADDRESS_CLAIMED, GLOBAL))
    assert parse(identifier).pgn == ADDRESS_CLAIMED and Name.parse(data) == OURS
    receiver, found = TransportReceiver(), []
    for number, (identifier, data) in enumerate(node.receive(0, *request(0xFEDA))):
        found += receiver.receive(number * 50_000_000, identifier, data)
    assert isinstance(found[0], Message) and found[0].data == b"\x01autonomy*"
    (identifier, data), = node.receive(0, *request(0xFEEC))
    assert parse(identifier).pgn == 0xE800 and data == bytes([1, 255, 255, 255, 0xF9, 0xEC, 0xFE, 0])
    assert list(node.receive(0, *request(0xFEEC, GLOBAL))) == []  # what is asked of all is not refused
    assert list(node.receive(0, *request(DM1, 0x28))) == []


@pytest.mark.parametrize("count", [0, 1, 5])
def test_trouble_codes_are_told_every_second_and_at_once_when_they_change(count):
    node = claimed()
    codes = [TroubleCode(520192 + n, 2, n, 0) for n in range(count)]
    node.report(codes)
    frames = list(node.step(CLAIM_NS + 1))
    if count:
        if len(frames) == 1:
            data = frames[0][1][:6]
        else:
            receiver, found = TransportReceiver(), []
            for number, (identifier, part) in enumerate(frames):
                found += receiver.receive(number * 50_000_000, identifier, part)
            data = found[0].data
        told = Diagnostics.parse(data).codes
        assert [(code.spn, code.fmi, code.occurrences) for code in told] == [(520192 + n, 2, n) for n in range(count)]
    assert list(node.step(CLAIM_NS + DM1_NS // 2)) == []
    assert list(node.step(CLAIM_NS + 1 + DM1_NS))


@pytest.mark.parametrize("address", [-1, 254, 255])
def test_no_address_is_refused(address):
    with pytest.raises(ValueError, match="is not within"):
        Node(OURS, address)


MOVABLE = Name(1, 0, 0, 0, 127, 0, 0, 1, True)


def test_who_may_take_any_address_takes_the_next_free_one_when_it_loses():
    node = Node(MOVABLE, 0x27)
    (ask, _), (claim, data) = node.start(0)
    assert parse(ask).pgn == REQUEST and parse(ask).source == NULL and parse(claim).source == 0x27
    list(node.receive(1, *claim_of(5, 128)))  # somebody is on the first of the free ones
    list(node.step(CLAIM_NS))
    (again, data), = node.receive(CLAIM_NS, *claim_of(0))
    assert node.address == 129 and parse(again).source == 129 and Name.parse(data) == MOVABLE
    assert node.state is NodeState.CLAIMING and not node.may_send
    list(node.step(2 * CLAIM_NS))
    assert node.may_send, "the new claim has stood"
    list(node.receive(2 * CLAIM_NS, *request(DM1, 129)))
    assert node.intruders == 0


def test_without_a_free_address_it_says_that_it_has_none():
    node = Node(MOVABLE, 0x27)
    list(node.start(0))
    for address in range(128, 248):
        list(node.receive(1, *claim_of(address, address)))
    (identifier, _), = node.receive(2, *claim_of(0))
    assert node.state is NodeState.LOST and parse(identifier).source == NULL


def test_every_loss_moves_it_on_and_none_brings_it_back():
    node, seen = Node(MOVABLE, 0x27), []
    list(node.start(0))
    for _ in range(121):
        seen.append(node.address)
        list(node.receive(1, *claim_of(0, node.address)))
    assert len(set(seen)) == 121 and node.state is NodeState.LOST
