"""Guards: a message of another sender, a wrong checksum, a counter that does not count, our own address."""

import numpy as np
import pytest

from autonomy import config as configuration
from autonomy import msg
from autonomy.errors import UsageError
from autonomy.msg import dtype
from drivers.can.j1939.broadcast import broadcast_frames
from drivers.can.j1939.identifier import DM1
from drivers.can.router import Router
from tests.drivers.can.build import can_frame, can_frames, config

SIGNALS = msg.constants("SignalSample")
NAMES = {number: name for name, number in SIGNALS.items()}
NOT_TRUSTED = -6
OURS = 0x27


@pytest.fixture(scope="module")
def truck():
    return configuration.load("vehicles/demo_truck")


def encoded(router: Router, message: str, bus: int, time_ns: int = 1, **values):
    address = values.pop("source_address", None)
    identifier, data = router.codec.encode(message, values, bus=bus, source_address=address)
    return can_frame(identifier, data, bus=bus, time_ns=time_ns)


def routed(router: Router, *frames) -> tuple[list[int], list[tuple[str, int, float]]]:
    """(results, (event or signal, source, value) of every signal sample)."""
    inputs = np.zeros(1, dtype("InputFrame"))
    results = router.route(can_frames(*frames), inputs).tolist()
    signal = inputs["signal"][0]
    rows = signal["items"][: int(signal["count"])]
    return results, [(NAMES[int(row["signal"])], int(row["source"]), float(row["value"])) for row in rows]


def test_another_sender_with_values_is_told_and_never_used(truck):
    router = Router.from_config(truck)
    own = encoded(router, "EEC1", 0, source_address=0, engine_speed=1200.0)
    other = encoded(router, "EEC1", 0, source_address=0x31, engine_speed=800.0)
    results, told = routed(router, own, other)
    assert results[1] == NOT_TRUSTED and ("SECOND_SENDER", 0x31, float(0xF004)) in told
    assert [value for name, _, value in told if name == "ENGINE_SPEED"] == [pytest.approx(1200.0 * np.pi / 30.0)]


def test_another_sender_without_values_is_nobody(truck):
    """Cabs and body controllers send groups of the engine empty."""
    router = Router.from_config(truck)
    identifier, _ = router.codec.encode("EEC1", {}, bus=0, source_address=0x31)
    results, told = routed(router, can_frame(identifier, b"\xff" * 8))
    assert results == [NOT_TRUSTED] and told == []


def test_our_own_address_from_the_bus_is_told_and_our_echo_is_not(truck):
    router = Router.from_config(truck)
    frame = encoded(router, "AMB", 0, source_address=OURS, ambient_air_temperature=20.0)
    assert ("OWN_ADDRESS", OURS, float(0xFEF5)) in routed(router, frame)[1]
    echo = can_frame(int(frame["id"]), bytes(frame["data"]), flags=msg.constants("CanFrame")["FLAG_TRANSMITTED"])
    assert routed(router, echo)[1] == []


def test_a_counter_is_told_when_it_stands_or_jumps_and_the_frame_is_used(truck):
    router = Router.from_config(truck)
    values = {f"angular_rate_{axis}": 0.01 for axis in "xyz"}
    frames = [encoded(router, "IMU_ANGULAR_RATE", 1, counter=count, **values) for count in (14, 15, 0, 1, 1, 2, 4)]
    results, told = routed(router, *frames)
    assert [name for name, _, _ in told] == ["COUNTER_ERROR"] * 2 and NOT_TRUSTED not in results


def test_a_wrong_checksum_is_told_and_the_frame_is_not_used(truck):
    router = Router.from_config(truck)
    good = [encoded(router, "STEERING_STATUS", 1, road_wheel_angle=0.01, follows=1) for _ in range(3)]
    bad = good[1].copy()
    bad["data"][0] ^= 4
    results, told = routed(router, good[0], bad, good[1], good[2])
    assert results[1] == NOT_TRUSTED and [name for name, _, _ in told].count("CHECKSUM_ERROR") == 1
    assert [name for name, _, _ in told].count("STEERING_ACTUATOR_ANGLE") == 3 and "COUNTER_ERROR" not in str(told)


def test_a_sender_that_says_not_available_is_not_silent(truck):
    router = Router.from_config(truck)
    inputs = np.zeros(1, dtype("InputFrame"))
    router.route(can_frames(encoded(router, "VDC2", 0, source_address=11)), inputs)
    assert inputs["steering"]["count"][0] == 1 and inputs["steering"]["items"][0][0]["validity"] == 1


@pytest.mark.parametrize(("guard", "sentence"), [
    ({"message": "EEC9"}, "EEC9"), ({"message": "EEC1", "counter": "nothing"}, "nothing"),
    ({"bus": 7, "message": "EEC1"}, "bus = 7"),
    ({"message": "EEC1", "source_address": 300}, "300"), ({"message": "EEC1", "sender": 0}, "sender"),
])  # fmt: skip
def test_a_wrong_guard_is_named(guard, sentence):
    table = {"bus": [{"bus": 0, "dbc": "j1939.dbc"}], "guard": [{"bus": 0, **guard}]}
    with pytest.raises(UsageError, match=sentence):
        Router.from_config(config(table))


def test_our_claim_from_another_address_makes_that_one_ours(truck):
    router = Router.from_config(truck)
    claim = can_frame(0x98EEFF80, bytes(8), flags=msg.constants("CanFrame")["FLAG_TRANSMITTED"])
    old, new = (encoded(router, "AMB", 0, source_address=address, ambient_air_temperature=20.0) for address in (OURS, 0x80))
    told = [row for row in routed(router, claim, old, new)[1] if row[0] == "OWN_ADDRESS"]
    assert told == [("OWN_ADDRESS", 0x80, float(0xFEF5))]


@pytest.mark.parametrize(("lamps", "expected"), [
    (0x00, []), (0x04, ["AMBER_WARNING_LAMP"]), (0x10, ["RED_STOP_LAMP"]), (0x14, ["RED_STOP_LAMP", "AMBER_WARNING_LAMP"]),
    (0xFF, []), (0x28, [])])  # fmt: skip
def test_the_lamps_of_a_partner_are_heard_in_a_frame_and_in_a_broadcast(truck, lamps, expected):
    data = bytes([lamps, 0xFF]) + b"\x3f\x04\x01\x01" * 3
    single = [can_frame(0x98FECA0B, data[:6] + b"\xff\xff")]
    several = [can_frame(identifier, body) for identifier, body in broadcast_frames(DM1, 0x0B, data)]
    for frames in (single, several):
        told = routed(Router.from_config(truck), *frames)[1]
        assert told == [(name, 0x0B, 1.0) for name in expected]


def test_packets_of_another_broadcast_are_no_lamps(truck):
    data = bytes([0x14, 0xFF]) + bytes(12)
    software = [can_frame(identifier, body) for identifier, body in broadcast_frames(0xFEDA, 0x0B, data)]
    trouble = [can_frame(identifier, body) for identifier, body in broadcast_frames(DM1, 0x0C, data)]
    router = Router.from_config(truck)
    assert routed(router, *software, trouble[1])[1] == [], "packets without their announcement"
    assert routed(router, trouble[0], software[0], software[1], trouble[1])[1] == [
        ("RED_STOP_LAMP", 0x0C, 1.0), ("AMBER_WARNING_LAMP", 0x0C, 1.0)]  # fmt: skip
