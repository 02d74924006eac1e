"""What others say of themselves: lamps and codes in one frame or several, names, weight; and the questions we ask."""

from __future__ import annotations

from drivers.can.j1939.address import Name
from drivers.can.j1939.broadcast import GAP_NS, Outbox
from drivers.can.j1939.diagnostics import TroubleCode
from drivers.can.j1939.identifier import (
    COMBINATION_WEIGHT,
    COMPONENT_IDENTIFICATION,
    DM1,
    GLOBAL,
    REQUEST,
    VEHICLE_IDENTIFICATION,
    build,
    parse,
)
from drivers.can.j1939.node import CLAIM_NS, Node
from drivers.can.j1939.partners import ASK_NS, ROUNDS, Partners

TRAILER_BRAKES = 0xC8


def spoken(node: Node, frames, partners: Partners, time_ns: int) -> list[str]:
    """What a node's frames, paced as on a bus, tell."""
    outbox, news = Outbox(), []
    outbox.add(frames)
    for step in range(100):
        for identifier, data in outbox.due(time_ns + step * GAP_NS):
            news += partners.hear(time_ns + step * GAP_NS, identifier, data)
    return news


def on_the_bus(address: int, answers=None) -> Node:
    node = Node(Name(1, 0, 0, 0, 9, 0, 0, 1, False), address, answers=answers)
    list(node.start(0))
    list(node.step(CLAIM_NS))
    return node


def test_a_healthy_dm1_is_no_news_and_a_lamp_is_once():
    node, partners = on_the_bus(0x0B), Partners()
    assert spoken(node, node.step(2 * 10**9), partners, 2 * 10**9) == [] and partners.known[0x0B].diagnostics.lit == ()
    node.report([TroubleCode(1087, 1, 1, 0)], stop=True)
    told = spoken(node, node.step(3 * 10**9), partners, 3 * 10**9)
    assert len(told) == 1 and "brakes, system controller: red stop on; SPN 1087 FMI 1" in told[0]
    assert spoken(node, node.step(5 * 10**9), partners, 5 * 10**9) == []
    node.report([])
    assert "no lamp on" in spoken(node, node.step(7 * 10**9), partners, 7 * 10**9)[0]
    row = partners.as_json()[0]
    assert row["lamps"] == [] and row["worst_lamps"] == ["red stop on"] and row["worst_codes"][0]["spn"] == 1087


def test_the_trailers_brakes_tell_five_codes_in_a_broadcast():
    node, partners = on_the_bus(TRAILER_BRAKES), Partners()
    node.report([TroubleCode(1000 + k, 2, 1, 0) for k in range(5)])
    told = spoken(node, node.step(3 * 10**9), partners, 3 * 10**9)
    assert len(told) == 1 and "amber warning on" in told[0]
    assert [code["spn"] for code in partners.as_json()[0]["codes"]] == [1000, 1001, 1002, 1003, 1004]


def test_who_what_and_how_heavy_is_asked_and_the_answers_are_read():
    weight = b"\xff\xff" + (1423).to_bytes(2, "little")
    answers = {COMPONENT_IDENTIFICATION: b"ACME*EBS*77**", VEHICLE_IDENTIFICATION: b"WDB1234567890ABCD*"}
    answers[COMBINATION_WEIGHT] = weight
    node, partners, asked, news = on_the_bus(0x0B, answers), Partners(), [], []
    for step in range(1000):
        now = 10**9 + step * 10_000_000
        for identifier, data in partners.ask(now, 0x27):
            assert parse(identifier).pgn == REQUEST and parse(identifier).source == 0x27
            asked.append(int.from_bytes(data, "little"))
            news += spoken(node, node.receive(now, identifier, data), partners, now)
    assert asked == [COMBINATION_WEIGHT, VEHICLE_IDENTIFICATION, COMPONENT_IDENTIFICATION], "each once: it was answered"
    assert "weighs 14230 kg" in news[0] and "vehicle WDB1234567890ABCD" in news[1] and "component ACME EBS 77" in news[2]


def test_a_bus_without_answers_is_asked_a_few_times_and_left_alone():
    partners, times = Partners(), []
    for step in range(3000):
        times += [step * 10_000_000 for _ in partners.ask(step * 10_000_000, 0x27)]
    assert len(times) == 3 * ROUNDS and min(b - a for a, b in zip(times, times[1:], strict=False)) >= ASK_NS


def test_a_weight_that_is_not_available_is_none():
    partners = Partners()
    assert partners.hear(0, build(6, COMBINATION_WEIGHT, 0x0B), b"\xff" * 8) == [] and partners.known[0x0B].weight_kg is None
    assert partners.hear(0, build(6, REQUEST, 3, GLOBAL), b"\xca\xfe\x00") == [] and 3 not in partners.known
    assert partners.hear(0, build(6, DM1, 3), b"\x00") == [], "too short for lamps"
