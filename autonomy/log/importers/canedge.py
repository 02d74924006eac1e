"""A session of a CANedge logger with a CANmod.gps: its MF4 files as one log that names a vehicle and carries its DBCs.

The loggers of CSS Electronics split a session into files `<device>__<session>__<split>-<crc>.MF4` whose times count from
one start. The frames are read as those of any MF4 file; what this importer adds is which DBC belongs to which bus and
which vehicle configuration routes them. The log's clock is the device's own: its start by the logger's real-time clock,
its rate by the logger's crystal. `autonomy log sync` tells how far both are from GNSS time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from autonomy import config, msg
from autonomy.errors import LogError
from autonomy.log.importers import Conversion, recording
from autonomy.log.importers.comma2k19 import best_database, described_by
from autonomy.log.opening import open_recording
from autonomy.log.reader import rows_of

FORMAT = "canedge"
VEHICLE = "vehicles/seat_canedge_gps"
RECEIVER_DBC = "canmod-gps.dbc"  # lies beside the recordings
OBD2_DBC = "sensors/obd2.dbc"
OBD2_ANSWERS = np.arange(0x7E8, 0x7F0, dtype=np.uint32)  # ISO 15765-4, answers of the eight control units
FRAMES_LOOKED_AT = 50_000  # ten minutes of this pair of buses: slow messages have been seen


def recognises(path: Path) -> bool:
    """True for a folder of MF4 files with the receiver's DBC, and for an MF4 file in such a folder."""
    folder = path if path.is_dir() else path.parent
    return bool(_files([path])) and (folder / RECEIVER_DBC).is_file()


def convert(sources: Sequence[Path], output: Path, dbc: Mapping[int, Path] | None = None, *,
            watching: recording.Watching = recording.unwatched) -> Conversion:  # fmt: skip
    """Writes one session to one log. `sources`: folders or files; `dbc` names the DBC file of a bus.

    Raises LogError when a file cannot be read, and EnvironmentFault without asammdf.
    """
    files = _files(sources)
    found = _databases(files) | dict(dbc or {})
    return recording.convert(files, output, found, metadata={"vehicle": VEHICLE, "importer": FORMAT}, watching=watching)


def _files(sources: Sequence[Path]) -> list[Path]:
    listed = [sorted(source.iterdir()) if source.is_dir() else [source] for source in sources]
    return [file for files in listed for file in files if file.suffix.lower() == ".mf4"]


def _databases(files: Sequence[Path]) -> dict[int, Path]:
    """DBC file by bus: of those beside the recordings the one that knows most of its frames; ours for OBD2 answers."""
    beside = sorted({path for file in files for path in file.parent.glob("*.dbc")})
    described = [described_by(_text(path)) for path in beside]
    databases = {}
    for bus, identifiers in _identifiers(files[0]).items():
        best = best_database(identifiers, described)
        if best is not None:
            databases[bus] = beside[best]
        elif np.isin(identifiers, OBD2_ANSWERS).any():
            databases[bus] = config.directory() / OBD2_DBC
    return databases


def _identifiers(file: Path) -> dict[int, np.ndarray]:
    """Identifiers by bus of the first frames of a recording."""
    with open_recording(file) as reader:
        topics = [topic for topic in reader.topics if topic.startswith("/raw/can/")]
        parts, count = [], 0
        for batch in reader.batches(topics):
            parts.append(rows_of(batch, msg.dtype("CanFrame")))
            count += len(parts[-1])
            if count >= FRAMES_LOOKED_AT:
                break
    frames = np.concatenate(parts) if parts else np.zeros(0, msg.dtype("CanFrame"))
    return {int(bus): frames["id"][frames["bus"] == bus] for bus in np.unique(frames["bus"])}


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise LogError(f"cannot read the DBC file {path}: {error.strerror}") from error
