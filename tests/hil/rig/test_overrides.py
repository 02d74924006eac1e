"""Overrides: the recorded frame with another value, once, its other bits and its checksum whole."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autonomy.cli.can.databases import Catalogue
from autonomy.errors import UsageError
from hil.rig.overrides import Override, Overrides
from tests.drivers.can.build import EXTENDED, can_frame, can_frames, dbc

EEC1, TSC1 = EXTENDED | 0x0CF00400, EXTENDED | 0x0C000027
RPM_1200 = bytes.fromhex("f87d7d8025fff07d")
PLAIN = dbc("0x100 SPEED 8 |; big : 7|16@0+ (0.01,0) [0|0] \"km/h\" |; little : 24|12@1- (0.5,-3) [0|0] \"\"",
            "0x101 MODES 8 |; page M : 0|4@1+ (1,0) [0|0] \"\" |; part m1 : 8|8@1+ (1,0) [0|0] \"\"")  # fmt: skip


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory) -> Catalogue:
    path = tmp_path_factory.mktemp("dbc") / "plain.dbc"
    path.write_text(PLAIN)
    return Catalogue.from_options([str(path)])


def overrides(catalogue: Catalogue, *texts: str) -> Overrides:
    return Overrides([Override.parse(text) for text in texts], catalogue)


def test_a_value_is_replaced_and_all_other_bits_stay(catalogue):
    frames = can_frames(can_frame(EEC1, RPM_1200), can_frame(0x100, bytes(range(8))), can_frame(EEC1 | 0x21, RPM_1200))
    items = overrides(catalogue, "EEC1@00.engine_speed=1500", "SPEED.big=123.45", "SPEED.little=-4.5")
    touched = items.apply(frames)
    assert touched.tolist() == [True, True, False]  # the third is of source address 21
    speed = dict(zip(["big", "little"], catalogue.codec.decode(0x100, frames[1]["data"].tobytes(), 255)[0], strict=True))
    assert speed == {"big": 123.45, "little": -4.5}
    names = catalogue.codec.signal_names("EEC1", 255)
    values = catalogue.codec.decode(EEC1, frames[0]["data"].tobytes(), 255)[0]
    assert values[names.index("engine_speed")] == 1500.0
    changed = np.flatnonzero(frames[0]["data"] != np.frombuffer(RPM_1200, np.uint8))
    assert set(changed.tolist()) <= {3, 4} and frames[2]["data"].tobytes() == RPM_1200
    assert items.replaced == {"EEC1@00.engine_speed=1500": 1, "SPEED.big=123.45": 1, "SPEED.little=-4.5": 1}


def test_not_available_is_all_ones(catalogue):
    frames = can_frames(can_frame(EEC1, RPM_1200))
    overrides(catalogue, "EEC1.engine_speed=na").apply(frames)
    value = catalogue.codec.decode(EEC1, frames[0]["data"].tobytes(), 255)[0]
    assert math.isnan(value[catalogue.codec.signal_names("EEC1", 255).index("engine_speed")])


def test_pain_5_a_sealed_message_is_sealed_again(catalogue):
    identifier, data = catalogue.codec.encode("TSC1", {"requested_torque": 10.0}, bus=255, source_address=0x27, destination=0)
    frames = can_frames(can_frame(identifier, data))
    overrides(catalogue, "TSC1.requested_torque=50").apply(frames)
    changed = frames[0]["data"].tobytes()
    assert changed != data and catalogue.codec.checksum_holds(identifier, changed, 255)
    assert changed[7] & 0xF == data[7] & 0xF  # the counter is the recorded one


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("EEC1.engine_speed", "write MESSAGE.SIGNAL=VALUE"),
        ("EEC1.engine_speed=fast", "'fast' is no number"),
        ("EEC1.engine_speed=nan", "'nan' is no number"),
        ("NIX.x=1", "no message NIX"),
        ("EEC1.nix=1", "has no signal nix"),
        ("EEC1.engine_speed=99999", "cannot hold 99999"),
        ("SPEED.big=na", "only J1939"),
        ("MODES.part=1", "is multiplexed"),
    ],
)
def test_what_cannot_be_is_one_sentence(catalogue, text, said):
    with pytest.raises(UsageError, match=f"--override {text}".replace(".", r"\.")) as told:
        overrides(catalogue, text)
    assert said in str(told.value)


@pytest.mark.parametrize("second", ["EEC1.engine_speed=1000", "EEC1@00.engine_speed=1000"])
def test_two_values_of_one_signal_are_refused(catalogue, second):
    with pytest.raises(UsageError, match=r"EEC1\.engine_speed=900 says another value of it already"):
        overrides(catalogue, "EEC1.engine_speed=900", second)
    overrides(catalogue, "EEC1@00.engine_speed=900", "EEC1@01.engine_speed=1000", "EEC1@00.actual_engine_torque=10")
