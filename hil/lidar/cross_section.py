"""A motorway across: where lanes, shoulders, median and the other carriageway are, from the middle of the rightmost lane.

Widths are those of German motorways (RAA cross sections RQ 31 and RQ 36) [M].
"""

from __future__ import annotations

from dataclasses import dataclass

from hil.worlds.road import Road


@dataclass(frozen=True)
class CrossSection:
    lanes: int = 3
    lane_width_m: float = 3.5
    shoulder_m: float = 2.5  # hard shoulder
    inner_m: float = 0.75  # paved beside the median
    median_m: float = 3.0
    kerb_m: float = 0.5  # paved beyond the hard shoulder
    right_slopes: tuple[float, ...] = (-0.12, -0.3, 0.42)  # what the verge's slope changes by at VERGE_FROM_M; rise positive
    left_slopes: tuple[float, ...] = (-0.08, 0.3, -0.22)
    roughness_m: float = 0.06
    asphalt: float = 0.16  # reflectivity at 905 nm [M]
    grass: float = 0.40

    VERGE_FROM_M = (0.0, 1.5, 6.5)

    @classmethod
    def of(cls, road: Road, **others) -> CrossSection:
        return cls(max(road.lane_counts), road.lane_width, **others)

    @property
    def right_line(self) -> float:
        """Offset of the line beside the hard shoulder."""
        return -0.5 * self.lane_width_m

    @property
    def left_line(self) -> float:
        return (self.lanes - 0.5) * self.lane_width_m

    @property
    def right_edge(self) -> float:
        """Where asphalt ends."""
        return self.right_line - self.shoulder_m - self.kerb_m

    @property
    def median(self) -> tuple[float, float]:
        return self.left_line + self.inner_m, self.left_line + self.inner_m + self.median_m

    @property
    def opposite_line(self) -> float:
        """The left line of those who come towards us, seen from here their nearest."""
        return self.median[1] + self.inner_m

    @property
    def left_edge(self) -> float:
        return self.opposite_line + self.lanes * self.lane_width_m + self.shoulder_m + self.kerb_m
