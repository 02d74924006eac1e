"""The clocks of a log: each source's own time against the log's, delays by the ego filter, and a copy with the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autonomy.log import clocks, timescales
from autonomy.log.copying import RecordWriter
from autonomy.log.finishing import finished
from autonomy.log.opening import open_recording
from autonomy.log.writer import METADATA_NAME
from autonomy.playback.fixes import gnss_samples
from autonomy.playback.source import open_log

FIT_KEYS = ("samples", "start_ns", "end_ns", "offset_s", "rate_ppm", "rate_sigma_ppm", "jitter_ms", "residual_ms", "following_ms",
            "holdover_ms", "jumps", "table")  # fmt: skip
SCALE_MIXED_S = 0.5  # a log clock off by a whole number of leap seconds to this is of another scale


def estimate(path: str | Path, config: str | None = None, *, with_delays: bool = True) -> dict[str, Any]:
    """The object that `autonomy log sync --json` prints. Raises UsageError and BadInputError."""
    source = open_log(path, config)
    reader = source.reader
    samples = gnss_samples(source)
    timed = samples[samples["utc_time_ns"] > 0]
    fit = clocks.fit(timed["received_time_ns"], timed["utc_time_ns"])
    clock = reader.metadata.get(METADATA_NAME, {}).get("clock", "unknown")
    sources = {"gnss": _row("utc" if fit else None, fit.as_json() if fit else {})}
    if with_delays:
        for name, delay in _delays(path, config).items():
            sources[name] = _row(None, {}) | {"delay_s": delay["delay_s"], "delay_sigma_s": delay["sigma_s"]}
    scales, notes = {}, []
    if fit:
        utc_ns = int(timed["utc_time_ns"][-1])
        scales = {"gps_minus_utc_s": timescales.gps_minus_utc_s(utc_ns), "tai_minus_utc_s": timescales.tai_minus_utc_s(utc_ns)}
        notes = _notes(clock, fit, scales)
    return {
        "schema": clocks.SCHEMA,
        "log": {"path": str(path), "clock": clock, "start_ns": reader.start_ns, "end_ns": reader.end_ns},
        "time_scales": scales,
        "sources": sources,
        "notes": notes,
    }


def copy_with_table(path: str | Path, output: str | Path, found: dict[str, Any]) -> None:
    """The log as it is, with `found` as the attachment clocks.json. Raises LogError, EnvironmentFault."""
    with open_recording(path, as_is=True) as reader, finished(Path(output)) as target:
        writer = RecordWriter(target)
        try:
            writer.copy_descriptions(reader, reader.path.name)
            writer.attach(clocks.ATTACHMENT, json.dumps(found).encode(), "application/json")
            table = writer.channel_table(reader)
            for batch in reader.batches(as_bytes=reader.channels.values()):
                writer.write(batch, table)
            writer.close()
        finally:
            writer.abandon()


def _row(own_time: str | None, fit: dict[str, Any]) -> dict[str, Any]:
    return {"own_time": own_time, **{key: fit.get(key) for key in FIT_KEYS}, "delay_s": None, "delay_sigma_s": None}


def _delays(path: str | Path, config: str | None) -> dict[str, dict[str, Any]]:
    """Delays of a run to the log's end, of the sources it had."""
    from autonomy.playback.replay import replay

    result = replay(path, config, report=False)
    aids = {"gnss_position": "gnss_position", "gnss_velocity": "gnss_velocity", "wheel": "wheel_speed"}
    return {name: row for name, row in result.metrics["clocks"].items() if aids.get(name) in result.metrics["aids"]}


def _notes(clock: str, fit: clocks.ClockFit, scales: dict[str, int]) -> list[str]:
    notes = []
    offset_s = fit.offset_ns / 1e9
    for scale, leap_s in (("GPS time", scales["gps_minus_utc_s"]), ("TAI", scales["tai_minus_utc_s"])):
        if abs(offset_s - leap_s) < SCALE_MIXED_S:
            notes.append(f"the log's clock '{clock}' is {leap_s} s ahead of UTC: it tells {scale}, not UTC")
    if fit.jumps:
        notes.append(f"{len(fit.jumps)} clock jumps: the rate is that of the stretches between them")
    return notes
