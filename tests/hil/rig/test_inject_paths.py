"""Faults on serial lines and UDP streams: what passes as it is, is spoilt, late, held back or gone, and what the log keeps."""

from __future__ import annotations

import itertools
import os
import socket
import tty
from types import SimpleNamespace

import numpy as np
import pytest

from autonomy.cli.main import main
from autonomy.errors import FAIL, INCONCLUSIVE, PASS, EnvironmentFault
from autonomy.faults import timeline
from autonomy.log.reader import LogReader
from autonomy.stack import Stack
from drivers.serial.live_port import LivePort
from drivers.udp.receiver import UdpReceiver
from hil.rig.event_cuts import MOST_CUTS, Event, write_cuts
from hil.rig.gateway import Gateway
from hil.rig.inject_paths import SerialPath, UdpPath
from hil.rig.serial_end import Line
from tests.hil.rig.test_inject import MS, START_NS, faults


@pytest.fixture(scope="module")
def stack() -> Stack:
    return Stack.from_config("vehicles/demo_truck_serial")


@pytest.fixture
def desk(stack, tmp_path):
    """A line and a stream with a gateway in both; `sensor`, `sender`: the rest's ends, `opened` the device's port."""
    ours, theirs = os.openpty()
    for end in (ours, theirs):
        tty.setraw(end)
    os.set_blocking(ours, False)
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard.bind(("127.0.0.1", 0))
    heard.setblocking(False)
    path = str(tmp_path / "gnss")
    line = SerialPath("gnss", Line(os.ttyname(theirs), 115200), Line(path, 115200, makes_terminal=True))
    stream = UdpPath("roof", UdpReceiver("127.0.0.1", 0), heard.getsockname())
    port = LivePort(path, 115200)
    port.open()
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def gateway(*entries: dict) -> Gateway:
        return Gateway(faults(*entries), stack, [line, stream], {}, START_NS)

    yield SimpleNamespace(gateway=gateway, sensor=ours, port=port, path=path, line=line, heard=heard,
                          send=lambda data: sender.sendto(data, ("127.0.0.1", stream.receiver.port)))  # fmt: skip
    for item in (line, stream, port, heard, sender):
        item.close()
    os.close(ours)
    os.close(theirs)


def turn(gateway: Gateway, at_ms: float) -> None:
    gateway.turn(START_NS + round(at_ms * MS), clock_ns=lambda: START_NS + round(at_ms * MS) + 50_000)


def datagrams(node) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(node.recv(2000))
        except BlockingIOError:
            return found


def test_what_no_fault_means_passes_as_it_is_a_line_both_ways(desk):
    gateway = desk.gateway({"source": "gnss", "kind": "drop", "start_s": 9.0})
    os.write(desk.sensor, b"$GPRMC")
    desk.send(b"packet")
    os.write(desk.port._port.fileno(), b"ask")
    turn(gateway, 1.0)
    assert (desk.port.read(0.0), datagrams(desk.heard), os.read(desk.sensor, 10)) == (b"$GPRMC", [b"packet"], b"ask")
    counts = gateway.figures()["counts"]
    assert (counts["heard"], counts["passed"], counts["returned"], counts["untaken"], counts["lost"]) == (2, 2, 1, 0, 0)


@pytest.mark.parametrize("source", ["gnss", "roof"])
def test_bytes_are_spoilt_in_some_bits_and_not_lost(desk, source):
    gateway = desk.gateway({"source": source, "kind": "corrupt", "value": 3, "seed": 1})
    os.write(desk.sensor, bytes(100))
    desk.send(bytes(100))
    turn(gateway, 1.0)
    found = {"gnss": desk.port.read(0.0), "roof": datagrams(desk.heard)[0]}
    flipped = {name: int(np.unpackbits(np.frombuffer(data, np.uint8)).sum()) for name, data in found.items()}
    assert all(len(data) == 100 for data in found.values())
    assert flipped == {"gnss": 0, "roof": 0} | {source: 3}


@pytest.mark.parametrize("source", ["gnss", "roof"])
def test_what_is_late_comes_later(desk, source):
    gateway = desk.gateway({"source": source, "kind": "delay", "value": 0.005})
    os.write(desk.sensor, b"fix")
    desk.send(b"packet")
    turn(gateway, 1.0)
    assert (desk.port.read(0.0) == b"fix", datagrams(desk.heard) == [b"packet"]) == (source != "gnss", source != "roof")
    turn(gateway, 6.1)
    assert (desk.port.read(0.0), datagrams(desk.heard)) == ((b"fix", []) if source == "gnss" else (b"", [b"packet"]))


def test_a_stall_holds_back_and_gives_it_all_at_once_and_in_order(desk):
    gateway = desk.gateway({"source": "gnss", "kind": "stall", "start_s": 0.005, "end_s": 0.010},
                           {"source": "roof", "kind": "stall", "start_s": 0.005})  # fmt: skip
    got, packets = [], []
    for at_ms in range(12):
        os.write(desk.sensor, bytes([at_ms]))
        desk.send(bytes([at_ms]))
        turn(gateway, at_ms)
        got.append(desk.port.read(0.0))
        packets += datagrams(desk.heard)
    assert got[5:10] == [b""] * 5 and b"".join(got) == bytes(range(12)) and len(got[10]) == 6
    assert packets == [bytes([n]) for n in range(5)]
    found = gateway.figures()
    assert [step["counts"] for step in found["steps"]] == [{"records held back": 5}, {"records held back": 7}]
    assert found["counts"]["held"] == 7 and found["counts"]["heard"] == found["counts"]["passed"] + 7


def test_an_unplugged_line_is_gone_and_comes_back_under_its_name(desk):
    gateway = desk.gateway({"source": "gnss", "kind": "unplug", "start_s": 0.005, "end_s": 0.010})
    turn(gateway, 1.0)
    assert desk.port.read(0.0) == b"" and desk.port.is_open
    os.write(desk.sensor, b"lost")
    turn(gateway, 6.0)
    assert not os.path.lexists(desk.path) and desk.port.read(0.0) == b"" and not desk.port.is_open
    assert not desk.port.open_again()
    turn(gateway, 11.0)
    assert desk.port.open_again()
    os.write(desk.sensor, b"fresh")
    turn(gateway, 12.0)
    assert desk.port.read(0.0) == b"fresh" and gateway.figures()["counts"]["held"] == 1


def test_a_plug_that_is_out_at_the_end_is_put_back(desk):
    gateway = desk.gateway({"source": "gnss", "kind": "unplug"})
    turn(gateway, 1.0)
    assert not os.path.lexists(desk.path)
    gateway.end()
    assert os.path.lexists(desk.path)


def test_a_stream_cannot_be_flooded_and_a_line_has_no_bus(desk):
    from autonomy.errors import UsageError

    for kind in ("flood", "bus_off"):
        with pytest.raises(UsageError, match="source = 'roof' is no bus of this rig; there are none"):
            desk.gateway({"source": "roof", "kind": kind})
    with pytest.raises(UsageError, match="is no bus, line or stream of this rig; there are gnss, roof"):
        desk.gateway({"source": "wheel", "kind": "stall"})


def test_what_stands_at_a_lines_path_stays_unless_an_earlier_run_left_it(tmp_path):
    place = tmp_path / "gnss"
    place.write_text("mine")
    with pytest.raises(EnvironmentFault, match="gnss cannot be made: File exists; name a free path"):
        Line(str(place), 9600, makes_terminal=True)
    assert place.read_text() == "mine"
    place.unlink()
    place.symlink_to("/dev/ttyUSB7")
    with pytest.raises(EnvironmentFault, match="name a free path"):
        Line(str(place), 9600, makes_terminal=True)
    place.unlink()
    place.symlink_to("/dev/pts/9999")
    line = Line(str(place), 9600, makes_terminal=True)
    assert place.exists()
    line.close()
    assert not os.path.lexists(place)


def test_a_device_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(EnvironmentFault, match="/dev/ttyNONE"):
        Line("/dev/ttyNONE", 9600)


@pytest.fixture
def tenths(monkeypatch):
    """Of inject's clock: a tenth of a second each time that it looks."""
    ticks = itertools.count(START_NS, 100 * MS)
    monkeypatch.setattr("hil.rig.inject.time", SimpleNamespace(monotonic_ns=lambda: next(ticks), sleep=lambda pause_s: None))


def test_each_fault_has_a_cut_of_the_log_that_the_page_links_to(tmp_path, tenths, capsys):
    """UDP alone, from the command line; datagrams wait in the socket before the run begins, and come at its first turn."""
    file, output = tmp_path / "faults.toml", tmp_path / "out"
    file.write_text(f'schema = "{timeline.SCHEMA}"\n[[fault]]\nsource = "roof"\nkind = "corrupt"\nend_s = 1.0\n'
                    '[[fault]]\nsource = "roof"\nkind = "drop"\nstart_s = 50.0\nend_s = 51.0\n')  # fmt: skip
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        node.bind(("127.0.0.1", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        opened = UdpReceiver.__init__

        def with_packets(self, address, number):
            opened(self, address, number)
            for size in range(1, 6):
                sender.sendto(bytes(size), ("127.0.0.1", self.port))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(UdpReceiver, "__init__", with_packets)
            code = main(["hil", "inject", str(file), "--udp", f"roof=127.0.0.1:{port},127.0.0.1:{node.getsockname()[1]}",
                         "--duration", "60", "-o", str(output)])  # fmt: skip
        assert [len(node.recv(100)) for _ in range(5)] == [1, 2, 3, 4, 5]
    assert code == INCONCLUSIVE and "found nothing to do" in capsys.readouterr().out
    cuts = sorted(path.name for path in (output / "cuts").iterdir())
    assert cuts == ["step_1_corrupt_of_roof.mcap"]
    with LogReader(output / "cuts" / cuts[0]) as log:
        rows = log.read_topic("/raw/udp/roof")
    assert rows["count"].tolist() == [1, 2, 3, 4, 5] and all(row["data"].any() for row in rows)
    page = (output / "report.html").read_text()
    assert f'href="cuts/{cuts[0]}"' in page and "cuts/step_1" in (output / "junit.xml").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "between what?"),
        (["--between", "a,b"], "of which interface?"),
        (["--serial", "gnss=/dev/x"], "write PORT=A,B"),
        (["--udp", "roof=2368"], "write SENSOR="),
        (["--udp", "roof=2368,2369"], "such as 127.0.0.1:2369"),
        (["--udp", "roof=2368,192.0.2.1:2368"], "192.0.2.1:2368 leaves this machine"),
        (["--serial", "gnss=/dev/ttyNONE,/tmp/x"], "/dev/ttyNONE leaves this machine"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(words, said, tmp_path, capsys):
    file = tmp_path / "faults.toml"
    file.write_text(f'schema = "{timeline.SCHEMA}"\n[[fault]]\nsource = "roof"\nkind = "drop"\n')
    assert main(["hil", "inject", str(file), *words]) == 2 and said in capsys.readouterr().err


def test_cuts_reach_before_and_behind_and_are_none_where_nothing_is(tmp_path):
    from autonomy.log.writer import LogWriter
    from autonomy.msg import dtype

    rows = np.zeros(100, dtype("CanFrame"))
    rows["time_ns"] = 10**9 * np.arange(1, 101)
    with LogWriter(tmp_path / "log.mcap", {}) as log:
        log.write_merged({"/raw/can/0": (rows["time_ns"], rows)})
    events = [Event("a: first", 20 * 10**9, 22 * 10**9), Event("late", 95 * 10**9, None), Event("never", 300 * 10**9, None)]
    found = write_cuts(tmp_path / "log.mcap", tmp_path, events, 5.0, 3.0)
    assert found == ["cuts/a_first.mcap", "cuts/late.mcap", None]
    spans = []
    for place in found[:2]:
        with LogReader(tmp_path / place) as log:
            times = log.read_topic("/raw/can/0")["time_ns"]
            spans.append((int(times[0]) // 10**9, int(times[-1]) // 10**9))
    assert spans == [(15, 24), (90, 100)]
    assert write_cuts(tmp_path / "log.mcap", tmp_path, []) == []
    many = write_cuts(tmp_path / "log.mcap", tmp_path, [Event("again", 20 * 10**9, 20 * 10**9)] * (MOST_CUTS + 2))
    assert many == ["cuts/again.mcap"] * MOST_CUTS + [None] * 2


def test_a_slow_disk_fails_the_run():
    from hil.rig.inject import _write_cuts

    found = {"steps": [], "verdict": "pass", "exit_code": PASS, "reasons": []}
    _write_cuts(found, 0, SimpleNamespace(path=None, unrecorded=7), None)
    assert (found["verdict"], found["exit_code"]) == ("fail", FAIL) and "7 records" in found["reasons"][0]
