"""Kernel and twin state the same mathematics."""

import numpy as np
import pytest

from autonomy.estimation.ego.ego import EgoEstimator
from autonomy.estimation.ego.ego_twin import EgoTwin
from tests.estimation.ego import drives

TOLERANCES = {
    "position": 1e-6, "velocity": 1e-6, "yaw": 1e-7, "pitch": 1e-7, "roll": 1e-7, "angular_rate": 1e-8, "sigma": 1e-6,
    "covariance_xy": 1e-6, "speed_scale": 1e-8, "gnss_position_delay_s": 1e-7, "gnss_velocity_delay_s": 1e-7,
    "wheel_delay_s": 1e-7, "gyro_bias": 1e-8, "accelerometer_bias": 1e-7,
}  # fmt: skip


def _compare(drive: drives.Drive, seconds: float) -> None:
    parameters = drives.parameters()
    kernel, twin = EgoEstimator(parameters), EgoTwin(parameters)
    compared = 0
    for frame in drive.ticks(end_ns=drive.start_ns + int(seconds * 1e9)):
        found, expected = kernel.step(frame), twin.step(frame)
        if expected is None:
            assert found["status"] & 15 == 0
            continue
        compared += 1
        for name, tolerance in TOLERANCES.items():
            np.testing.assert_allclose(found[name], expected[name], rtol=0.0, atol=tolerance, err_msg=name)
    assert compared > 50.0 * seconds
    for index, name in enumerate(("position", "velocity", "wheel", "non_holonomic")):
        aid = found["aids"][index]
        assert aid["accepted"] + aid["rejected"] == len(twin.nis[name])
        np.testing.assert_allclose(aid["nis_sum"], np.sum(twin.nis[name]), rtol=1e-5)


def test_kernel_and_twin_agree_on_a_simulated_drive():
    _compare(drives.simulated(duration_s=6.0, seed=3), 6.0)


@pytest.mark.real_data
def test_kernel_and_twin_agree_on_the_recorded_drive(data_directory):
    _compare(drives.comma2k19(data_directory), 6.0)
