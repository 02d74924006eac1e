"""Actuation to frames and back as the truck's controllers read them; rates, releases, partners' manners, mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy import config, msg
from drivers.can.codec import Codec
from drivers.can.commanding.command_config import CommandError, own_name, read
from drivers.can.commanding.command_decoder import STUCK_COUNTS, TIMEOUT_NS, CommandDecoder
from drivers.can.commanding.command_encoder import CommandEncoder
from drivers.can.commanding.protection import is_sealed, seal
from drivers.can.j1939.identifier import ADDRESS_CLAIMED, build, parse

MS = 1_000_000
TICK_NS = 10 * MS
TABLE = {
    "bus": 0,
    "source_address": 0x27,
    "engine": {"address": 0, "reference_torque_nm": 2600.0},
    "engine_brake": {"address": 15, "reference_torque_nm": 1500.0, "period_s": 0.05},
    "retarder": {"address": 16, "reference_torque_nm": 3000.0, "period_s": 0.05, "checksum": "none"},
    "brake": {},
    "gearbox": {},
    "steering": {"plugin": "simulated"},
    "lights": {"message": "OEL", "off": {"turn_signal_switch": 0, "hazard_light_switch": 0}, "left": {"turn_signal_switch": 1},
               "right": {"turn_signal_switch": 2}, "hazards": {"hazard_light_switch": 1}},
}  # fmt: skip


@pytest.fixture(scope="module")
def databases():
    return Codec.from_dbc({0: config.directory() / "j1939.dbc"}).databases


@pytest.fixture
def pair(databases):
    """An encoder and the controllers that hear it."""
    table = read(TABLE, "here.toml")
    return CommandEncoder(table, Codec(databases)), CommandDecoder(table, Codec(databases))


def actuation(tick: int, mode: int = 1, **values: float) -> np.void:
    row = np.zeros((), msg.dtype("Actuation"))
    row["time_ns"], row["mode"] = tick * TICK_NS, mode
    for name, value in values.items():
        row[name] = value
    return row[()]


def destinations(frames: np.ndarray) -> list[tuple[int, int]]:
    return [(parse(int(frame["id"])).pgn, parse(int(frame["id"])).destination) for frame in frames]


@given(
    angle=st.floats(-0.6, 0.6), engine=st.floats(-1500, 2600), retarder=st.floats(-3000, 0), brake=st.floats(0, 8),
    mode=st.sampled_from([1, 2]),
)  # fmt: skip
def test_what_is_asked_is_what_the_controllers_read(databases, angle, engine, retarder, brake, mode):
    table = read(TABLE, "here.toml")
    encoder, decoder = CommandEncoder(table, Codec(databases)), CommandDecoder(table, Codec(databases))
    asked = actuation(3, mode, road_wheel_angle_rad=angle, engine_torque_nm=engine, retarder_torque_nm=retarder,
                      brake_deceleration_mps2=brake)  # fmt: skip
    decoder.take(encoder.frames(asked))
    read_back = decoder.actuation(3 * TICK_NS)
    assert read_back["mode"] == mode and abs(read_back["road_wheel_angle_rad"] - angle) <= 1e-6
    assert abs(read_back["engine_torque_nm"] - engine) <= 13.0 + 1e-9  # half a per cent of the reference torque
    assert abs(read_back["retarder_torque_nm"] - retarder) <= 15.0 + 1e-9
    assert abs(read_back["brake_deceleration_mps2"] - brake) <= 1 / 2048
    assert not decoder.refused


@pytest.mark.parametrize(("asked", "told"), [(1300.0, (50.0, 0.0)), (-600.0, (0.0, -40.0)), (0.0, (0.0, 0.0))])
def test_the_engine_is_asked_to_drive_and_its_brake_to_brake(databases, asked, told):
    """SA 0x0F brakes with the engine; a negative torque to the engine itself is nobody's request."""
    table = read(TABLE, "here.toml")
    codec, heard = Codec(databases), {}
    for frame in CommandEncoder(table, codec).frames(actuation(0, engine_torque_nm=asked)):
        identifier = parse(int(frame["id"]))
        if identifier.pgn == 0:
            signals = dict(zip(codec.signal_names("TSC1", 0), codec.decode_record(frame)[0], strict=True))
            heard[identifier.destination] = signals["requested_torque"]
    assert (heard[0x00], heard[0x0F]) == told


def test_without_an_engine_brake_nobody_is_asked_to_brake_with_the_engine(databases):
    table = read({name: part for name, part in TABLE.items() if name != "engine_brake"}, "here.toml")
    encoder, decoder = CommandEncoder(table, Codec(databases)), CommandDecoder(table, Codec(databases))
    decoder.take(encoder.frames(actuation(0, engine_torque_nm=-600.0)))
    assert decoder.actuation(0)["engine_torque_nm"] == 0.0


def test_every_controller_hears_at_its_own_period(pair):
    encoder, _ = pair
    heard: dict[tuple[int, int], list[int]] = {}
    for tick in range(100):
        for key in destinations(encoder.frames(actuation(tick))):
            heard.setdefault(key, []).append(tick)
    periods = {key: set(np.diff(ticks).tolist()) for key, ticks in heard.items()}
    assert periods == {(0, 0): {1}, (0, 15): {5}, (0, 16): {5}, (0x0400, 0x0B): {2}, (0x0100, 0x03): {5},
                       (0xFF10, 255): {1}, (0xFDCC, 255): {10}}  # fmt: skip


@pytest.mark.parametrize("mode", [0, 3])
def test_nothing_is_sent_in_standby_and_shadow(pair, mode):
    encoder, _ = pair
    assert sum(len(encoder.frames(actuation(tick, mode))) for tick in range(50)) == 0


def test_the_end_of_driving_is_released_at_once_and_some_times_more(pair):
    encoder, decoder = pair
    decoder.take(encoder.frames(actuation(0, 1, engine_torque_nm=1000.0, brake_deceleration_mps2=2.0)))
    released = [encoder.frames(actuation(tick, 0, engine_torque_nm=1000.0)) for tick in range(1, 8)]
    assert [len(frames) for frames in released] == [7, 7, 7, 0, 0, 0, 0]
    decoder.take(released[0])
    found = decoder.actuation(TICK_NS)
    assert (found["mode"], found["engine_torque_nm"], found["brake_deceleration_mps2"]) == (0, 0.0, 0.0)


def test_out_of_gear_and_back(pair, databases):
    encoder, decoder = pair
    codec, asked, obeyed = Codec(databases), [], []
    for tick, (mode, roll) in enumerate([(1, 0), (1, 1), (2, 0), (0, 1)]):
        frames = encoder.frames(actuation(5 * tick, mode, roll=roll))
        frame = next(frame for frame in frames if parse(int(frame["id"])).pgn == 0x0100)
        signals = dict(zip(codec.signal_names("TC1", 0), codec.decode_record(frame)[0], strict=True))
        decoder.take(frames)
        asked.append(signals["disengage_driveline_request"])
        obeyed.append(int(decoder.actuation(5 * tick * TICK_NS)["roll"]))
    assert np.array_equal(asked, [0, 1, 0, np.nan], equal_nan=True) and obeyed == [0, 1, 0, 0]


def test_a_silent_commander_is_forgotten(pair):
    encoder, decoder = pair
    decoder.take(encoder.frames(actuation(0, engine_torque_nm=1000.0)))
    assert decoder.actuation(TIMEOUT_NS - 1)["engine_torque_nm"] > 0
    late = decoder.actuation(TIMEOUT_NS)
    assert late["engine_torque_nm"] == 0.0 and late["mode"] == 0


def test_pain_05_a_broken_checksum_or_a_frozen_counter_is_not_obeyed(pair):
    encoder, decoder = pair
    frames = encoder.frames(actuation(0, engine_torque_nm=1300.0, brake_deceleration_mps2=1.0))
    broken = frames.copy()
    broken["data"][:, 3] ^= 0x10
    decoder.take(broken)
    assert decoder.refused == {"engine: checksum": 1, "engine_brake: checksum": 1, "brake: checksum": 1}
    assert decoder.actuation(0)["engine_torque_nm"] == 0.0
    for _ in range(STUCK_COUNTS + 2):
        decoder.take(frames)
    assert decoder.refused["engine: counter stands still"] == 2 and decoder.refused["brake: counter stands still"] == 2


@given(data=st.binary(min_size=8, max_size=8), counter=st.integers(0, 1000), policy=st.sampled_from(["3 bit", "4 bit", "none"]))
def test_partners_policies(data, counter, policy):
    sealed = seal(policy, 0x8C000027, data, counter)
    assert sealed[:7] == data[:7] and is_sealed(policy, 0x8C000027, sealed)
    if policy == "none":
        assert sealed[7] == 0xFF
    else:
        assert sealed[7] & 0xF == counter % (8 if policy == "3 bit" else 16)
        changed = sealed[:7] + bytes([sealed[7] ^ 0x10])
        assert not is_sealed(policy, 0x8C000027, changed)


def test_a_request_that_is_no_number_asks_for_nothing(pair):
    encoder, decoder = pair
    nothing = actuation(0, road_wheel_angle_rad=np.nan, engine_torque_nm=np.inf, brake_deceleration_mps2=np.nan)
    decoder.take(encoder.frames(nothing))
    found = decoder.actuation(0)
    assert (found["road_wheel_angle_rad"], found["engine_torque_nm"], found["brake_deceleration_mps2"]) == (0.0, 0.0, 0.0)


def test_indicators_and_hazards(pair, databases):
    encoder, _ = pair
    codec, seen = Codec(databases), []
    for tick, values in enumerate([{}, {"indicators": 1}, {"indicators": 2}, {"indicators": 1, "hazards": 1}]):
        frames = encoder.frames(actuation(10 * tick, **values))
        light = next(frame for frame in frames if parse(int(frame["id"])).pgn == 0xFDCC)
        signals = dict(zip(codec.signal_names("OEL", 0), codec.decode_record(light)[0], strict=True))
        seen.append((signals["turn_signal_switch"], signals["hazard_light_switch"]))
    assert seen[0] == (0, 0) and seen[1][0] == 1 and seen[2][0] == 2 and seen[3][1] == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"engine": {"address": 0}}, "at engine: 'reference_torque_nm' is missing; give it"),
        ({"engine": {"address": 300, "reference_torque_nm": 2600.0}}, "engine.address = 300: must lie within 0..253"),
        ({"engine": {"address": 0, "reference_torque_nm": 1.0, "checksum": "5 bit"}}, "checksum = '5 bit': choose one of 3 bit"),
        ({"brake": {"period_s": 5.0}}, "brake.period_s = 5"),
        ({"source_address": 254}, "source_address = 254: must lie within 0..253"),
        ({"engine_brake": {"address": 0, "reference_torque_nm": 1500.0}}, "engine_brake.address = 0: [command.engine] has it"),
        ({"brakes": {}}, "no key 'brakes' is known here; did you mean 'brake'?"),
    ],
)
def test_a_wrong_table_is_a_sentence(change, sentence):
    with pytest.raises(CommandError) as error:
        read(TABLE | change, "here.toml")
    assert sentence in str(error.value) and str(error.value).startswith("here.toml: [command")


def test_an_unknown_steering_plugin_names_those_there_are():
    with pytest.raises(CommandError, match=r"here.toml: .*plugin = 'acme': no such steering plugin; installed: simulated"):
        read(TABLE | {"steering": {"plugin": "acme"}}, "here.toml")
    with pytest.raises(CommandError, match=r"here.toml: .*options of 'simulated'"):
        read(TABLE | {"steering": {"plugin": "simulated", "options": {"nonsense": 1}}}, "here.toml")


def test_what_cannot_be_driven_without_is_named():
    assert read({"bus": 0, "source_address": 0x27}, "here.toml").missing == ["engine", "brake", "steering"]
    assert read(TABLE, "here.toml").missing == []


def test_from_another_address_controllers_obey_our_name(pair):
    encoder, decoder = pair
    encoder.send_from(0x80)
    frames = encoder.frames(actuation(1, engine_torque_nm=1300.0, road_wheel_angle_rad=0.01, steering_channel=1))
    assert {int(identifier) & 0xFF for identifier in frames["id"]} == {0x80}
    decoder.take(frames)
    assert decoder.actuation(TICK_NS)["mode"] == 0, "a stranger"
    claim = np.zeros(1, frames.dtype)
    claim["id"], claim["length"] = build(6, ADDRESS_CLAIMED, 0x80), 8
    claim["data"] = np.frombuffer(own_name(encoder.config).number.to_bytes(8, "little"), np.uint8)
    decoder.take(claim)
    decoder.take(encoder.frames(actuation(2, engine_torque_nm=1300.0, road_wheel_angle_rad=0.01, steering_channel=1)))
    asked = decoder.actuation(2 * TICK_NS)
    assert asked["mode"] == 1 and asked["engine_torque_nm"] == 1300.0 and asked["steering_channel"] == 1
