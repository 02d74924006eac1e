"""Packets of the truck's lidars and radars over UDP: all of them, in order, the ones made ahead at their own moments."""

from __future__ import annotations

import socket
import time
from types import SimpleNamespace

import numpy as np
import pytest

from autonomy import config
from autonomy.errors import EnvironmentFault, UsageError
from autonomy.perception.stages import sensors_of
from autonomy.runtime.lockstep import DATAGRAMS, DATAGRAMS_ID, SYNC_ID, LockstepReceiver, datagrams_frame, time_frame
from drivers.can.tables import EXTENDED
from drivers.ring import Ring
from drivers.udp.message import data_of, message
from hil.lidar.scene import Scene
from hil.rig.scan_output import PacedScans, SteppedScans
from hil.rig.truck import Truck
from hil.sensors.lidar_line import LidarLine
from hil.sensors.radar_line import RadarLine
from hil.sensors.records import RawRecord
from hil.worlds.motorway import Motorway

ROOF, FRONT, MS = "/raw/udp/roof", "/raw/udp/front", 1_000_000
LIDAR = {"name": "roof", "model": "VLP-16", "source": 30, "x_m": 5.0, "height_m": 3.25}
SCENARIO = {"road": {"segments": [{"length_m": 600, "lanes": 3}]}, "set_speed_mps": 22.0}


@pytest.fixture
def node():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.setblocking(False)
        yield made


def packets(topic: str, *items: tuple[int, bytes]) -> list[RawRecord]:
    return [RawRecord(time_ns, topic, message(time_ns, (0, 0), (0, 0), data)) for time_ns, data in items]


def arrived(node) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(node.recv(100))
        except BlockingIOError:
            return found


def test_paced_packets_leave_in_the_order_of_their_times_and_are_accounted_for(node):
    seen = [packets(ROOF, (12 * MS, b"ccc")), packets(ROOF, (10 * MS, b"a"), (11 * MS, b"bb"))]
    output = PacedScans({ROOF: node.getsockname()}, seen.pop)
    output.look(1)
    output.begin(time.monotonic_ns(), 10 * MS, 1.0)
    output.look(0)
    output.close()
    account = output.account()
    assert arrived(node) == [b"a", b"bb", b"ccc"]
    assert (account["sent"], account["failed"]) == (3, 0) and account["lateness_us"]["max"] is not None


def test_a_run_that_never_began_ends_too(node):
    output = PacedScans({ROOF: node.getsockname()}, list)
    output.close()
    assert output.account()["sent"] == 0


def test_a_sensor_that_fails_ends_the_drive(node):
    output = PacedScans({ROOF: node.getsockname()}, [].pop)
    output.begin(time.monotonic_ns(), 0, 1.0)
    output.look(0)
    output.join()
    with pytest.raises(IndexError):
        output.look(0)
    output.close()


def test_in_lockstep_the_rig_tells_how_many_datagrams_it_has_sent(node):
    seen = [packets(ROOF, (3, b"d")), packets(ROOF, (0, b"a"), (1, b"b")) + packets(FRONT, (2, b"c"))]
    output = SteppedScans({ROOF: node.getsockname(), FRONT: node.getsockname()}, seen.pop)
    output.look(1)
    output.look(0)
    rows = output.told()
    output.close()
    assert arrived(node) == [b"a", b"b", b"c", b"d"] and output.account()["sent"] == 4
    assert [DATAGRAMS.unpack(row["data"].tobytes()) for row in rows] == [(0, 3), (1, 1)]
    assert (rows["id"] == EXTENDED | DATAGRAMS_ID).all()


def test_the_loop_hears_the_counts_with_the_sync_and_not_as_frames():
    told = []
    rows = np.concatenate([time_frame(0x123, 5), datagrams_frame(0, 70_000), datagrams_frame(1, 9),
                           time_frame(SYNC_ID, 10 * MS)])  # fmt: skip

    def receive(classic, fd, timeout_s):
        classic[: len(rows)] = rows
        return len(rows), 0

    transport = SimpleNamespace(receive=receive, stamps_arrival=False)
    receiver = LockstepReceiver(transport, 0, Ring(16, 24), SimpleNamespace(put=told.append))
    receiver.turn(0.0)
    assert told == [(0, 10 * MS, {0: 70_000, 1: 9})] and receiver.received == 1


def turned(line, ticks: int = 25) -> list[tuple[int, int, bytes]]:
    """(truth's time, the packet's time, data)."""
    world = Motorway(SCENARIO)
    truth, found = world.reset(3), []
    for _ in range(ticks):
        found += [(truth.time_ns, record.time_ns, data_of(record.data)) for record in line(world).read(truth)]
        truth = world.step(None, 0.01)
    return found


@pytest.mark.parametrize("kind", ["lidar", "radar"])
def test_packets_made_ahead_are_those_that_would_have_left(kind):
    lead_ns, lines = 30 * MS, {}

    def line(world, lead_ns):
        if lead_ns not in lines:
            loaded = config.load("vehicles/demo_truck_lidar", {"lidar.sensor": [LIDAR]})
            sensor = next(item for item in sensors_of(loaded) if item.kind == kind)
            make = LidarLine if kind == "lidar" else RadarLine
            lines[lead_ns] = make(sensor, Scene.of_world(world, 3), 3, lead_ns)
        return lines[lead_ns]

    plain = turned(lambda world: line(world, 0))
    ahead = turned(lambda world: line(world, lead_ns))
    assert all(truth_ns + lead_ns - 10 * MS < time_ns <= truth_ns + lead_ns for truth_ns, time_ns, _ in ahead)
    times = [time_ns for _, time_ns, _ in ahead]
    assert times == sorted(times) and len(ahead) >= len(plain) > 3
    if kind == "radar":  # measured when it was; only given earlier
        assert [row[1:] for row in ahead][: len(plain)] == [row[1:] for row in plain]


def test_a_radar_cannot_be_asked_for_what_it_has_not_measured():
    loaded = config.load("vehicles/demo_truck_lidar")
    radar = next(item for item in sensors_of(loaded) if item.kind == "radar")
    with pytest.raises(UsageError, match="latency_s = 0.05 is too short"):
        RadarLine(radar, None, 0, 60 * MS)


def test_a_truck_with_a_lidar_wants_to_know_where_to_send():
    loaded = config.load("vehicles/demo_truck_lidar")
    with pytest.raises(UsageError, match="--udp roof=127.0.0.1:2368"):
        Truck(loaded, Motorway(SCENARIO), {})


def test_a_truck_with_a_serial_line_wants_to_know_its_end_and_keeps_no_lockstep():
    loaded = config.load("vehicles/demo_truck_serial")
    with pytest.raises(UsageError, match="--serial gnss=/tmp/gnss"):
        Truck(loaded, Motorway(SCENARIO), {})
    ends = SimpleNamespace(place="/tmp/gnss", write=None)
    with pytest.raises(UsageError, match="carry no rig's time"):
        Truck(loaded, Motorway(SCENARIO), {}, lockstep=True, lines={"gnss": ends})


def test_what_lines_carry_goes_to_their_ends_and_a_line_that_is_full_ends_the_drive():
    loaded = config.load("vehicles/demo_truck_serial")
    written: list[bytes] = []
    bus = SimpleNamespace(send=lambda frames, timeout_s: len(frames))
    line = SimpleNamespace(place="/tmp/gnss", write=lambda data: written.append(data) or len(written) < 40)
    truck = Truck(loaded, Motorway(SCENARIO), dict.fromkeys(range(3), bus), lines={"gnss": line})
    for _ in range(30):
        truck.step()
    assert truck.sent > 100 and b"".join(written).startswith(b"\xb5b") and truck.sent_bytes == sum(map(len, written)) >= 200
    with pytest.raises(EnvironmentFault, match="/tmp/gnss did not take"):
        for _ in range(400):
            truck.step()
