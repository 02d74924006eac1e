"""Actuation.mode in words."""

from __future__ import annotations

DRIVING_MODES = (1, 2)  # active, minimal-risk manoeuvre
