"""Lines of a lane camera: several frames become one sample, about the vehicle's reference point, left positive."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from numpy.polynomial import Polynomial

from autonomy import msg
from autonomy.config import directory
from drivers.can.database import load
from drivers.can.router import RouteError, Router
from drivers.can.router_twin import RouterTwin
from tests.drivers.can.build import can_frame, can_frames, config

DBC = directory() / "sensors" / "lane_camera.dbc"
TABLE = tomllib.loads((directory() / "vehicles" / "demo_truck.toml").read_text())["can"]
CAN = config({"bus": [{"bus": 2, "dbc": str(DBC)}], "route": [route for route in TABLE["route"] if route["bus"] == 2]})
WINDSCREEN_M, DELAY_NS = 4.9, 80_000_000
LEFT, RIGHT = np.array([1.9, 0.01, 5e-4, 2e-6]), np.array([-1.7, 0.012, 5e-4, 1e-6])  # about the camera
LANE = msg.constants("LaneSample")


def frames_of(router: Router, line: str, c, time_ns: int, quality: int = 3, type_code: int = 0, colour: int = 1) -> list:
    a = {"type": type_code, "quality": quality, "model_degree": 3, "position": -c[0], "curvature": -c[2],
         "curvature_derivative": -c[3], "marking_width": 0.15}  # fmt: skip
    b = {"heading": -c[1], "view_range": 62.5, "view_range_available": 1, "colour": colour}
    encoded = [router.codec.encode(f"LANE_{line}_{part}", values, bus=2) for part, values in (("A", a), ("B", b))]
    return [can_frame(identifier, data, bus=2, time_ns=time_ns) for identifier, data in encoded]


@pytest.fixture
def router() -> Router:
    return Router.from_config(CAN)


def routed(router: Router, frames: list) -> np.ndarray:
    inputs = np.zeros(1, msg.dtype("InputFrame"))
    router.route(can_frames(*frames), inputs)
    return inputs["lane"]["items"][0][: int(inputs["lane"]["count"][0])]


def test_four_frames_make_one_sample_about_the_reference_point(router):
    frames = frames_of(router, "LEFT", LEFT, 10**9) + frames_of(router, "RIGHT", RIGHT, 10**9 + 1_000_000, 2, 1, 2)
    (sample,) = routed(router, frames)
    for side, c in (("left", LEFT), ("right", RIGHT)):
        expected = Polynomial(c)(Polynomial([-WINDSCREEN_M, 1.0])).coef
        assert (np.abs(sample[side] - expected) <= (6e-3, 6e-4, 1e-6, 2e-9)).all()  # half a bit, levered by the slope's
        assert sample[f"{side}_range_m"] == 62.5 + WINDSCREEN_M
    assert sample["valid_time_ns"] == 10**9 + 1_000_000 - DELAY_NS and sample["received_time_ns"] == 10**9 + 1_000_000
    assert (sample["left_quality"], sample["right_quality"]) == (3, 2)
    assert (sample["left_type"], sample["right_type"]) == (LANE["TYPE_DASHED"], LANE["TYPE_SOLID"])
    assert (sample["left_colour"], sample["right_colour"]) == (LANE["COLOUR_WHITE"], LANE["COLOUR_YELLOW"])
    assert np.isnan(sample["left_sigma"]).all()  # not told: the lane step has its own
    assert sample["left_second_quality"] == 0 and sample["right_second_quality"] == 0


def test_second_lines_come_with_the_same_sample(router):
    frames = frames_of(router, "LEFT_SECOND", LEFT + [0.3, 0, 0, 0], 10**9, colour=2)
    frames += frames_of(router, "LEFT", LEFT, 10**9) + frames_of(router, "RIGHT", RIGHT, 10**9)
    (sample,) = routed(router, frames)
    assert sample["left_second_quality"] == 3 and sample["left_second_colour"] == LANE["COLOUR_YELLOW"]
    assert abs(sample["left_second"][0] - sample["left"][0] - 0.3) < 0.01


@pytest.mark.parametrize("lost", [0, 1])
def test_a_line_with_a_lost_frame_is_not_mixed_with_the_last_one(router, lost):
    routed(router, frames_of(router, "LEFT", LEFT, 10**9) + frames_of(router, "RIGHT", RIGHT, 10**9))
    frames = frames_of(router, "LEFT", LEFT, 10**9 + 50_000_000) + frames_of(router, "RIGHT", RIGHT, 10**9 + 50_000_000)
    del frames[lost]
    (sample,) = routed(router, frames)
    assert np.isnan(sample["left"]).any() and np.isfinite(sample["right"]).all()


def test_the_closing_frame_lost_loses_the_sample_not_the_next_one(router):
    first = frames_of(router, "LEFT", LEFT, 10**9) + frames_of(router, "RIGHT", RIGHT, 10**9)[:1]
    assert len(routed(router, first)) == 0
    second = frames_of(router, "LEFT", LEFT + [0.1, 0, 0, 0], 10**9 + 50_000_000)
    (sample,) = routed(router, second + frames_of(router, "RIGHT", RIGHT, 10**9 + 50_000_000))
    assert sample["valid_time_ns"] == 10**9 + 50_000_000 - DELAY_NS and np.isfinite(sample["left"]).all()


def test_router_and_twin_agree(router):
    twin = RouterTwin(router.config, {2: load(DBC)})
    frames = frames_of(router, "LEFT", LEFT, 10**9) + frames_of(router, "RIGHT", RIGHT, 10**9)
    (sample,) = routed(router, frames)
    found = [samples for frame in can_frames(*frames) for samples in twin.route(frame)]
    ((kind, fields, valid_ns, _),) = found
    assert kind == "lane" and valid_ns == sample["valid_time_ns"]
    for name, value in fields.items():
        line, _, power = name.rpartition("_c")
        told = sample[line][int(power)] if power.isdigit() else sample[name]
        assert told == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_a_mounting_belongs_to_lanes_and_onto_the_vehicle():
    route = {"bus": 2, "message": "LANE_LEFT_A", "kind": "lane", "source": 1, "fields": {"left_c0": {"signal": "position"}}}
    bus = [{"bus": 2, "dbc": str(DBC)}]
    with pytest.raises(RouteError, match="mounting_x_m = 49.0 is not a place on a vehicle"):
        Router.from_config(config({"bus": bus, "route": [route | {"mounting_x_m": 49.0}]}))
    with pytest.raises(RouteError, match="left_c4"):
        Router.from_config(config({"bus": bus, "route": [route | {"fields": {"left_c4": {"signal": "position"}}}]}))
    fields = {"left_c0": {"signal": "position", "unit": "km/h"}}
    with pytest.raises(RouteError, match=r"unit = 'km/h' is a speed, left_c0 is a length"):
        Router.from_config(config({"bus": bus, "route": [route | {"fields": fields}]}))
