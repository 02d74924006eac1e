"""Runs the stack on live buses, serial lines, lidars and radars: the processes beside the loop first, then a session with it.

report = run(Options(config="vehicles/demo_truck", interface="socketcan", channels=["vcan0", "vcan1"], duration_s=10.0))
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from autonomy import output_folder
from autonomy.errors import EnvironmentFault
from autonomy.inputs import lane_path
from autonomy.log.writer import LogWriter
from autonomy.runtime import realtime
from autonomy.runtime.earlier_logs import keep_unfinished, standing_aside, told_of_earlier
from autonomy.runtime.journal import Journal, JournalRings, open_log
from autonomy.runtime.options import ACTIVE, Options, check_channels, devices_asked_for, encoder_of, scan_sockets
from autonomy.runtime.predictive_cruise import PredictiveCruise
from autonomy.runtime.recorder import Recorder
from autonomy.runtime.run_figures import NOT_TOLD, figures_of
from autonomy.runtime.scan_rings import list_journal
from autonomy.runtime.scan_sensors import ScanSensors
from autonomy.runtime.segments import Segments, Snapshots
from autonomy.runtime.session import Session
from autonomy.runtime.shared_histograms import NAME as HISTOGRAMS
from autonomy.runtime.shared_histograms import SharedHistograms
from autonomy.runtime.telemetry import Telemetry
from autonomy.stack import Stack
from drivers.can.router import Router
from drivers.serial.router import SerialRouter

LOG, FIGURES = "run.mcap", "run.json"


def run(options: Options, tell: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Runs until the duration is over, a signal comes or a bus fails; the figures (docs/runtime.md), `exit_code` among them.

    Raises UsageError, BadInputError and EnvironmentFault; the last when active mode is asked for and the machine is not fit.
    """
    stack = Stack.from_config(options.config, options.overrides)
    router = Router.from_config(stack.config)
    table = stack.config.sections.get("replay", {})
    lane = lane_path.EMPTY
    if options.path_file is not None:
        lane = lane_path.from_csv(options.path_file, tuple(table.get("path_origin", (0.0, 0.0, 0.0))))
    set_speed = float(table.get("set_speed_mps", 0.0)) if options.set_speed_mps is None else options.set_speed_mps
    check_channels(options.config, stack.config.sections, options.interface, options.channels)
    serial = SerialRouter.from_config(stack.config)
    devices = devices_asked_for(options, serial)
    encoder = encoder_of(options, stack, router) if options.mode == ACTIVE else None
    places = scan_sockets(options, stack)
    log_path = output_folder.prepare(options.output) / LOG
    for path in (log_path, options.output / FIGURES):
        if path.is_dir():
            raise EnvironmentFault(f"{path}: is a folder, where a file is to be written; take it away or give another -o")
    for path, kept in keep_unfinished(log_path):
        tell(f"{path}: was never closed, the run before this ended badly; it is {kept.name} now")
    for line in told_of_earlier(log_path):
        tell(line)
    metadata = {"mode": options.mode, "host": platform.node(), "utc_minus_clock_ns": time.time_ns() - time.monotonic_ns()}
    began_ns, clock = (0, "the rig's") if options.lockstep else (time.monotonic_ns(), "CLOCK_MONOTONIC")

    def opened(path: Path, first_ns: int) -> LogWriter:
        return open_log(path, stack.config, stack.parameters, lane, options.path_file or "none", first_ns or began_ns, clock,
                        options.durable, **metadata)  # fmt: skip

    def journal(log: Segments, rings: JournalRings, lines: list[str]) -> Journal:
        snapshots = None if options.before_s is None else Snapshots(log, options.before_s, options.after_s)
        return Journal(log, rings, lines, snapshots)

    histograms = SharedHistograms()

    def closing(log: LogWriter) -> None:
        if found := histograms.as_json():
            log.attach(HISTOGRAMS, found, "application/json")

    segments = partial(Segments, log_path, opened, options.segment_s, not options.events_only, closing)
    # These and the recorder before any thread
    with (standing_aside(log_path) as earlier, realtime.elsewhere(options.cpu),
          ScanSensors(stack.config, places, options.priority, lockstep=options.lockstep) as sensors,
          PredictiveCruise(stack.parameters, options.route_file, lockstep=options.lockstep) as cruise,
          Telemetry(stack.parameters, options.telemetry) as telemetry):  # fmt: skip
        lists = list_journal() if sensors.found or cruise.found else None
        rings = JournalRings.make(len(devices), lists, sensors.raw)
        recorder = Recorder(segments, rings, list(devices), journal)
        session = None
        try:
            session = Session(options, stack, router, encoder, lane, set_speed, rings, serial, devices, sensors, cruise,
                              telemetry, recorder, histograms)
            session.drive(tell)
        finally:
            if session is not None:
                session.close()
            sensors.stop()
            cruise.stop()
            telemetry.stop()
            if session is not None and session.loop.tick_index:
                earlier.give_way()
            written, failure = NOT_TOLD, []
            try:
                written = recorder.stop()
            except EnvironmentFault as fault:  # a truck without a log has still driven, and there is something to tell
                failure = [str(fault)]
        return figures_of(session, written, failure)
