"""Delphi (Aptiv) ESR 2.5: 64 tracks of a long- and mid-range radar, 20 Hz.

Header 4E0 (hex) with the scan index, then tracks 500 to 53F. Signals as the maker's interface description has them, which
opendbc (ESR.dbc) and the ROS package delphi_esr_msgs publish too [V: opendbc]. Track motion and power (540) are not read, so no
cross section is told.
"""

from __future__ import annotations

import math

from drivers.radar.model import CanRadar, Signal

MODEL = CanRadar(
    name="delphi-esr",
    first_identifier=0x500,
    count=64,
    signals=(
        Signal("range", 18, 11, 0.1),
        Signal("azimuth", 12, 10, -math.radians(0.1), is_signed=True),  # the sensor counts to the right [M]
        Signal("range_rate", 53, 14, 0.01, is_signed=True),
        Signal("status", 15, 3),
        Signal("is_bridge", 39, 1),
        Signal("is_oncoming", 0, 1),
    ),
    cycle_ns=50_000_000,
    header_identifier=0x4E0,
    header_counter=Signal("counter", 31, 16),
    # 0 none, 1 new, 2 new and updated, 3 updated, 4 coasted, 5 merged, 6 invalid and coasted, 7 new and coasted
    valid_status=(1, 2, 3, 4, 5, 7),
    new_status=(1, 2, 7),
    coasted_status=(4, 7),
    range_sigma=0.5,  # [M] data sheet: 0.5 m, 0.5 deg (long range), 0.12 m/s
    azimuth_sigma=math.radians(0.5),
    range_rate_sigma=0.12,
)
