"""One emulated drive of the suite: which road, lidar, traffic, paint and weather, all by its seed."""

from __future__ import annotations

from dataclasses import dataclass

TUNED_ON = range(1, 25)  # seeds that rules and parameters were chosen on
FIRST_SEED = 101  # seeds that are reported, from here on


@dataclass(frozen=True)
class Case:
    """`kind` says what is measured and stands for the scene: see `scene_of` in drive.py."""

    kind: str
    lidar: str
    seed: int
    seconds: float

    @property
    def name(self) -> str:
        return f"{self.kind}_{self.lidar}_{self.seed}_{self.seconds:g}"


def cases(kind: str, lidar: str, count: int, seconds: float) -> list[Case]:
    return [Case(kind, lidar, FIRST_SEED + number, seconds) for number in range(count)]
