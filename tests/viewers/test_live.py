"""A viewer that connects to a running stack gets its messages, bytes as a log has them."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
from types import SimpleNamespace

import numpy as np
import pytest

from autonomy import msg
from autonomy.errors import EnvironmentFault, MissingPackage, UsageError
from autonomy.log import layouts
from autonomy.runtime import telemetry
from autonomy.runtime.options import telemetry_place
from autonomy.runtime.telemetry import TELEMETRY_ACCOUNT, Telemetry, TelemetryWorker
from autonomy.stack import Stack
from drivers.ring import Ring

pytest.importorskip("foxglove")
TEXT, BINARY = 1, 2  # RFC 6455, opcodes
PATIENCE = 50_000_000  # looks


class Viewer:
    """Foxglove's side of its WebSocket protocol, as far as needed here (foxglove/ws-protocol)."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20.0)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(("GET / HTTP/1.1\r\nHost: viewer\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
                             f"{key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: foxglove.sdk.v1\r\n\r\n").encode())
        self.stream = self.socket.makefile("rb")
        assert b"101" in self.stream.readline()
        while self.stream.readline().strip():
            pass

    def next(self, wanted: int) -> bytes:
        """The next frame of that opcode."""
        while True:
            head = self.stream.read(2)
            size = head[1] & 0x7F
            if size > 125:
                size = int.from_bytes(self.stream.read(2 if size == 126 else 8), "big")
            data = self.stream.read(size)
            if head[0] & 0xF == wanted:
                return data

    def channels(self) -> dict[str, dict]:
        said = json.loads(self.next(TEXT))
        while said["op"] != "advertise":
            said = json.loads(self.next(TEXT))
        return {channel["topic"]: channel for channel in said["channels"]}

    def subscribe(self, channel: int) -> None:
        body = json.dumps({"op": "subscribe", "subscriptions": [{"id": 1, "channelId": channel}]}).encode()
        self.socket.sendall(bytes([0x81, 0x80 | len(body), 0, 0, 0, 0]) + body)


def outputs(count: int) -> np.ndarray:
    rows = np.zeros(count, msg.dtype("OutputFrame"))
    rows["tick_index"] = np.arange(count)
    rows["tick_time_ns"] = 10_000_000 * np.arange(1, count + 1)
    return rows


@pytest.fixture
def worker():
    ring, account = Ring(64, msg.dtype("OutputFrame").itemsize), np.zeros(1, TELEMETRY_ACCOUNT)[0]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = free.getsockname()
    worker = TelemetryWorker(Stack.from_config("vehicles/demo_truck").parameters["vehicle"], place, ring, account)
    worker.place = place
    yield worker
    worker.close()


def test_a_viewer_gets_ten_moments_a_second_byte_for_byte(worker):
    viewer = Viewer(worker.place[1])
    channels = viewer.channels()
    assert {"/out/health", "/out/ego", "/out/tracks"} <= set(channels)
    tracks = channels["/out/tracks"]
    assert tracks["schema"] == msg.schema_text(tracks["schemaName"].split("/")[-1])
    viewer.subscribe(tracks["id"])
    rows = outputs(40)
    rows["tracks"]["count"] = 2
    for _ in range(PATIENCE):  # until the subscription has arrived
        if worker._view.is_watched("/out/tracks"):
            break
    worker.ring.push_many(rows)
    assert worker.turn() and not worker.turn()
    received = viewer.next(BINARY)
    (opcode, subscription, _), content = struct.unpack("<BIQ", received[:13]), received[13:]
    assert (opcode, subscription) == (1, 1)
    layout = layouts.layout(tracks["schemaName"].split("/")[-1])[0]
    assert content == msg.CDR_HEADER + layouts.body(rows["tracks"][0].tobytes(), layout)
    assert int(worker.account["moments"]) == 4, "one tick in ten"


def test_pictures_come_with_the_messages(worker):
    worker.ring.push_many(outputs(40))
    worker.turn()
    assert {"/view/lane", "/view/vehicle", "/view/pose", "/tf"} <= set(Viewer(worker.place[1]).channels())


def test_a_port_that_is_taken_and_a_package_that_is_missing_are_a_sentence(monkeypatch):
    parameters = Stack.from_config("vehicles/demo_truck").parameters
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(EnvironmentFault, match="give another address or port"):
            Telemetry(parameters, taken.getsockname())
    monkeypatch.setattr(telemetry, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"pip install 'autonomy\[live\]'"):
        Telemetry(parameters, ("127.0.0.1", 8765))


def test_where_to_listen():
    assert telemetry_place("8765") == ("127.0.0.1", 8765) and telemetry_place("0.0.0.0:9") == ("0.0.0.0", 9)
    for wrong in ("", "a", "0", "1:70000"):
        with pytest.raises(UsageError, match="--telemetry"):
            telemetry_place(wrong)


def test_a_view_that_is_gone_is_told_once(monkeypatch):
    gone = Telemetry.__new__(Telemetry)
    gone.account, gone._told, gone._is_gone = np.zeros(1, TELEMETRY_ACCOUNT), 0, False
    gone._process = SimpleNamespace(is_alive=lambda: True)
    gone.account["restarts"] = 1
    assert "started again" in gone.look()[0] and gone.look() == []
    gone._process = SimpleNamespace(is_alive=lambda: False, exitcode=-9)
    assert "exit code -9" in gone.look()[0] and gone.look() == []
