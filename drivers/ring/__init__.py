"""Queues between two threads or processes without locks. README.md says why they are right."""

from __future__ import annotations

from drivers.ring._ring import Ring

__all__ = ["Ring"]
