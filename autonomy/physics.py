"""Physical constants, stated once. The kernels' are in ext/autonomy/_physics.pxd; tests/test_constants.py holds both together."""

from __future__ import annotations

STANDARD_GRAVITY_MPS2 = 9.80665  # CGPM 1901 [V]
AIR_DENSITY_KGPM3 = 1.2  # 20 degrees C at sea level [M]
