"""What is told of a live run at its end: counts, histograms and verdict. `session`: what was open while it ran (session.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from autonomy.runtime import figures, realtime

__all__ = ["NOT_TOLD", "figures_of"]

NOT_TOLD: Mapping[str, Any] = MappingProxyType({"frames": None, "ticks": None, "files": (), "events": None})  # by a lost recorder


def _startup_s(session) -> float | None:
    """s from the start of the process to the first OutputFrame, in standby."""
    if session.options.lockstep or not session.loop.first_output_ns:
        return None
    return (session.loop.first_output_ns - realtime.process_start_ns()) / 1e9


def figures_of(session, written: Mapping[str, Any], complaints: Sequence[str] = ()) -> dict[str, Any]:
    """`written`: what the recorder says at its end; `complaints`: of what ran beside the session. The keys: docs/runtime.md."""
    options, transmitter = session.options, session.transmitter
    counts = session.loop.counts() | {
        "received": sum(receiver.received for receiver in session.receivers),
        "fd_frames": sum(receiver.fd_frames for receiver in session.receivers),
        "node_frames_lost": session.heard.ring.refused,
        "clock_steps": sum(receiver.clock_steps for receiver in session.receivers),
        "bus_lost": sum(session.lost.values()),
        "sent": transmitter.sent if transmitter else 0,
        "send_failed": transmitter.failed if transmitter else 0,
        "superseded": transmitter.superseded if transmitter else 0,
        "withheld": transmitter.withheld if transmitter else 0,
        "serial_bytes": sum(line.received for line in session.lines),
        "serial_errors": sum(line.lost for line in session.lines),
        "serial_reopened": sum(line.port.reopened for line in session.lines),
        "page_faults": session.page_faults,
        "written_frames": written["frames"],
        "written_ticks": written["ticks"],
        **session.sensors.counts(),
    }
    counts["lists_lost"] += session.cruise.lists_lost()
    if options.lockstep:
        counts |= {"late": 0, "overrun": 0}
    histograms = session.loop.histograms()
    empty = (np.zeros(1, np.int64), 0)
    latency = (transmitter.latency_us, transmitter.latency_max_ns) if transmitter else empty
    # In lockstep the rig's clock is not ours: there is no lateness
    lateness = figures.percentiles_us(*(empty if options.lockstep else histograms["lateness"]))
    found = {
        "schema": "autonomy.run/1",
        "mode": options.mode,
        "soft": options.allow_soft,
        "lockstep": options.lockstep,
        "engaged": session.loop.engaged,
        "standby": None if session.standby is None else session.standby.reason,
        "node": None if session.node is None else session.node.figures(),
        "partners": session.partners.as_json(),
        "serial": session.loop.serial_counts(),
        "scan_sensors": session.sensors.figures(),
        "route": session.cruise.figures(),
        "telemetry": session.telemetry.figures(),
        "clocks": session.clocks.figures(),
        "realtime": [finding._asdict() | {"good": finding.good} for finding in session.findings],
        "stolen_ms": session.stolen.milliseconds(),
        "lateness_us": lateness,
        "work_us": figures.percentiles_us(*histograms["work"]),
        "stages": {} if options.lockstep else session.loop.stages(),
        "startup_s": _startup_s(session),
        "latency_us": figures.percentiles_us(*latency),
        "response_us": figures.percentiles_us(*histograms["response"]),
        "counts": counts,
        "log": written["files"][0] if len(written["files"]) == 1 else None,
        "logs": list(written["files"]),
        "events": written["events"],
    }
    verdict, exit_code, reasons = figures.verdict(
        counts, [*complaints, *session.complaints()], soft=options.allow_soft or options.lockstep,
        p99_lateness_us=lateness["p99"], limit_us=realtime.LATENESS_P99_LIMIT_S * 1e6, interrupted=session.interrupted,
    )  # fmt: skip
    return found | {"verdict": verdict, "exit_code": exit_code, "reasons": reasons}
