"""Samples as the body of an /in/<kind> record that no tick has taken yet."""

from __future__ import annotations

import struct

import numpy as np

from autonomy import msg

__all__ = ["NOT_IN_A_TICK", "sample_list"]

LIST_HEAD = struct.Struct("<QqIIII")  # tick index, tick time, overflow, padding, count, padding
NOT_IN_A_TICK = msg.constants("ImuInput")["NOT_IN_A_TICK"]  # the same in every list of samples


def sample_list(rows: np.ndarray) -> bytes:
    """`rows` (n,) of one kind's sample."""
    return LIST_HEAD.pack(NOT_IN_A_TICK, 0, 0, 0, len(rows), 0) + rows.tobytes()
