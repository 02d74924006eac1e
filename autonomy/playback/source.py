"""A log as the feed needs it: which channel means what, which configuration, databases and lane path belong to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from autonomy import config as configuration
from autonomy.errors import BadInputError, UsageError
from autonomy.inputs import lane_path
from autonomy.log.carried_databases import carried_databases
from autonomy.log.opening import open_recording
from autonomy.log.reader import LogReader
from autonomy.log.writer import METADATA_NAME
from autonomy.parameters import load_parameters
from autonomy.perception.lidar_calibration import carried
from autonomy.perception.recorded_topics import recorded_topics
from autonomy.perception.sensor_tables import PREFIX
from autonomy.perception.stages import sensors_of
from autonomy.playback._feed import ACTIONS
from drivers.can.database import DatabaseError
from drivers.can.route_config import KINDS as KIND_MESSAGES
from drivers.can.route_config import read as read_routes
from drivers.can.router import RouteError, Router
from drivers.serial.router import SerialRouter

KINDS = ("", *KIND_MESSAGES)  # by number, as the feed counts them
MODES = ("auto", "raw", "cuts", "frames", "packets")
CONFIG_ATTACHMENT = "config.json"
PATH_ATTACHMENT = "lane_path.csv"


@dataclass
class LogSource:
    """One opened log. `mode` is what drives the ticks: raw (10 ms grid), cuts or frames; `from_packets`: scans are made anew."""

    reader: LogReader
    config: configuration.Config
    parameters: np.ndarray
    mode: str
    routes: np.ndarray
    router: Router
    serial: SerialRouter
    path: np.ndarray  # (n, 5), see autonomy/inputs/lane_path.py
    path_label: str
    from_packets: bool = False

    @property
    def duration_s(self) -> float:
        return (self.reader.end_ns - self.reader.start_ns) / 1e9


def open_log(path: str | Path, config: str | Path | None = None, overrides: dict[str, Any] | None = None, *,
             mode: str = "auto", path_file: str | Path | None = None) -> LogSource:  # fmt: skip
    """Opens a log for replay. Raises UsageError and BadInputError.

    Without `config`, a log that a run wrote brings its own configuration and parameters, gain tables included; any
    other log names its vehicle's configuration.
    """
    reader = open_recording(path)
    if reader.start_ns is None:
        raise BadInputError(f"{path}: holds no readable record" + (f" ({reader.problem})" if reader.problem else ""))
    loaded, parameters = load_configuration(reader, config, overrides)
    from_packets = mode == "packets"
    if from_packets:
        _declare_results(reader, loaded)
    topics = {number: channel.topic for number, channel in reader.channels.items()}
    mode = _mode(path, topics, mode)
    router, serial = _router(loaded, reader), SerialRouter.from_config(loaded)
    lane, label = _lane_path(reader, loaded, path_file)
    return LogSource(reader, loaded, parameters, mode, routes_of(topics, serial), router, serial, lane, label, from_packets)


def load_configuration(
    reader: LogReader, config: str | Path | None, overrides: dict[str, Any] | None
) -> tuple[configuration.Config, np.ndarray]:
    """The configuration given, carried or named, and its parameters. Raises UsageError and BadInputError."""
    if config is None and CONFIG_ATTACHMENT in reader.attachments:
        loaded = configuration.Config.from_json(_text(reader, CONFIG_ATTACHMENT), overrides, carried(reader))
        if not overrides and "/parameters" in reader.topics:
            return loaded, reader.read_topic("/parameters")[0].copy()
        return loaded, load_parameters(loaded)
    named = config if config is not None else reader.metadata.get(METADATA_NAME, {}).get("vehicle")
    if named is None:
        raise UsageError(f"{reader.path}: names no vehicle configuration; give one with --config")
    loaded = configuration.load(named, overrides)
    return loaded, load_parameters(loaded)


def _declare_results(reader: LogReader, config: configuration.Config) -> None:
    """Channels for what scans of the log's packets tell. Raises UsageError when there are no packets of a sensor we know."""
    sensors = sensors_of(config)
    topics = recorded_topics(sensors, reader.topics, str(reader.path))
    present = [sensor for sensor in sensors if sensor.name in topics]
    if not present:
        wanted = ", ".join(f"{sensor.topic} (or {PREFIX}{sensor.port})" for sensor in sensors)
        wanted = wanted or "no [[lidar.sensor]] and no [[radar.sensor]]"
        raise UsageError(f"{reader.path}: no packets to begin from; its configuration has {wanted}; use another --from")
    for kind in dict.fromkeys(kind for sensor in present for kind in sensor.gives):
        reader.declare(f"/in/{kind}")


def is_input_topic(topic: str) -> bool:
    """True for what a log must keep of its source: raw bytes, samples and the reference; not frames, cuts or outputs."""
    return topic.startswith(("/raw/", "/ref/")) or (topic.startswith("/in/") and topic[4:] in KINDS)


def _mode(path: str | Path, topics: dict[int, str], wanted: str) -> str:
    present = set(topics.values())
    has_raw = any(topic.startswith("/raw/") for topic in present) or "/in/imu" in present
    if wanted not in MODES:
        raise UsageError(f"--from {wanted}: choose one of {', '.join(MODES)}")
    has_frames, has_cuts = "/in/frame" in present, "/cut" in present
    if wanted in ("auto", "packets") and has_cuts and has_raw:
        wanted = "cuts"
    elif wanted == "packets":
        wanted = "raw"
    elif wanted == "auto":
        wanted = "frames" if has_frames else "raw"
    if wanted == "frames" and not has_frames:
        raise UsageError(f"{path}: has no /in/frame topic, so it cannot be replayed from frames; use --from raw")
    if wanted == "cuts" and not has_cuts:
        raise UsageError(f"{path}: has no /cut topic; use --from raw")
    if not present & {f"/in/{kind}" for kind in KINDS[1:]} and not any(
        topic.startswith(("/raw/can/", "/raw/serial/")) for topic in present
    ):
        raise BadInputError(f"{path}: holds nothing to replay (topics: {', '.join(sorted(present)) or 'none'})")
    return wanted


def routes_of(topics: dict[int, str], serial: SerialRouter) -> np.ndarray:
    """int32 (n, 2): action and kind by channel id, as the feed reads them."""
    routes = np.zeros((max(topics, default=0) + 1, 2), np.int32)
    for channel, topic in topics.items():
        if topic.startswith("/raw/can/"):
            routes[channel] = ACTIONS["raw_can"], 0
        elif (entry := serial.entry_of(topic)) is not None:
            routes[channel] = ACTIONS["raw_serial"], entry
        elif topic == "/in/frame":
            routes[channel] = ACTIONS["frame"], 0
        elif topic == "/cut":
            routes[channel] = ACTIONS["cut"], 0
        elif topic.startswith("/in/") and topic[4:] in KINDS:
            routes[channel] = ACTIONS["samples"], KINDS.index(topic[4:])
    return routes


def _router(config: configuration.Config, reader: LogReader) -> Router:
    """The routes of those buses that the log has frames of. Raises UsageError and BadInputError."""
    names = {topic.removeprefix("/raw/can/") for topic in reader.topics if topic.startswith("/raw/can/")}
    try:
        table = config.sections.get("can", {})
        read_routes(table, config.path)  # before the tables are looked into
        if all(name.isdecimal() for name in names):  # else any bus may hide behind a name: a frame tells its number
            kept = {
                key: [item for item in table.get(key, []) if str(item.get("bus")) in names] for key in ("bus", "route", "guard")
            }
            config = replace(config, sections={**config.sections, "can": {**table, **kept}})
        return Router.from_config(config, carried_databases(reader))
    except RouteError as error:
        raise UsageError(str(error)) from None
    except DatabaseError as error:
        raise BadInputError(str(error)) from None


def _text(reader: LogReader, name: str) -> str:
    try:
        return reader.attachment(name).decode()
    except UnicodeDecodeError as error:
        raise BadInputError(f"{reader.path}: the attachment '{name}' is no UTF-8 text: {error}") from None


def _lane_path(reader: LogReader, config: configuration.Config, path_file: str | Path | None) -> tuple[np.ndarray, str]:
    if path_file is not None:
        origin = tuple(config.sections.get("replay", {}).get("path_origin", (0.0, 0.0, 0.0)))
        return lane_path.from_csv(path_file, origin), str(path_file)
    if PATH_ATTACHMENT in reader.attachments:
        label = reader.metadata.get(METADATA_NAME, {}).get("lane_path", PATH_ATTACHMENT)
        return lane_path.from_text(_text(reader, PATH_ATTACHMENT)), label
    if "/ref/pose" in reader.topics:
        return lane_path.from_drive(reader.read_topic("/ref/pose")), "recorded from the same drive"
    return lane_path.EMPTY, "none"
