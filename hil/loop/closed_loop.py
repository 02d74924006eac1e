"""Closes the loop: world, sensors, stack, world. The stack is the one that replays and drives.

    result = run(world, stack, sensors, duration_s, seed=0)

Each tick the sensors' records go through the feed that replay uses, so the log of a run replays to the same bytes. The stack
takes over as soon as it reports itself fit (health level below 2, lane tracked) after ENGAGE_AFTER_S; until then the
world's driver drives. With sensors that speak on buses (`over_bus`) the commands travel on one too: hil/loop/command_bus.py.
"""

from __future__ import annotations

import contextlib
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from autonomy.playback._feed import Feed

from autonomy import __version__, msg, output_folder
from autonomy.errors import FAIL, INCONCLUSIVE, PASS, UsageError
from autonomy.faults import timeline
from autonomy.faults.timeline import LAMP_KINDS, Timeline
from autonomy.log.ordered import Batch
from autonomy.msg.modes import DRIVING_MODES
from autonomy.playback import metrics as figures
from autonomy.playback.collector import ReferenceCollector
from autonomy.playback.engine import Block
from autonomy.playback.json_values import without_nan
from autonomy.playback.recording import Recording
from autonomy.playback.result import OUTPUT_LOG, SCHEMA, Result
from autonomy.playback.spool import OutputSpool
from autonomy.tick_period import TICK_NS, TICK_S
from autonomy.viewers.kept_scans import KeptScans
from autonomy.viewers.scans import ShownScans
from drivers.can.commanding import command_config
from drivers.can.commanding.command_config import CommandConfig
from hil.loop.command_bus import CommandBus
from hil.loop.live import POSE_TOPIC, TRUCK_TOPIC, LiveSource, channels_of, time_and_channel
from hil.loop.metrics import RunMetrics
from hil.loop.perceiving import Perceiving
from hil.loop.reference import POSE_TICKS, centre_line, pose_of, truck_of
from hil.loop.truck_faults import TruckFaults
from hil.loop.vehicle_differences import differences
from hil.loop.world_answers import answered

ENGAGE_AFTER_S = 5.0
BLOCK_TICKS = 64  # handed to the recorder at a time
STANDBY_HEALTH = 2  # health level from which the stack does not take over
NEVER_NS = 2**62


def run(world, stack, sensors, duration_s: float, seed: int = 0, faults=None, output_dir=None, *, scenario=None,
        set_speed_mps: float | None = None, engage_after_s: float = ENGAGE_AFTER_S, metrics: RunMetrics | None = None,
        watch=None, begins=None, log_name: str = OUTPUT_LOG, report: bool = True) -> Result:  # fmt: skip
    """Runs `duration_s` of closed loop; what `replay` returns of a log, with the figures of the drive added. The stack begins
    anew (`Stack.reset`); sensors keep their state, so each run takes its own.

    The figures count from the moment the stack drives. Verdict "fail" (exit code 1) on a collision, a corner over the lane
    line or a roll-over, "inconclusive" (5) when the stack never took over or the lane lines are not known. `faults` is a
    timeline file, a packaged name or its tables, as for replay, in seconds from the first tick. `watch(truth, output)` is
    called every tick, `begins()` once before the first, when nothing can be refused any more. `metrics`: the caller's own, to
    read its columns afterwards. Raises UsageError, EnvironmentFault.
    """
    if not duration_s > 0.0:
        raise UsageError(f"hil.run: duration_s = {duration_s:g} must be above zero")
    began = time.perf_counter()
    stack.reset()
    truth = answered(world, "reset", None, seed, scenario)
    if hasattr(sensors, "look_at"):
        sensors.look_at(world)
    log_path = None if output_dir is None else Path(output_dir) / log_name
    planned = _timeline(faults)
    broken = TruckFaults(planned, world, truth.time_ns)
    loop = _Loop(world, stack, sensors, truth, log_path, planned)
    loop.broken = broken
    wanted = set_speed_mps if set_speed_mps is not None else getattr(world, "set_speed", 22.0)
    metrics = metrics or RunMetrics(stack.parameters["vehicle"], wanted)
    engaged, mass_kg = False, float(stack.parameters["vehicle"]["mass_kg"])
    if begins is not None:
        begins()
    started = time.perf_counter()
    try:
        for tick in range(round(duration_s / TICK_S)):
            arrived = loop.bus.arrive(truth.time_ns) if loop.bus else []
            engage = loop.bus.engage(engaged) if loop.bus else int(engaged)
            engaged = engage > 0
            out = loop.tick(tick, truth, sensors.sense(truth), wanted, engage, arrived)
            mode, mass_kg = int(out["actuation"]["mode"]), float(out["truck"]["mass_kg"])
            if not engaged and tick * TICK_S >= engage_after_s:
                may = loop.bus is None or loop.bus.may_engage
                engaged = bool(may and out["health"]["level"] < STANDBY_HEALTH and out["lane"]["status"] == 1)
            if mode in DRIVING_MODES:
                metrics(truth, tick)
                metrics.see_plan(out["plan"])
            if watch is not None:
                watch(truth, out)
            asked = loop.carry(out, truth.time_ns, broken.active)
            truth = answered(world, "step", truth.time_ns, broken.act(asked, truth.time_ns), TICK_S)
            broken.show(truth)
            if truth.done:
                break
    finally:
        figures_of_plant = differences(world, stack.parameters["vehicle"], mass_kg)
        world.close()
        loop.close()
    finished = time.perf_counter()
    found = loop.metrics()
    found["startup_s"], found["realtime_factor"] = started - began, found["ticks"] * TICK_S / (finished - started)
    found["world"], found["sensors"], found["seed"] = type(world).__name__, type(sensors).__name__.lower(), seed
    found["command_bus"] = None if loop.bus is None else loop.bus.as_json(TICK_S)
    found["scenario"] = getattr(getattr(world, "scenario", None), "title", None)
    found["set_speed_mps"], found["plant_differences"] = wanted, figures_of_plant
    found |= metrics.as_dict()
    found["verdict"], found["exit_code"] = verdict, exit_code = _verdict(found)
    result = loop.result(verdict, exit_code, without_nan(found))
    result.truth = metrics.columns()
    if log_path is not None:
        _write(result, log_path, report)
    return result


def _timeline(faults) -> Timeline:
    """Of a file, a packaged name, parsed tables, or nothing. Raises UsageError."""
    if faults is None:
        return Timeline("", ())
    return timeline.from_tables(faults, "faults") if isinstance(faults, dict) else timeline.load(faults)


class _Loop:
    """The feed, what it gives and who is told."""

    def __init__(self, world, stack, sensors, truth, log_path: Path | None, faults: Timeline):
        self.log_path, self.world, self.sensors = log_path, world, sensors
        commands = _commands(world, stack, sensors)
        if commands is None and (lamps := [fault for fault in faults.of_truck() if fault.kind in LAMP_KINDS]):
            raise UsageError(f"{faults.where(lamps[0])}: kind = '{lamps[0].kind}' is told over the command bus, and this drive "
                             "has none; use sensors at the level bytes and a plant of configs/plants")  # fmt: skip
        path = None
        if (getattr(sensors, "takes_lane_path", False) or getattr(world, "map", False)) and hasattr(world, "lane_path"):
            path = centre_line(world)
        self.perceiving = Perceiving(stack.config)
        channels = channels_of(sensors, stack.config) + self.perceiving.channels
        channels += [] if commands is None else [f"/raw/can/{commands.bus}"]
        self.source = LiveSource(stack, channels, truth.time_ns, path, "the middle of the lane")
        self.start_ns = truth.time_ns
        self.feed = Feed(stack.core, self.source.router, self.source.routes, self.source.path, "cuts", 0.0, False,
                         self.source.serial)  # fmt: skip
        self.bus = None if commands is None else CommandBus(commands, self.source.router.codec, truth.ego.mass)
        self.last_ns = truth.time_ns
        self.sent: list[bytes] = []  # that the next tick takes in, as a live one hears what it has sent
        self.injector = None
        if faults.of_records().faults:
            from autonomy.faults.inject import Injector

            self.injector = Injector(faults.of_records(), self.source)
        self.outputs = np.zeros(BLOCK_TICKS, msg.dtype("OutputFrame"))
        self.timing = np.zeros((BLOCK_TICKS, 3), np.int64)
        self.frames = np.zeros(BLOCK_TICKS, msg.dtype("InputFrame")) if log_path is not None else None
        self.batches: list[Batch] = []
        self.spool, self.times = OutputSpool(), figures.TickTimes()
        self.poses: list[np.ndarray] = []
        self.row = 0
        self.files = contextlib.ExitStack()
        self.recording, self.kept_scans = None, KeptScans()
        if log_path is not None:
            output_folder.prepare(log_path.parent)
            recorded_from = {"importer": "hil.loop.closed_loop", "clock": "simulated"}
            self.recording = self.files.enter_context(
                contextlib.closing(Recording(log_path, self.source, recorded_from, with_packets=True)))  # fmt: skip
            self.perceiving.shown = ShownScans(self.recording.add_scan, self.kept_scans.add)

    def tick(self, tick: int, truth, sensed, set_speed: float, engage: int, arrived: list[bytes]) -> np.void:
        """Hands the records to the stack and returns its output, valid until the next block. `arrived`: frames of controllers."""
        true = {}
        if tick % POSE_TICKS == 0:
            true = {POSE_TOPIC: pose_of(truth), TRUCK_TOPIC: truck_of(truth, self.world, self.sensors)}
            self.poses.append(true[POSE_TOPIC])
        sensed = self._perceived(sensed, truth.time_ns)
        rows = self.source.arrived(sensed, true, [] if self.bus is None else self.source.frames(arrived, self.bus.number))
        sent = [] if self.bus is None else self.source.frames(self.sent, self.bus.number)
        closing = self.source.closing(tick, truth.time_ns, set_speed, engage)
        if self.injector is None:
            batch = self.source.batch(sorted(sent + rows, key=time_and_channel) + closing)
        else:  # what we sent ourselves is in the log whatever fails
            broken = self.injector.step(self.source.batch(rows), truth.time_ns)
            batch = joined_batches([self.source.batch(sent), broken, self.source.batch(closing)])
            batch = in_order(batch) if sent else batch
        if self.recording is not None:
            self.batches.append(batch)
        self.feed.run(batch.records, batch.data, 0, self.outputs[self.row :], self.timing[self.row :],
                      None if self.frames is None else self.frames[self.row :], NEVER_NS)  # fmt: skip
        out = self.outputs[self.row]
        self.perceiving.see(out["ego"])
        self.row += 1
        if self.row == BLOCK_TICKS:
            self._hand_on()
            out = self.outputs[-1]
        return out

    def _perceived(self, sensed, now_ns: int):
        """What sensors gave, and what scan processing has made of their packets by now."""
        if isinstance(sensed, dict):
            return sensed
        self.perceiving.hear(sensed)
        return [*sensed, *self.perceiving.due(now_ns)]

    def carry(self, out: np.void, time_ns: int, broken) -> np.void:
        """What the truck is asked for."""
        if self.bus is None:
            return out["actuation"]
        self.last_ns = time_ns
        asked, self.sent = self.bus.carry(out, time_ns, broken)
        return asked

    def _hand_on(self) -> None:
        count, self.row = self.row, 0
        if not count:
            return
        block = Block(self.outputs[:count], self.timing[:count], None if self.frames is None else self.frames[:count])
        self.spool.append(block.outputs, count)
        self.times(block)
        if self.recording is not None:
            self.recording.write_inputs(joined_batches(self.batches))
            self.recording(block)
            self.batches.clear()

    def close(self) -> None:
        self._hand_on()
        if self.bus is not None and self.recording is not None:
            last = self.sent + self.bus.release(self.last_ns + TICK_NS)
            if last:
                self.recording.write_inputs(self.source.batch(self.source.frames(last, self.bus.number)))
        self.files.close()

    def metrics(self) -> dict[str, Any]:
        """The keys of `autonomy replay --json` that a drive has too."""
        last = self.outputs["ego"][(self.spool.ticks - 1) % BLOCK_TICKS]
        poses = np.concatenate(self.poses)
        self.collector = ReferenceCollector(poses)
        for heads in self.spool.head_blocks(["ego"]):
            self.collector.add(heads["ego"])
        config = self.source.config
        log = None if self.log_path is None else str(self.log_path)
        return {
            "schema": SCHEMA, "verdict": None, "exit_code": None, "version": __version__, "config_hash": config.sha256,
            "calibration_hash": config.calibration_sha256,
            "log": {"path": log, "sha256": None, "duration_s": self.spool.ticks * TICK_S, "truncated": False},
            "mode": "closed loop", "path": self.source.path_label, "ticks": self.spool.ticks, "tick_us": self.times.as_json(),
            "output_sha256": self.spool.sha256, "determinism": None,
            "drops": figures.drops(self), "serial": self.feed.serial_counts(),
            "oddities": self.feed.oddities() | {"cut_mismatches": 0},
            "clocks": figures.clocks(last, self.feed.gnss_clock()), "aids": figures.aids(last),
            "reference": figures.reference(self.collector), "speed_scale": float(last["speed_scale"]), "outages": [],
            "outage_reference": None, **figures.outage_summary([]), "shadow": {},
            "faults": ([] if self.injector is None else self.injector.as_json()) + self.broken.as_json(),
        }  # fmt: skip

    def result(self, verdict: str, exit_code: int, found: dict[str, Any]) -> Result:
        return Result(verdict, exit_code, found, None, None, self.collector.poses, self.collector.ego(), self.start_ns, [],
                      self.times, self.source.path, self.spool, scans=self.kept_scans.arrays())  # fmt: skip


def _commands(world, stack, sensors) -> CommandConfig | None:
    """Where sensors speak on buses, the vehicle has a whole [command] table, and the plant takes what goes over a bus."""
    if not (getattr(sensors, "over_bus", False) and "command" in stack.config.sections
            and hasattr(getattr(world, "plant", None), "parameters")):  # fmt: skip
        return None
    commands = command_config.read(stack.config.section("command"), stack.config.path)
    return None if commands.missing else commands


def in_order(batch: Batch) -> Batch:
    """By time; what has the same stays as it is."""
    return batch._replace(records=batch.records[np.argsort(batch.records["log_time_ns"], kind="stable")])


def joined_batches(batches: list[Batch]) -> Batch:
    """Batches of several ticks as one."""
    sizes = np.cumsum([0] + [len(batch.data) for batch in batches[:-1]])
    records = np.concatenate([batch.records for batch in batches])
    records["offset"] += np.repeat(sizes, [len(batch.records) for batch in batches]).astype(np.uint64)
    return Batch(records, np.concatenate([batch.data for batch in batches]))


def _verdict(found: dict[str, Any]) -> tuple[str, int]:
    if not found["driven_s"]:
        return "inconclusive", INCONCLUSIVE
    failed = found["collisions"] or found["out_of_lane_share"] or found["rolled_over"]
    if failed:
        return "fail", FAIL
    # Whether a corner was over the line is not known: that is no pass
    return ("pass", PASS) if math.isfinite(found["line_margin_min_m"]) else ("inconclusive", INCONCLUSIVE)


def _write(result: Result, log_path: Path, report: bool) -> None:
    """report.html and result.json beside the log."""
    result.log_path = log_path
    if report:
        from autonomy.report.page import write_report

        result.report_path = write_report(log_path.parent, result, result.tick_times)
        result.metrics["report"] = str(result.report_path)
    result.save(log_path.parent)
