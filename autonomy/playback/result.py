"""What a run gave: verdict, figures, every output; and where a run's folder keeps them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autonomy.errors import FAIL
from autonomy.geodesy import ecef_to_geodetic, geodetic_to_enu
from autonomy.output_folder import writing
from autonomy.playback.thinning import kept_ticks

if TYPE_CHECKING:
    from autonomy.playback.metrics import TickTimes
    from autonomy.playback.spool import OutputSpool

SCHEMA = "autonomy.replay/1"
OUTPUT_LOG, RESULT_FILE, OUTAGE_RUNS = "output.mcap", "result.json", "outages.npz"  # names in a run's folder
TRUTH, SCANS = "truth.npz", "scans.npz"


@dataclass
class Result:
    """What a run gave. `metrics` is the object that `autonomy replay --json` prints."""

    verdict: str
    exit_code: int
    metrics: dict[str, Any]
    log_path: Path | None
    report_path: Path | None
    reference: np.ndarray  # dtype("ReferencePose"), empty without one
    reference_ego: np.ndarray  # fields of dtype("EgoState") on both sides of each reference time
    start_ns: int  # of the log's first record
    outage_runs: list[np.ndarray]  # dtype("EgoState") of each outage, at the reference's times
    tick_times: TickTimes
    _path_ecef: np.ndarray  # lane path, see autonomy/inputs/lane_path.py
    _spool: OutputSpool
    truth: dict[str, np.ndarray] | None = None  # of a drive in closed loop: hil.loop.metrics.COLUMNS while the stack drove
    scans: dict[str, np.ndarray] | None = None  # where scans were processed, some of them: autonomy/viewers/kept_scans.py

    @property
    def outputs(self) -> np.ndarray:
        """Every output frame, array of dtype("OutputFrame")."""
        return self._spool.outputs()

    @property
    def path(self) -> np.ndarray | None:
        """The lane path in the ego filter's ENU frame, (n, 2) metres; None without path or position."""
        ego = self._spool.head("ego", np.arange(self._spool.ticks)[-1:])
        if not len(self._path_ecef) or not len(ego) or not ego["origin_latitude_deg"][0]:
            return None
        origin = tuple(float(ego[f"origin_{name}"][0]) for name in ("latitude_deg", "longitude_deg", "altitude_m"))
        return geodetic_to_enu(*ecef_to_geodetic(self._path_ecef[:, :3]), origin)[:, :2]

    def topic(self, name: str) -> np.ndarray:
        """One message of every output frame, e.g. `topic("ego")`; also by its log topic, "/out/ego"."""
        return self._spool.topic(name.removeprefix("/out/"))

    def head(self, name: str) -> np.ndarray:
        """The same without a list that the message may end in: for `tracks`, the lead and the counts."""
        return self._spool.head(name.removeprefix("/out/"))

    @cached_property
    def shown_ticks(self) -> np.ndarray | None:
        """Indices of the ticks that a report of a long run shows; None = all."""
        return kept_ticks(self._spool)

    def shown(self, name: str) -> np.ndarray:
        """`head` of the ticks `shown_ticks`."""
        return self._spool.head(name.removeprefix("/out/"), self.shown_ticks)

    def sampled(self, name: str, ticks: np.ndarray) -> np.ndarray:
        """One message, its list included, of the ticks with these rising indices."""
        return self._spool.topic(name.removeprefix("/out/"), ticks)

    def save(self, directory: Path) -> None:
        """Writes figures, outages, a drive's truth and scans beside the log, for `autonomy report`. Raises EnvironmentFault."""
        with writing(directory):
            (directory / RESULT_FILE).write_text(json.dumps(self.metrics, indent=1, allow_nan=False) + "\n", encoding="utf-8")
            if self.outage_runs:
                np.savez_compressed(directory / OUTAGE_RUNS, **{f"run_{n}": run for n, run in enumerate(self.outage_runs)})
            else:
                (directory / OUTAGE_RUNS).unlink(missing_ok=True)
            for name, arrays in ((TRUTH, self.truth), (SCANS, self.scans)):
                if arrays is not None:
                    np.savez_compressed(directory / name, **arrays)
                else:
                    (directory / name).unlink(missing_ok=True)


def as_failed(result: Result) -> Result:
    """The same result with a failed verdict; an error stays an error."""
    if result.verdict == "pass":
        result.verdict, result.exit_code = "fail", FAIL
        result.metrics["verdict"], result.metrics["exit_code"] = result.verdict, result.exit_code
    return result
