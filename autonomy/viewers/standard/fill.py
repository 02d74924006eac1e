"""Fills the parts that many standard messages share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def stamp(header: np.ndarray, time_ns: np.ndarray) -> None:
    """Sets `header.stamp`; the seconds of a clock beyond 2038 do not fit ROS's 32 bits and wrap."""
    seconds, nanoseconds = np.divmod(time_ns, 1_000_000_000)
    header["stamp"]["sec"] = seconds.astype(np.int64).astype(np.int32)
    header["stamp"]["nanosec"] = nanoseconds


def point(target: np.ndarray, values: np.ndarray) -> None:
    """Sets a Point or Vector3 from (..., 2) or (..., 3)."""
    for axis, name in enumerate("xyz"[: values.shape[-1]]):
        target[name] = values[..., axis]


def quaternion(target: np.ndarray, values: np.ndarray) -> None:
    """Sets a Quaternion from (..., 4) x, y, z, w."""
    for axis, name in enumerate("xyzw"):
        target[name] = values[..., axis]


def colour(target: np.ndarray, values: np.ndarray | Sequence[float]) -> None:
    """Sets a ColorRGBA from (..., 4)."""
    values = np.asarray(values)
    for axis, name in enumerate("rgba"):
        target[name] = values[..., axis]


def text(target: np.ndarray, texts: Sequence[str]) -> None:
    """Sets strings of fixed width, cut or padded with blanks in front."""
    width = target.dtype.fields["text"][0].itemsize - 1
    target["text"] = [each[:width].rjust(width).encode("ascii", "replace") for each in texts]
