"""Importers of folders: the first byte says which file of a valid set the other bytes replace."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from autonomy.log.importers import Conversion, canedge, columns, comma2k19, tables
from autonomy.log.reader import LogReader
from tests.fuzz import scratch
from tests.fuzz.targets.recordings import exported
from tests.fuzz.targets.target import Target, refusals
from tests.log import imu_columns

CAN, IMU, GNSS = "processed_log/CAN/raw_can", "processed_log/IMU", "processed_log/GNSS/live_gnss_ublox"
MAPPING = 'vehicle = "vehicles/demo_truck"\n' + imu_columns.IMU
PLAIN_MAPPING = """
[[stream]]
kind = "wheel"
file = "{file}"
time = {{ column = "t", unit = "ns" }}
columns.vehicle_speed = {{ column = "v" }}
"""
ROWS = imu_columns.IMU_ROWS.encode()


def replaced(files: dict[str, bytes], data: bytes, folder: str) -> Path:
    """The set of files in a folder of that name, one of them replaced."""
    names = sorted(files)
    for name in names:
        scratch.write(f"{folder}/{name}", files[name])
    if data:
        scratch.write(f"{folder}/{names[data[0] % len(names)]}", data[1:])
    return scratch.folder() / folder


def seeds_of(files: dict[str, bytes]) -> list[bytes]:
    return [bytes([number]) + files[name] for number, name in enumerate(sorted(files))]


def convert(action: Callable[[Path], Conversion], *names: str) -> Conversion | None:
    """What was converted is what the log holds."""
    output = scratch.folder() / "converted.mcap"
    with refusals(*names):
        done = action(output)
        with LogReader(output) as reader:
            assert not reader.truncated
            assert reader.check() == done.messages
        assert all(count >= 0 for count in [*done.unused.values(), *done.notes.values()])
        return done
    return None


@cache
def segment() -> dict[str, bytes]:
    arrays = {
        f"{CAN}/t": [100.000000001, 100.5, 100.5, np.nan],
        f"{CAN}/address": [36, 170, 0x18F00400, 36],
        f"{CAN}/src": [0, 1, 128, 0],
        f"{CAN}/data": np.array([b"\1\2\3\4\5\6\7\x08", b"\1\2", b"", b"x"], "S8"),
        f"{IMU}/accelerometer/t": [100.1, 100.2],
        f"{IMU}/accelerometer/value": [[1.0, 2.0, -9.8], [np.nan, 0.0, 0.0]],
        f"{IMU}/gyro/t": [100.1, 100.2],
        f"{IMU}/gyro/value": [[0.1, 0.2, 0.3]] * 2,
        f"{IMU}/gyro_bias/value": [[0.1, 0.2, 0.3]] * 2,
        f"{GNSS}/t": [100.15],
        f"{GNSS}/value": [[37.5, -122.25, 8.5, 1533226488299.0, 33.0, 2.5]],
        "global_pose/frame_times": [100.0, 100.05],
        "global_pose/frame_positions": [[4.1e6, 8.0e5, 4.8e6]] * 2,
        "global_pose/frame_velocities": [[1.0, 2.0, 3.0]] * 2,
        "global_pose/frame_orientations": [[1.0, 0.0, 0.0, 0.0]] * 2,
    }
    return {name: saved(np.asarray(array)) for name, array in arrays.items()} | {
        "powertrain.dbc": b"BO_ 36 KINEMATICS: 8 XXX\nBO_ 170 WHEELS: 6 XXX\n"
    }


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def comma(data: bytes) -> None:
    folder = replaced(segment(), data, "segment")
    done = convert(lambda output: comma2k19.convert([folder], output), str(folder))
    if done is not None:
        times = comma2k19._load(folder, f"{CAN}/t", 1)
        frames = sum(count for topic, count in done.messages.items() if topic.startswith("/raw/can/"))
        lost = sum(count for reason, count in done.unused.items() if reason.startswith("raw_can"))
        assert frames + lost == len(times), "a frame is neither converted nor counted"


@cache
def session() -> dict[str, bytes]:
    return {"00000001.MF4": exported(".mf4"), canedge.RECEIVER_DBC: b"BO_ 291 SPEED: 8 XXX\n"}


def canedge_folder(data: bytes) -> None:
    folder = replaced(session(), data, "session")
    convert(lambda output: canedge.convert([folder], output), str(folder))


@cache
def csv_set() -> dict[str, bytes]:
    return {"imu.csv": ROWS, "mapping.toml": MAPPING.encode()}


def columns_csv(data: bytes) -> None:
    """The mapping or its CSV file; every row becomes a message or is counted."""
    folder = replaced(csv_set(), data, "columns")
    done = convert(lambda output: columns.convert(folder / "mapping.toml", [], output), str(folder))
    if done is not None and data and data[0] % 2 == 0:
        rows = tables.open_table(folder / "imu.csv").length
        assert done.messages["/in/imu"] + sum(done.unused.values()) == rows, "a row is neither converted nor counted"


@cache
def table_files() -> dict[str, bytes]:
    import pyarrow
    import pyarrow.parquet

    table = {"t": np.arange(3) * 10**9, "v": np.array([1.0, np.nan, 3.0])}
    rows = np.zeros(3, [("t", "i8"), ("v", "f8")])
    rows["t"], rows["v"] = table["t"], table["v"]
    packed, written = io.BytesIO(), io.BytesIO()
    np.savez(packed, **table)
    pyarrow.parquet.write_table(pyarrow.table(table), written, compression="none")
    return {"wheel.npy": saved(rows), "wheel.npz": packed.getvalue(), "wheel.parquet": written.getvalue()}


def columns_binary(data: bytes) -> None:
    """Tables as .npy, .npz and .parquet."""
    files = table_files()
    folder = replaced(files, data, "tables")
    name = sorted(files)[data[0] % len(files) if data else 0]
    mapping = scratch.write("tables/mapping.toml", PLAIN_MAPPING.format(file=name).encode())
    done = convert(lambda output: columns.convert(mapping, [], output), str(folder))
    if done is not None:
        assert done.messages["/in/wheel"] + sum(done.unused.values()) == tables.open_table(folder / name).length


IMPORTERS = "autonomy.log.importers"


def _modules(*names: str) -> Sequence[str]:
    return tuple(f"{IMPORTERS}.{name}" for name in names)


TARGETS = [
    Target("comma2k19", comma, lambda: seeds_of(segment()), _modules("comma2k19"), 1024),
    Target("canedge", canedge_folder, lambda: seeds_of(session()), (*_modules("canedge", "recording"), "asammdf"), 16384),
    Target("columns_csv", columns_csv, lambda: seeds_of(csv_set()), _modules("columns", "mapping", "tables", "kinds")),
    Target("columns_binary", columns_binary, lambda: seeds_of(table_files()), _modules("columns", "tables")),
]
