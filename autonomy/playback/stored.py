"""A run from the folder it was written to: the outputs of output.mcap, and the figures of result.json where there is one."""

from __future__ import annotations

import contextlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from autonomy import msg
from autonomy.errors import BAD_INPUT, PASS, BadInputError
from autonomy.inputs import lane_path
from autonomy.log import topics
from autonomy.log.reader import LogReader, rows_of
from autonomy.log.writer import METADATA_NAME
from autonomy.playback import metrics as figures
from autonomy.playback.assembling import FrameAssembler
from autonomy.playback.collector import ReferenceCollector
from autonomy.playback.engine import Block
from autonomy.playback.json_values import without_nan
from autonomy.playback.output_log import OutputLog
from autonomy.playback.result import OUTAGE_RUNS, OUTPUT_LOG, RESULT_FILE, SCANS, SCHEMA, TRUTH, Result
from autonomy.playback.rows import OUTPUTS
from autonomy.playback.source import PATH_ATTACHMENT
from autonomy.playback.spool import OutputSpool
from autonomy.viewers.kept_scans import ARRAYS

# What NumPy raises of a .npz file that is cut off, damaged or another's
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def output_log(path: str | Path) -> Path:
    """The output log of a run, given by its folder or by the log itself. Raises BadInputError."""
    path = Path(path)
    found = path / OUTPUT_LOG if path.is_dir() else path
    if not found.is_file():
        reason = f"holds no {OUTPUT_LOG}" if path.is_dir() else "does not exist"
        raise BadInputError(f"{path}: {reason}; give the folder of an earlier 'autonomy replay -o', or its {OUTPUT_LOG}")
    return found


def load(path: str | Path) -> Result:
    """A run as `replay` returned it. Without result.json, what the outputs themselves tell is computed anew.

    Raises BadInputError, LogError.
    """
    log = output_log(path)
    stored = _stored_figures(log.with_name(RESULT_FILE))
    with LogReader(log) as reader:
        missing = [f"/out/{name}" for name in OUTPUTS if f"/out/{name}" not in reader.topics]
        if missing:
            raise BadInputError(f"{log}: has no topic {missing[0]}; it was not written by 'autonomy replay -o' of this version")
        poses = reader.read_topic("/ref/pose") if "/ref/pose" in reader.topics else np.zeros(0, msg.dtype("ReferencePose"))
        spool, times, collector, last = OutputSpool(), figures.TickTimes(), ReferenceCollector(poses), None
        for frames in _frames(reader):
            spool.append(frames, len(frames))
            collector.add(frames["ego"])
            last = frames["ego"][-1].copy()
        _add_times(reader, times)
        path_ecef = lane_path.EMPTY
        if PATH_ATTACHMENT in reader.attachments:
            path_ecef = lane_path.from_text(reader.attachment(PATH_ATTACHMENT).decode())
        found = stored if stored is not None else _figures(log, reader, spool, times, collector, last)
        start_ns = reader.start_ns
    runs = _outage_runs(log.with_name(OUTAGE_RUNS))
    return Result(
        found["verdict"], found["exit_code"], found, log, None, poses, collector.ego(), start_ns, runs, times, path_ecef, spool,
        _truth(log.with_name(TRUTH)), _scans(log.with_name(SCANS)),
    )  # fmt: skip


def load_figures(path: str | Path) -> dict[str, Any]:
    """The figures of a run alone; of another build's log without result.json its identity only. Raises BadInputError."""
    log = output_log(path)
    found = _stored_figures(log.with_name(RESULT_FILE))
    if found is not None:
        return found
    with OutputLog(log) as outputs:
        ours = {topic for topic in outputs.topics if outputs.is_ours(topic)}
        readable = ours >= {f"/out/{name}" for name in OUTPUTS}
        told = outputs.reader.metadata.get(METADATA_NAME, {})
    if readable:
        return load(log).metrics
    keys = ("version", "config_hash", "calibration_hash")
    return {key: told.get(key) for key in keys} | {"log": {"path": str(log), "sha256": told.get("source_sha256")}}


def _frames(reader: LogReader) -> Iterator[np.ndarray]:
    """Whole output frames, as many at a time as a batch of the log completes."""
    assembler = FrameAssembler()
    names = {number: channel.topic for number, channel in reader.channels.items()}
    for batch in reader.batches(FrameAssembler.topics):
        for number in np.unique(batch.records["channel"]).tolist():
            topic = names[number]
            records = batch.records[batch.records["channel"] == number]
            rows = rows_of(batch._replace(records=records), msg.dtype(topics.message_of(topic)))
            assembler.add(topic, records["log_time_ns"], rows)
        frames = assembler.take()
        if len(frames):
            yield frames


def _add_times(reader: LogReader, times: figures.TickTimes) -> None:
    if "/timing" not in reader.topics:
        return
    for batch in reader.batches(["/timing"]):
        rows = rows_of(batch, msg.dtype("Timing"))
        if len(rows):
            timing = np.stack([rows["start_time_ns"], rows["duration_ns"], rows["duration_ns"]], axis=1)
            times(Block(np.zeros(0), timing, None))


def _figures(log: Path, reader: LogReader, spool, times, collector, last) -> dict[str, Any]:
    """The keys of `autonomy replay --json` that an output log alone can tell; the others are null or empty."""
    told = reader.metadata.get(METADATA_NAME, {})
    ended_early = reader.truncated or not spool.ticks
    duration = (reader.end_ns - reader.start_ns) / 1e9 if reader.start_ns is not None else None
    found = {
        "schema": SCHEMA,
        "verdict": "error" if ended_early else "pass",
        "exit_code": BAD_INPUT if ended_early else PASS,
        "version": told.get("version"),
        "config_hash": told.get("config_hash"),
        "calibration_hash": told.get("calibration_hash"),
        "log": {
            "path": str(log),
            "sha256": told.get("source_sha256"),
            "duration_s": duration,
            "truncated": reader.truncated,
            "last_good_ns": reader.last_good_ns,
        },
        "mode": None,
        "path": told.get("lane_path"),
        "ticks": spool.ticks,
        "realtime_factor": None,
        "startup_s": None,
        "tick_us": times.as_json(),
        "output_sha256": spool.sha256,
        "determinism": None,
        "drops": None,
        "oddities": None,
        "clocks": figures.clocks(last) if last is not None else {},
        "aids": figures.aids(last) if last is not None else {},
        "reference": figures.reference(collector),
        "speed_scale": float(last["speed_scale"]) if last is not None else None,
        "outages": [],
        "outage_reference": None,
        **figures.outage_summary([]),
        "shadow": {},
        "faults": [],
    }
    return without_nan(found)


def _stored_figures(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path}: cannot be read as the figures of a run ({error}); delete it to do without") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise BadInputError(f"{path}: is not the figures of a run (schema '{SCHEMA}'); delete it to do without")
    return found


def _truth(path: Path) -> dict[str, np.ndarray] | None:
    """As of the outages: what cannot be read is left out."""
    with contextlib.suppress(*UNREADABLE), np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
    return None


def _scans(path: Path) -> dict[str, np.ndarray] | None:
    """The same; nothing either where a name is missing, as in the file of another version."""
    with contextlib.suppress(*UNREADABLE), np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in ARRAYS}
    return None


def _outage_runs(path: Path) -> list[np.ndarray]:
    """Of an outage file that another version wrote, or that is damaged, nothing: the figures are in result.json."""
    with contextlib.suppress(*UNREADABLE), np.load(path, allow_pickle=False) as stored:
        return [stored[f"run_{number}"] for number in range(len(stored.files))]
    return []
