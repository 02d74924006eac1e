"""Lines of paint along a road: where they are for truth, and as stripes for the ray caster.

Widths and dashes are those of German motorways (RMS-1: 0.30 m beside the shoulder, 0.15 m between lanes, 6 of 18 m painted) [M].
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hil.lidar.cross_section import CrossSection

# Diffuse reflectivity and what glass beads add whatever the angle: pi times R_L of 150 mcd/(m2 lx), EN 1436 class R3 [V]
PAINT, BEADS = 0.55, 0.47
BEADS_WORN = 0.7  # share of the beads that is lost when half of the paint is: they go first [D]
DOUBLE_GAP_M = 0.15
EDGE_LINE_M, LANE_LINE_M = 0.30, 0.15
PERIOD_M, DASH_M = 18.0, 6.0


@dataclass(frozen=True)
class Marking:
    """A line from `start_m` to `end_m` of the road; its offset changes linearly to `end_offset_m`."""

    id: int
    kind: str  # solid, dashed, double
    start_m: float
    end_m: float
    offset_m: float
    end_offset_m: float | None = None
    width_m: float = 0.15
    colour: str = "white"
    wear: float = 0.0  # share of the paint that is gone
    phase_m: float = 0.0
    valid: bool = True  # False: a line that something else overrules (the white one at a construction site)

    def offset_at(self, s):
        last = self.offset_m if self.end_offset_m is None else self.end_offset_m
        return self.offset_m + (last - self.offset_m) * (np.asarray(s) - self.start_m) / (self.end_m - self.start_m)


def motorway(section: CrossSection, length_m: float, *, wear: float = 0.0, first_id: int = 1) -> list[Marking]:
    """Both carriageways: lines beside the shoulders solid, between lanes dashed. Ids count from the right."""
    begin, end, lanes = -200.0, length_m + 300.0, section.lanes
    found = []
    for number, first_offset in ((first_id, section.right_line), (first_id + lanes + 1, section.opposite_line)):
        for line in range(lanes + 1):
            at_edge = line in (0, lanes)
            offset = first_offset + line * section.lane_width_m
            kind, width = ("solid", EDGE_LINE_M) if at_edge else ("dashed", LANE_LINE_M)
            found.append(Marking(number + line, kind, begin, end, offset, width_m=width, wear=wear))
    return found


def construction(section: CrossSection, start_m: float, end_m: float, shift_m: float, *, first_id: int = 100,
                 taper_m: float = 60.0) -> list[Marking]:  # fmt: skip
    """Yellow lines that lead all lanes aside by `shift_m` between start and end: doubles between lanes, as on narrow lanes."""
    found, width = [], section.lane_width_m
    for line in range(section.lanes + 1):
        kind = "solid" if line in (0, section.lanes) else "double"
        origin = section.right_line + line * width
        stretches = (
            (start_m, start_m + taper_m, origin, origin + shift_m),
            (start_m + taper_m, end_m - taper_m, origin + shift_m, origin + shift_m),
            (end_m - taper_m, end_m, origin + shift_m, origin),
        )
        found += [Marking(first_id + line, kind, a, b, c, d, colour="yellow") for a, b, c, d in stretches]
    return found


def stripes(markings: Iterable[Marking], dtype: np.dtype) -> np.ndarray:
    """Rows of the kernel's Line: two for a double line."""
    rows = []
    for marking in markings:
        last = marking.offset_m if marking.end_offset_m is None else marking.end_offset_m
        slope = (last - marking.offset_m) / (marking.end_m - marking.start_m)
        aside = (0.5 * (DOUBLE_GAP_M + marking.width_m),) if marking.kind == "double" else ()
        period, dash = (PERIOD_M, DASH_M) if marking.kind == "dashed" else (0.0, 0.0)
        retro = BEADS * (1.0 - min(2.0 * marking.wear, 1.0) * BEADS_WORN)
        for off in [sign * a for a in aside for sign in (-1.0, 1.0)] or [0.0]:
            row = np.zeros((), dtype)
            row["start_m"], row["end_m"], row["offset_m"], row["slope"] = (
                marking.start_m,
                marking.end_m,
                marking.offset_m + off,
                slope,
            )
            row["half_width_m"], row["period_m"], row["dash_m"] = 0.5 * marking.width_m, period, dash
            row["phase_m"], row["diffuse"], row["retro"] = marking.phase_m, PAINT, retro
            row["wear"], row["instance"] = marking.wear, marking.id
            rows.append(row)
    return np.array(rows, dtype) if rows else np.zeros(0, dtype)
