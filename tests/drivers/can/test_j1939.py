"""J1939 as trucks speak it: parameter groups whatever the priority and sender, and codes that are no values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy import config
from drivers.can.codec import Codec
from drivers.can.tables import pgn_of
from tests.drivers.can.build import EXTENDED, J1939, can_frame, can_frames, codec_of, dbc

SPEED = 'speed : 8|16@1+ (0.00390625,0) [0|250] "km/h"|;switch : 4|2@1+ (1,0) [0|3] ""'


@pytest.fixture(scope="module")
def truck() -> Codec:
    return Codec.from_dbc({0: config.directory() / "j1939.dbc"})


@given(priority=st.integers(0, 7), sender=st.integers(0, 255))
def test_pain_3_the_group_is_found_whatever_priority_and_sender(truck, priority, sender):
    values, validity = truck.decode(EXTENDED | priority << 26 | 0xF004 << 8 | sender, bytes.fromhex("ffff918025ffffff"))
    assert dict(zip(truck.signal_names("EEC1"), values, strict=True))["engine_speed"] == 1200.0
    assert validity.tolist() == [1, 1, 0, 0]


@given(destination=st.integers(0, 255), sender=st.integers(0, 255))
def test_pain_3_a_destination_is_no_part_of_the_group(truck, destination, sender):
    identifier = EXTENDED | 3 << 26 | destination << 8 | sender
    assert pgn_of(identifier) == 0
    assert truck.find(identifier) == truck.find(EXTENDED | 0x0C0000FE) >= 0


def test_pain_3_senders_of_one_group_stay_apart_in_a_batch(truck):
    frames = can_frames(
        can_frame(EXTENDED | 0x18FEF100, bytes.fromhex("ff0048ffffffffff")),
        can_frame(EXTENDED | 0x18FEF131, bytes.fromhex("ffffffffffffffff")),
    )
    column = truck.decode_batch(frames)["CCVS1"]
    assert (column.identifier & 0xFF).tolist() == [0x00, 0x31]
    speed = truck.signal_names("CCVS1").index("wheel_based_vehicle_speed")
    assert column.values[0, speed] == 72.0 and math.isnan(column.values[1, speed])
    assert column.validity[:, speed].tolist() == [0, 1]


def test_pain_3_a_sender_of_its_own_wins_over_any_sender():
    codec = codec_of(dbc(
        f"{EXTENDED | 0x18FEF1FE} ANY 8 |;{SPEED}", f"{EXTENDED | 0x18FEF127} BODY 8 |;{SPEED}", tail=J1939
    ))  # fmt: skip
    names = codec._tables.names
    assert names[codec.find(EXTENDED | 0x0CFEF127)] == "BODY"
    assert names[codec.find(EXTENDED | 0x0CFEF100)] == "ANY"
    assert codec.problems == ()


def test_two_messages_of_one_group_and_no_rule_which_are_named():
    codec = codec_of(dbc(f"{EXTENDED | 0x18FEF100} A 8 |;{SPEED}", f"{EXTENDED | 0x0CFEF100} B 8 |;{SPEED}",
                         f"{EXTENDED | 0x18FEF111} C 8 |;{SPEED}", tail=J1939))  # fmt: skip
    assert any("A and B share the identifier" in problem for problem in codec.problems)
    assert any("PGN FEF1 stands for 2 source addresses" in problem for problem in codec.problems)
    assert codec._tables.names[codec.find(EXTENDED | 0x18FEF155)] == "A"


@pytest.mark.parametrize(
    ("length", "raw", "expected"),
    [
        (1, 1, 0), (2, 1, 0), (2, 2, 2), (2, 3, 1), (3, 7, 0), (4, 13, 0), (4, 14, 2), (4, 15, 1), (6, 62, 2), (6, 63, 1),
        (8, 0xFA, 0), (8, 0xFB, 0), (8, 0xFE, 2), (8, 0xFF, 1),
        (16, 0xFAFF, 0), (16, 0xFDFF, 0), (16, 0xFE00, 2), (16, 0xFEFF, 2), (16, 0xFF00, 1), (16, 0xFFFF, 1),
        (24, 0xFDFFFF, 0), (24, 0xFE0000, 2), (24, 0xFF0000, 1),
        (32, 0xFDFFFFFF, 0), (32, 0xFE000000, 2), (32, 0xFFFFFFFF, 1), (64, 2**64 - 1, 1),
    ],
)  # fmt: skip
def test_codes_become_validity_on_j1939_and_nowhere_else(length, raw, expected):
    signal = f'S : 0|{length}@1+ (1,0) [0|0] ""'
    data = raw.to_bytes(8, "little")
    identifier = EXTENDED | 0x18FEF100
    values, validity = codec_of(dbc(f"{identifier} M 8 |;{signal}", tail=J1939)).decode(identifier, data)
    assert validity[0] == expected and math.isnan(values[0]) == (expected != 0)
    for text, other in ((dbc(f"{identifier} M 8 |;{signal}"), identifier), (dbc(f"291 M 8 |;{signal}", tail=J1939), 291)):
        values, validity = codec_of(text).decode(other, data)
        assert validity[0] == 0 and values[0] == float(raw)


def test_a_bus_can_be_declared_j1939_or_not():
    text = dbc(f'{EXTENDED | 0x18FEF100} M 8 |;S : 0|8@1+ (1,0) [0|0] ""')
    assert codec_of(text, j1939=True).decode(EXTENDED | 0x0CFEF155, b"\xff" * 8)[1][0] == 1
    assert codec_of(text + J1939, j1939=False).decode(EXTENDED | 0x0CFEF155, b"\xff" * 8) is None  # exact identifiers then


def test_signed_signals_and_command_codes_keep_all_their_values(truck):
    identifier, data = truck.encode("TSC1", {"override_control_mode": 2, "requested_torque": -10}, source_address=0x11)
    values, validity = truck.decode(identifier, data)
    mode = truck.signal_names("TSC1").index("override_control_mode")
    assert values[mode] == 2 and validity[mode] == 0


def test_short_frames_are_not_available_and_counted(truck):
    fresh = Codec.from_dbc({0: config.directory() / "j1939.dbc"})
    values, validity = fresh.decode(EXTENDED | 0x0CF00400, bytes.fromhex("f0ff91"))
    assert validity.tolist() == [0, 1, 0, 1] and np.isnan(values).tolist() == [False, True, False, True]
    assert fresh.short_frames == {"EEC1": 1}
    assert fresh.decode(EXTENDED | 0x18ABCD00, b"") is None and fresh.unknown_frames == 1


def test_positions_of_the_table_are_those_of_the_standard(truck):
    """EEC1 engine speed in bytes 4 and 5, CCVS1 speed in bytes 2 and 3, VDC2 yaw rate in bytes 4 and 5 (SPN 190, 84, 1808)."""
    for message, signal, data, expected in (
        ("EEC1", "engine_speed", "000000 4038 000000", 0x3840 * 0.125),
        ("CCVS1", "wheel_based_vehicle_speed", "00 0048 0000000000", 72.0),
        ("VDC2", "yaw_rate", "000000 007d 000000", 0x7D00 / 8192 - 3.92),
    ):
        identifier = next(item.identifier for item in truck.databases[0].messages if item.name == message)
        values, _ = truck.decode(identifier, bytes.fromhex(data))
        assert values[truck.signal_names(message).index(signal)] == pytest.approx(expected, abs=1e-12)
