"""A drive without the stack: the world's driver keeps the lane for a minute, the sensors' bytes are recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autonomy import config as configuration
from autonomy import msg, output_folder
from autonomy.inputs import lane_path
from autonomy.log import layouts, topics
from autonomy.log.writer import LogWriter
from autonomy.parameters import load_parameters
from autonomy.perception.lidar_calibration import attachments
from autonomy.playback.source import CONFIG_ATTACHMENT, PATH_ATTACHMENT
from autonomy.tick_period import TICK_S
from hil.loop.reference import POSE_TICKS, centre_line, pose_of
from hil.sensors import Bytes
from hil.worlds.curved_road import CurvedRoad

FLUSH_TICKS = 100


def record(path: str | Path, config: str = "vehicles/demo_truck", *, duration_s: float = 60.0, seed: int = 0) -> Path:
    """Drives and writes one log: /parameters, the vehicle's CAN buses and serial ports, /ref/pose.

    Configuration, lane path and DBC texts are attached.

    The same seed gives the same bytes. Raises UsageError and EnvironmentFault.
    """
    loaded = configuration.load(config)
    world = CurvedRoad(loaded.section("vehicle"))
    sensors = Bytes(loaded, seed)
    truth = world.reset(seed)
    path = Path(path)
    output_folder.prepare(path.parent)
    with LogWriter(path, {"vehicle": loaded.path, "config_hash": loaded.sha256,
                          "calibration_hash": loaded.calibration_sha256,
                          "importer": "hil.drive", "clock": "simulated",
                          "lane_path": "the road's centre line"}) as log:  # fmt: skip
        log.write("/parameters", truth.time_ns, load_parameters(loaded))
        log.attach(CONFIG_ATTACHMENT, loaded.to_json().encode())
        log.attach(PATH_ATTACHMENT, lane_path.to_text(centre_line(world)).encode())
        for bus in loaded.section("can")["bus"]:
            log.attach(f"can/{bus['bus']}.dbc", configuration.find(bus["dbc"]).read_bytes())
        for name, content in attachments(loaded).items():
            log.attach(name, content)
        records, poses = [], []
        for tick in range(round(duration_s / TICK_S)):
            records += sensors.sense(truth)
            if tick % POSE_TICKS == 0:
                poses.append(pose_of(truth))
            if tick % FLUSH_TICKS == FLUSH_TICKS - 1:
                _write(log, records, poses)
                records, poses = [], []
            truth = world.step(None, TICK_S)
        _write(log, records, poses)
    return path


def _write(log: LogWriter, records: list, poses: list) -> None:
    streams = {}
    for channel in sorted({record.channel for record in records}):
        rows = _rows([record.data for record in records if record.channel == channel], channel)
        streams[channel] = rows["time_ns"], rows
    if poses:
        rows = np.concatenate(poses)
        streams["/ref/pose"] = rows["time_ns"], rows
    log.write_merged(streams)


def _rows(bodies: list[bytes], channel: str) -> np.ndarray:
    """Bodies of one channel as rows of its message; a list gets room for the longest."""
    message = topics.message_of(channel)
    lists = msg.list_layout(message)
    if lists is None:
        return np.frombuffer(b"".join(bodies), msg.dtype(message))
    _, first, element = lists
    dtype = layouts.short_dtype(message, max((max(map(len, bodies)) - first) // element, 1))
    return np.frombuffer(b"".join(body.ljust(dtype.itemsize, b"\0") for body in bodies), dtype)
