"""comma2k19 segment folders: raw CAN, IMU, u-blox fixes and the post-processed reference pose.

Source: github.com/commaai/comma2k19, whose README describes the arrays. Times are seconds of one boot clock and are
kept to the nanosecond; valid time equals received time, the delays are left to the estimator.

The gyro stream is `gyro`, the rate with the phone's own bias estimate taken off: `gyro_uncalibrated` carries up to
0.07 rad/s of bias (4 deg/s), outside any sensible prior. The price is that the estimate may jump within a drive; the
log's metadata says how often it did (never in a segment without changes in `gyro_bias`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from autonomy import geodesy, msg
from autonomy.errors import LogError
from autonomy.log.importers import Conversion, samples
from autonomy.log.writer import LogWriter

FORMAT = "comma2k19"
VEHICLE = "vehicles/toyota_rav4_comma2k19"
GYRO_STREAM = "gyro"
TRANSMITTED_FROM = 128  # source numbers from here on are frames openpilot sent on bus source - 128
EXTENDED = np.uint32(1 << 31)
LARGEST_STANDARD_ID = 0x7FF
SMALLEST_DBC_SHARE = 0.25  # a DBC that knows fewer of a bus's frames does not describe that bus
NOT_IMPORTED = ("GNSS/live_gnss_qcom", "GNSS/raw_gnss_qcom", "GNSS/raw_gnss_ublox", "IMU/magnetometer")
DEVICE_TO_VEHICLE = np.array([1.0, -1.0, -1.0])  # [forward, right, down] to [forward, left, up]

_MESSAGE_LINE = re.compile(r"^[ \t]*BO_[ \t]+(\d+)[ \t]+\w+[ \t]*:[ \t]*(\d+)", re.MULTILINE)
Streams = dict[str, tuple[np.ndarray, np.ndarray]]


def recognises(path: Path) -> bool:
    """True for a segment folder."""
    return (path / "processed_log").is_dir() or (path / "global_pose").is_dir()


def convert(sources: Sequence[Path], output: Path, dbc: Mapping[int, Path] | None = None) -> Conversion:
    """Writes the segments to one log. `dbc` names the DBC file of a bus in place of the one found beside the data.

    Raises LogError when an array is absent, damaged or of an unexpected shape, or a DBC cannot be read.
    """
    conversion = Conversion(FORMAT)
    streams: Streams = {}
    databases: dict[int, str] = {}
    bias_changes = 0
    for folder in sources:
        if not recognises(folder):
            raise LogError(f"{folder} is no comma2k19 segment: it holds neither processed_log nor global_pose")
        frames = _can_frames(folder, conversion)
        databases = _databases(folder, frames, dbc or {}) | databases
        _set_lengths(frames, databases, conversion)
        for bus in np.unique(frames["bus"]):
            rows = frames[frames["bus"] == bus]
            _add(streams, f"/raw/can/{bus}", rows["time_ns"], rows)
        _add(streams, "/in/imu", *_imu(folder, conversion))
        _add(streams, "/in/gnss", *_gnss(folder, conversion))
        _add(streams, "/ref/pose", *_reference(folder, conversion))
        bias_changes += _bias_changes(folder)
        for name in NOT_IMPORTED:
            if (times := _load(folder, f"processed_log/{name}/t", None, optional=True)) is not None:
                conversion.unused[f"no message for {name}"] += len(times)
    if not any(len(times) for times, _ in streams.values()):
        raise LogError(f"{sources[0]} holds no message: none of raw_can, IMU, live_gnss_ublox and global_pose is there")
    metadata = {
        "importer": FORMAT,
        "vehicle": VEHICLE,
        "clock": "boot",
        "gyro_stream": GYRO_STREAM,
        "gyro_bias_changes": bias_changes,
        "source": ", ".join(folder.name for folder in sources),
    }
    with LogWriter(output, metadata) as writer:
        for bus, text in sorted(databases.items()):
            writer.attach(f"can/{bus}.dbc", text.encode(), "text/x-dbc")
        writer.write_merged(streams)
        conversion.messages, conversion.start_ns, conversion.end_ns = writer.counts, writer.start_ns, writer.end_ns
    return conversion


def best_database(identifiers: np.ndarray, described: Sequence[np.ndarray]) -> int | None:
    """Which of several databases, by the identifiers they describe, knows most of a bus's frames; None where none does."""
    shares = [float(np.isin(identifiers, own).mean()) for own in described]
    return int(np.argmax(shares)) if shares and max(shares) >= SMALLEST_DBC_SHARE else None


def described_by(text: str) -> np.ndarray:
    """Identifiers uint32 of a DBC's messages."""
    return np.array(list(dbc_lengths(text)), np.uint32)


def dbc_lengths(text: str) -> dict[int, int]:
    """Data length by identifier (bit 31 = extended) of each message in a DBC."""
    return {int(match[1]): min(int(match[2]), 8) for match in _MESSAGE_LINE.finditer(text)}


def _can_frames(folder: Path, conversion: Conversion) -> np.ndarray:
    """All frames as CanFrame (n,), their length not yet known."""
    base = "processed_log/CAN/raw_can"
    times = _load(folder, f"{base}/t", 1, optional=True)
    if times is None:
        conversion.notes["no processed_log/CAN/raw_can"] += 1
        return np.zeros(0, msg.dtype("CanFrame"))
    address, source = _load(folder, f"{base}/address", 1), _load(folder, f"{base}/src", 1)
    data = _load(folder, f"{base}/data", 1)
    _same_length(folder, base, t=times, address=address, src=source, data=data)
    if data.dtype.kind != "S" or data.dtype.itemsize > 8:
        raise LogError(f"{folder / base / 'data'} holds {data.dtype}, not up to 8 bytes a frame (|S8)")
    usable = _usable_times(times, conversion, "raw_can")
    frames = np.zeros(int(usable.sum()), msg.dtype("CanFrame"))
    frames["time_ns"] = _nanoseconds(times[usable])
    identifier = address[usable].astype(np.uint32)
    frames["id"] = np.where(identifier > LARGEST_STANDARD_ID, identifier | EXTENDED, identifier)
    frames["bus"] = source[usable]
    frames["flags"] = np.where(source[usable] >= TRANSMITTED_FROM, msg.constants("CanFrame")["FLAG_TRANSMITTED"], 0)
    frames["data"] = np.ascontiguousarray(data[usable].astype("S8")).view(np.uint8).reshape(-1, 8)
    return frames


def _databases(folder: Path, frames: np.ndarray, given: Mapping[int, Path]) -> dict[int, str]:
    """DBC text by bus: the file given, else the one beside the data that knows most of the bus's frames."""
    texts = {bus: _read_dbc(Path(path)) for bus, path in given.items()}
    beside = [_read_dbc(path) for path in sorted(folder.glob("*.dbc"))]
    described = [described_by(text) for text in beside]
    for bus in np.unique(frames["bus"]):
        if bus >= TRANSMITTED_FROM or int(bus) in texts:
            continue
        received = frames["id"][frames["bus"] == bus]
        best = best_database(received, described)
        if best is not None:
            texts[int(bus)] = beside[best]
    return texts


def _read_dbc(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise LogError(f"cannot read the DBC file {path}: {error.strerror}") from error
    if not dbc_lengths(text):
        raise LogError(f"{path} is not a DBC file: it describes no message (no BO_ line)")
    return text


def _set_lengths(frames: np.ndarray, databases: Mapping[int, str], conversion: Conversion) -> None:
    """Lengths from the DBCs: trailing zero bytes are lost in the arrays. Sent frames have the lengths of their bus."""
    frames["length"] = 8
    for bus in np.unique(frames["bus"]):
        on_bus = frames["bus"] == bus
        lengths = dbc_lengths(databases.get(int(bus) % TRANSMITTED_FROM, ""))
        for identifier in np.unique(frames["id"][on_bus]):
            chosen = on_bus & (frames["id"] == identifier)
            length = lengths.get(int(identifier))
            if length is None:
                conversion.notes["length_unknown"] += int(chosen.sum())
                continue
            beyond = frames["data"][chosen][:, length:].any()
            if beyond:
                conversion.notes["longer_than_dbc"] += int(chosen.sum())
                continue
            frames["length"][chosen] = length


def _imu(folder: Path, conversion: Conversion) -> tuple[np.ndarray, np.ndarray]:
    base = "processed_log/IMU"
    times = _load(folder, f"{base}/accelerometer/t", 1, optional=True)
    if times is None:
        conversion.notes["no processed_log/IMU/accelerometer"] += 1
        return np.zeros(0, np.int64), samples.as_messages("ImuInput", samples.blank("ImuSample", np.zeros(0, np.int64)))
    force = _load(folder, f"{base}/accelerometer/value", 2, 3)
    rate_times = _load(folder, f"{base}/{GYRO_STREAM}/t", 1)
    rate = _load(folder, f"{base}/{GYRO_STREAM}/value", 2, 3)
    _same_length(folder, base, **{"accelerometer/t": times, "accelerometer/value": force})
    _same_length(folder, base, **{f"{GYRO_STREAM}/t": rate_times, f"{GYRO_STREAM}/value": rate})
    # Both come from one chip and share their times; a sample without its partner cannot be integrated
    both, first, second = np.intersect1d(times, rate_times, return_indices=True)
    conversion.unused["accelerometer sample without a gyro sample of the same time"] += len(times) - len(both)
    conversion.unused["gyro sample without an accelerometer sample of the same time"] += len(rate_times) - len(both)
    usable = _usable_times(both, conversion, "IMU")
    force, rate = force[first][usable] * DEVICE_TO_VEHICLE, rate[second][usable] * DEVICE_TO_VEHICLE
    times_ns = _nanoseconds(both[usable])
    items = samples.blank("ImuSample", times_ns)
    for axis, name in enumerate("xyz"):
        items[f"acceleration_{name}"] = force[:, axis]
        items[f"angular_rate_{name}"] = rate[:, axis]
    finite = np.isfinite(force).all(axis=1) & np.isfinite(rate).all(axis=1)
    items["validity"] = np.where(finite, samples.OK, samples.NOT_AVAILABLE)
    return times_ns, samples.as_messages("ImuInput", items)


def _bias_changes(folder: Path) -> int:
    bias = _load(folder, "processed_log/IMU/gyro_bias/value", 2, optional=True)
    return 0 if bias is None else int((np.diff(bias, axis=0) != 0.0).any(axis=1).sum())


def _gnss(folder: Path, conversion: Conversion) -> tuple[np.ndarray, np.ndarray]:
    """Columns: latitude, longitude, speed, UTC in ms, altitude, bearing. The receiver's own sigmas were not kept."""
    base = "processed_log/GNSS/live_gnss_ublox"
    times = _load(folder, f"{base}/t", 1, optional=True)
    if times is None:
        conversion.notes[f"no {base}"] += 1
        return np.zeros(0, np.int64), samples.as_messages("GnssInput", samples.blank("GnssSample", np.zeros(0, np.int64)))
    value = _load(folder, f"{base}/value", 2, 6)
    _same_length(folder, base, t=times, value=value)
    usable = _usable_times(times, conversion, "live_gnss_ublox")
    times_ns, value = _nanoseconds(times[usable]), value[usable]
    items = samples.blank("GnssSample", times_ns)
    for column, name in ((0, "latitude_deg"), (1, "longitude_deg"), (2, "speed"), (4, "altitude_m"), (5, "course_deg")):
        items[name] = value[:, column]
    utc_ms = np.where(np.isfinite(value[:, 3]), value[:, 3], 0.0)
    items["utc_time_ns"] = np.rint(utc_ms).astype(np.int64) * 1_000_000
    items["fix_type"] = items["satellites"] = 255
    items["validity"] = np.where(np.isfinite(value[:, :2]).all(axis=1), samples.OK, samples.NOT_AVAILABLE)
    return times_ns, samples.as_messages("GnssInput", items)


def _reference(folder: Path, conversion: Conversion) -> tuple[np.ndarray, np.ndarray]:
    """ECEF poses of the camera as ReferencePose; quaternions turn [forward, right, down] of the camera into ECEF."""
    times = _load(folder, "global_pose/frame_times", 1, optional=True)
    if times is None:
        conversion.notes["no global_pose"] += 1
        return np.zeros(0, np.int64), np.zeros(0, msg.dtype("ReferencePose"))
    position = _load(folder, "global_pose/frame_positions", 2, 3)
    velocity = _load(folder, "global_pose/frame_velocities", 2, 3)
    orientation = _load(folder, "global_pose/frame_orientations", 2, 4)
    _same_length(folder, "global_pose", frame_times=times, frame_positions=position, frame_velocities=velocity,
                 frame_orientations=orientation)  # fmt: skip
    usable = _usable_times(times, conversion, "global_pose")
    finite = np.isfinite(np.hstack([position, velocity, orientation])).all(axis=1)
    finite &= samples.is_rotation(orientation)
    conversion.unused["global_pose with a value that is not a number"] += int((usable & ~finite).sum())
    usable &= finite
    rows = ecef_reference(_nanoseconds(times[usable]), position[usable], velocity[usable], orientation[usable])
    return rows["time_ns"], rows


def ecef_reference(times_ns: np.ndarray, position: np.ndarray, velocity: np.ndarray, orientation: np.ndarray) -> np.ndarray:
    """ReferencePose (n,) from ECEF positions (n, 3), velocities (n, 3) and quaternions w, x, y, z (n, 4)."""
    from scipy.spatial.transform import Rotation

    rows = np.zeros(len(times_ns), msg.dtype("ReferencePose"))
    rows["time_ns"] = times_ns
    if not len(rows):
        return rows
    latitude, longitude, altitude = geodesy.ecef_to_geodetic(position)
    rows["latitude_deg"], rows["longitude_deg"], rows["altitude_m"] = latitude, longitude, altitude
    to_enu = np.stack([geodesy.enu_rotation(*place) for place in zip(latitude, longitude, strict=True)])
    enu = np.einsum("nij,nj->ni", to_enu, velocity)
    rows["velocity_east"], rows["velocity_north"], rows["velocity_up"] = enu.T
    device_to_ecef = Rotation.from_quat(orientation, scalar_first=True).as_matrix()
    vehicle_to_enu = to_enu @ (device_to_ecef * DEVICE_TO_VEHICLE)
    rows["orientation"] = Rotation.from_matrix(vehicle_to_enu).as_quat(canonical=True, scalar_first=True)
    return rows


def _add(streams: Streams, topic: str, times: np.ndarray, rows: np.ndarray) -> None:
    if topic in streams:
        times, rows = np.concatenate([streams[topic][0], times]), np.concatenate([streams[topic][1], rows])
    if len(times):
        streams[topic] = np.ascontiguousarray(times), rows


def _nanoseconds(seconds: np.ndarray) -> np.ndarray:
    """Seconds as float64 hold a boot clock to 10 ps: rounding restores the nanosecond."""
    return np.rint(seconds * 1e9).astype(np.int64)


def _usable_times(times: np.ndarray, conversion: Conversion, stream: str) -> np.ndarray:
    usable = np.isfinite(times)
    usable[usable] = (times[usable] >= 0.0) & (times[usable] < 9e9)
    conversion.unused[f"{stream} with a time that is not a number or out of range"] += int((~usable).sum())
    return usable


def _load(folder: Path, name: str, dimensions: int | None, columns: int | None = None, optional: bool = False):
    path = folder / name
    if not path.is_file():
        if optional:
            return None
        raise LogError(f"{path} is absent; a comma2k19 segment holds it beside its neighbours")
    try:
        with path.open("rb") as file:  # the files have no .npy ending
            array = np.load(file, allow_pickle=False)
    except Exception as error:  # NumPy raises whatever it meets in a damaged header
        raise LogError(f"{path} cannot be read as a NumPy array: {error}") from error
    shape = array.shape
    if (dimensions is not None and len(shape) != dimensions) or (columns is not None and shape[-1] < columns):
        raise LogError(f"{path} has shape {shape}, expected {'(n,)' if columns is None else f'(n, {columns})'}")
    if array.dtype.kind not in "fiuS" or (array.dtype.kind == "S") != name.endswith("data"):
        raise LogError(f"{path} holds {array.dtype}, which is not what this array should hold")
    return array


def _same_length(folder: Path, base: str, **arrays: np.ndarray) -> None:
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise LogError(f"{folder / base}: the arrays differ in length ({told})")
