"""A drive with a lidar replays from its packets as from the results in its log."""

import pytest

import hil
from autonomy import Stack, replay
from autonomy.errors import UsageError
from autonomy.log.cutting import cut
from autonomy.log.reader import LogReader
from hil.sensors import Bytes
from hil.worlds.motorway import Motorway

LIDAR = {"name": "roof", "model": "VLP-16", "source": 30, "x_m": 5.0, "height_m": 3.25, "cut_azimuth_rad": 3.14159265,
         "gives": ["obstacle", "lane"]}  # fmt: skip
RAW = ["/raw/*", "/parameters", "/cut", "/in/frame", "/ref/*"]


@pytest.fixture(scope="module")
def drive(tmp_path_factory):
    stack = Stack.from_config("vehicles/demo_truck_lidar", {"lidar.sensor": [LIDAR]})
    return hil.run(Motorway(), stack, Bytes(stack.config, 4), 2.0, 4, None, tmp_path_factory.mktemp("drive"), report=False)


def test_the_log_holds_packets_and_what_was_made_of_them(drive):
    with LogReader(drive.log_path) as log:
        assert log.message_name("/raw/udp/roof") == "UdpPacket" and log.counts["/raw/udp/roof"] > 1000
        obstacles = log.read_topic("/in/obstacle")
    assert (obstacles["items"]["source"][obstacles["count"] > 0, 0] == 30).all()
    assert drive.metrics["drops"]["obstacle"]["used"] > 10


@pytest.mark.parametrize("mode", ["cuts", "frames", "packets"])
def test_from_packets_cuts_and_frames_the_outputs_are_the_same_bytes(drive, mode):
    found = replay(drive.log_path, mode=mode, report=False).metrics
    assert found["output_sha256"] == drive.metrics["output_sha256"]
    if mode == "packets":
        told = found["perception"]  # the last scan's results were not there when the drive ended
        assert told["scans"] >= 17 and told["different"] == 0
        assert told["equal"] > 1.5 * told["scans"] and told["without_partner"] <= 2


def test_packets_without_results_are_processed_as_in_the_truck(drive, tmp_path):
    bare = tmp_path / "bare.mcap"
    with LogReader(drive.log_path) as log:
        cut(log, bare, topics=RAW)
    with LogReader(bare) as log:
        assert "/in/obstacle" not in log.topics
    without = replay(bare, report=False).metrics
    found = replay(bare, mode="packets", report=False).metrics
    assert "obstacle" not in without["drops"] or not without["drops"]["obstacle"]["received"]
    assert found["drops"]["obstacle"]["used"] == drive.metrics["drops"]["obstacle"]["used"]
    assert found["drops"]["lane"]["used"] == drive.metrics["drops"]["lane"]["used"]


def test_a_log_without_packets_cannot_begin_from_them(drive, tmp_path):
    bare = tmp_path / "bare.mcap"
    with LogReader(drive.log_path) as log:
        cut(log, bare, topics=["/raw/can/*", "/parameters", "/cut", "/in/frame"])
    with pytest.raises(UsageError, match=r"bare.mcap: no packets to begin from; its configuration has /raw/udp/roof"):
        replay(bare, mode="packets", report=False)
    with pytest.raises(UsageError, match="its configuration has no .*lidar.sensor"):
        replay(drive.log_path, "vehicles/demo_truck", mode="packets", report=False)
