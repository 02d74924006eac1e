"""What the machine refuses is a finding with a remedy, and active mode is not armed on it."""

from __future__ import annotations

import os

import numpy as np
import pytest

from autonomy.cli.main import main
from autonomy.runtime import figures, realtime, session

REFUSED = realtime.Finding("scheduling", "SCHED_FIFO 80 refused: Operation not permitted", "run as root")


def test_refused_scheduling_names_the_limit_and_the_remedy(monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    found = realtime._scheduled(80)
    assert not found.good and "SCHED_FIFO 80 refused" in found.found and "CAP_SYS_NICE" in found.remedy
    assert "--cpu" in realtime._pinned(5).remedy and realtime._pinned(None).good
    realtime.raise_priority(70)  # is no must


@pytest.mark.parametrize("cpu", [-1, 10**11, 4095])
def test_a_processor_that_there_cannot_be_is_a_finding(cpu):
    found = realtime._pinned(cpu)
    assert not found.good and f"CPU {cpu} refused" in found.found and "give --cpu one of 0" in found.remedy


def test_all_else_keeps_off_the_loops_processor_while_it_runs(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2})
    monkeypatch.setattr(os, "sched_setaffinity", lambda process, cpus: asked.append(cpus))
    with realtime.elsewhere(1):
        assert asked == [{0, 2}]
    assert asked == [{0, 2}, {0, 1, 2}]


@pytest.mark.parametrize(("cpus", "cpu"), [({0}, 0), ({0, 1}, None), ({0, 1}, 5)])
def test_nothing_moves_where_the_loop_has_no_processor_of_its_own(monkeypatch, cpus, cpu):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: cpus)
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: pytest.fail("was moved"))
    with realtime.elsewhere(cpu):
        pass


@pytest.mark.parametrize(("name", "good"), [("tsc", True), ("arch_sys_counter", True), ("jiffies", False), ("timer", False)])
def test_a_clock_that_counts_interrupts_is_not_good_enough(tmp_path, name, good):
    (tmp_path / "source").write_text(name + "\n")
    assert realtime.clock(tmp_path / "source").good is good


def test_an_unknown_clock_is_not_trusted(tmp_path):
    assert "unknown" in realtime.clock(tmp_path / "nothing").found


def test_late_wake_ups_are_not_good_enough():
    assert realtime.lateness(np.full(50, 60_000)).good
    assert "1.500 ms" in realtime.lateness(np.full(50, 1_500_000)).found and not realtime.lateness(np.full(50, 1_500_000)).good


def test_active_mode_is_refused_with_the_reason(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(realtime, "enter", lambda priority, cpu: [REFUSED])
    monkeypatch.setattr(session, "bare_lateness", lambda first, ticks, period_ns: np.zeros(ticks, np.int64))
    status = main(
        [
            "run",
            "--config",
            "vehicles/demo_truck",
            "--mode",
            "active",
            "-i",
            "virtual",
            "-c",
            "refused0",
            "-c",
            "refused1",
            "-c",
            "refused2",
            "-o",
            str(tmp_path),
        ]
    )
    said = capsys.readouterr().err
    assert status == 4
    assert "not armed, because scheduling: SCHED_FIFO 80 refused" in said and "--allow-soft-realtime" in said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["-c", "a"], "--channel: vehicles/demo_truck listens to the buses 0, 1, 2"),
        (["-c", "a", "-c", "b", "-c", "c", "--duration", "-1"], "--duration -1"),
        (["-c", "a", "-c", "b", "-c", "c", "--priority", "99"], "--priority 99"),
        (["-c", "a", "-c", "b", "-c", "c", "--set-speed", "nan"], "--set-speed nan"),
    ],
)
def test_wrong_options_are_a_sentence(options, sentence, tmp_path, capsys):
    assert main(["run", "--config", "vehicles/demo_truck", "-i", "virtual", "-o", str(tmp_path), *options]) == 2
    assert sentence in capsys.readouterr().err


COUNTS = {"ticks": 1000, "missed": 0, "arrivals_lost": 0, "received": 5000, "serial_bytes": 0, "datagrams": 0}


@pytest.mark.parametrize(
    ("counts", "errors", "soft", "p99", "expected"),
    [
        ({}, [], False, 60.0, "pass"),
        ({"arrivals_lost": 1}, [], True, 60.0, "fail"),
        ({}, ["bus 0: gone"], True, 60.0, "fail"),
        ({"ticks": 0}, [], True, None, "fail"),
        ({"missed": 20}, [], True, 60.0, "inconclusive"),
        ({"received": 0}, [], True, 60.0, "inconclusive"),
        ({"received": 0, "serial_bytes": 9}, [], True, 60.0, "pass"),
        ({}, [], False, 1500.0, "inconclusive"),
        ({}, [], True, 1500.0, "pass"),
    ],
)
def test_the_verdict(counts, errors, soft, p99, expected):
    assert figures.verdict(COUNTS | counts, errors, soft=soft, p99_lateness_us=p99, limit_us=1000.0)[0] == expected


def test_percentiles_are_the_upper_ends_of_their_bins():
    counts = np.zeros(100, np.int64)
    counts[[4, 9, 60]] = 98, 1, 1
    assert figures.percentiles_us(counts, 60_500) == {"p50": 5, "p99": 10, "p99.9": 61, "max": 60.5}
    assert figures.percentiles_us(np.zeros(4, np.int64), 0)["p50"] is None


def test_a_run_that_is_ended_before_its_first_tick_says_nothing():
    told = [figures.verdict(COUNTS | {"ticks": 0}, [], soft=True, p99_lateness_us=None, limit_us=1000.0, interrupted=ended)[0]
            for ended in (True, False)]  # fmt: skip
    assert told == ["inconclusive", "fail"]


def test_a_processor_that_is_kept_off_can_be_asked_for():
    every = realtime.processors()
    given = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {every[0]})
        assert realtime.processors() == every and os.sched_getaffinity(0) == {every[0]}
    finally:
        os.sched_setaffinity(0, given)
