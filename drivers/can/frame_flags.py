"""Bits of CanFrame.flags."""

from __future__ import annotations

from autonomy.msg import constants

__all__ = ["ERROR", "REMOTE", "TRANSMITTED"]

TRANSMITTED, ERROR, REMOTE = (constants("CanFrame")[f"FLAG_{name}"] for name in ("TRANSMITTED", "ERROR", "REMOTE"))
