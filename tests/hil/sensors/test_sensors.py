from itertools import pairwise

import numpy as np
import pytest

from autonomy import config, msg
from autonomy.errors import UsageError
from drivers.can.router import Router
from drivers.radar.decoder import Ars548Decoder
from drivers.udp.message import data_of
from hil.sensors import Bytes, Messages, Perfect, put
from hil.world import Actor, EgoTruth, Truth
from hil.worlds.curved_road import CurvedRoad
from hil.worlds.motorway import Motorway

CONFIG = config.load("vehicles/demo_truck")


def frames_of(sensors, ticks, receive):
    world = CurvedRoad(CONFIG.section("vehicle"))
    truth = world.reset(0)
    frames = np.zeros(ticks, msg.dtype("InputFrame"))
    for frame in frames:
        receive(frame, sensors.sense(truth))
        truth = world.step(None, 0.01)
    return frames


def samples(frames, kind):
    return np.concatenate([frame[kind]["items"][: frame[kind]["count"]] for frame in frames])


def test_bytes_decode_to_the_samples_they_were_made_from():
    """The same seed at both levels: what differs is the resolution of the bus."""
    router = Router.from_config(CONFIG)

    def decode(frame, records):
        if records:
            router.route(np.frombuffer(b"".join(record.data for record in records), msg.dtype("CanFrame")), frame)

    messages = Messages(CONFIG, 2)
    told = frames_of(messages, 300, put)
    heard = frames_of(Bytes(CONFIG, 2), 300, decode)
    for kind, field, resolution in (
        ("imu", "acceleration_x", 2e-4), ("imu", "angular_rate_z", 1e-5), ("wheel", "vehicle_speed", 1.1e-3),
        ("steering", "steering_wheel_angle", 1e-3), ("gnss", "latitude_deg", 1e-7), ("gnss", "velocity_east", 1e-3),
        ("gnss", "position_sigma", 5e-3), ("radar", "x", 1e-2), ("radar", "range_rate", 1e-2), ("shaft", "shaft_speed", 0.0135),
    ):  # fmt: skip
        expected, seen = samples(told, kind), samples(heard, kind)
        assert len(seen) == len(expected) > 0, kind
        np.testing.assert_allclose(seen[field], expected[field], atol=resolution, rtol=0, err_msg=f"{kind}.{field}")
        np.testing.assert_array_equal(seen["received_time_ns"], expected["received_time_ns"])
        np.testing.assert_array_equal(seen["source"], expected["source"])


def test_samples_arrive_after_their_latency_and_in_order():
    frames = frames_of(Messages(CONFIG, 0), 200, put)
    gnss = samples(frames, "gnss")
    np.testing.assert_array_equal(gnss["received_time_ns"] - gnss["valid_time_ns"], 100_000_000)
    assert (np.diff(samples(frames, "imu")["received_time_ns"]) > 0).all()


def test_what_finds_no_room_is_counted():
    frame = np.zeros(1, msg.dtype("InputFrame"))[0]
    put(frame, {"gnss": np.zeros(7, msg.dtype("GnssSample"))})
    assert frame["gnss"]["count"] == 4 and frame["gnss"]["overflow"] == 3


def radar_targets(sensors, scans: int = 400) -> list[int]:
    """Numbers of the targets of a standing scene: a car 150 m ahead, and 10 m nearer one that hides it."""
    actors = [Actor(number, "car", x, 0.0, 0.0, 20.0, 0.0, 4.6, 1.85, 1.5) for number, x in ((1, 155.0), (2, 145.0))]
    truths = (Truth(k * 50_000_000, EgoTruth(velocity=20.0), actors=actors) for k in range(scans))
    rows = [found["radar"] for found in map(sensors.sense, truths) if "radar" in found]
    return np.concatenate(rows)["target_id"].tolist()


def test_the_radar_often_misses_who_is_hidden_far_ahead():
    seen = radar_targets(Messages(CONFIG, 2))
    assert seen.count(2) > 0.95 * 399 and 0.3 * 399 < seen.count(1) < 0.75 * 399
    assert seen == radar_targets(Messages(CONFIG, 2))


def test_the_truth_misses_nobody():
    seen = radar_targets(Perfect(CONFIG))
    assert seen.count(1) == seen.count(2) == 400


def test_what_the_radar_misses_leaves_the_noise_as_it_is(monkeypatch):
    told = samples(frames_of(Messages(CONFIG, 2), 100, put), "imu")
    monkeypatch.setattr("hil.sensors.messages.detected", lambda actors, *_: np.zeros(len(actors), bool))
    frames = frames_of(Messages(CONFIG, 2), 100, put)
    assert not len(samples(frames, "radar"))
    np.testing.assert_array_equal(samples(frames, "imu"), told)


def radar_packets(dropouts=None) -> list:
    """(time received, scan) of a second of driving with a radar on UDP, which also sees what stands beside the road."""
    truck = config.load("vehicles/demo_truck_lidar", {"lidar.sensor": []})
    world, sensors, decoder, found = Motorway(), Bytes(truck, 2, dropouts), Ars548Decoder(), []
    truth = world.reset(2)
    sensors.look_at(world)
    for _ in range(100):
        for record in sensors.sense(truth):
            if record.channel == "/raw/udp/front":
                found += [(record.time_ns, scan) for scan in decoder.feed(data_of(record.data), record.time_ns)]
        truth = world.step(None, 0.01)
    return found


def test_a_radar_of_the_vehicle_file_sends_packets_of_all_that_it_sees():
    found = radar_packets()
    assert len(found) == 19 and {b - a for (a, _), (b, _) in pairwise(found)} == {50_000_000}
    rows = np.concatenate([scan.detections for _, scan in found])
    assert (np.abs(rows["range_rate"] + 22.2 * np.cos(rows["azimuth"])) < 1.0).sum() > 20
    assert np.isnan(rows["elevation"]).all() and all(scan.is_whole for _, scan in found)


def test_a_radar_that_drops_out_is_silent():
    times = [time_ns for time_ns, _ in radar_packets({"radar": [(0.3, 0.6)]})]
    assert max(np.diff(times)) == 350_000_000


def test_a_world_without_a_road_has_nothing_for_lidars_and_radars():
    with pytest.raises(UsageError, match="tells no road, so the radar 'front' of the vehicle file has nothing to see"):
        Bytes(config.load("vehicles/demo_truck_lidar", {"lidar.sensor": []}), 0).look_at(object())
    lidar = Bytes(config.load("vehicles/demo_truck_lidar"), 0)
    with pytest.raises(UsageError, match="the lidar 'roof' of the vehicle file has nothing to see"):
        lidar.look_at(object())
    with pytest.raises(UsageError, match="call look_at"):
        lidar.sense(Motorway().reset(0))
