"""The report of a live drive: what happened and when, a cut of the log about each of it, a case for what fails."""

from __future__ import annotations

import json
import xml.etree.ElementTree as tree
from types import SimpleNamespace

import numpy as np
import pytest

from autonomy import msg
from autonomy.log.reader import LogReader
from autonomy.log.writer import LogWriter
from hil.loop.metrics import COLUMNS
from hil.rig.drive_events import DriveEvent, TruckEvents, events_of
from hil.rig.drive_page import page, write_drive

TICK_NS, START_NS = 10_000_000, 50_000_000_000
TOLD = msg.constants("FaultState")["STATUS_TOLD"]
SILENT = msg.constants("FaultRow")["FAULT_STEERING_SILENT"]
QUANTILES = {"p50": 40, "p99": 90, "p99.9": 200, "max": 300.0}


@pytest.fixture
def folder(tmp_path):
    """A log of 30 s: takes over at 5 s, a fault from 10 to 12 s and from 20 s on, a minimal-risk manoeuvre at 21 s."""
    actuation, faults = np.zeros(3000, msg.dtype("Actuation")), np.zeros(3000, msg.dtype("FaultState"))
    for rows in (actuation, faults):
        rows["time_ns"] = START_NS + TICK_NS * np.arange(3000)
    actuation["mode"][500:2100], actuation["mode"][2100:] = 1, 2
    faults["fault"][:, 3] = SILENT
    faults["status"][1000:1200, 3] = faults["status"][2000:, 3] = TOLD
    with LogWriter(tmp_path / "run.mcap", {}) as log:
        log.write_merged({f"/out/{name}": (rows["time_ns"], rows) for name, rows in
                          (("actuation", actuation), ("faults", faults))})  # fmt: skip
    return tmp_path


def found(**changes) -> dict:
    metrics = {"distance_m": 500.0, "collisions": 1, "lane_offset_max_m": 0.2}
    truck = {"metrics": metrics, "sent": 1000, "lateness_us": QUANTILES, "scans": {"sent": 300},
             "events": [[START_NS + 22_000_000_000, "collision"]]}  # fmt: skip
    run = {"counts": {"ticks": 3000, "missed": 0, "late": 1, "sent": 400}} | {
        key: QUANTILES for key in ("lateness_us", "work_us", "latency_us", "response_us")}  # fmt: skip
    return {"verdict": "fail", "exit_code": 1, "reasons": ["collision"], "interface": "local", "run": run, "truck": truck,
            "lost": {"to_loop": 0, "to_truck": 0}, "replay_equal": True} | changes  # fmt: skip


def test_events_are_those_of_the_stack_and_those_of_the_truck_in_order(folder):
    events = events_of(folder / "run.mcap", [(START_NS + 22_000_000_000, "collision")])
    assert [(event.after_s, event.told_by, event.what) for event in events] == [
        (5.0, "stack", "takes over"), (10.0, "stack", "fault: steering silent"), (20.0, "stack", "fault: steering silent"),
        (21.0, "stack", "minimal-risk manoeuvre"), (22.0, "truck", "collision")]  # fmt: skip
    assert events[0] == DriveEvent(START_NS + 5_000_000_000, 5.0, "stack", "takes over")


def test_the_truck_tells_each_thing_when_it_begins():
    metrics = SimpleNamespace(collisions=0, rolled_over=False, rows=[])
    events, margin = TruckEvents(metrics), COLUMNS.index("margin")
    for now_ns, (collisions, metres, rolled) in enumerate([(0, 0.4, False), (1, 0.4, False), (1, -0.1, False), (2, -0.2, False),
                                                           (2, 0.1, False), (2, -0.1, True), (2, -0.1, True)]):  # fmt: skip
        metrics.collisions, metrics.rolled_over = collisions, rolled
        metrics.rows.append([0.0] * margin + [metres])
        events.look(now_ns)
    assert events.found == [(1, "collision"), (2, "out of the lane"), (3, "collision"), (5, "out of the lane"),
                            (5, "rolled over")]  # fmt: skip


def test_page_cuts_and_junit(folder):
    told = found()
    write_drive(folder, "motorway.toml", told)
    text = (folder / "report.html").read_text()
    for number, name in enumerate(("takes_over", "fault_steering_silent", "fault_steering_silent", "minimal_risk_manoeuvre",
                                   "collision"), 1):  # fmt: skip
        assert f'href="cuts/event_{number}_{name}.mcap"' in text
    with LogReader(folder / "cuts" / "event_1_takes_over.mcap") as log:
        times = log.read_topic("/out/actuation")["time_ns"]
    assert (int(times[0]), int(times[-1])) == (START_NS, START_NS + 10_000_000_000 - TICK_NS)
    suite = tree.parse(folder / "junit.xml").getroot().find("testsuite")
    assert [(case.get("name"), case.find("failure") is not None) for case in suite.iter("testcase")] == [
        ("losses", False), ("replay", False), ("truck", False), ("22.00 s collision", True), ("verdict", True)]  # fmt: skip
    assert json.loads((folder / "drive.json").read_text())["events"][4]["cut"] == "cuts/event_5_collision.mcap"
    assert text == page("motorway.toml", told) and "300 datagrams" in text


def test_a_drive_in_which_nothing_happened_has_a_page_too(folder):
    with LogWriter(folder / "run.mcap", {}) as log:
        for topic, name in (("/out/actuation", "Actuation"), ("/out/faults", "FaultState")):
            log.write(topic, 0, np.zeros(1, msg.dtype(name)))
    nothing = found(verdict="inconclusive", reasons=["the stack never took over"], replay_equal=False)
    nothing["truck"] |= {"metrics": {}, "events": [], "scans": None}
    write_drive(folder, "motorway", nothing)
    assert nothing["events"] == [] and "Nothing happened." in (folder / "report.html").read_text()
    suite = tree.parse(folder / "junit.xml").getroot().find("testsuite")
    assert [case.get("name") for case in suite.iter("testcase") if case.find("error") is not None] == ["truck", "verdict"]
    assert [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None] == ["replay"]
