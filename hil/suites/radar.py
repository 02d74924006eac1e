"""What the radar processing makes of emulated scans whose every detection's origin is known, and of a recorded radar's tracks.

Parameters were chosen on seeds 100 to 105 and 300 to 327; figures are of SEEDS. Of approaches with a lidar: _radar_road.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hil.suites import _radar_recorded as recorded
from hil.suites import _radar_road as road
from hil.suites._row import row_of

TITLE = "radar: ghosts removed, road users kept, own speed by Doppler; range rates of a recorded radar"
TUNING_SEEDS = (*range(100, 106), *range(300, 328))
SEEDS, QUICK_SEEDS = tuple(range(340, 348)), (340,)
SECONDS, QUICK_SECONDS = 24.0, 10.0
WHEEL_SIGMA_MPS = 0.2  # of the speed that the wheels tell here
STANDING_USER = 900  # hil.radar.drive.NUMBER_OF_STANDING
FAR_M = 100.0


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    from hil.radar import Origin
    from hil.suites._pool import mapped

    seeds, seconds = (QUICK_SEEDS, QUICK_SECONDS) if quick else (SEEDS, SECONDS)
    drives = mapped(_drive, [(seed, seconds) for seed in seeds], jobs, output)
    told = np.concatenate([drive["told"] for drive in drives])  # (n, 4) origin, kept, stands in the own lane, range
    error, normalised = (np.concatenate([drive[name] for drive in drives]) for name in ("error", "normalised"))
    kept = lambda *origins: told[np.isin(told[:, 0], origins), 1].mean()  # noqa: E731
    ghosts, users = 1.0 - kept(Origin.MIRROR, Origin.SECOND_BOUNCE), kept(Origin.ROAD_USER)
    near = told[(told[:, 0] == Origin.ROAD_USER) & (told[:, 3] < FAR_M), 1].mean()
    driving = told[(told[:, 0] == Origin.ROAD_USER) & (told[:, 2] == 0), 1].mean()
    speed, honest = float(np.sqrt(np.mean(error**2))), float(np.sqrt(np.mean(normalised**2)))
    confirmed = [drive["confirmed_m"] for drive in drives if drive["reached"]]
    false = sum(drive["false_obstacles"] for drive in drives)
    of = f"seeds {seeds[0]} to {seeds[-1]}, tuned on {TUNING_SEEDS[0]} to {TUNING_SEEDS[-1]}"
    table = [
        row_of(f"detections judged ({of})", len(told), ""),
        row_of("ghosts removed", ghosts, "", ">= 0.90", ghosts >= 0.90),
        row_of("  of them second bounces", 1.0 - kept(Origin.SECOND_BOUNCE), ""),
        row_of("  of them mirror images", 1.0 - kept(Origin.MIRROR), ""),
        row_of("clutter removed", 1.0 - kept(Origin.CLUTTER), "", ">= 0.95", 1.0 - kept(Origin.CLUTTER) >= 0.95),
        row_of("detections of road users kept", users, "", ">= 0.95", users >= 0.95),
        row_of("  of them all but what stands in the own lane", driving, ""),
        row_of(f"detections of road users kept, nearer than {FAR_M:g} m", near, "", ">= 0.97", near >= 0.97),
        row_of("rails and posts taken for obstacles in the corridor, detections", false, "", "0", false == 0),
        row_of("own speed by Doppler, RMS", speed, "m/s", "<= 0.05", speed <= 0.05),
        row_of("own speed by Doppler, error over its sigma, RMS", honest, "", "0.8 to 1.3", 0.8 <= honest <= 1.3),
        row_of("scans without an own speed", sum(drive["unknown"] for drive in drives), ""),
    ]  # fmt: skip
    if confirmed:
        found = [distance for distance in confirmed if distance is not None]
        whole = len(found) == len(confirmed)
        table += [row_of("vehicle that stands in the own lane: confirmed in drives", len(found), "", f"{len(confirmed)}", whole),
                  row_of("vehicle that stands in the own lane: confirmed at, median", 
                         float(np.median(found)) if found else None, "m"),
                  row_of("vehicle that stands in the own lane: confirmed at, least", min(found, default=None), "m", ">= 40",
                         whole and min(found, default=0.0) >= 39.0)]  # fmt: skip
    return table + road.rows(quick, jobs) + recorded.rows()


def _drive(chosen: tuple[int, float]) -> dict:
    from autonomy.perception.radar.processing import DETECTION, KEPT, RadarProcessor
    from hil.radar import Origin
    from hil.radar.drive import RadarDrive
    from hil.radar.rows import radar_detections

    seed, seconds = chosen
    drive, processor = RadarDrive(seed, seconds), RadarProcessor()
    random = np.random.default_rng([seed, 6])
    told, error, normalised, confirmed, false, unknown, reached = [], [], [], None, 0, 0, False
    for truth, detections in drive.scans():
        speed = truth.ego.velocity + random.normal(0.0, WHEEL_SIGMA_MPS)
        found = processor.process(radar_detections(detections, drive.emulator.sensor), truth.time_ns, speed, truth.ego.yaw_rate)
        table, labels = detections.table, found.detections["label"]
        told.append(np.column_stack([table["origin"], np.isin(labels, KEPT), table["actor"] == STANDING_USER, table["range"]]))
        if found.motion.is_known:
            error.append(found.motion.speed - truth.ego.velocity)
            normalised.append(error[-1] / np.sqrt(found.motion.covariance[0, 0]))
        unknown += not found.motion.is_known
        is_obstacle, is_user = labels == DETECTION["LABEL_OBSTACLE"], table["origin"] == Origin.ROAD_USER
        false += int((is_obstacle & ~is_user).sum())
        standing = is_user & (table["actor"] == STANDING_USER)
        reached |= bool((standing & (table["range"] < 40.0)).any())
        if confirmed is None and (standing & is_obstacle).any():
            confirmed = float(table["range"][standing & is_obstacle].max())
    return {"told": np.concatenate(told), "error": np.array(error), "normalised": np.array(normalised), "confirmed_m": confirmed,
            "false_obstacles": false, "unknown": unknown, "reached": reached}  # fmt: skip
