"""Packets of a radar to samples of the tick: screened, in the vehicle's frame, in time; the same bytes for the same packets."""

from __future__ import annotations

import numpy as np
import pytest

from autonomy import config, msg
from autonomy.errors import UsageError
from autonomy.perception.radar.sensors import read
from autonomy.perception.stages import stages_of
from drivers.radar.encoder import ars548_detections, ars548_objects
from tests.perception.radar.scans import CYCLE_S, road

SENSOR = {"name": "front", "model": "ars548", "source": 31, "x_m": 5.2, "height_m": 0.7, "latency_s": 0.04, "delay_s": 0.01}
CYCLE_NS, START_NS = round(CYCLE_S * 1e9), 2 * 10**9


def stage(**changes):
    truck = config.load("vehicles/demo_truck_lidar", {"lidar.sensor": [], "radar.sensor": [SENSOR | changes]})
    (found,) = stages_of(truck).values()
    return found


def packets(scans: int = 40) -> list[tuple[int, bytes]]:
    random = np.random.default_rng(4)
    return [(START_NS + scan * CYCLE_NS, ars548_detections(_told(road(scan, random)), scan * CYCLE_NS, scan + 1))
            for scan in range(scans)]  # fmt: skip


def _told(rows):
    constants = msg.constants("RadarDetection")
    rows["flags"] = constants["INVALID_ELEVATION"] | constants["INVALID_ELEVATION_SIGMA"]
    return rows


def ego(velocity: float = 22.0):
    row = np.zeros(1, msg.dtype("EgoState"))[0]
    row["time_ns"], row["yaw"], row["velocity"] = START_NS, np.pi / 2, (0.0, velocity, 0.0)
    return row


def perceived(of=None):
    of, found = of or stage(), []
    for received_ns, packet in packets():
        of.take(packet, received_ns)
        while of.waits:
            found.append(of.perceive(ego()))
    return found


def test_what_moves_is_told_where_and_when_it_is_and_what_stands_beside_the_road_is_not_ahead():
    found = perceived()
    assert len(found) == 40
    for scan, result in enumerate(found):
        assert result.received_time_ns == START_NS + scan * CYCLE_NS + 10_000_000
        assert result.valid_time_ns == START_NS + scan * CYCLE_NS - 40_000_000 and result.found is None
    for scan in range(5, 40):
        rows = found[scan].samples["radar"]
        lead = 40.0 + scan * CYCLE_S
        near = rows[np.abs(rows["x"] - lead) < 1.0]
        assert len(near) == 1 and abs(near["y"][0] - 0.2) < 0.8 and abs(near["range_rate"][0] - 1.0) < 0.5
        assert (rows["source"] == 31).all() and (rows["validity"] == 0).all()
        assert not ((np.abs(rows["y"]) < 1.5) & (np.abs(rows["x"] - lead) > 2.0)).any()  # clutter, second bounces


def test_the_same_packets_and_egos_give_the_same_bytes_also_as_a_run():
    one_by_one, at_once = perceived(), stage()
    bodies = [packet for _, packet in packets()]
    lengths = np.array([len(body) for body in bodies])
    offsets, times = np.cumsum(lengths) - lengths, np.array([received_ns for received_ns, _ in packets()])
    data, begin, found = np.frombuffer(b"".join(bodies), np.uint8), 0, []
    while begin < len(bodies):
        begin = at_once.take_run(data, offsets, lengths, times, begin)
        found.append(at_once.perceive(ego()))
    for first, second in zip(one_by_one, found, strict=True):
        assert {kind: rows.tobytes() for kind, rows in first.samples.items()} == \
            {kind: rows.tobytes() for kind, rows in second.samples.items()}  # fmt: skip


def test_objects_and_damaged_packets_are_no_scans():
    of = stage()
    of.take(ars548_objects(np.zeros(3, msg.dtype("RadarObject")), START_NS), START_NS)
    of.take(packets(1)[0][1][:500], START_NS)
    assert not of.waits and of.decoder.counts()["malformed"] == 1


def test_a_truck_that_does_not_know_its_motion_is_told_by_doppler_alone():
    of, unknown = stage(), ego()
    unknown["velocity"] = np.nan
    for received_ns, packet in packets():
        of.take(packet, received_ns)
        result = of.perceive(unknown)
    assert (np.abs(result.samples["radar"]["x"] - 40.0 - 39 * CYCLE_S) < 1.0).any()


@pytest.mark.parametrize("changes, words", [
    ({"name": "a b"}, "must be a name without slash or space"),
    ({"model": "delphi-esr"}, "not screened beside the tick; use 'ars548'"),
    ({"source": 70000}, "source = 70000 is not within"),
    ({"height_m": 4.5}, "height_m = 4.5 is not within 0..4 m"),
    ({"latency_s": 0.7}, "latency_s = 0.7 is not a delay"),
    ({"delay_s": -0.1}, "delay_s = -0.1 is not a delay"),
    ({"port": 0}, "port = 0 is not within"),
    ({"yaw": float("nan")}, "must be finite"),
    ({"yaw": 30.0}, "yaw = 30 is more than a turn; give radians"),
    ({"x_m": 60.0}, "x_m = 60 is not on the truck"),
    ({"rate_hz": 20.0}, "rate_hz"),
])  # fmt: skip
def test_a_wrong_sensor_is_told(changes, words):
    with pytest.raises(UsageError, match=words):
        read({"sensor": [SENSOR | changes]}, "truck.toml")


def test_names_and_sources_differ():
    with pytest.raises(UsageError, match="must differ from those of the other radars"):
        read({"sensor": [SENSOR, SENSOR]}, "truck.toml")
    with pytest.raises(UsageError, match="name must differ from those of the lidars"):
        stages_of(config.load("vehicles/demo_truck_lidar", {"radar.sensor": [SENSOR | {"name": "roof"}]}))
