"""`replay(log)`: a recorded log through the stack in lockstep; the same bytes in give the same bytes out."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import numpy as np

from autonomy import __version__, msg, output_folder
from autonomy.errors import BAD_INPUT, PASS, UsageError
from autonomy.evaluation.reference import RECEIVER, REFERENCE
from autonomy.log.reader import sha256
from autonomy.playback import metrics as figures
from autonomy.playback import outages as outage_schedule
from autonomy.playback.collector import ReferenceCollector
from autonomy.playback.engine import Block, Engine
from autonomy.playback.fixes import receiver_poses
from autonomy.playback.json_values import without_nan
from autonomy.playback.perceiving import FromPackets
from autonomy.playback.recording import Recording
from autonomy.playback.result import OUTPUT_LOG, SCHEMA, Result
from autonomy.playback.shadow import ShadowComparison
from autonomy.playback.source import LogSource, open_log
from autonomy.playback.spool import OutputSpool
from autonomy.stack import Stack
from autonomy.tick_period import TICK_NS
from autonomy.viewers.kept_scans import KeptScans
from autonomy.viewers.scans import ShownScans


def replay(
    log: str | Path,
    config: str | Path | None = None,
    *,
    start: float | None = None,
    end: float | None = None,
    faults: str | Path | None = None,
    output_dir: str | Path | None = None,
    overrides: dict[str, Any] | None = None,
    outages: str | None = None,
    mode: str = "auto",
    path_file: str | Path | None = None,
    report: bool = True,
) -> Result:
    """Runs a log. `config` None takes the configuration the log names; `start` and `end` are seconds from the first record.

    With `output_dir`, writes output.mcap (itself a log that can be replayed), result.json and report.html there.
    Raises UsageError, BadInputError and EnvironmentFault; a truncated log is processed to its last good record, verdict "error".
    """
    began = time.perf_counter()
    source = open_log(log, config, overrides, mode=mode, path_file=path_file)
    stack = Stack(source.parameters, source.config)
    start_ns, end_ns = _limits(source, start, end)
    directory = Path(output_dir) if output_dir is not None else None
    if directory is not None:
        _prepare(directory, Path(log))

    engine = Engine(source, stack, keep_frames=directory is not None)
    poses, origin = _poses(source, with_fixes=bool(outages))
    if outages:
        duration_s = source.duration_s if end is None else min(end, source.duration_s)
        engine.plan_outages(outage_schedule.parse(outages, duration_s), poses, end_ns)
    spool, times, collector = OutputSpool(), figures.TickTimes(), ReferenceCollector(poses)
    shadow = ShadowComparison()
    sinks = [
        lambda block: spool.append(block.outputs, len(block.outputs)),
        times,
        lambda block: collector.add(block.outputs["ego"]),
        shadow,
    ]

    batches = source.reader.batches(start_ns=start_ns, end_ns=end_ns, past_damage=True)
    fault_list: list[dict[str, Any]] = []
    if faults is not None:
        from autonomy.faults.inject import Injector

        injector = Injector.from_file(faults, source)
        batches, fault_list = injector.apply(batches), injector.as_json()
    perceiving = FromPackets(source) if source.from_packets else None
    if perceiving is not None:
        batches = perceiving.batches(batches)
        sinks.append(perceiving)
    kept_scans = KeptScans()
    with contextlib.ExitStack() as files:
        if directory is not None:
            recorded_from = {"source_sha256": sha256(source.reader.path)}
            recording = files.enter_context(contextlib.closing(
                Recording(directory / OUTPUT_LOG, source, recorded_from, with_packets=False)))  # fmt: skip
            sinks.append(recording)
            batches = recording.pass_through(batches)
            if perceiving is not None:
                perceiving.shown = ShownScans(recording.add_scan, kept_scans.add)
        last = _Last()
        sinks.append(last)
        started = time.perf_counter()
        engine.run(batches, sinks)
        finished = time.perf_counter()

    found = _metrics(log, source, engine, spool, times, collector, origin, last.ego)
    found["shadow"] = shadow.as_json()
    found["faults"] = fault_list
    found["perception"] = None if perceiving is None else perceiving.as_json()
    found["startup_s"] = started - began
    found["realtime_factor"] = found["ticks"] * 0.01 / (finished - started) if finished > started else None
    found["path"] = source.path_label
    verdict, exit_code = _verdict(source, spool)
    found["verdict"], found["exit_code"] = verdict, exit_code
    found = without_nan(found)
    result = Result(
        verdict, exit_code, found, None, None, poses, collector.ego(), source.reader.start_ns,
        [fork.collector.ego() for fork in engine.forks], times, source.path, spool,
    )  # fmt: skip
    if directory is not None:
        result.log_path, result.scans = directory / OUTPUT_LOG, kept_scans.arrays()
        if report:
            from autonomy.report.page import write_report

            result.report_path = write_report(directory, result, times)
            result.metrics["report"] = str(result.report_path)
        result.save(directory)
    return result


def _prepare(directory: Path, log: Path) -> None:
    """Makes the output folder, and refuses one whose output would be written over the log being read."""
    output_folder.prepare(directory)
    if log.resolve() == (directory / OUTPUT_LOG).resolve():
        raise UsageError(f"-o {directory}: the run would overwrite {log}, the log it reads; give another folder")


class _Last:
    """A sink that keeps the newest ego state, whose counters cover the whole run."""

    ego: np.void | None = None

    def __call__(self, block: Block) -> None:
        self.ego = block.outputs["ego"][-1].copy()


def _limits(source: LogSource, start: float | None, end: float | None) -> tuple[int | None, int | None]:
    first = source.reader.start_ns
    for name, value in (("start", start), ("end", end)):
        if value is not None and not 0.0 <= value < float("inf"):
            raise UsageError(f"--{name} {value}: must be zero or more seconds from the first record")
    if start is not None and end is not None and end <= start:
        raise UsageError(f"--end {end:g} must lie after --start {start:g}")
    if start is not None and start >= source.duration_s:
        raise UsageError(f"--start {start:g}: the log is only {source.duration_s:.1f} s long")
    start_ns = None if start is None else first + round(start * 1e9)
    return start_ns, None if end is None else _behind_a_tick(source, first + round(end * 1e9))


def _behind_a_tick(source: LogSource, end_ns: int) -> int:
    """Where reading ends: behind the last whole tick, which then sees the same records as in a run of the whole log."""
    if source.mode == "raw" and end_ns <= source.reader.end_ns:
        end_ns = end_ns // TICK_NS * TICK_NS
    return end_ns + 1


def _poses(source: LogSource, with_fixes: bool) -> tuple[np.ndarray, str]:
    """The reference and where it comes from; a log without one is held against its receiver, where a drift is asked for."""
    if REFERENCE in source.reader.topics:
        return source.reader.read_topic(REFERENCE), REFERENCE
    return receiver_poses(source) if with_fixes else np.zeros(0, msg.dtype("ReferencePose")), RECEIVER


def _metrics(log, source: LogSource, engine: Engine, spool: OutputSpool, times, collector, origin: str, ego) -> dict[str, Any]:
    reader = source.reader
    late_s = float(ego["gnss_position_delay_s"]) if origin == RECEIVER and ego is not None else 0.0
    drift = figures.outages(engine.forks, reader.start_ns, late_s)
    return {
        "schema": SCHEMA,
        "verdict": None,
        "exit_code": None,
        "version": __version__,
        "config_hash": source.config.sha256,
        "calibration_hash": source.config.calibration_sha256,
        "log": {
            "path": str(log),
            "sha256": sha256(reader.path),
            "duration_s": source.duration_s,
            "truncated": reader.truncated,
            "problem": reader.problem,
            "damaged_chunks": len(reader.damaged),
            "last_good_ns": reader.last_good_ns,
        },
        "mode": source.mode,
        "ticks": spool.ticks,
        "realtime_factor": None,
        "startup_s": None,
        "tick_us": times.as_json(),
        "output_sha256": spool.sha256,
        "determinism": None,
        "drops": figures.drops(engine),
        "serial": engine.feed.serial_counts(),
        "oddities": engine.feed.oddities() | _oddities(reader),
        "clocks": figures.clocks(ego, engine.feed.gnss_clock()) if ego is not None else {},
        "aids": figures.aids(ego) if ego is not None else {},
        "reference": figures.reference(collector, origin),
        "speed_scale": float(ego["speed_scale"]) if ego is not None else None,
        "outages": drift,
        "outage_reference": origin if drift else None,
        **figures.outage_summary(drift),
    }


def _oddities(reader) -> dict[str, int]:
    return {
        "unsorted": reader.late,
        "time_steps_back": reader.steps_back,
        "unknown_channel": reader.unknown_channel,
        "unreadable": sum(reader.malformed.values()),
    }


def _verdict(source: LogSource, spool: OutputSpool) -> tuple[str, int]:
    if source.reader.truncated or source.reader.malformed or not spool.ticks:
        return "error", BAD_INPUT
    return "pass", PASS
