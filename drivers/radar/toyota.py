"""The radar behind the badge of Toyotas of 2016 to 2020 (Denso), which the drives of comma2k19 have.

Sixteen targets, 20 Hz, frames 210 to 21F (hex) on a bus of its own; each with the scan's counter in front and Toyota's sum at the
end. Signals as the public database opendbc describes them (toyota_radar_dsu_tssp / toyota_adas) [V: recorded drive]. Frames 220
to 22F carry a score and an acceleration that nobody has verified: not read.
"""

from __future__ import annotations

import math

from drivers.radar.model import CanRadar, Signal

MODEL = CanRadar(
    name="toyota-tss-p",
    first_identifier=0x210,
    count=16,
    signals=(
        Signal("counter", 7, 8),
        Signal("x", 15, 15, 0.01),
        Signal("y", 31, 11, -0.04, is_signed=True),  # LAT_DIST counts to the right
        Signal("is_new", 36, 1),
        Signal("range_rate", 47, 12, 0.025, is_signed=True),
        Signal("status", 48, 1),
    ),
    cycle_ns=50_000_000,
    header_identifier=None,
    header_counter=None,
    valid_status=(1,),
    is_checked=True,
    range_sigma=0.25,  # [M] all three
    azimuth_sigma=math.radians(0.5),
    range_rate_sigma=0.1,
)
