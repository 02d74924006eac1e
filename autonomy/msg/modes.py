"""Actuation.mode in words."""

from __future__ import annotations

ACTIVE, MINIMAL_RISK = 1, 2
DRIVING_MODES = (ACTIVE, MINIMAL_RISK)
