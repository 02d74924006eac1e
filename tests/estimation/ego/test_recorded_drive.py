"""The figures of the ego filter on the recorded comma2k19 minute: causal, 100 Hz, the priors of configs/ego.toml.

`pytest -s tests/estimation/ego/test_recorded_drive.py` prints them.
"""

import numpy as np
import pytest

from autonomy.estimation.ego.ego import EgoEstimator
from autonomy.evaluation import reference
from autonomy.evaluation.outage import outage_metrics
from tests.estimation.ego import drives

pytestmark = pytest.mark.real_data
OUTAGE_STARTS_S = (15, 20, 25, 30, 35, 40)


@pytest.fixture(scope="module", params=["gyro_uncalibrated", "gyro"])
def drive(data_directory, request) -> drives.Drive:
    """Both streams: as measured (bias 0.07 rad/s) and with the telephone's own bias removed."""
    return drives.comma2k19(data_directory, request.param)


@pytest.fixture(scope="module")
def outputs(drive) -> np.ndarray:
    return drives.run(EgoEstimator(drives.parameters()), drive.ticks(), 7000)


def test_errors_against_the_reference(drive, outputs):
    found = reference.reference_metrics(outputs, drive.reference)
    print("\n" + "\n".join(f"{name} {value:.4f}" for name, value in found.items()))
    assert drives.beyond_goals(found) == {}
    assert found["inside_3_sigma_share"] >= 0.99


def test_delays_and_scale(outputs):
    last = outputs[-1]
    for name, truth in (("gnss_position_delay", 0.085), ("gnss_velocity_delay", 0.145)):
        delay, sigma = float(last[f"{name}_s"]), float(last[f"{name}_sigma_s"])
        print(f"\n{name} {delay:.4f} +- {sigma:.4f} s (recorded {truth})")
        assert abs(delay - truth) <= min(0.03, 2.0 * sigma)
    print(f"speed_scale {last['speed_scale']:.5f} +- {last['speed_scale_sigma']:.5f}")
    assert abs(last["speed_scale"] - 0.9914) <= 0.003


def test_consistency_of_each_aid(outputs):
    for name, aid in reference.aid_metrics(outputs[-1]).items():
        if aid["nis_per_dof"] is None:
            continue
        print(f"\n{name} {aid}")
        assert 0.5 <= aid["nis_per_dof"] <= 1.5, name
        assert aid["share_over_95"] <= 0.10, name


def test_drift_without_gnss(drive):
    estimator, found = EgoEstimator(drives.parameters()), {}
    fresh = estimator.snapshot()
    for start_s in OUTAGE_STARTS_S:
        estimator.restore(fresh)
        start_ns = drive.start_ns + start_s * 1_000_000_000
        outputs = drives.run(estimator, drive.ticks(gnss_until_ns=start_ns), 7000)
        found[start_s] = outage_metrics(outputs, drive.reference, start_ns)["drift_percent"]
    print("\ndrift in % of distance", {start: round(drift, 2) for start, drift in found.items()})
    assert found[20] <= 0.7
    assert np.median(list(found.values())) <= 0.4
    assert max(found.values()) <= 0.9
