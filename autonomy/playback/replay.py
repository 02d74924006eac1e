"""`replay(log)`: a recorded log through the stack in lockstep; the same bytes in give the same bytes out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autonomy import __version__, msg
from autonomy.errors import BAD_INPUT, FAIL, PASS, UsageError
from autonomy.geodesy import ecef_to_geodetic, geodetic_to_enu
from autonomy.log.reader import Batch, sha256
from autonomy.playback import metrics as figures
from autonomy.playback import outages as outage_schedule
from autonomy.playback.collector import ReferenceCollector
from autonomy.playback.engine import FAR_FUTURE_NS, Block, Engine
from autonomy.playback.fixes import receiver_poses
from autonomy.playback.json_values import without_nan
from autonomy.playback.recording import Recording
from autonomy.playback.shadow import ShadowComparison
from autonomy.playback.source import LogSource, open_log
from autonomy.playback.spool import OutputSpool
from autonomy.stack import Stack

SCHEMA = "autonomy.replay/1"
OUTPUT_LOG, REPORT = "output.mcap", "report.html"


@dataclass
class Result:
    """What a run gave. `metrics` is the object that `autonomy replay --json` prints."""

    verdict: str
    exit_code: int
    metrics: dict[str, Any]
    log_path: Path | None
    report_path: Path | None
    reference: np.ndarray  # dtype("ReferencePose"), empty without one
    start_ns: int  # of the log's first record
    outage_runs: list[np.ndarray]  # dtype("EgoState") of each outage, at the reference's times
    tick_times: figures.TickTimes
    _path_ecef: np.ndarray  # lane path, see autonomy/inputs/lane_path.py
    _spool: OutputSpool

    @property
    def outputs(self) -> np.ndarray:
        """Every output frame, array of dtype("OutputFrame")."""
        return self._spool.outputs()

    @property
    def path(self) -> np.ndarray | None:
        """The lane path in the ego filter's ENU frame, (n, 2) metres; None without path or position."""
        ego = self.topic("ego")[-1:]
        if not len(self._path_ecef) or not len(ego) or not ego["origin_latitude_deg"][0]:
            return None
        origin = tuple(float(ego[f"origin_{name}"][0]) for name in ("latitude_deg", "longitude_deg", "altitude_m"))
        return geodetic_to_enu(*ecef_to_geodetic(self._path_ecef[:, :3]), origin)[:, :2]

    def topic(self, name: str) -> np.ndarray:
        """One message of every output frame, e.g. `topic("ego")`; also by its log topic, "/out/ego"."""
        return self._spool.topic(name.removeprefix("/out/"))

    def head(self, name: str) -> np.ndarray:
        """The same without a list that the message may end in: for `tracks`, the lead and the counts."""
        return self._spool.head(name.removeprefix("/out/"))


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

    With `output_dir`, writes output.mcap (itself a log that can be replayed) and report.html there.
    Raises UsageError and BadInputError; a truncated log is processed to its last good record, verdict "error".
    """
    began = time.perf_counter()
    source = open_log(log, config, overrides, mode=mode, path_file=path_file)
    stack = Stack(source.parameters, source.config)
    start_ns, end_ns = _limits(source, start, end)
    directory = Path(output_dir) if output_dir is not None else None

    engine = Engine(source, stack, keep_frames=directory is not None)
    poses, origin = _poses(source, with_fixes=bool(outages))
    if outages:
        engine.plan_outages(outage_schedule.parse(outages, source.duration_s), poses)
    spool, times, collector = OutputSpool(), figures.TickTimes(), ReferenceCollector(poses)
    shadow = ShadowComparison()
    sinks = [
        lambda block: spool.append(block.outputs, len(block.outputs)),
        times,
        lambda block: collector.add(block.outputs["ego"]),
        shadow,
    ]

    batches = _from(start_ns, source.reader.batches())
    fault_list: list[dict[str, Any]] = []
    if faults is not None:
        from autonomy.faults.inject import Injector

        injector = Injector.from_file(faults, source)
        batches, fault_list = injector.apply(batches), injector.as_json()
    with contextlib.ExitStack() as files:
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            recording = files.enter_context(contextlib.closing(Recording(directory / OUTPUT_LOG, source)))
            sinks.append(recording)
            batches = recording.pass_through(batches)
        last = _Last()
        sinks.append(last)
        started = time.perf_counter()
        engine.run(batches, sinks, end_ns=end_ns)
        finished = time.perf_counter()

    found = _metrics(log, source, engine, spool, times, collector, origin, last.ego)
    found["shadow"] = shadow.as_json()
    found["faults"] = fault_list
    found["startup_s"] = started - began
    found["realtime_factor"] = found["ticks"] * 0.01 / (finished - started) if finished > started else None
    found["path"] = source.path_label
    verdict, exit_code = _verdict(source, spool)
    found["verdict"], found["exit_code"] = verdict, exit_code
    found = without_nan(found)
    result = Result(
        verdict, exit_code, found, None, None, poses, source.reader.start_ns,
        [fork.collector.ego() for fork in engine.forks], times, source.path, spool,
    )  # fmt: skip
    if directory is not None:
        result.log_path = directory / OUTPUT_LOG
        if report:
            from autonomy.report.page import write_report

            result.report_path = write_report(directory, result, times)
            result.metrics["report"] = str(result.report_path)
    return result


class _Last:
    """A sink that keeps the newest ego state, whose counters cover the whole run."""

    ego: np.void | None = None

    def __call__(self, block: Block) -> None:
        self.ego = block.outputs["ego"][-1].copy()


def _limits(source: LogSource, start: float | None, end: float | None) -> tuple[int | None, int]:
    first = source.reader.start_ns
    for name, value in (("start", start), ("end", end)):
        if value is not None and not 0.0 <= value < float("inf"):
            raise UsageError(f"--{name} {value}: must be zero or more seconds from the first record")
    if start is not None and end is not None and end <= start:
        raise UsageError(f"--end {end:g} must lie after --start {start:g}")
    if start is not None and start >= source.duration_s:
        raise UsageError(f"--start {start:g}: the log is only {source.duration_s:.1f} s long")
    start_ns = None if start is None else first + round(start * 1e9)
    return start_ns, FAR_FUTURE_NS if end is None else first + round(end * 1e9)


def _from(start_ns: int | None, batches: Iterable[Batch]) -> Iterator[Batch]:
    for batch in batches:
        if start_ns is None:
            yield batch
        elif batch.records["log_time_ns"][-1] >= start_ns:
            yield Batch(batch.records[batch.records["log_time_ns"] >= start_ns], batch.data)


def _poses(source: LogSource, with_fixes: bool) -> tuple[np.ndarray, str]:
    """The reference and where it comes from; a log without one is held against its receiver, where a drift is asked for."""
    if figures.REFERENCE in source.reader.topics:
        return source.reader.read_topic(figures.REFERENCE), figures.REFERENCE
    return receiver_poses(source) if with_fixes else np.zeros(0, msg.dtype("ReferencePose")), figures.RECEIVER


def _metrics(log, source: LogSource, engine: Engine, spool: OutputSpool, times, collector, origin: str, ego) -> dict[str, Any]:
    reader = source.reader
    late_s = float(ego["gnss_position_delay_s"]) if origin == figures.RECEIVER and ego is not None else 0.0
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
        "oddities": engine.feed.oddities()
        | {"unsorted": reader.late, "unknown_channel": reader.unknown_channel, "unreadable": sum(reader.malformed.values())},
        "clocks": figures.clocks(ego) if ego is not None else {},
        "aids": figures.aids(ego) if ego is not None else {},
        "reference": figures.reference(collector, origin, late_s),
        "speed_scale": float(ego["speed_scale"]) if ego is not None else None,
        "outages": drift,
        **figures.outage_summary(drift),
    }


def _verdict(source: LogSource, spool: OutputSpool) -> tuple[str, int]:
    if source.reader.truncated or not spool.ticks:
        return "error", BAD_INPUT
    return "pass", PASS


def as_failed(result: Result) -> Result:
    """The same result with a failed verdict; an error stays an error."""
    if result.verdict == "pass":
        result.verdict, result.exit_code = "fail", FAIL
        result.metrics["verdict"], result.metrics["exit_code"] = result.verdict, result.exit_code
    return result
