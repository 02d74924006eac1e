"""Figures of tracks beside the truth: CLEAR MOT (Bernardin, Stiefelhagen 2008), GOSPA (Rahmathullah, Garcia-Fernandez, Svensson
2017), errors of place and speed."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import linear_sum_assignment

MATCH_M = 2.0  # nearer than this, a track is the object's (as nuScenes matches)
CUT_OFF_M = 5.0  # GOSPA: a missed or false one costs half of its square
ABSENT_S = 3.0  # an object not matched for longer was out of sight
NEAR_OTHER_M = 4.0  # about an object that does not count


class Counts:
    """Of many moments in order of time."""

    def __init__(self) -> None:
        self.objects = self.missed = self.false = self.switches = self.matched = 0
        self.place_square = self.speed_square = self.gospa = 0.0
        self.moments = self.finished = 0
        self.numbers: set[int] = set()
        self.last: dict[int, int] = {}
        self.last_s: dict[int, float] = {}
        self.switches_after_absence = 0

    def begin_drive(self) -> None:
        """Numbers begin anew."""
        self.finished += len(self.numbers)
        self.last, self.last_s, self.numbers = {}, {}, set()

    def add(self, moment) -> None:
        pairs = self._match(moment)
        self.objects += len(moment.number)
        self.missed += len(moment.number) - len(pairs)
        taken = {j for _, j in pairs}
        free = [j for j in range(len(moment.track_id)) if j not in taken]
        self.false += sum(not _near_other(moment, moment.tracks[j]) for j in free)
        for i, j in pairs:
            number, track = int(moment.number[i]), int(moment.track_id[j])
            if self.last.get(number, track) != track:
                self.switches += 1
                self.switches_after_absence += moment.time_s - self.last_s[number] > ABSENT_S
            self.last[number], self.last_s[number] = track, moment.time_s
            error = moment.tracks[j] - moment.truth[i]
            self.place_square += float(error[0] ** 2 + error[1] ** 2)
            self.speed_square += float(np.hypot(*moment.tracks[j][2:]) - np.hypot(*moment.truth[i][2:])) ** 2
        self.matched += len(pairs)
        self.numbers |= {int(number) for number in moment.number}
        self.gospa += gospa(moment.truth[:, :2], moment.tracks[[j for j in range(len(moment.track_id)) if j in taken or
                                                                not _near_other(moment, moment.tracks[j])], :2])  # fmt: skip
        self.moments += 1

    def _match(self, moment) -> list[tuple[int, int]]:
        if not len(moment.number) or not len(moment.track_id):
            return []
        away = np.hypot(*(moment.truth[:, None, k] - moment.tracks[None, :, k] for k in (0, 1)))
        cost = np.where(away < MATCH_M, away, 1e3)
        # Who was the object's before stays so while it is near enough
        for i, number in enumerate(moment.number):
            held = moment.track_id == self.last.get(int(number), -1)
            cost[i] -= np.where(held & (away[i] < MATCH_M), 100.0, 0.0)
        rows, columns = linear_sum_assignment(cost)
        return [(i, j) for i, j in zip(rows.tolist(), columns.tolist(), strict=True) if cost[i, j] < MATCH_M]

    @property
    def identities(self) -> int:
        """Objects of all drives."""
        return self.finished + len(self.numbers)

    @property
    def mota(self) -> float:
        return 1.0 - (self.missed + self.false + self.switches) / max(self.objects, 1)

    def figures(self) -> dict[str, float]:
        return {
            "mota": self.mota,
            "missed": self.missed / max(self.objects, 1),
            "false": self.false / max(self.objects, 1),
            "position_rms_m": math.sqrt(self.place_square / max(self.matched, 1)),
            "speed_rms_mps": math.sqrt(self.speed_square / max(self.matched, 1)),
            "switches_per_100": 100.0 * self.switches / max(self.identities, 1),
            "switches_per_100_after_absence": 100.0 * self.switches_after_absence / max(self.identities, 1),
            "gospa_m": self.gospa / max(self.moments, 1),
        }


def _near_other(moment, track: np.ndarray) -> bool:
    """On or about an object that does not count: neither right nor wrong."""
    dx, dy = track[0] - moment.others[:, 0], np.abs(track[1] - moment.others[:, 1])
    return bool(np.any((dx > -NEAR_OTHER_M) & (dx < moment.other_lengths + NEAR_OTHER_M) & (dy < 2.0)))


def gospa(truth: np.ndarray, tracks: np.ndarray) -> float:
    """m, with p = 2, alpha = 2, cut off at CUT_OFF_M."""
    if not len(truth) or not len(tracks):
        return math.sqrt(0.5 * CUT_OFF_M**2 * (len(truth) + len(tracks)))
    square = np.minimum(np.square(truth[:, None] - tracks[None]).sum(axis=2), CUT_OFF_M**2)
    rows, columns = linear_sum_assignment(square)
    apart = len(truth) + len(tracks) - 2 * len(rows)
    return math.sqrt(square[rows, columns].sum() + 0.5 * CUT_OFF_M**2 * apart)
