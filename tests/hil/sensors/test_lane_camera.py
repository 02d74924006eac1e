"""The camera's frames come back through the vehicle's routes as the lines they tell."""

from __future__ import annotations

import numpy as np
import pytest

from autonomy import config, msg
from drivers.can.router import Router
from hil.sensors import Bytes, Messages
from hil.world import EgoTruth, RoadTruth, Truth

TICK_NS = 10_000_000


def truths(count: int):
    road = RoadTruth(offset=0.3, heading_error=0.01, curvature=1 / 600, curvature_rate=1e-5)
    for tick in range(count):
        yield Truth(1_000_000_000 + tick * TICK_NS, EgoTruth(velocity=22.0), road)


def test_lines_come_back_as_they_are():
    loaded = config.load("vehicles/demo_truck")
    sensors, router = Bytes(loaded, 1), Router.from_config(loaded)
    lanes = []
    for truth in truths(60):
        records = [record.data for record in sensors.sense(truth) if record.channel == "/raw/can/2"]
        if records:
            frame = np.zeros((), msg.dtype("InputFrame"))
            router.route(np.frombuffer(b"".join(records), msg.dtype("CanFrame")), frame)
            lanes += frame["lane"]["items"][: frame["lane"]["count"]].tolist()
    assert len(lanes) >= 8
    rows = np.array(lanes, msg.dtype("LaneSample"))
    assert (rows["left_quality"] == 3).all() and (rows["validity"] == 0).all()
    for side, width in (("left", 1.75), ("right", -1.75)):
        mean = rows[side].mean(axis=0)
        assert mean[0] == pytest.approx(-0.3 + width, abs=0.08)  # 8 images of 0.04 m and of 0.002 rad 4.9 m ahead
        assert mean[1] == pytest.approx(-0.01, abs=0.005) and mean[2] == pytest.approx(0.5 / 600, abs=2e-4)


def test_without_a_camera_on_its_buses_none_is_sent():
    loaded = config.load("vehicles/demo_truck")
    can = loaded.sections["can"]
    without = {key: [item for item in can[key] if item["bus"] != 2] for key in ("bus", "route")}
    blind = Bytes(config.Config(loaded.path, {**loaded.sections, "can": {**can, **without}}, loaded.origins), 1)
    assert "/raw/can/2" not in blind.channels and "lane" not in blind.schedule
    assert not any(record.channel == "/raw/can/2" for truth in truths(30) for record in blind.sense(truth))
    assert "lane" in Messages(loaded, 1).schedule
