"""CANedge recordings with a CANmod.gps: the MF4 files of one session, in order, as raw CAN frames.

Source: the loggers of CSS Electronics split a session into files `<device>__<session>__<split>-<crc>.MF4` whose times
count from one common start. Frames keep their bytes and their time to the nanosecond; the log's clock is the device's
own: its start by the logger's real-time clock, its rate by the logger's crystal. `autonomy log sync` tells how far both
are from GNSS time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from autonomy import config, msg
from autonomy.errors import EnvironmentFault, LogError
from autonomy.log.importers import Conversion
from autonomy.log.importers.comma2k19 import dbc_lengths
from autonomy.log.writer import LogWriter

FORMAT = "canedge"
VEHICLE = "vehicles/seat_canedge_gps"
RECEIVER_DBC = "canmod-gps.dbc"  # lies beside the recordings
OBD2_DBC = "sensors/obd2.dbc"
OBD2_ANSWERS = range(0x7E8, 0x7F0)  # ISO 15765-4, answers of the eight control units
SMALLEST_DBC_SHARE = 0.25  # a DBC that knows fewer of a bus's frames does not describe that bus
FRAMES_AT_ONCE = 1 << 18
EXTENDED = np.uint32(1 << 31)
GROUP = "CAN_DataFrame"


def recognises(path: Path) -> bool:
    """True for a folder of MF4 files with the receiver's DBC, and for an MF4 file in such a folder."""
    folder = path if path.is_dir() else path.parent
    files = list(_recordings(folder)) if path.is_dir() else [path] if path.suffix.lower() == ".mf4" else []
    return bool(files) and (folder / RECEIVER_DBC).is_file()


def convert(sources: Sequence[Path], output: Path, dbc: Mapping[int, Path] | None = None) -> Conversion:
    """Writes one session to one log. `sources`: folders or files; `dbc` names the DBC file of a bus.

    Raises LogError when a file cannot be read, belongs to another session or overlaps its neighbour in time, and
    EnvironmentFault without asammdf.
    """
    conversion = Conversion(FORMAT)
    files = [file for source in sources for file in (_recordings(source) if source.is_dir() else [source])]
    if not files:
        raise LogError(f"{sources[0]} holds no MF4 file")
    opened = sorted((_open(file) for file in files), key=lambda item: item[1])
    start_ns = opened[0][2]
    for file, _, other_ns in opened:
        if other_ns != start_ns:
            raise LogError(f"{file} starts at {other_ns} ns, {opened[0][0].name} at {start_ns} ns: convert each session apart")
    texts = {bus: _read_dbc(path) for bus, path in (dbc or {}).items()}
    beside = [_read_dbc(path) for path in sorted({path for file in files for path in file.parent.glob("*.dbc")})]
    metadata = {
        "importer": FORMAT,
        "vehicle": VEHICLE,
        "clock": "logger",  # UTC by a real-time clock that nobody set by GNSS
        "source": ", ".join(file.name for file, _, _ in opened),
    }
    seen: set[int] = set()
    last_ns = -1
    with LogWriter(output, metadata) as writer:
        for file, _, _ in opened:
            for frames in _frames(file, start_ns, conversion):
                if frames["time_ns"][0] < last_ns:
                    raise LogError(f"{file} begins before its predecessor ends: the same file twice, or two sessions?")
                last_ns = int(frames["time_ns"][-1])
                buses = [int(bus) for bus in np.unique(frames["bus"])]
                for bus in buses:
                    if bus not in seen and (text := texts.get(bus) or _database(frames["id"][frames["bus"] == bus], beside)):
                        writer.attach(f"can/{bus}.dbc", text.encode(), "text/x-dbc")
                    seen.add(bus)
                rows = {f"/raw/can/{bus}": frames[frames["bus"] == bus] for bus in buses}
                writer.write_merged({topic: (np.ascontiguousarray(part["time_ns"]), part) for topic, part in rows.items()})
        conversion.messages, conversion.start_ns, conversion.end_ns = writer.counts, writer.start_ns, writer.end_ns
    if not conversion.messages:
        raise LogError(f"{files[0]} holds no CAN frame")
    return conversion


def _recordings(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.iterdir()) if file.suffix.lower() == ".mf4")


def _open(path: Path) -> tuple[Path, float, int]:
    """(path, its first time in seconds, start of its session in ns)."""
    with _mdf(path) as recording:
        group = _group(recording, path)
        first = recording.get("Timestamp", group=group, record_count=1)
        return path, float(first.samples[0]) if len(first.samples) else np.inf, int(recording.header.abs_time)


def _mdf(path: Path):
    try:
        from asammdf import MDF
    except ImportError:
        raise EnvironmentFault("reading MF4 needs asammdf: pip install 'autonomy[replay]'") from None
    try:
        return MDF(path)
    except Exception as error:  # asammdf raises whatever its parser stumbles over
        raise LogError(f"{path} cannot be read as an MF4 recording: {error}") from error


def _group(recording, path: Path) -> int:
    for number, group in enumerate(recording.groups):
        if any(channel.name == GROUP for channel in group.channels):
            return number
    raise LogError(f"{path} holds no raw CAN frames (no {GROUP}): it was recorded, or exported, as signals")


def _frames(path: Path, start_ns: int, conversion: Conversion) -> Iterator[np.ndarray]:
    """CanFrame (n,) piece by piece; what has no place in one is counted."""
    with _mdf(path) as recording:
        number = _group(recording, path)
        for other in recording.groups:
            if other is not recording.groups[number] and other.channel_group.cycles_nr:
                conversion.unused[f"{other.channel_group.acq_name} record"] += other.channel_group.cycles_nr
        total = recording.groups[number].channel_group.cycles_nr
        for offset in range(0, total, FRAMES_AT_ONCE):

            def column(name: str, offset=offset) -> np.ndarray:
                signal = recording.get(name, group=number, raw=True, record_offset=offset, record_count=FRAMES_AT_ONCE)
                return signal.samples

            frames = np.zeros(len(column("Timestamp")), msg.dtype("CanFrame"))
            # Nanoseconds, exact in float64 for a hundred days
            frames["time_ns"] = start_ns + np.rint(column("Timestamp")).astype(np.int64)
            data, length = column(f"{GROUP}.DataBytes"), column(f"{GROUP}.DataLength")
            identifier = column(f"{GROUP}.ID").astype(np.uint32) & np.uint32(0x1FFFFFFF)
            frames["id"] = np.where(column(f"{GROUP}.IDE") != 0, identifier | EXTENDED, identifier)
            frames["bus"] = column(f"{GROUP}.BusChannel")
            frames["length"] = np.minimum(length, 8)
            frames["flags"] = np.where(column(f"{GROUP}.Dir") != 0, msg.constants("CanFrame")["FLAG_TRANSMITTED"], 0)
            width = min(data.shape[1], 8)
            frames["data"][:, :width] = data[:, :width]
            frames["data"][np.arange(8) >= frames["length"][:, None]] = 0
            fits = length <= 8
            conversion.unused["CAN FD frame of more than 8 bytes"] += int((~fits).sum())
            if fits.any():
                yield frames[fits]


def _database(identifiers: np.ndarray, beside: Sequence[str]) -> str | None:
    """The DBC that knows most of a bus's frames; ours for a bus of OBD2 answers."""
    shares = [float(np.isin(identifiers, np.array(list(dbc_lengths(text)), np.uint32)).mean()) for text in beside]
    if shares and max(shares) >= SMALLEST_DBC_SHARE:
        return beside[int(np.argmax(shares))]
    return _read_dbc(config.directory() / OBD2_DBC) if np.isin(identifiers, np.array(OBD2_ANSWERS, np.uint32)).any() else None


def _read_dbc(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise LogError(f"cannot read the DBC file {path}: {error.strerror}") from error
    if not dbc_lengths(text):
        raise LogError(f"{path} is not a DBC file: it describes no message (no BO_ line)")
    return text
