"""The routes that docs/gnss-serial.md gives for GNSS over J1939 make one fix of two frames."""

from __future__ import annotations

import tomllib
from pathlib import Path

import cantools
import numpy as np
import pytest

from autonomy.config import directory
from autonomy.msg import dtype
from drivers.can.router import Router
from tests.drivers.can.build import EXTENDED, can_frame, can_frames, config

ROOT = Path(__file__).parents[2]


def test_position_and_direction_are_one_fix_and_codes_are_none():
    page = (ROOT / "docs" / "gnss-serial.md").read_text()
    routes = tomllib.loads(page.partition("## Over J1939")[2].partition("```toml")[2].partition("```")[0])["can"]["route"]
    text = (directory() / "j1939.dbc").read_text()
    router = Router.from_config(config({"bus": [{"bus": 0, "dbc": "j1939.dbc"}], "route": routes}), {0: text})
    peer, inputs = cantools.database.load_string(text), np.zeros(1, dtype("InputFrame"))
    speed = peer.encode_message("VDS", {"compass_bearing": 90.5, "navigation_based_vehicle_speed": 81.0, "pitch": 0.0,
                                        "altitude": 520.125})  # fmt: skip
    place = peer.encode_message("VP", {"latitude": 48.1234567, "longitude": -11.7654321})
    router.route(can_frames(can_frame(EXTENDED | 0x18FEE81C, speed, time_ns=1),
                            can_frame(EXTENDED | 0x18FEF31C, place, time_ns=2),
                            can_frame(EXTENDED | 0x18FEF31C, b"\xff" * 8, time_ns=3)), inputs)  # fmt: skip
    fix = inputs["gnss"]["items"][0][0]
    assert inputs["gnss"]["count"][0] == 1
    assert [fix["latitude_deg"], fix["longitude_deg"]] == pytest.approx([48.1234567, -11.7654321], abs=1e-9)
    assert (fix["speed"], fix["course_deg"], fix["altitude_m"]) == (pytest.approx(22.5), 90.5, 520.125)
    assert fix["fix_type"] == 3 and fix["source"] == 2 and not fix["position_sigma"] > 0.0
