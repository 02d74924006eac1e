"""`autonomy can send`: what reaches a virtual bus, and what is refused."""

from __future__ import annotations

import can
import pytest

from drivers.can.candump import parse_frame
from drivers.can.checksums import checksum_j1939
from drivers.can.j1939.transport import TransportReceiver
from tests.cli.can_logs import run, write_log
from tests.drivers.can.build import EXTENDED


@pytest.fixture
def bus(request):
    receiver = can.Bus(interface="virtual", channel=request.node.name)
    yield receiver
    receiver.shutdown()


def send(capsys, request, *words: str) -> str:
    return run(capsys, "send", "-i", "virtual", "-c", request.node.name, *words)[1]


def received(bus) -> list[can.Message]:
    return list(iter(lambda: bus.recv(0), None))


def test_a_frame_as_cansend_takes_it(capsys, request, bus):
    assert send(capsys, request, "18FEF100#FF.00.48") == "can: 1 sent\n"
    send(capsys, request, "123#R4")
    first, second = received(bus)
    assert (first.arbitration_id, first.is_extended_id, bytes(first.data)) == (0x18FEF100, True, b"\xff\x00\x48")
    assert (second.arbitration_id, second.is_extended_id, second.is_remote_frame, second.dlc) == (0x123, False, True, 4)


def test_a_message_by_its_name(capsys, request, bus):
    send(capsys, request, "--message", "EEC1", "engine_speed=1200", "--source", "0x00")
    (found,) = received(bus)
    assert found.arbitration_id == 0x0CF00400 and bytes(found.data) == bytes.fromhex("ffffff8025ffffff")


def test_what_goes_with_a_message(capsys):
    options = ("--source", "11", "--destination", "0", "--priority", "6")
    lines, _ = run(capsys, "send", "--dry-run", "--message", "tsc1", "requested_torque=-10", "override_control_mode=2", *options)
    identifier, data = parse_frame(lines[0])[:2]
    assert identifier == EXTENDED | 0x18000011 and data[:7] == bytes.fromhex("feffff73ffffff")
    assert data[7] >> 4 == checksum_j1939(data, identifier, 4207)  # it covers the identifier, priority included
    assert run(capsys, "send", "--dry-run", "123#AABB")[0] == ["123#AABB"]


def test_repeated_messages_count_up(capsys, request, bus):
    told = send(
        capsys,
        request,
        "--message",
        "TSC1",
        "requested_torque=0",
        "--source",
        "11",
        "--destination",
        "0",
        "--rate",
        "1000",
        "-n",
        "10",
    )
    assert told.startswith("can: 10 sent")
    assert [message.data[7] & 0x0F for message in received(bus)] == [0, 1, 2, 3, 4, 5, 6, 7, 0, 1]


def test_a_long_message_is_a_broadcast(capsys, request, bus, monkeypatch):
    waits = []
    monkeypatch.setattr("autonomy.cli.can.send.time.sleep", waits.append)
    send(capsys, request, "18FECA0B#" + "04FF73020403BE000301")
    receiver = TransportReceiver()
    found = [
        item for message in received(bus) for item in receiver.receive(0, message.arbitration_id | EXTENDED, bytes(message.data))
    ]
    assert [(item.pgn, item.source, item.data.hex()) for item in found] == [(0xFECA, 0x0B, "04ff73020403be000301")]
    assert waits == [0.05, 0.05]


def test_ctrl_c_ends_a_repetition(capsys, request, bus, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("autonomy.cli.can.send.time.sleep", interrupt)
    assert "can: 1 sent" in send(capsys, request, "123#00", "--rate", "1")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("123#00",), 2, "name the bus"),
        ((), 2, "give one frame"),
        (("123#00", "124#00"), 2, "give one frame"),
        (("--message", "EEC1", "engine_speed=1200"), 2, "give --source"),
        (("--message", "EEC1", "engine_speed=fast", "--source", "0"), 2, "'engine_speed=fast'"),
        (("--message", "EEC1", "engine_speed=1e9", "--source", "0"), 2, "cannot hold"),
        (("--message", "EEC1", "speed=1", "--source", "0"), 2, "no signal speed"),
        (("--message", "EEC1", "engine_speed=1", "--source", "0", "--destination", "3"), 2, "broadcast"),
        (("--message", "EEC1", "engine_speed=1", "--source", "xyz"), 2, "--source xyz"),
        (("--message", "EEC1", "engine_speed=1", "--source", "0", "--priority", "8"), 2, "--priority 8"),
        (("--message", "NOTHING"), 2, "no message NOTHING"),
        (("123#00", "--source", "0"), 2, "--source goes with --message"),
        (("123#" + 9 * "00",), 2, "9 bytes"),
        (("18EA0B00#" + 9 * "00",), 2, "as a broadcast only"),
        (("18FECA00#" + 1786 * "00",), 2, "1786"),
        (("123##000",), 2, "CAN FD"),
        (("-i", "virtual", "-c", "x", "123#00", "--count", "3"), 2, "--rate"),
        (("-i", "virtual", "-c", "x", "123#00", "--rate", "0"), 2, "--rate"),
        (("-i", "nothere", "-c", "x", "123#00"), 4, "nothere"),
    ],
)
def test_what_cannot_be_sent_is_a_sentence(capsys, words, code, sentence):
    lines, told = run(capsys, "send", *words, code=code)
    assert lines == [] and sentence in told and "Traceback" not in told


def test_pain_6_a_recording_is_never_sent_to(capsys, tmp_path):
    path = write_log(tmp_path / "drive.mcap")
    before = (tmp_path / "drive.mcap").read_bytes()
    assert "never to a recording" in run(capsys, "send", path, "123#00", code=2)[1]
    assert (tmp_path / "drive.mcap").read_bytes() == before


def test_a_bus_that_takes_nothing_is_a_sentence(capsys, monkeypatch):
    class Full:
        def send(self, message, timeout):
            raise can.CanOperationError("No buffer space available")

        def shutdown(self):
            pass

    monkeypatch.setattr("autonomy.cli.can.send.open_bus", lambda *_: Full())
    told = run(capsys, "send", "-i", "socketcan", "-c", "can0", "123#00", code=4)[1]
    assert "can0 did not take 123#00: No buffer space available" in told
