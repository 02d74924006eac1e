"""CAN frames as the bytes that a descriptor takes: those of the local bus, and the kernel's `struct can_frame`.

Both take one frame a message, so that many can be handed over in one system call. (linux/can.h; the bits of the identifier are
those of CanFrame: bit 31 set = 29 bit.)
"""

from __future__ import annotations

import numpy as np

from autonomy.msg import constants, dtype
from drivers.can.frame_flags import ERROR, REMOTE

__all__ = ["KERNEL_FD_FRAME", "KERNEL_FRAME", "local_bytes", "socketcan_bytes"]

KERNEL_FRAME = np.dtype(
    [("id", "<u4"), ("length", "u1"), ("padding", "u1"), ("reserved", "u1"), ("dlc", "u1"), ("data", "u1", (8,))]
)
KERNEL_FD_FRAME = np.dtype([("id", "<u4"), ("length", "u1"), ("flags", "u1"), ("reserved", "u1", (2,)), ("data", "u1", (64,))])
REMOTE_REQUEST, ERROR_FRAME = 1 << 30, 1 << 29  # CAN_RTR_FLAG, CAN_ERR_FLAG
KERNEL_BRS, KERNEL_ESI = 1, 2  # CANFD_BRS, CANFD_ESI
BIT_RATE_SWITCH, ERROR_STATE = (constants("CanFdFrame")[f"FLAG_{name}"] for name in ("BIT_RATE_SWITCH", "ERROR_STATE_INDICATOR"))
CAN_FRAME = dtype("CanFrame")


def local_bytes(frames: np.ndarray) -> np.ndarray:
    """uint8 (n, size) of frames (n,) of CanFrame or CanFdFrame as the local bus takes them; the hub stamps them."""
    rows = frames.copy()
    rows["time_ns"] = rows["bus"] = 0
    rows["flags"] &= np.uint8(ERROR | REMOTE if frames.dtype == CAN_FRAME else ERROR | BIT_RATE_SWITCH | ERROR_STATE)
    return _bytes(rows)


def socketcan_bytes(frames: np.ndarray) -> np.ndarray:
    """uint8 (n, 16) of frames (n,) of CanFrame, (n, 72) of CanFdFrame, as a raw CAN socket takes them."""
    is_fd = frames.dtype != CAN_FRAME
    rows = np.zeros(len(frames), KERNEL_FD_FRAME if is_fd else KERNEL_FRAME)
    rows["id"], rows["length"], rows["data"] = frames["id"], frames["length"], frames["data"]
    rows["id"] |= np.where(frames["flags"] & ERROR, np.uint32(ERROR_FRAME), np.uint32(0))
    if is_fd:
        rows["flags"] |= np.where(frames["flags"] & BIT_RATE_SWITCH, np.uint8(KERNEL_BRS), np.uint8(0))
        rows["flags"] |= np.where(frames["flags"] & ERROR_STATE, np.uint8(KERNEL_ESI), np.uint8(0))
    else:
        rows["id"] |= np.where(frames["flags"] & REMOTE, np.uint32(REMOTE_REQUEST), np.uint32(0))
    return _bytes(rows)


def _bytes(rows: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), rows.dtype.itemsize)
