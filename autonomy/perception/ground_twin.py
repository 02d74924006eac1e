"""Ground by a line along each sector, in NumPy: the twin of ext/autonomy/perception/_ground.pyx."""

from __future__ import annotations

import numpy as np

SECTORS, REACHES = 256, 160
FIRST_WIDTH_M, LAST_WIDTH_M, PLANE_ROUNDS, PRIOR_POINTS, MEASURABLE_M = 1.0, 0.2, 5, 10.0, 0.2
STRETCH_STEP_M, BUMP_APART_M, BUMP_APART_MOST = 0.12, 30.0, 5
GROUND, NOISE = 1, 5


def reaches(p: dict) -> np.ndarray:
    """Ends of the radial bins, m."""
    ends, begin = [], p["near_m"]
    while begin < p["far_m"] and len(ends) < REACHES:
        begin += max(p["bin_m"], p["bin_share"] * begin)
        ends.append(begin)
    return np.array(ends)


def corner(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Diamond angle, 0 .. 4 from -y on counter-clockwise."""
    across = y / np.maximum(np.abs(x) + np.abs(y), 1e-30)
    return np.where(x >= 0, 1 + across, 3 - across)


def directions() -> np.ndarray:
    """(SECTORS, 2) cosine and sine of the sectors' middles."""
    at = (np.arange(SECTORS) + 0.5) * 4 / SECTORS
    y = np.where(at < 2, at - 1, 3 - at)
    x = np.where(at < 2, 1 - np.abs(y), np.abs(y) - 1)
    return np.column_stack([x, y]) / np.hypot(x, y)[:, None]


def fit_plane(x: np.ndarray, y: np.ndarray, z: np.ndarray, to_m: float) -> np.ndarray:
    """Tukey-weighted plane z = p0 + p1 x + p2 y of the lowest points within `to_m`."""
    plane, width = np.zeros(3), FIRST_WIDTH_M
    rows = np.column_stack([np.ones_like(x), x, y])
    prior = PRIOR_POINTS * np.diag([1.0, 0.01 * to_m**2, 0.01 * to_m**2])
    for _ in range(PLANE_ROUNDS):
        residual = (z - rows @ plane) / width
        weight = np.where(np.abs(residual) < 1, (1 - residual**2) ** 2, 0.0)
        plane = np.linalg.solve(prior + (rows * weight[:, None]).T @ rows, rows.T @ (weight * z))
        width = max(0.6 * width, LAST_WIDTH_M)
    return plane


def find_ground(points: np.ndarray, p: dict) -> tuple[np.ndarray, np.ndarray]:
    """(labels uint8 [n], height [n] m) of points [n, 3]; infinite height outside the grid and on the vehicle itself."""
    x, y, z = points.T.astype(np.float64)
    with np.errstate(invalid="ignore"):
        r = np.hypot(x, y)
        own = (x < p["own_front_m"]) & (x > -p["own_rear_m"]) & (np.abs(y) < p["own_side_m"])
        used = (r >= p["near_m"]) & (r < p["far_m"]) & np.isfinite(z) & ~own
    ends = reaches(p)
    middle = 0.5 * (np.concatenate([[p["near_m"]], ends[:-1]]) + ends)
    quarters = np.searchsorted(ends, (np.arange(1024) + 0.5) * 0.25, side="right")
    sector, reach = np.full(len(x), -1), np.full(len(x), -1)
    sector[used] = (corner(x[used], y[used]) * SECTORS / 4).astype(int) % SECTORS
    reach[used] = quarters[np.minimum((r[used] * 4).astype(int), 1023)]
    used &= reach < len(ends)
    place = sector * len(ends) + reach
    lowest, at = np.full(SECTORS * len(ends), np.inf), np.tile(middle, SECTORS)
    order = np.flatnonzero(used)[np.argsort(z[used], kind="stable")[::-1]]
    lowest[place[order]], at[place[order]] = z[order], r[order]
    lowest, at = lowest.reshape(SECTORS, -1), at.reshape(SECTORS, -1)
    direction = directions()
    seen = np.isfinite(lowest) & (middle < p["plane_to_m"])
    of, _ = np.nonzero(seen)
    plane = fit_plane(at[seen] * direction[of, 0], at[seen] * direction[of, 1], lowest[seen], p["plane_to_m"])
    lines = [follow(lowest[s], at[s], middle, plane[0], plane[1:] @ direction[s], p) for s in range(SECTORS)]
    level, slope, at = (np.array([line[k] for line in lines]) for k in range(3))
    lower_bumps(level, slope, at, middle, p)
    level, slope, at = level.ravel(), slope.ravel(), at.ravel()
    height, labels = np.full(len(x), np.inf), np.zeros(len(x), np.uint8)
    place, r = place[used], r[used]
    height[used] = z[used] - level[place] - slope[place] * (r - at[place])
    limit = np.minimum(p["above_m"] + p["above_share"] * r + p["above_steep_m"] * np.abs(slope[place]), p["above_most_m"])
    labels[used] = np.where(height[used] < -p["below_m"], NOISE, np.where(height[used] < limit, GROUND, 0))
    return labels, height


def lower_bumps(level: np.ndarray, slope: np.ndarray, at: np.ndarray, middle: np.ndarray, p: dict) -> None:
    """Puts what stands higher than the lines on both sides, [SECTORS, reaches], between them. One after the other, in place."""
    for s in range(SECTORS):
        for i in np.flatnonzero(middle <= p["bump_to_m"]):
            apart = min(1 + int(BUMP_APART_M / middle[i]), BUMP_APART_MOST)
            sides = [(s + apart) % SECTORS, (s - apart) % SECTORS]
            levels = [level[k, i] + slope[k, i] * (at[s, i] - at[k, i]) for k in sides]
            if abs(levels[0] - levels[1]) < 2 * p["bump_m"] and level[s, i] - max(levels) > p["bump_m"]:
                level[s, i], slope[s, i] = np.mean(levels), np.mean([slope[k, i] for k in sides])


def follow(lowest: np.ndarray, at: np.ndarray, middle: np.ndarray, level: float, slope: float, p: dict) -> np.ndarray:
    """(3, reaches) level, slope and the range they hold at, along one sector."""
    line, reached, stretch, straight = np.zeros((3, len(lowest))), 0.0, [], slope
    for i in range(len(lowest)):
        going = straight + np.clip(slope - straight, -p["slope_ahead"], p["slope_ahead"])
        expected = level + going * (middle[i] - reached)
        distance = max(at[i] - reached, MEASURABLE_M)
        tolerance = min(p["step_m"] + (p["bend"] * distance + abs(slope - going)) * distance, p["rise_most_m"])
        measured = (lowest[i] - level) / distance
        if lowest[i] - level - going * distance <= tolerance and measured >= -p["slope_most"] - p["step_m"] / distance:
            slope += distance / (distance + p["settle_m"]) * (measured - slope)
            slope = np.clip(slope, -p["slope_most"], p["slope_most"])
            level, reached, stretch = lowest[i], at[i], []
            line[:, i] = level, slope, reached
            continue
        line[:, i] = expected, going, middle[i]
        if not np.isfinite(lowest[i]):
            continue
        length = p["regain_m"] + p["regain_share"] * at[i]
        if stretch:
            gap = at[i] - at[stretch[-1]]
            if gap > length or abs(lowest[i] - lowest[stretch[-1]]) > STRETCH_STEP_M + p["regain_slope"] * gap:
                stretch = []
        stretch.append(i)
        first = stretch[0]
        if at[i] - at[first] < length or lowest[i] - expected > p["regain_rise_m"]:
            continue
        slope = (lowest[i] - lowest[first]) / (at[i] - at[first])
        for k in range(first, i + 1):
            if np.isfinite(lowest[k]):
                level, reached = lowest[k], at[k]
            line[:, k] = level, slope, reached
        stretch = []
    return line
