"""The kernel autonomy.estimation.ego._ego and its twin state the same mathematics."""

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
    for index, name in ((0, "position"), (1, "velocity"), (2, "wheel"), (3, "non_holonomic"), (7, "odometry")):
        aid = found["aids"][index]
        assert aid["accepted"] + aid["rejected"] == len(twin.nis[name])
        np.testing.assert_allclose(aid["nis_sum"], np.sum(twin.nis[name]), rtol=1e-5)


def test_kernel_and_twin_agree_on_a_simulated_drive():
    _compare(drives.simulated(duration_s=6.0, seed=3), 6.0)


def test_kernel_and_twin_agree_on_a_receiver_that_is_faster_than_its_errors():
    _compare(drives.simulated(duration_s=6.0, seed=3, fix_interval_s=0.01), 6.0)


def test_kernel_and_twin_agree_on_a_start_by_late_fixes():
    _compare(drives.arriving_late(drives.simulated(duration_s=6.0, seed=4), 0.2, 0.24), 6.0)


def test_kernel_and_twin_agree_on_a_receiver_that_tells_its_accuracy_and_coarse_wheels():
    drive = drives.simulated(duration_s=8.0, seed=5)
    count = np.arange(len(drive.gnss))
    drive.gnss["position_sigma"], drive.gnss["altitude_sigma"] = 1.0 + count % 3, 2.0 + count % 5
    drive.gnss["speed_sigma"], drive.gnss["course_sigma_deg"] = 0.2 + 0.1 * (count % 4), 0.3 + 0.4 * (count % 3)
    drive.gnss["course_deg"][20:24] += 2.0  # more than the share of its noise allows, less than it says itself
    speed = np.round(drive.wheel["rear_left"] * 3.6) / 3.6
    drive.wheel = drive.wheel[::8]
    drive.wheel["vehicle_speed"] = speed[::8]
    drive.wheel["rear_left"] = drive.wheel["rear_right"] = np.nan
    _compare(drive, 8.0)


def test_kernel_and_twin_agree_on_motions_between_scans():
    _compare(drives.simulated(duration_s=6.0, seed=6, with_odometry=True), 6.0)


@pytest.mark.real_data
def test_kernel_and_twin_agree_on_the_recorded_drive(data_directory):
    _compare(drives.comma2k19(data_directory), 6.0)
