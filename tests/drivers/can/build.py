"""DBC text, frames and configurations for the tests of this folder."""

from __future__ import annotations

import numpy as np

from autonomy.config import Config
from autonomy.msg import dtype
from drivers.can.codec import EXTENDED, Codec
from drivers.can.database import parse

HEADER = 'VERSION ""\nNS_ :\nBS_:\nBU_: ECU\n'
J1939 = (
    'BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";\nBA_DEF_DEF_ "VFrameFormat" "J1939PG";\n'
)


def dbc(*messages: str, tail: str = "") -> str:
    """DBC text of messages given as "identifier name length | signal | signal", signals as in a SG_ line."""
    lines = [HEADER]
    for message in messages:
        head, *signals = (part.strip() for part in message.split("|;"))
        identifier, name, length = head.split()
        lines.append(f"BO_ {int(identifier, 0)} {name}: {length} ECU")
        lines += [f" SG_ {signal} ECU" for signal in signals]
        lines.append("")
    return "\n".join(lines) + tail


def codec_of(text: str, bus: int = 0, j1939: bool | None = None) -> Codec:
    return Codec({bus: parse(text, "test.dbc", j1939)})


def can_frame(identifier: int, data: bytes, *, bus: int = 0, time_ns: int = 0, flags: int = 0) -> np.void:
    frame = np.zeros((), dtype("CanFrame"))
    frame["time_ns"], frame["id"], frame["bus"], frame["length"], frame["flags"] = time_ns, identifier, bus, len(data), flags
    frame["data"][: len(data)] = np.frombuffer(data, np.uint8)
    return frame[()]


def can_frames(*frames: np.void) -> np.ndarray:
    return np.array(list(frames), dtype("CanFrame"))


def config(can: dict, path: str = "vehicle.toml") -> Config:
    return Config(path, {"can": can})


__all__ = ["EXTENDED", "J1939", "can_frame", "can_frames", "codec_of", "config", "dbc"]
