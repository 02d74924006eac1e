"""Frames out of the columns of MDF bus logging, whoever read them: the groups CAN_DataFrame, CAN_RemoteFrame, CAN_ErrorFrame."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.log.formats import frames as can

KINDS = {"CAN_DataFrame": 0, "CAN_RemoteFrame": can.REMOTE, "CAN_ErrorFrame": can.ERROR}  # flags of a group's frames
PARTS = ("BusChannel", "ID", "IDE", "DLC", "DataLength", "DataBytes", "Dir", "EDL", "BRS", "ESI", "ErrorType")
IMPOSSIBLE = "frames with an impossible time, length or identifier"
LINEAR, NO_CONVERSION = 1, 0  # kinds of conversion a time may have
LOCAL_TIME = 1  # flag of the header: its time is not UTC


def nanoseconds(raw: np.ndarray, factor: float, offset: float) -> np.ndarray:
    """Raw times as int64 ns since the start, exact where a count is a whole number of nanoseconds."""
    unit = round(factor * 1e9)
    shift = round(offset * 1e9)
    if unit >= 1 and abs(factor * 1e9 - unit) < 1e-6 * unit and abs(shift - offset * 1e9) < 1e-3:
        if raw.dtype.kind in "iu":
            return raw.astype(np.int64) * unit + shift
        if unit < 10**9:  # a float that counts ticks; seconds have digits behind the point
            return _whole(raw * unit) + shift
    with np.errstate(over="ignore", invalid="ignore"):
        return _whole((raw * factor + offset) * 1e9)


def _whole(values: np.ndarray) -> np.ndarray:
    """Rounded to int64; what has no place there becomes a time out of range, which is counted."""
    return np.rint(np.clip(np.nan_to_num(values, nan=-8e18), -8e18, 8e18)).astype(np.int64)


def frames(times: np.ndarray, columns: dict[str, np.ndarray], flags: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """CanFdFrame rows (n,), which of them are CAN FD, and which are sound."""
    count = len(times)
    nothing = np.zeros(count, np.int64)
    part = {name: columns[name].astype(np.int64) if name in columns else nothing for name in PARTS if name != "DataBytes"}
    rows = np.zeros(count, msg.dtype("CanFdFrame"))
    rows["time_ns"] = times
    identifier = part["ID"] & 0x1FFFFFFF
    is_extended = part["IDE"] > 0 if "IDE" in columns else (part["ID"] >> 31) & 1 > 0
    rows["id"] = identifier | np.where(is_extended, can.EXTENDED, 0)
    rows["bus"] = part["BusChannel"] & 0xFF
    data = _bytes(columns["DataBytes"]) if "DataBytes" in columns else np.zeros((count, 0), np.uint8)
    told = part["DataLength"] if "DataLength" in columns else np.array(can.LENGTHS)[part["DLC"] & 15]
    if flags & can.REMOTE:
        told = np.minimum(part["DLC"] if "DLC" in columns else part["DataLength"], 8)
        data = data[:, :0]
    is_fd = (part["EDL"] > 0) | (told > 8)
    sound = (times >= 0) & (times < can.MOST_TIME_NS) & (told <= 64) & (told >= 0)
    sound &= is_extended | (identifier <= 0x7FF) | bool(flags & can.ERROR)
    rows["length"] = np.clip(told, 0, 64)
    width = min(data.shape[1], 64)
    rows["data"][:, :width] = np.where(np.arange(width) < rows["length"][:, None], data[:, :width], 0)
    if "ErrorType" in columns and "DataBytes" not in columns:  # of CANedge: the only thing it tells
        rows["length"], rows["data"][:, 0] = 1, part["ErrorType"]
    rows["flags"] = (
        flags
        | np.where(part["Dir"] > 0, can.TRANSMITTED, 0)
        | np.where(is_fd & (part["BRS"] > 0), can.BIT_RATE_SWITCH, 0)
        | np.where(is_fd & (part["ESI"] > 0), can.ERROR_STATE_INDICATOR, 0)
    )
    return rows, is_fd, sound


def _bytes(samples: np.ndarray) -> np.ndarray:
    """Data bytes (n, width) whether stored fixed, as text or one by one."""
    if samples.dtype.kind == "S":
        return samples.view(np.uint8).reshape(len(samples), samples.dtype.itemsize)
    return samples.reshape(len(samples), -1).astype(np.uint8) if samples.ndim != 2 else samples
