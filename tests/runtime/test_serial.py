"""Serial lines of a live run: pieces from a pseudo terminal to the loop, through the tick into the log, and back by replay."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from autonomy.runtime._journal import FRAME_ROW, JOURNAL_PIECE_ROW, PIECE_ROW, TICK_ROW
from autonomy.runtime._loop import Loop

from autonomy import msg
from autonomy.errors import UsageError
from autonomy.inputs import lane_path
from autonomy.log.reader import LogReader
from autonomy.playback.replay import replay
from autonomy.playback.rows import OUTPUTS
from autonomy.runtime.journal import Journal, JournalRings, open_log
from autonomy.runtime.live import run
from autonomy.runtime.options import Options
from autonomy.runtime.reception import FRAME
from autonomy.runtime.serial_reception import SerialReceiver
from autonomy.stack import Stack
from drivers.can.router import Router
from drivers.gnss import ubx
from drivers.ring import Ring
from drivers.serial.live_port import LivePort
from drivers.serial.router import SerialRouter
from hil.loop.reference import centre_line
from hil.sensors import Bytes
from hil.worlds.curved_road import CurvedRoad
from tests.drivers.serial.test_live_port import Plug
from tests.runtime.drives import PERIOD_NS

VEHICLE = "vehicles/demo_truck_serial"


def pieces(ring: Ring) -> np.ndarray:
    rows = np.zeros(64, PIECE_ROW)
    return rows[: ring.pop_many(rows)]


def test_what_a_line_says_reaches_the_ring_in_order_and_a_pulled_plug_is_survived(tmp_path):
    plug, ring = Plug(tmp_path / "usb"), Ring(64, PIECE_ROW.itemsize)
    receiver = SerialReceiver(LivePort(str(plug.name), 921600), "gnss", ring)
    receiver.port.open()
    sent = bytes(range(256)) * 5
    os.write(plug.ours, sent)
    while receiver.received < len(sent):
        receiver.turn()
    rows = pieces(ring)
    assert b"".join(row["data"][: row["count"]].tobytes() for row in rows) == sent
    assert (np.diff(rows["time_ns"]) >= 0).all() and rows["count"].max() <= PIECE_ROW["data"].shape[0]
    plug.pull()
    receiver.turn()
    assert not receiver.port.is_open
    plug.insert()
    receiver._stopping.wait = lambda timeout: False  # no waiting in a test
    receiver.turn()
    os.write(plug.ours, b"again")
    receiver.turn()
    assert receiver.port.reopened == 1 and pieces(ring)["data"][0, :5].tobytes() == b"again"
    receiver.port.close()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """3 s of a drive whose GNSS comes over a line in pieces, some of them after the tick of their stamp."""
    path = tmp_path_factory.mktemp("serial") / "run.mcap"
    stack = Stack.from_config(VEHICLE)
    serial = SerialRouter.from_config(stack.config)
    world = CurvedRoad(stack.config.section("vehicle"))
    sensors = Bytes(stack.config, 0)
    buses, line = [Ring(1 << 12, FRAME.size) for _ in range(3)], Ring(256, PIECE_ROW.itemsize)
    rings = JournalRings(
        Ring(1 << 14, FRAME_ROW.itemsize), Ring(64, TICK_ROW.itemsize), Ring(1 << 10, JOURNAL_PIECE_ROW.itemsize)
    )
    track = centre_line(world)
    loop = Loop(stack.core, Router.from_config(stack.config), track, buses, rings.frames, rings.ticks, set_speed_mps=22.0,
                serial=serial, lines=[(line, serial.entry_of("/raw/serial/gnss"))], pieces=rings.pieces)  # fmt: skip
    journal = Journal(open_log(path, stack.config, stack.parameters, track, "a test's", PERIOD_NS), rings, ["gnss"])
    truth, late, outputs = world.reset(0), [], []
    for tick in range(300):
        for data in late:
            line.push(data)
        late = []
        for record in sensors.sense(truth):
            if record.channel.startswith("/raw/can/"):
                buses[record.data[12]].push(record.data)
                continue
            piece = record.data.ljust(PIECE_ROW.itemsize, b"\0")
            (late.append if tick % 7 == 0 else line.push)(piece)
        loop.step(truth.time_ns, truth.time_ns)
        outputs.append(loop.output)
        journal.drain()
        truth = world.step(outputs[-1]["actuation"], 0.01)
    while journal.drain():
        pass
    journal.log.close()
    return path, loop, np.array(outputs), journal


def test_fixes_from_the_line_reach_the_ego_filter(recorded):
    _, loop, outputs, journal = recorded
    counts = loop.serial_counts()["gnss:ubx>gnss"]
    assert counts["samples"] > 20 and counts["skipped"] == 0 and journal.pieces > 20
    assert outputs["vehicle"]["gnss_validity"][-1] == 0 and outputs["ego"]["aids"]["accepted"][-1].sum() > 20


@pytest.mark.parametrize("mode", ["cuts", "frames"])
def test_the_log_replays_to_the_same_bytes(recorded, mode):
    path, loop, outputs, journal = recorded
    with LogReader(path) as log:
        rows = log.read_topic("/raw/serial/gnss")
        assert len(rows) == journal.pieces and log.read_topic("/cut")["records"][-1] == loop.counts()["records"]
    result = replay(path, mode=mode, report=False)
    for name in OUTPUTS:
        assert result.outputs[name].tobytes() == outputs[name].tobytes(), name


@pytest.mark.slow
def test_a_live_run_reads_its_receiver(tmp_path):
    plug = Plug(tmp_path / "usb-u-blox")
    fix = np.zeros(1, msg.dtype("GnssSample"))[0]
    fix["latitude_deg"], fix["longitude_deg"], fix["fix_type"] = 48.2, 11.6, 3
    message, over = ubx.nav_pvt(fix), threading.Event()

    def receiver() -> None:
        while not over.wait(0.05):
            os.write(plug.ours, message)

    thread = threading.Thread(target=receiver)
    thread.start()
    channels = [f"serial-{place}" for place in range(3)]
    found = run(Options(VEHICLE, "virtual", channels, duration_s=1.0, output=tmp_path / "run", priority=0,
                        devices={"gnss": str(plug.name)}))  # fmt: skip
    over.set()
    thread.join()
    assert found["serial"]["gnss:ubx>gnss"]["samples"] >= 5 and found["counts"]["serial_bytes"] >= 5 * len(message)
    with LogReader(tmp_path / "run" / "run.mcap") as log:
        data = b"".join(row["data"][: row["count"]].tobytes() for row in log.read_topic("/raw/serial/gnss"))
        assert found["clocks"]["gnss"]["untimed"] >= 5 and found["clocks"]["gnss"]["samples"] == 0, "its fixes tell no time"
        assert message in data and log.read_topic("/in/gnss")["items"]["latitude_deg"].max() > 48.0


@pytest.mark.parametrize(
    ("devices", "lockstep", "sentence"),
    [
        ({}, False, "reads the serial port 'gnss'; say where it is: --serial gnss="),
        ({"gps": "/dev/null"}, False, "has no serial port of that name; known: gnss"),
        ({"gnss": "/dev/null"}, True, "carry no rig's time"),
    ],
)
def test_a_port_nobody_said_the_place_of_is_a_sentence(devices, lockstep, sentence, tmp_path):
    options = Options(VEHICLE, "virtual", ["a", "b", "c"], output=tmp_path, devices=devices, lockstep=lockstep)
    with pytest.raises(UsageError, match=sentence):
        run(options)


def test_a_loop_without_a_router_for_its_lines_is_refused():
    stack = Stack.from_config(VEHICLE)
    with pytest.raises(ValueError, match="router"):
        Loop(stack.core, Router.from_config(stack.config), lane_path.EMPTY, [], Ring(64, FRAME_ROW.itemsize),
             Ring(64, TICK_ROW.itemsize), lines=[(Ring(64, PIECE_ROW.itemsize), 0)])  # fmt: skip


def test_what_a_line_says_reaches_its_listener(tmp_path):
    plug, heard = Plug(tmp_path / "usb"), []
    receiver = SerialReceiver(LivePort(str(plug.name), 921600), "gnss", Ring(64, PIECE_ROW.itemsize))
    receiver.listener = lambda time_ns, data: heard.append((time_ns, data))
    receiver.port.open()
    os.write(plug.ours, b"GNSS")
    while receiver.received < 4:
        receiver.turn()
    assert b"".join(data for _, data in heard) == b"GNSS" and heard[-1][0] == receiver.last_ns
    receiver.port.close()
