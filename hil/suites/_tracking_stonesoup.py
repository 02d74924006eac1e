"""GOSPA of stonesoup's JPDA on the detections of a tracking drive, kept for comparison in _tracking_reference.json.

    PYTHONPATH=. python -m hil.suites._tracking_stonesoup     (with stonesoup installed)

It is given what our tracker is: the same detections, none before it has come, and its tracks are predicted to the moment of the
truth. Constant velocity over ground, places and, of radars, speeds along; started and dropped by its own initiator and deleter.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from importlib.metadata import version

import numpy as np

from hil.suites._tracking_drive import OWN_FRONT_M, RANGE_M, drive
from hil.suites._tracking_figures import Counts
from hil.suites.tracking import REFERENCE, SEEDS

DURATION_S = 20.0
LATEST_S = 0.08  # of the slowest sensor: scans are used in the order in which they were taken
BEGIN = datetime(2026, 1, 1)
ACCELERATION_DENSITY, LATERAL_DENSITY = 1.0, 0.1  # m2/s3
CONFIRM, SILENT_S = 4, 0.8
DETECTION_PROBABILITY, CLUTTER_PER_M2, GATE = 0.9, 1e-4, 0.99


class Reference:
    def __init__(self) -> None:
        from stonesoup.dataassociator.neighbour import GNNWith2DAssignment
        from stonesoup.dataassociator.probability import JPDA
        from stonesoup.deleter.time import UpdateTimeDeleter
        from stonesoup.hypothesiser.distance import DistanceHypothesiser
        from stonesoup.hypothesiser.probability import PDAHypothesiser
        from stonesoup.initiator.simple import MultiMeasurementInitiator
        from stonesoup.measures import Mahalanobis
        from stonesoup.models.transition.linear import CombinedLinearGaussianTransitionModel, ConstantVelocity
        from stonesoup.predictor.kalman import KalmanPredictor
        from stonesoup.types.state import GaussianState
        from stonesoup.updater.kalman import KalmanUpdater

        motion = CombinedLinearGaussianTransitionModel(
            [ConstantVelocity(ACCELERATION_DENSITY), ConstantVelocity(LATERAL_DENSITY)]
        )
        self.predictor, self.updater = KalmanPredictor(motion), KalmanUpdater(None)
        density = CLUTTER_PER_M2
        self.associator = JPDA(PDAHypothesiser(self.predictor, self.updater, density, DETECTION_PROBABILITY, GATE))
        nearest = GNNWith2DAssignment(DistanceHypothesiser(self.predictor, self.updater, Mahalanobis(), 4.0))
        prior = GaussianState([[0.0], [20.0], [0.0], [0.0]], np.diag([0.0, 100.0, 0.0, 4.0]), BEGIN)
        self.deleter = UpdateTimeDeleter(timedelta(seconds=SILENT_S))
        self.initiator = MultiMeasurementInitiator(prior, self.deleter, nearest, self.updater, min_points=CONFIRM)
        self.tracks: set = set()

    def take(self, detections: set, when: datetime) -> None:
        from stonesoup.functions import gm_reduce_single
        from stonesoup.types.array import StateVectors
        from stonesoup.types.update import GaussianStateUpdate

        used = set()
        for track, hypotheses in self.associator.associate(self.tracks, detections, when).items():
            states, weights = [], []
            for hypothesis in hypotheses:
                if not hypothesis:
                    states.append(hypothesis.prediction)
                else:
                    states.append(self.updater.update(hypothesis))
                    used.add(hypothesis.measurement)
                weights.append(float(hypothesis.probability))
            mean, covariance = gm_reduce_single(
                StateVectors([state.state_vector for state in states]), np.stack([state.covar for state in states], axis=2),
                np.asarray(weights))  # fmt: skip
            if any(bool(hypothesis) for hypothesis in hypotheses) and sum(weights[1:]) > 0.5:
                track.append(GaussianStateUpdate(mean, covariance, hypotheses, when))
            else:
                track.append(hypotheses[0].prediction)
        self.tracks -= self.deleter.delete_tracks(self.tracks)
        self.tracks |= self.initiator.initiate(detections - used, when)

    def at(self, when: datetime) -> np.ndarray:
        """(n, 4) x, y, speed along, speed across."""
        found = [self.predictor.predict(track, timestamp=when).state_vector for track in self.tracks]
        return np.array([[float(s[0]), float(s[2]), float(s[1]), float(s[3])] for s in found]).reshape(-1, 4)


def run(seed: int, duration_s: float) -> dict[str, float]:
    found = drive(seed, duration_s, keep_scans=True)
    reference, counts = Reference(), Counts()
    scans, next_scan = found.scans, 0
    places = np.zeros(round(duration_s * 100) + 1)
    for tick, _, _, speed in scans:
        places[tick] = speed
    speeds = np.interp(np.arange(len(places)), np.flatnonzero(places), places[places > 0])
    travelled = np.concatenate([[0.0], np.cumsum(speeds) * 0.01])
    for index, moment in enumerate(found.moments):
        now_s = 0.1 * index
        while next_scan < len(scans) and scans[next_scan][0] * 0.01 <= now_s - LATEST_S + 1e-9:
            tick, sensor, seen, speed = scans[next_scan]
            when = BEGIN + timedelta(seconds=tick * 0.01)
            reference.take(_detections(sensor, seen, speed, travelled[tick], when), when)
            next_scan += 1
        rows = reference.at(BEGIN + timedelta(seconds=now_s))
        rows[:, 0] -= travelled[10 * index]
        kept = (np.hypot(rows[:, 0], rows[:, 1]) <= RANGE_M) & (rows[:, 0] > OWN_FRONT_M)
        moment.tracks, moment.track_id = rows[kept], np.arange(int(kept.sum()))
        counts.add(moment)
    return counts.figures()


def _detections(sensor, seen, speed: float, travelled_m: float, when: datetime) -> set:
    """Over ground; places of faces, and the speed along where the range rate tells it."""
    from stonesoup.models.measurement.linear import LinearGaussian
    from stonesoup.types.detection import Detection

    found = set()
    for i in range(len(seen.x)):
        x, y = float(seen.x[i]), float(seen.y[i])
        if sensor.kind == "lidar":
            x -= 0.5 * float(seen.length[i])
        spread = 0.4 if sensor.kind == "radar" else 0.05
        noise = [float(seen.x_sigma[i]) ** 2 + 0.02, float(seen.y_sigma[i]) ** 2 + spread**2]
        mapping, values = [0, 2], [x + travelled_m, y]
        away = np.hypot(x - sensor.x_m, y - sensor.y_m)
        cosine = (x - sensor.x_m) / max(away, 0.1)
        if sensor.kind == "radar" and cosine > 0.7:
            mapping, values = [0, 2, 1], [*values, float(seen.range_rate[i]) / cosine + speed]
            noise = [*noise, 0.1**2 / cosine**2 + (1.0 - cosine**2)]
        model = LinearGaussian(ndim_state=4, mapping=mapping, noise_covar=np.diag(noise))
        found.add(Detection(np.array(values)[:, None], timestamp=when, measurement_model=model))
    return found


if __name__ == "__main__":
    figures = run(SEEDS[0], DURATION_S)
    told = {"stonesoup": version("stonesoup"), "associator": "JPDA", "seed": SEEDS[0], "duration_s": DURATION_S, **figures}
    REFERENCE.write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told, indent=1))
