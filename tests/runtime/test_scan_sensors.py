"""Lidars of a live run, without a clock, sockets and processes: what the loop is told, and that its log replays to the same."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from autonomy.runtime._journal import LIST_ROW

from autonomy import config, msg
from autonomy.errors import EnvironmentFault, UsageError
from autonomy.log.reader import LogReader
from autonomy.log.sample_lists import NOT_IN_A_TICK
from autonomy.perception.sensors import LidarSensor
from autonomy.perception.stages import sensors_of
from autonomy.playback.replay import replay
from autonomy.playback.rows import OUTPUTS
from autonomy.runtime import keeper, lockstep_scans, scanning
from autonomy.runtime.keeper import HANG_S, RESTART_S, Keeper
from autonomy.runtime.live import run
from autonomy.runtime.lockstep_scans import LOCKSTEP_SCAN_NS, LockstepScans
from autonomy.runtime.options import Options
from autonomy.runtime.scan_process import LiveSensor
from autonomy.runtime.scan_rings import ACCOUNT, PROCESSES, ScanRings, raw_ring, shared
from autonomy.runtime.scan_sensors import sockets_asked_for
from autonomy.runtime.scanning import last_tick_before
from drivers.udp.message import data_of
from drivers.udp.receiver import Received
from hil.lidar.scene import Scene
from hil.sensors.lidar_line import LidarLine
from hil.worlds.motorway import Motorway
from tests.runtime.replayed import replays_equal
from tests.runtime.scan_drive import LIDAR, SCENARIO, Desk

TICK_NS, RADAR_SOURCE = 10_000_000, 31
KINDS = ("obstacle", "lane", "odometry", "radar")


@pytest.fixture(scope="module")
def driven(tmp_path_factory):
    path = tmp_path_factory.mktemp("lidar") / "run.mcap"
    desk = Desk(path)
    return desk, path, desk.drive(90)


def test_the_loop_takes_what_the_scans_gave(driven):
    desk, path, outputs = driven
    with LogReader(path) as log:
        lists = {kind: log.read_topic(f"/in/{kind}") for kind in KINDS}
    fresh = {kind: rows[rows["tick_index"] == NOT_IN_A_TICK] for kind, rows in lists.items()}
    assert int(desk.account["scans"][0]) >= 6
    assert sum(map(len, fresh.values())) == desk.account["lists"].sum() - len(desk.rings.found) > 12
    for kind, rows in fresh.items():
        taken = lists[kind][lists[kind]["tick_index"] != NOT_IN_A_TICK]
        assert of_the_scans(taken).tobytes() == of_the_scans(rows).tobytes(), kind
    assert all(len(of_the_scans(rows)) for rows in fresh.values())
    assert desk.account["skipped"][0] == desk.account["without_ego"][0] == desk.account["lists_lost"][0] == 0


def test_what_is_no_packet_of_the_sensor_is_counted():
    desk = Desk()
    desk.datagrams([(time_ns, b"\0" * 100) for time_ns in range(3)])
    desk.scan()
    assert desk.account["other"][0] + desk.account["malformed"][0] == 3 and desk.account["scans"][0] == 0


def test_every_datagram_stands_in_the_log_as_it_came(driven):
    desk, path, outputs = driven
    with LogReader(path) as log:
        rows, of_radar = log.read_topic("/raw/udp/roof"), log.read_topic("/raw/udp/front")
    assert len(rows) + len(of_radar) == desk.journal.datagrams and len(rows) > 500 and len(of_radar) > 10
    assert (rows["count"] == 1206).all() and (np.diff(rows["time_ns"]) > 0).all()
    assert rows["time_ns"][-1] <= outputs["tick_time_ns"][-1]


@pytest.mark.parametrize("mode", ["cuts", "frames", "packets"])
def test_the_log_replays_to_the_same_bytes(driven, mode):
    _, path, outputs = driven
    result = replays_equal(path, mode, outputs)
    if mode == "packets":
        told = result.metrics["perception"]
        assert told["scans"] >= 6 and told["equal"] >= 15 and told["different"] == 0


def test_a_scan_waits_for_the_tick_before_the_packet_that_ended_it():
    desk = Desk()
    ends = []
    desk.worker.stages[0] = SimpleNamespace(
        waits=True, ended_ns=2 * TICK_NS + 1, perceive=lambda ego: ends.append(int(ego["time_ns"])) or
        SimpleNamespace(samples={}, received_time_ns=0), skip=None, take=None)  # fmt: skip
    desk.tick(TICK_NS)
    desk.now_ns = 2 * TICK_NS + 100_000
    assert not desk.worker.turn() and not ends
    desk.tick(2 * TICK_NS)
    desk.tick(3 * TICK_NS)
    assert desk.worker.turn() and ends == [2 * TICK_NS]
    assert desk.account["without_ego"][0] == 0


def test_a_loop_that_stands_does_not_hold_up_scans_for_ever():
    desk = Desk()
    seen = []
    desk.worker.stages[0] = SimpleNamespace(waits=True, ended_ns=TICK_NS + 1, skip=None, take=None, perceive=lambda ego:
                                        seen.append(float(ego["speed"])) or SimpleNamespace(samples={}))  # fmt: skip
    desk.now_ns = TICK_NS + 1 + scanning.EGO_PATIENCE_NS
    assert desk.worker.turn() and seen == [0.0] and desk.account["without_ego"][0] == 1


def test_scans_that_are_too_old_are_left_out_and_counted():
    desk = Desk()
    skipped = []
    desk.worker.stages[0] = SimpleNamespace(waits=True, ended_ns=TICK_NS, skip=lambda: skipped.append(1), take=None)
    desk.now_ns = TICK_NS + scanning.MOST_BEHIND_NS + 1
    assert desk.worker.turn() and skipped and desk.account["skipped"][0] == 1


@pytest.mark.parametrize(("time_ns", "tick_ns"), [(0, -TICK_NS), (1, 0), (TICK_NS, 0), (TICK_NS + 1, TICK_NS)])
def test_a_packet_at_a_tick_came_before_it(time_ns, tick_ns):
    assert last_tick_before(time_ns) == tick_ns


def test_stamps_are_on_the_loops_clock_and_never_step_back():
    desk = Desk()
    desk.now_ns = 10 * TICK_NS
    desk.datagrams([(9 * TICK_NS, b"a"), (8 * TICK_NS, b"b")])
    desk.reader.take(0, [desk_item(-2_000_000_000)], desk.now_ns, 0)  # the wall clock was set
    rows = desk.worker._joiner.join(popped(desk))[0]
    assert rows["time_ns"].tolist() == [9 * TICK_NS, 9 * TICK_NS, 10 * TICK_NS]
    assert desk.account["clock_steps"][0] == 1 and desk.account["datagrams"][0] == 3


def test_what_finds_no_room_is_counted_and_recorded_all_the_same():
    desk = Desk()
    slots = desk.rings.datagrams.slots
    desk.datagrams([(0, b"x")] * (slots + 3))
    assert desk.account["without_room"][0] == 3 and desk.account["unrecorded"][0] == 0
    assert len(desk.raw) == slots + 3


class Process:
    """A process that the keeper starts; the clock is ours."""

    def __init__(self, monkeypatch):
        self.now_ns, self.heard_ns, self.started, self.killed, self.gone = 0, 0, 0, [], False
        monkeypatch.setattr(keeper.os, "kill", lambda process, number: self.killed.append(process))
        monkeypatch.setattr(keeper.os, "waitpid", lambda process, flags: (process if self.gone or not flags else 0, 0))
        self.keeper = Keeper(self.start, lambda: self.heard_ns, lambda: self.now_ns)

    def start(self) -> int:
        self.started, self.gone = self.started + 1, False
        return 100 + self.started

    def at(self, time_s: float) -> int:
        self.now_ns = round(time_s * 1e9)
        self.keeper.look()
        return self.keeper.restarts


def test_a_scan_process_that_dies_is_started_again_but_not_in_haste(monkeypatch):
    process = Process(monkeypatch)
    assert process.at(0.5 * RESTART_S) == 0
    process.gone = True
    assert process.at(0.6 * RESTART_S) == 0
    assert process.at(1.1 * RESTART_S) == 1 and process.keeper.process == 102 and not process.killed


def test_a_scan_process_that_hangs_is_killed_and_started_again(monkeypatch):
    process = Process(monkeypatch)
    process.heard_ns = round(5e9)
    assert process.at(5.0 + 0.9 * HANG_S) == 0
    assert process.at(5.0 + 1.1 * HANG_S) == 1 and process.killed == [101]
    assert process.at(5.0 + 1.2 * HANG_S) == 1, "the new one has its time too"


def test_lidars_listen_where_the_vehicle_says_or_as_asked_for():
    sensors = [LidarSensor(name, "VLP-16", number, 5.0, 3.0, port=2368) for number, name in enumerate(("left", "right"))]
    assert sockets_asked_for({"right": "127.0.0.1:2369"}, sensors, "truck") == {"left": ("0.0.0.0", 2368),
                                                                               "right": ("127.0.0.1", 2369)}  # fmt: skip
    for given, word in (({}, "a UDP port each"), ({"roof": "1"}, "no such lidar or radar"), ({"left": "0"}, "--udp left=0")):
        with pytest.raises(UsageError, match=word):
            sockets_asked_for(given, sensors, "truck")


class Sent:
    """A receiver with what the rig has sent by now."""

    port, lost = 2368, 0

    def __init__(self):
        self.waiting: list[Received] = []

    def receive(self, timeout_s: float) -> list[Received]:
        taken, self.waiting = self.waiting[:64], self.waiting[64:]
        return taken


def stepped(ticks: int) -> tuple[np.ndarray, np.ndarray]:
    """Accounts, and the lists that the loop would take, of a lidar in lockstep; its packets come in whatever batches."""
    loaded = config.load("vehicles/demo_truck_lidar", {"lidar.sensor": [LIDAR], "radar.sensor": []})
    (sensor,), socket_ = sensors_of(loaded), Sent()
    rings, account = ScanRings.make(), shared(ACCOUNT, 1)
    scans = LockstepScans([LiveSensor(sensor, socket_, raw_ring())], rings, account, shared(PROCESSES, 1), loaded)
    world = Motorway(SCENARIO)
    truth, told = world.reset(3), 0
    line = LidarLine(sensor, Scene.of_world(world, 3), 3)
    for _ in range(ticks):
        fresh = [Received(7, 0, 0, data_of(record.data)) for record in line.read(truth)]
        socket_.waiting += fresh
        told += len(fresh)
        scans.take(truth.time_ns, {0: told})
        truth = world.step(None, 0.01)
    rows = np.zeros(64, LIST_ROW)
    return account, rows[: rings.found.pop_many(rows)].copy()


def test_in_lockstep_a_scan_is_known_a_fixed_time_behind_the_tick_that_brought_its_last_packet():
    account, lists = stepped(35)
    again = stepped(35)[1]
    assert account["scans"][0] == 2 and len(lists) and lists.tobytes() == again.tobytes()
    assert (lists["time_ns"] % TICK_NS == 0).all() and account["latency_max_ns"][0] == LOCKSTEP_SCAN_NS


def test_in_lockstep_other_datagrams_than_the_rig_told_of_end_the_run(monkeypatch):
    monkeypatch.setattr(lockstep_scans, "PATIENCE_S", 0.0)
    loaded = config.load("vehicles/demo_truck_lidar", {"lidar.sensor": [LIDAR], "radar.sensor": []})
    scans = LockstepScans([LiveSensor(sensors_of(loaded)[0], Sent(), raw_ring())], ScanRings.make(), shared(ACCOUNT, 1),
                          shared(PROCESSES, 1), loaded)  # fmt: skip
    scans.take(TICK_NS, {})
    with pytest.raises(EnvironmentFault, match="told of 3 datagrams and 0 came to UDP port 2368"):
        scans.take(2 * TICK_NS, {0: 3})


def of_the_scans(lists: np.ndarray) -> np.ndarray:
    """Samples of lidar and radar in lists of a kind; cameras and radars on the buses have others."""
    samples = np.concatenate([row["items"][: row["count"]] for row in lists])
    return samples[np.isin(samples["source"], (LIDAR["source"], RADAR_SOURCE))]


def desk_item(time_ns: int):
    return Received(time_ns, 0, 0, b"c")


def popped(desk: Desk) -> np.ndarray:
    from autonomy.runtime.datagrams import DATAGRAM_PART

    rows = np.zeros(8, DATAGRAM_PART)
    return rows[: desk.rings.datagrams.pop_many(rows)]


def test_the_rows_hold_the_longest_list():
    assert LIST_ROW["body"].shape[0] == max(msg.dtype(f"{kind.capitalize()}Input").itemsize for kind in KINDS)


@pytest.mark.slow
def test_a_live_run_with_processes_and_a_socket_replays_to_the_same(tmp_path):
    """A scan process is killed on the way: the run says so, its log replays from the cuts all the same."""
    world = Motorway(SCENARIO)
    truth, packets = world.reset(3), []
    lidar = LidarSensor(**LIDAR, port=free_port())
    line = LidarLine(lidar, Scene.of_world(world, 3), 3)
    for _ in range(200):
        packets.append([data_of(record.data) for record in line.read(truth)])
        truth = world.step(None, 0.01)
    over, told = threading.Event(), []

    def turn() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
            for batch in packets:
                for packet in batch:
                    node.sendto(packet, ("127.0.0.1", lidar.port))
                if over.wait(0.01):
                    return

    def tell(text: str) -> None:
        told.append(text)
        if text.startswith("sensors:"):
            thread.start()
            (scanner,) = descendants_named("scan sensors")
            os.kill(scanner, signal.SIGKILL)

    thread = threading.Thread(target=turn)
    channels = [f"lidar-{place}" for place in range(3)]
    found = run(Options("vehicles/demo_truck_lidar", "virtual", channels, duration_s=3.0, output=tmp_path, priority=0,
                        overrides={"lidar.sensor": [msgspec.to_builtins(lidar)]}, sockets={"roof": f"127.0.0.1:{lidar.port}"}),
                tell)  # fmt: skip
    over.set()
    thread.join()
    assert f"lidar roof (VLP-16) on UDP 127.0.0.1:{lidar.port} for obstacle, lane, odometry" in told[1]
    row = found["scan_sensors"]["roof"]
    assert row["datagrams"] > 700 and row["scans"] >= 3 and found["counts"]["scan_restarts"] == 1
    assert found["verdict"] == "fail" and "died or hung 1 times" in found["reasons"][0]
    with LogReader(tmp_path / "run.mcap") as log:
        outputs = {name: log.read_topic(f"/out/{name}") for name in OUTPUTS}
        assert len(log.read_topic("/raw/udp/roof")) == row["datagrams"]
    result = replay(tmp_path / "run.mcap", mode="cuts", report=False)
    for name in OUTPUTS:
        assert result.outputs[name].tobytes() == outputs[name].tobytes(), name


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
        node.bind(("127.0.0.1", 0))
        return node.getsockname()[1]


def descendants_named(name: str) -> list[int]:
    """Children of our child process of that name."""
    (reader,) = [child.pid for child in multiprocessing.active_children() if child.name == name]
    return [int(word) for word in Path(f"/proc/{reader}/task/{reader}/children").read_text().split()]
