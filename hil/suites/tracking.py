"""The tracker in half an hour of dense motorway through the frozen detection model (configs/detection_model.toml): completeness,
errors, identities, cut-ins in time and wanderers left alone; and beside stonesoup's JPDA on the same detections.

Tuned on the seeds TUNING_SEEDS; the figures are of SEEDS. docs/tracking.md has the reservations.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from hil.suites._row import row_of

TITLE = "tracks of a dense motorway through the frozen detection model, objects to 120 m"
TUNING_SEEDS = (1, 2, 3)
SEEDS = (101, 102, 103, 104, 105, 106)
DURATION_S = 300.0
QUICK_SEEDS, QUICK_DURATION_S = (101,), 60.0
IN_TIME_S = 0.8
REFERENCE = Path(__file__).with_name("_tracking_reference.json")  # written by hil/suites/_tracking_stonesoup.py


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    from hil.suites._pool import mapped
    from hil.suites._tracking_figures import Counts

    seeds, duration = (QUICK_SEEDS, QUICK_DURATION_S) if quick else (SEEDS, DURATION_S)
    drives = mapped(_drive, [(seed, duration) for seed in seeds], jobs, output)
    counts = Counts()
    for drive in drives:
        counts.begin_drive()
        for moment in drive.moments:
            counts.add(moment)
    found = counts.figures()
    if output is not None:
        (output / "figures.json").write_text(json.dumps(found | {"seeds": seeds, "best_test": _curve(drives)}, indent=1) + "\n")
    return [
        row_of("driven, all seeds", sum(drive.duration_s for drive in drives) / 60.0, "min"),
        row_of("objects that were to be seen", counts.identities, ""),
        row_of("MOTA", found["mota"], "", ">= 0.93", found["mota"] >= 0.93),
        row_of("missed, share of objects", found["missed"], ""),
        row_of("false, per object", found["false"], ""),
        row_of("position, RMS", found["position_rms_m"], "m", "<= 0.4", found["position_rms_m"] <= 0.4),
        row_of("speed, RMS", found["speed_rms_mps"], "m/s", "<= 0.3", found["speed_rms_mps"] <= 0.3),
        row_of("identity switches per 100 objects", found["switches_per_100"], "", "<= 1", found["switches_per_100"] <= 1.0),
        row_of("... of objects that were away or out of sight for 3 s and more", found["switches_per_100_after_absence"], ""),
        row_of("GOSPA, mean", found["gospa_m"], "m"),
        *_beside_reference(),
        *_cut_ins(drives),
        *_best_test(drives),
    ]


def _drive(chosen: tuple[int, float]):
    from hil.suites._tracking_drive import drive

    return drive(*chosen, ideal=True)


def _beside_reference() -> list[dict]:
    """On the stretch that the reference was run on, the same detections."""
    from hil.suites._tracking_drive import drive
    from hil.suites._tracking_figures import Counts

    if not REFERENCE.is_file():
        return [row_of("GOSPA beside stonesoup's JPDA", None, "m")]
    reference = json.loads(REFERENCE.read_text())
    counts = Counts()
    for moment in drive(reference["seed"], reference["duration_s"]).moments:
        counts.add(moment)
    ours, theirs = counts.figures()["gospa_m"], reference["gospa_m"]
    return [
        row_of(f"GOSPA on the first {reference['duration_s']:g} s of seed {reference['seed']}", ours, "m",
               f"< {theirs:.3g} of stonesoup", ours < theirs),
    ]  # fmt: skip


def _cut_ins(drives: list) -> list[dict]:
    crossed = [one for drive in drives for one in drive.cut_ins if one.crossed_s is not None]
    early = np.array([one.crossed_s - one.flagged_s if one.flagged_s is not None else -1.0 for one in crossed])
    lasted = np.array([one.duration_s for one in crossed])
    hours = sum(drive.duration_s for drive in drives) / 3600.0
    share = float(np.mean(early >= IN_TIME_S)) if len(early) else None
    begun = np.array([one.crossed_s - one.started_s for one in crossed])
    false = sum(drive.false_flags for drive in drives) / hours
    table = [row_of("cut-ins of 3 to 6 s", len(crossed), ""),
             row_of("... flagged before the tyre crosses, median", float(np.median(early)) if len(early) else None, "s"),
             row_of(f"cut-ins flagged {IN_TIME_S} s before the tyre crosses", share, "", ">= 0.95",
                    share is not None and share >= 0.95)]  # fmt: skip
    for low in (3.0, 4.0, 5.0):
        of = (lasted >= low) & (lasted < low + 1.0)
        if of.any():
            table += [row_of(f"... of {low:g} to {low + 1:g} s", float(np.mean(early[of] >= IN_TIME_S)), ""),
                      row_of("...... begun before the tyre crosses, mean", float(begun[of].mean()), "s"),
                      row_of("...... flagged before the tyre crosses, median", float(np.median(early[of])), "s")]  # fmt: skip
    return [*table,
            row_of("wanderers of 0.3 m flagged, per hour", false, "1/h", "<= 1", false <= 1.0),
            row_of("flagged of those who keep their lane, per hour", sum(drive.calm_flags for drive in drives) / hours, "1/h"),
            row_of("wandered beside and ahead", sum(drive.wandered_s for drive in drives) / 3600.0, "h")]  # fmt: skip


def _curve(drives: list) -> list[dict[str, float]]:
    """Of the ideal detector, a row a threshold; the times are of all drives together."""
    from hil.suites._tracking_ideal import THRESHOLDS

    hours = sum(drive.duration_s for drive in drives) / 3600.0
    early = np.array([one for drive in drives for one in drive.ideal.early]).reshape(-1, len(THRESHOLDS))
    return [{"log_ratio": float(threshold),
             "in_time": float(np.mean(early[:, k] >= IN_TIME_S - 1e-9)) if len(early) else 0.0,
             "early_median_s": float(np.median(early[:, k])) if len(early) else 0.0,
             "wanderers_per_hour": float(sum(drive.ideal.wanderers[k] for drive in drives) / hours),
             "calm_per_hour": float(sum(drive.ideal.calm[k] for drive in drives) / hours)}
            for k, threshold in enumerate(THRESHOLDS)]  # fmt: skip


def _best_test(drives: list) -> list[dict]:
    """What the sensors let anybody reach: the curve where it flags no more wanderers than aimed, and no more than ours."""
    hours = sum(drive.duration_s for drive in drives) / 3600.0
    curve, table = _curve(drives), []
    ours = sum(drive.false_flags for drive in drives) / hours
    for most, of in ((1.0, "at most one wanderer per hour"), (ours, "as many wanderers as ours")):
        # From the first threshold on beyond which there never are more
        allowed = [k for k in range(len(curve)) if all(row["wanderers_per_hour"] <= most for row in curve[k:])]
        row = curve[allowed[0]] if allowed else None
        table += [row_of(f"best test with true associations, {of}: flagged in time", row and row["in_time"], ""),
                  row_of("... before the tyre crosses, median", row and row["early_median_s"], "s"),
                  row_of("... flagged of those who keep their lane, per hour", row and row["calm_per_hour"], "1/h")]  # fmt: skip
    return table
