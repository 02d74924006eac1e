"""Values to bytes and back; counters and checksums that the receiving unit accepts."""

from __future__ import annotations

import cantools
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import config
from drivers.can import checksums
from drivers.can.codec import Codec
from tests.drivers.can.build import EXTENDED, codec_of, dbc
from tests.drivers.can.test_codec_against_cantools import databases

PLAIN = dbc('100 M 8 |;A : 0|8@1+ (0.5,-10) [0|0] "m"|;N : 8|4@1+ (1,0) [0|0] ""|;C : 63|8@0+ (1,0) [0|0] ""')


@settings(max_examples=150, deadline=None)
@given(text=databases(), payload=st.binary(min_size=8, max_size=8))
def test_decode_of_encode_gives_the_values_back(text, payload):
    codec = codec_of(text)
    for message in codec.databases[0].messages:
        if any(signal.scale == 0 or signal.length > 52 or abs(signal.offset) > 2**52 or abs(signal.scale) > 2**20
               for signal in message.signals):  # fmt: skip
            continue  # beyond what a double carries both ways
        data = payload[: message.length]
        values, validity = (array.copy() for array in codec.decode(message.identifier, data))
        if any(signal.is_float for signal in message.signals) and not np.all(np.isfinite(values[validity == 0])):
            continue
        given_values = {
            signal.name: value for signal, value, code in zip(message.signals, values, validity, strict=True) if code == 0
        }
        floats = [place for place, signal in enumerate(message.signals) if signal.is_float]
        encoded = codec.encode(message.name, given_values)[1]
        again, validity_again = codec.decode(message.identifier, encoded)
        exact = [place for place in range(len(values)) if place not in floats]
        assert validity_again.tolist() == validity.tolist()
        assert again[exact].tobytes() == values[exact].tobytes()
        for place in floats:
            tolerance = {16: 1e-3, 32: 1e-6}.get(message.signals[place].length, 1e-12)
            size = abs(message.signals[place].offset) * 1e-12 + abs(message.signals[place].scale) * 1e-7
            assert again[place] == pytest.approx(values[place], rel=tolerance, abs=size, nan_ok=True)


@given(
    values=st.fixed_dictionaries(
        {"A": st.integers(-20, 235).map(lambda x: x / 2), "N": st.integers(0, 15), "C": st.integers(0, 255)}
    )
)
def test_bytes_equal_those_of_cantools(values):
    if not -10 <= values["A"] <= 117.5:
        return
    peer = cantools.database.load_string(PLAIN, "dbc")
    assert codec_of(PLAIN).encode("M", values) == (100, bytes(peer.encode_message(100, values)))


@given(value=st.floats(allow_nan=False, width=16))
def test_half_precision_is_ieee(value):
    codec = codec_of(dbc('7 H 2 |;S : 0|16@1+ (1,0) [0|0] ""', tail="\nSIG_VALTYPE_ 7 S : 1;\n"))
    assert codec.encode("H", {"S": value})[1] == np.float16(value).tobytes()
    assert np.float16(codec.decode(7, np.float16(value).tobytes())[0][0]).tobytes() == np.float16(value).tobytes()


@given(value=st.floats(-7e4, 7e4))
def test_half_precision_rounds_to_even(value):
    codec = codec_of(dbc('7 H 2 |;S : 0|16@1+ (1,0) [0|0] ""', tail="\nSIG_VALTYPE_ 7 S : 1;\n"))
    with np.errstate(over="ignore"):
        assert codec.encode("H", {"S": value})[1] == np.float16(value).tobytes()


def test_pain_5_counter_and_checksum_of_tsc1_and_xbr_run_by_themselves():
    codec = Codec.from_dbc({0: config.directory() / "j1939.dbc"})
    for name, spn, modulo in (("TSC1", 4207, 8), ("XBR", 3188, 16)):
        place = {signal: k for k, signal in enumerate(codec.signal_names(name))}
        counters = []
        for _ in range(modulo + 2):
            identifier, data = codec.encode(name, {}, source_address=0x2A, destination=0x0B)
            values, validity = codec.decode(identifier, data)
            counters.append(values[place["message_counter"]])
            assert data[7] >> 4 == checksums.checksum_j1939(data, identifier, spn)
            assert codec.checksum_holds(identifier, data)
            assert not codec.checksum_holds(identifier, bytes([data[0] ^ 0x04]) + data[1:])
        assert counters == [k % modulo for k in range(modulo + 2)]


def test_pain_5_a_counter_runs_for_each_sender_and_can_be_given():
    codec = Codec.from_dbc({0: config.directory() / "j1939.dbc"})
    counters = [codec.encode("TSC1", {}, source_address=sender, destination=0)[1][7] & 15 for sender in (3, 3, 11, 3)]
    assert counters == [0, 1, 0, 2]
    assert codec.encode("TSC1", {}, source_address=3, destination=0, counter=6)[1][7] & 15 == 6


@pytest.mark.real_data
def test_pain_5_the_checksum_of_every_recorded_toyota_frame_holds(data_directory):
    folder = data_directory / "comma2k19"
    raw = folder / "processed_log" / "CAN" / "raw_can"
    bus, address, data = (np.load(raw / name) for name in ("src", "address", "data"))
    codec = Codec.from_dbc({0: folder / "toyota_new_mc_pt_generated.dbc", 1: folder / "toyota_adas.dbc"})
    held = checked = 0
    for number, name, identifier in (
        (0, "SPEED", 0xB4),
        (0, "GAS_PEDAL", 0x2C1),
        (0, "PCM_CRUISE", 0x1D2),
        (1, "TRACK_A_0", 0x210),
    ):
        codec.protect(name, checksum="CHECKSUM", kind="toyota", bus=number)
        for place in np.flatnonzero((bus == number) & (address == identifier)):
            frame = bytes(data[place]).ljust(8, b"\0")
            assert (checksums.checksum_toyota(frame, identifier) == frame[7]) == codec.checksum_holds(identifier, frame, number)
            held, checked = held + codec.checksum_holds(identifier, frame, number), checked + 1
    assert checked > 7000 and held == checked


@pytest.mark.parametrize("kind", ["toyota", "sum", "xor", "crc8_j1850"])
def test_checksum_kinds_are_their_definitions(kind):
    codec = codec_of(PLAIN)
    codec.protect("M", checksum="C", kind=kind, counter="N", counter_modulo=15)
    for step in range(17):
        identifier, data = codec.encode("M", {"A": 3.5})
        assert data[1] & 15 == step % 15
        expected = {
            "toyota": checksums.checksum_toyota(data, identifier), "sum": sum(data[:7]) & 0xFF,
            "xor": int(np.bitwise_xor.reduce(np.frombuffer(data[:7], np.uint8))), "crc8_j1850": checksums.crc8_j1850(data[:7]),
        }[kind]  # fmt: skip
        assert data[7] == expected and codec.checksum_holds(identifier, data)
    assert checksums.crc8_j1850(b"123456789") == 0x4B  # the published check value


def test_not_available_fills_j1939_with_ones_and_error_is_the_error_code():
    codec = Codec.from_dbc({0: config.directory() / "j1939.dbc"})
    assert codec.encode("CCVS1", {}, source_address=0) == (EXTENDED | 0x18FEF100, b"\xff" * 8)
    names = codec.signal_names("CCVS1")
    validity = np.array([2 if name == "wheel_based_vehicle_speed" else 1 for name in names], np.uint8)
    identifier, data = codec.encode("CCVS1", np.full(len(names), np.nan), validity=validity, source_address=0)
    assert codec.decode(identifier, data)[1].tolist() == validity.tolist()


def test_mistakes_are_answered_with_a_sentence():
    codec = codec_of(PLAIN)
    for action, words in (
        (lambda: codec.encode("M", {"A": 500}), "message M: signal A cannot hold 500; it reaches from -10 to 117.5"),
        (lambda: codec.encode("M", {"B": 1}), "message M has no signal B; it has A, N, C"),
        (lambda: codec.encode("M", {}, source_address=3), "only J1939 messages take a source"),
        (lambda: codec.protect("M", checksum="N", kind="sum"), "needs a signal of 8 bits that fills one byte, N has 4"),
        (lambda: codec.protect("M", checksum="C", kind="crc32"), "unknown checksum kind 'crc32'"),
        (lambda: codec.protect("M", checksum="C", kind="sum", counter="N", counter_modulo=20), "cannot count to 20"),
    ):
        with pytest.raises(ValueError, match="(?s).*") as caught:
            action()
        assert words in str(caught.value)
    with pytest.raises(KeyError, match="no message X in the database of any bus"):
        codec.encode("X", {})
