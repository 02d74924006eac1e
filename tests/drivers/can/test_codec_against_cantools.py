"""The decoder gives cantools' values, bit for bit, on a recorded drive and on random databases."""

from __future__ import annotations

import math

import cantools
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.msg import dtype
from drivers.can import codec_twin
from drivers.can._codec import ROW_SIZES
from drivers.can.codec import Codec
from drivers.can.database import parse
from drivers.can.tables import BUS_ROW, MESSAGE_ROW, QUAD_ROW, RANGE_ROW, SIGNAL_ROW
from tests.drivers.can.build import codec_of, dbc

COMMA = ("toyota_new_mc_pt_generated.dbc", "toyota_adas.dbc")
FACTORS = ["1", "2", "-3", "0.1", "0.00390625", "1.0", "-0.25", "1e-7", "123456789", "0", "0.0009765625", "4294967297"]
OFFSETS = ["0", "-125", "0.5", "-7.8125", "1e6", "-273", "9007199254740993"]


def bits(value: float) -> bytes:
    return np.float64(value).tobytes() if not math.isnan(value) else b"nan"


@st.composite
def databases(draw):
    """(text, message lengths): one or two messages with free signals, and possibly a multiplexed one."""
    messages = []
    for number in range(draw(st.integers(1, 2))):
        length = draw(st.sampled_from([1, 3, 8, 8, 8]))
        signals = draw_signals(draw, 0, 8 * length, "s")
        messages.append(f"{100 + number} M{number} {length} |;" + "|;".join(signals))
    if draw(st.booleans()):
        groups = [draw_signals(draw, 8, 64, f"m{value}_", f" m{value}") for value in (0, 1, 7)]
        flat = [signal for group in groups for signal in group]
        messages.append("300 MUX 8 |;" + "|;".join(['SEL M : 0|8@1+ (1,0) [0|0] ""', *flat]))
    return dbc(*messages, tail="\n" + draw_floats(draw, messages))


def draw_signals(draw, first_bit, end_bit, prefix, multiplex=""):
    """Signals one behind the other in bus order, so that they never overlap."""
    big_endian = draw(st.booleans())
    place, signals = first_bit, []
    while place < end_bit and len(signals) < 9:
        if draw(st.integers(0, 3)) == 0:  # both orders in one message, from a whole byte on
            place, big_endian = -(-place // 8) * 8, not big_endian
        place += draw(st.integers(0, 3))
        length = draw(st.one_of(st.integers(1, 64), st.sampled_from([2, 8, 16, 16, 32, 64])))
        if place + length > end_bit:
            break
        # DBC names a big endian signal by its highest bit, counted down within the byte
        start = 8 * (place // 8) + 7 - place % 8 if big_endian else place
        sign = draw(st.sampled_from("+-"))
        factor, offset = draw(st.sampled_from(FACTORS)), draw(st.sampled_from(OFFSETS))
        signals.append(
            f'{prefix}{len(signals)}{multiplex} : {start}|{length}@{0 if big_endian else 1}{sign} ({factor},{offset}) [0|0] ""'
        )
        place += length
    return signals or [f'{prefix}0{multiplex} : {first_bit}|1@1+ (1,0) [0|0] ""']


def draw_floats(draw, messages):
    lines = []
    for message in messages:
        head, *signals = message.split("|;")
        for signal in signals:
            name, length = signal.split()[0], int(signal.split("|")[1].split("@")[0])
            if length in (16, 32, 64) and name != "SEL" and draw(st.booleans()):
                lines.append(f"SIG_VALTYPE_ {head.split()[0]} {name} : {2 if length == 64 else 1};")
    return "\n".join(lines)


@settings(max_examples=200, deadline=None)
@given(text=databases(), payload=st.binary(min_size=8, max_size=8), special=st.sampled_from([None, 0, 255, 127, 128]))
def test_every_value_equals_cantools_and_the_twin_on_random_databases(text, payload, special):
    data = payload if special is None else bytes([special] * 8)
    peer = cantools.database.load_string(text, database_format="dbc")
    codec = codec_of(text)
    for message in codec.databases[0].messages:
        frame = data[: message.length]
        values, validity = codec.decode(message.identifier, frame)
        twin_values, twin_validity = codec_twin.decode(message, frame)
        assert validity.tolist() == twin_validity
        assert [bits(value) for value in values] == [bits(value) for value in twin_values]
        try:
            expected = peer.decode_message(message.identifier, frame, decode_choices=False)
        except cantools.database.errors.DecodeError:  # no such multiplexer value
            expected = {"SEL": frame[0]}
        for signal, value, code in zip(message.signals, values, validity, strict=True):
            if signal.name in expected:
                assert code == 0 and bits(value) == bits(float(expected[signal.name])), signal
            else:
                assert code == codec_twin.NOT_AVAILABLE and math.isnan(value), signal


@settings(max_examples=100, deadline=None)
@given(text=databases(), payloads=st.lists(st.binary(min_size=0, max_size=8), min_size=1, max_size=40))
def test_batch_equals_one_at_a_time(text, payloads):
    codec = codec_of(text)
    identifiers = [message.identifier for message in codec.databases[0].messages]
    frames = np.zeros(len(payloads), dtype("CanFrame"))
    expected: dict[int, list] = {}
    for place, data in enumerate(payloads):
        identifier = identifiers[place % len(identifiers)]
        frames[place]["id"], frames[place]["length"], frames[place]["time_ns"] = identifier, len(data), place
        frames[place]["data"][: len(data)] = np.frombuffer(data, np.uint8)
        values, validity = codec.decode(identifier, data)
        expected.setdefault(identifier, []).append((place, values.copy(), validity.copy()))
    columns = codec.decode_batch(frames)
    for message in codec.databases[0].messages:
        rows = expected.get(message.identifier, [])
        if rows:
            column = columns[message.name]
            assert column.time_ns.tolist() == [row[0] for row in rows]
            assert column.values.tobytes() == np.array([row[1] for row in rows]).tobytes()
            assert column.validity.tolist() == [row[2].tolist() for row in rows]


def test_extended_multiplexing_follows_every_selector_above():
    text = dbc(
        '400 NESTED 8 |;A M : 0|8@1+ (1,0) [0|0] ""|;B m0M : 8|8@1+ (1,0) [0|0] ""|;C m1 : 16|8@1+ (1,0) [0|0] ""'
        '|;D m2 : 8|8@1+ (1,0) [0|0] ""',
        tail="\nSG_MUL_VAL_ 400 B A 0-0;\nSG_MUL_VAL_ 400 C B 1-3,9-9;\nSG_MUL_VAL_ 400 D A 2-2;\n",
    )
    codec, peer = codec_of(text), cantools.database.load_string(text, database_format="dbc")
    names = codec.signal_names("NESTED")
    for data, present in (
        (b"\x00\x02\x05", {"A": 0, "B": 2, "C": 5}),
        (b"\x00\x09\x05", {"A": 0, "B": 9, "C": 5}),
        (b"\x02\x07\x05", {"A": 2, "D": 7}),
    ):
        frame = data.ljust(8, b"\0")
        values, validity = codec.decode(400, frame)
        assert {name: value for name, value, code in zip(names, values, validity, strict=True) if code == 0} == present
        assert peer.decode_message(400, frame) == present


@pytest.mark.real_data
def test_every_frame_of_the_recorded_highway_minute_equals_cantools(data_directory):
    folder = data_directory / "comma2k19"
    raw = folder / "processed_log" / "CAN" / "raw_can"
    bus, address, data = (np.load(raw / name) for name in ("src", "address", "data"))
    codec = Codec.from_dbc({number: folder / name for number, name in enumerate(COMMA)})
    compared = 0
    for number, name in enumerate(COMMA):
        peer = {message.frame_id: message for message in cantools.database.load_file(folder / name, strict=False).messages}
        names = {identifier: codec.signal_names(message.name, number) for identifier, message in peer.items()}
        for place in np.flatnonzero(bus == number):
            identifier = int(address[place])
            if identifier not in peer:
                assert codec.decode(identifier, bytes(data[place]), number) is None
                continue
            frame = bytes(data[place]).ljust(peer[identifier].length, b"\0")
            expected = peer[identifier].decode(frame, decode_choices=False)
            values, validity = codec.decode(identifier, frame, number)
            assert not validity.any()
            assert values.tolist() == [float(expected[signal]) for signal in names[identifier]], (number, identifier)
            compared += 1
    assert compared == 77_983
    assert sum("overlap" in problem for problem in codec.problems) == 3  # named, not hidden


def test_rows_have_the_layout_of_the_kernel():
    rows = {"message": MESSAGE_ROW, "signal": SIGNAL_ROW, "range": RANGE_ROW, "bus": BUS_ROW, "quad": QUAD_ROW}
    assert {name: row.itemsize for name, row in rows.items()} == ROW_SIZES


def test_long_messages_are_read_beyond_the_eighth_byte():
    text = dbc('500 LONG 20 |;A : 60|16@1+ (1,0) [0|0] ""|;B : 87|12@0- (0.5,1) [0|0] ""')
    message = parse(text).messages[0]
    data = bytes(range(7, 27))
    values, validity = codec_of(text).decode(500, data)
    assert (values.tolist(), validity.tolist()) == codec_twin.decode(message, data)
    assert values.tolist() == list(cantools.database.load_string(text, "dbc").decode_message(500, data).values())
