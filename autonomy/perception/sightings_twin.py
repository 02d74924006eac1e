"""Which clusters are told, in NumPy: the twin of ext/autonomy/perception/_sightings.pyx."""

from __future__ import annotations

import numpy as np

NEAREST_M = 1.0


def clusters(cells: np.ndarray, sensor: np.ndarray) -> list[dict]:
    """Cells (structured, with `parent` the cluster) as one record a cluster, in order. `sensor`: (3,) m."""
    found = []
    for number in range(cells["parent"].max(initial=-1) + 1):
        mine = cells[cells["parent"] == number]
        x, y, points = mine["x"].astype(float), mine["y"].astype(float), mine["points"]
        middle = np.array([np.average(x, weights=points), np.average(y, weights=points)])
        sight = middle - sensor[:2]
        r = np.hypot(*sight) + NEAREST_M
        found.append({"middle": middle, "points": points.sum(), "cells": len(mine), "top": mine["top"].max(), "range_m": r,
                      "bottom": mine["bottom"].min(), "length": np.ptp(x), "width": np.ptp(y), "edge": bool(mine["edge"].any()),
                      "across": np.ptp((sight[0] * y - sight[1] * x) / r)})  # fmt: skip
    return found


def counts(one: dict, p: dict) -> bool:
    """Whether a cluster has points enough for where it is and how large it is."""
    scatter = min(p["scatter_points_at_1m"] / one["range_m"], p["scatter_points_most"])
    if one["bottom"] > p["over_m"] or one["bottom"] > p["board_bottom_m"] and one["top"] > p["board_top_m"]:
        return False
    if one["cells"] >= p["scatter_cells"] and one["points"] < scatter * one["cells"]:
        return False
    needed = np.clip(p["points_at_1m"] / one["range_m"], p["points_least"], p["points_most"])
    if one["bottom"] > max(p["floating_m"], p["floating_share"] * one["range_m"]):
        needed = max(p["floating_points_at_1m"] / one["range_m"], p["floating_points_least"])
    if one["points"] < p["solid_points"]:
        beam = p["solid_beams"] * one["range_m"]
        beams = (max(one["across"], p["solid_least_m"]) / beam + 1.0) * ((one["top"] - one["bottom"]) / beam + 1.0)
        needed = max(needed, p["solid_share"] * beams)
    return bool(one["points"] >= needed)


def is_weak(one: dict, p: dict) -> bool:
    loose = max(one["length"], one["width"]) > p["loose_m"] and (one["top"] < p["hold_m"] or one["range_m"] < p["loose_to_m"])
    return bool(one["points"] < p["weak_points"] or one["points"] < p["loose_points"] and loose)


class Mind:
    """What is kept from scan to scan: (place, scans that showed it, time since) of small and weak clusters."""

    def __init__(self, p: dict):
        self.p, self.seen, self.last, self.now = p, [], [], []

    def told(self, found: list[dict], velocity: tuple[float, float], yaw_rate: float, elapsed_s: float) -> list[bool]:
        """Of each cluster of a scan, whether it is told."""
        p, is_sequence = self.p, 0.0 < elapsed_s < self.p["hold_s"]
        angle = yaw_rate * elapsed_s
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        moved = [(turn @ (place - elapsed_s * np.array(velocity)), scans, age + elapsed_s) for place, scans, age in self.seen]
        kept = [one for one in moved if one[2] <= p["hold_s"] and one[0][0] > -p["near_m"]] if is_sequence else []
        self.seen, self.reach = kept, p["same_m"] + p["sudden_mps"] * elapsed_s
        self.last, self.now = [turn @ (place - elapsed_s * np.array(velocity)) for place in self.now], []
        return [self._told(one, is_sequence) for one in found]

    def _told(self, one: dict, is_sequence: bool) -> bool:
        p, kept, weak = self.p, self.seen, is_weak(one, self.p)
        if not counts(one, p):
            return False
        if max(one["length"], one["width"]) > p["small_m"]:
            self.now.append(one["middle"])
            sudden = one["points"] < p["sudden_points"] and one["range_m"] < p["loose_to_m"]
            if is_sequence and sudden and not any(
                (np.abs(place - one["middle"]) < (self.reach, p["small_m"])).all() for place in self.last
            ):
                return False
        x, y = one["middle"]
        small = one["length"] < p["small_m"] and one["width"] < p["small_m"]
        if one["edge"] or not (weak or small) or abs(y) > p["near_m"] or not -p["near_m"] <= x <= p["ahead_m"]:
            return True
        near = [(np.hypot(*(place - one["middle"])), k) for k, (place, _, age) in enumerate(kept) if age > 0.0]
        distance, k = min(near, default=(np.inf, -1))
        scans = 1 if distance >= p["same_m"] else kept[k][1] + 1
        if distance < p["same_m"]:
            kept[k] = (one["middle"], scans, 0.0)
        else:
            kept.append((one["middle"], scans, 0.0))
        return not (is_sequence and weak and scans < p["seen_least"])
