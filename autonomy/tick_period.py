"""The tick's period, stated once. The kernels' is in ext/autonomy/inputs/_clock.pxd."""

from __future__ import annotations

TICK_S, TICK_NS = 0.01, 10_000_000
