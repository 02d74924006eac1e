"""Faults on live buses: the gateway passes everything else as it is, both ways; every step tells what it did."""

from __future__ import annotations

import itertools
import json
import signal
import xml.etree.ElementTree as tree
from types import SimpleNamespace

import numpy as np
import pytest

from autonomy.cli.main import main
from autonomy.errors import FAIL, INCONCLUSIVE, EnvironmentFault, UsageError
from autonomy.faults import timeline
from autonomy.stack import Stack
from drivers.can.transport import CAN_FD_FRAME, open_transport, room
from hil.rig.gateway import Gateway
from hil.rig.inject import InjectOptions, inject, lines
from hil.rig.inject_paths import CanPath
from hil.rig.relays import SimulatedRelay
from hil.rig.relays import load as load_relay
from hil.rig.rig_faults import RigFaults, split
from hil.rig.step_report import page, write_steps
from hil.rig.witness import Witness
from tests.drivers.can.build import EXTENDED, can_frame, can_frames

MS = 1_000_000
EEC1 = EXTENDED | 0x0CF00400
START_NS = 10**9


@pytest.fixture(scope="module")
def stack() -> Stack:
    return Stack.from_config("vehicles/demo_truck")


def faults(*entries: dict) -> timeline.Timeline:
    return timeline.from_tables({"schema": timeline.SCHEMA, "fault": list(entries)}, "test.toml")


class Bench:
    """The rest of the truck and the device, with a gateway between them that a test turns by hand."""

    def __init__(self, name: str, stack: Stack, *entries: dict, processes=None):
        self.rest, rest = (open_transport("process", f"{name} a") for _ in range(2))
        self.device, device = (open_transport("process", f"{name} b") for _ in range(2))
        self.nodes = [self.rest, rest, self.device, device]
        self.gateway = Gateway(faults(*entries), stack, [CanPath(0, rest, device)], processes or {}, START_NS)

    def turn(self, at_ms: float) -> None:
        self.gateway.turn(START_NS + round(at_ms * MS), clock_ns=lambda: START_NS + round(at_ms * MS) + 50_000)

    def heard(self, node) -> np.ndarray:
        classic, fd = room(4096)
        count, _ = node.receive(classic, fd, 0.0)
        return classic[:count]

    def close(self) -> None:
        for node in self.nodes:
            node.close()


@pytest.fixture
def bench(stack, request):
    made = []

    def make(*entries: dict, **more) -> Bench:
        made.append(Bench(request.node.name, stack, *entries, **more))
        return made[-1]

    yield make
    for item in made:
        item.close()


def numbered(count: int) -> np.ndarray:
    return can_frames(*(can_frame(EEC1, number.to_bytes(8, "little")) for number in range(count)))


def contents(rows: np.ndarray) -> list[bytes]:
    return [row["data"].tobytes() for row in rows]


def test_what_no_fault_means_passes_as_it_is_both_ways(bench):
    desk = bench({"source": "can0", "message": "CCVS1", "kind": "drop"})
    desk.rest.send(numbered(20))
    fd = np.zeros(2, CAN_FD_FRAME)
    fd["length"], fd["id"] = 64, 7
    desk.rest.send(fd)
    desk.device.send(numbered(5))
    desk.turn(1.0)
    assert contents(desk.heard(desk.device)) == contents(numbered(20)) and contents(desk.heard(desk.rest)) == contents(
        numbered(5)
    )
    counts = desk.gateway.figures()["counts"]
    assert (counts["heard"], counts["passed"], counts["returned"], counts["untaken"]) == (22, 22, 5, 0)


def test_a_drop_in_its_window_and_the_step_tells_it(bench):
    desk = bench({"source": "can0", "kind": "drop", "start_s": 0.010, "end_s": 0.020})
    for at_ms in range(30):
        desk.rest.send(numbered(1))
        desk.turn(at_ms)
    found = desk.gateway.figures()
    assert len(desk.heard(desk.device)) == 20 and found["steps"][0]["did"] == 10
    assert found["verdict"] == "pass" and found["delay_us"]["p50"] == 51


def test_a_delayed_frame_comes_later_and_is_not_lost(bench):
    desk = bench({"source": "can0", "kind": "delay", "value": 0.005, "end_s": 0.0015})
    desk.rest.send(numbered(1))
    desk.turn(1.0)
    assert len(desk.heard(desk.device)) == 0
    for at_ms in (3.0, 5.9):
        desk.turn(at_ms)
    assert len(desk.heard(desk.device)) == 0
    desk.turn(6.1)
    assert contents(desk.heard(desk.device)) == contents(numbered(1))


def test_a_stalled_bus_gives_its_frames_at_the_end_those_of_can_fd_too(bench):
    desk = bench({"source": "can0", "kind": "stall", "start_s": 0.005, "end_s": 0.010})
    fd_rows, heard_fd = np.zeros(1, CAN_FD_FRAME), []
    fd_rows["length"] = 64
    for at_ms in range(12):
        desk.rest.send(numbered(1))
        desk.rest.send(fd_rows)
        desk.device.send(numbered(1))
        desk.turn(at_ms)
        classic, fd = room(64)
        heard_fd.append((at_ms, *desk.device.receive(classic, fd, 0.0)))
    assert [row[1:] for row in heard_fd] == [(1, 1)] * 5 + [(0, 0)] * 5 + [(6, 6), (1, 1)]
    assert len(desk.heard(desk.rest)) == 12  # the other way goes on
    found = desk.gateway.figures()
    assert found["steps"][0]["counts"] == {"records held back": 5} and found["counts"]["heard"] == found["counts"]["passed"] == 24


def test_a_bus_that_is_off_passes_nothing_either_way(bench):
    desk = bench({"source": "can0", "kind": "bus_off", "start_s": 0.005, "end_s": 0.010})
    for at_ms in range(15):
        desk.rest.send(numbered(1))
        desk.device.send(numbered(1))
        desk.turn(at_ms)
    counts = desk.gateway.figures()["counts"]
    assert (len(desk.heard(desk.device)), len(desk.heard(desk.rest)), counts["held"]) == (10, 10, 10)


def test_a_flood_has_its_rate_and_wins_every_arbitration(bench):
    desk = bench({"source": "can0", "kind": "flood", "start_s": 0.0, "end_s": 0.100, "value": 2000.0})
    for at_ms in range(200):
        desk.turn(at_ms)
    rows = desk.heard(desk.device)
    assert len(rows) == 200 and (rows["id"] == 0).all() and desk.gateway.flooded == 200


def test_a_process_hangs_and_goes_on_or_is_killed_once():
    done = []
    entries = faults({"source": "stack", "kind": "process_hang", "start_s": 1.0, "end_s": 2.0},
                     {"source": "stack", "kind": "process_hang", "start_s": 5.0},
                     {"source": "plant", "kind": "process_kill", "start_s": 3.0, "end_s": 4.0})  # fmt: skip
    _, rig = split(entries)
    act = RigFaults(rig, ["can0"], {"stack": 11, "plant": 12}, kill=lambda pid, number: done.append((pid, number)))
    for tenth in range(60):
        act.turn(tenth / 10)
    act.end()
    assert done == [(11, signal.SIGSTOP), (11, signal.SIGCONT), (12, signal.SIGKILL), (11, signal.SIGSTOP), (11, signal.SIGCONT)]
    assert {number: step["done"] for number, step in act.steps.items()} == {1: 1, 2: 1, 3: 1}


def test_a_process_that_is_gone_fails_its_step(bench):
    desk = bench({"source": "stack", "kind": "process_kill"}, processes={"stack": 2**22 + 1})
    desk.turn(1.0)
    found = desk.gateway.figures()
    assert found["exit_code"] == FAIL and "No such process" in found["reasons"][0]


def test_a_fault_that_found_nothing_is_inconclusive_and_never_a_pass(bench):
    desk = bench({"source": "can0", "kind": "drop", "start_s": 100.0})
    desk.turn(1.0)
    found = desk.gateway.figures()
    assert found["exit_code"] == INCONCLUSIVE and "found nothing to do" in found["reasons"][0]
    assert "nothing" in "\n".join(lines(found))


def test_page_and_junit_have_a_case_for_each_step(bench, tmp_path):
    desk = bench({"source": "can0", "kind": "drop", "end_s": 0.002}, {"source": "can0", "kind": "bus_off", "start_s": 9.0})
    desk.rest.send(numbered(3))
    desk.turn(1.0)
    found = desk.gateway.figures()
    write_steps(tmp_path / "out", "test.toml", found)
    suite = tree.parse(tmp_path / "out" / "junit.xml").getroot().find("testsuite")
    assert [(case.get("name"), case.find("error") is not None) for case in suite.iter("testcase")] == [
        ("1 drop of can0", False), ("2 bus_off of can0", True), ("verdict", True)]  # fmt: skip
    text = (tmp_path / "out" / "report.html").read_text()
    assert "Inconclusive" in text and "3 dropped" in text and text == page("test.toml", found)
    assert json.loads((tmp_path / "out" / "result.json").read_text())["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"source": "can7", "kind": "bus_off"}, "is no bus of this rig; there are can0"),
        ({"source": "stack", "kind": "process_kill"}, "give --process stack=PID"),
        ({"source": "can0", "kind": "flood", "value": 1e9}, "is not within 0..20000"),
        ({"source": "lidar", "kind": "drop"}, "lidar"),
    ],
)
def test_a_fault_that_means_nothing_here_is_one_sentence(bench, entry, said):
    with pytest.raises(UsageError, match="test.toml: fault 1") as told:
        bench(entry)
    assert said in str(told.value)


def test_a_log_that_ends_early_fails_the_run_and_its_account_stays(tmp_path, milliseconds, monkeypatch):
    def failed(witness, close=Witness.close):
        close(witness)
        raise EnvironmentFault("the recorder failed while writing the log: No space left on device")

    monkeypatch.setattr("hil.rig.witness.Witness.close", failed)
    file = tmp_path / "faults.toml"
    file.write_text(f'schema = "{timeline.SCHEMA}"\n[[fault]]\nsource = "can0"\nkind = "bus_off"\n')
    found = inject(InjectOptions(str(file), "vehicles/demo_truck", "process", [("a", "b")], duration_s=0.05,
                                 output=tmp_path / "out"))  # fmt: skip
    assert found["verdict"] == "fail" and found["log"] is None and "No space left" in found["reasons"][-1] and found["steps"]


@pytest.fixture
def milliseconds(monkeypatch):
    """Of inject's clock: one each time that it looks, whatever else this machine does."""
    ticks = itertools.count(START_NS, MS)
    monkeypatch.setattr("hil.rig.inject.time", SimpleNamespace(monotonic_ns=lambda: next(ticks), sleep=lambda pause_s: None))


def test_from_the_command_line(tmp_path, capsys, milliseconds):
    file = tmp_path / "faults.toml"
    file.write_text(f'schema = "{timeline.SCHEMA}"\n[[fault]]\nsource = "can0"\nkind = "bus_off"\n')
    words = ["hil", "inject", str(file), "-i", "process", "--between", "a,b", "--duration", "0.05"]
    assert main([*words, "-o", str(tmp_path / "out")]) == INCONCLUSIVE
    told = capsys.readouterr().out
    assert "bus_off" in told and "nothing was heard on any of its paths" in told and (tmp_path / "out" / "report.html").exists()
    for change, said in ((["--between", "a"], "--between a: write A,B"), (["--process", "x"], "--process x: write NAME=PID"),
                         (["--process", "stack=999999999"], "--process stack=999999999: there is no such process"),
                         (["-i", "local", "--between", f"{tmp_path}/b0,{tmp_path}/./b0"], "is one channel"),
                         (["--udp", "g=2368,127.0.0.1:2368"], "an address and port of their own"),
                         (["-i", "pcan"], "give --arm"), (["--duration", "0"], "--duration 0")):  # fmt: skip
        assert main([*words, *change]) == 2
        assert said in capsys.readouterr().err


def test_a_truck_fault_needs_a_truck(tmp_path):
    file = tmp_path / "faults.toml"
    file.write_text(f'schema = "{timeline.SCHEMA}"\n[[fault]]\nsource = "truck"\nkind = "engine_lost"\n')
    with pytest.raises(UsageError, match="use it with autonomy hil run"):
        inject(InjectOptions(str(file), "vehicles/demo_truck", "process", [("a", "b")]))


def test_a_plug_is_pulled_and_put_back_and_closed_at_the_end(stack):
    relay = SimulatedRelay()
    _, rig = split(faults({"source": "ignition", "kind": "unplug", "start_s": 1.0, "end_s": 2.0},
                          {"source": "ignition", "kind": "unplug", "start_s": 1.5, "end_s": 3.0},
                          {"source": "ignition", "kind": "unplug", "start_s": 5.0}))  # fmt: skip
    act = RigFaults(rig, ["can0"], {}, {"ignition": relay})
    for tenth in range(60):
        act.turn(tenth / 10)
    act.end()
    assert relay.history == [False, True, False, True] and not act.closed


@pytest.mark.parametrize(("text", "said"), [("ignition", "write NAME=PLUGIN"), ("ignition=nix:3", "installed: simulated")])
def test_a_relay_that_is_not_there_is_one_sentence(text, said):
    with pytest.raises(UsageError, match=f"--relay {text}") as told:
        load_relay(text)
    assert said in str(told.value)


class Broken:
    """What a plugin may give: its calls fail."""

    def __init__(self, option):
        if option == "none":
            raise ModuleNotFoundError("no module named 'usb8'")

    def switch(self, closed):
        raise RuntimeError("no answer")

    def close(self):
        raise RuntimeError("gone")


class Offered(dict):
    """Entry points."""

    names = property(lambda self: set(self))


def test_mistakes_of_a_relay_plugin_are_sentences(monkeypatch):
    plugins = Offered(broken=SimpleNamespace(load=lambda: Broken), nothing=SimpleNamespace(load=lambda: lambda option: None))
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: plugins)
    with pytest.raises(UsageError, match="--relay a=broken:none: ModuleNotFoundError: no module named 'usb8'"):
        load_relay("a=broken:none")
    with pytest.raises(UsageError, match="--relay a=nothing: the plugin gave NoneType without switch and close"):
        load_relay("a=nothing")
    relay = load_relay("a=broken")[1]
    with pytest.raises(EnvironmentFault, match=r"--relay a=broken: switch\(\) failed: RuntimeError: no answer"):
        relay.switch(True)
    with pytest.raises(EnvironmentFault, match=r"close\(\) failed: RuntimeError: gone"):
        relay.close()


def test_a_relay_is_closed_at_the_start_and_let_go_at_the_end(tmp_path, milliseconds):
    file = tmp_path / "faults.toml"
    file.write_text(f'schema = "{timeline.SCHEMA}"\n[[fault]]\nsource = "ignition"\nkind = "unplug"\n')
    name, relay = load_relay("ignition=simulated:7")
    found = inject(InjectOptions(str(file), "vehicles/demo_truck", "process", [("a", "b")], 0.02, relays={name: relay}))
    assert relay.history == [True, False, True] and relay.option == "7"
    assert found["reasons"] == ["nothing was heard on any of its paths"]
