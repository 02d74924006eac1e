"""What must hold for any input: no NaN out, a proper covariance, no preferred direction, recovery."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.estimation.ego.ego import EgoEstimator
from autonomy.evaluation import reference
from tests.estimation.ego import drives

STATE = msg.constants("EgoState")
EVERY_NUMBER = [name for name in msg.dtype("EgoState").names if msg.dtype("EgoState")[name].base.kind == "f"]


def assert_finite(outputs: np.ndarray) -> None:
    for name in EVERY_NUMBER:
        assert np.isfinite(outputs[name]).all(), name
    assert np.isfinite(outputs["aids"]["nis_sum"]).all()


def assert_proper(covariance: np.ndarray) -> None:
    np.testing.assert_array_equal(covariance, covariance.T)
    scale = 1.0 / np.sqrt(np.diag(covariance))
    assert np.linalg.eigvalsh(scale[:, None] * covariance * scale).min() > 0.0


def test_covariance_stays_symmetric_and_positive_definite():
    drive, estimator = drives.simulated(duration_s=10.0), EgoEstimator(drives.parameters())
    for frame in drive.ticks():
        state = estimator.step(frame)
        if state["status"] & STATE["STATUS_TILT_ALIGNED"] and frame["tick_index"] % 20 == 0:
            assert_proper(estimator.covariance)


@pytest.mark.parametrize("fix_interval_s", [0.1, 0.02, 0.01])  # faster than 50 Hz no fix was ever used, unheard
def test_estimates_are_right_within_their_sigmas_on_a_simulated_drive(fix_interval_s):
    drive = drives.simulated(duration_s=40.0, seed=1, fix_interval_s=fix_interval_s)
    outputs = drives.run(EgoEstimator(drives.parameters()), drive.ticks(), 5000)
    found = reference.reference_metrics(outputs, drive.reference)
    assert found["position_rms_m"] < 0.5
    assert found["velocity_rms_mps"] < 0.1
    assert found["inside_3_sigma_share"] >= 0.99
    last = outputs[-1]
    assert abs(last["speed_scale"] - 0.99) < 0.005
    assert abs(last["gnss_velocity_delay_s"] - 0.15) < 0.03


@settings(max_examples=6, deadline=None)
@given(turn=st.floats(-3.1, 3.1))
def test_no_heading_is_special(turn):
    def relative(heading: float) -> tuple[np.ndarray, float]:
        drive = drives.simulated(duration_s=5.0, heading=heading)
        last = drives.run(EgoEstimator(drives.parameters()), drive.ticks(), 600)[-1]
        cosine, sine = np.cos(heading), np.sin(heading)
        velocity = last["velocity"][:2] @ np.array([[cosine, -sine], [sine, cosine]])
        return velocity, np.angle(np.exp(1j * (last["yaw"] - heading)))

    # Noise of position and course is drawn along the axes, so directions agree within it, not to the bit
    (velocity, yaw), (turned_velocity, turned_yaw) = relative(0.0), relative(turn)
    np.testing.assert_allclose(turned_velocity, velocity, atol=0.2)
    assert abs(np.angle(np.exp(1j * (turned_yaw - yaw)))) < 0.02


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_bad_samples_never_reach_the_output(data):
    drive = copy.copy(drives.simulated(duration_s=5.0))
    seed = data.draw(st.integers(0, 2**31))
    random = np.random.default_rng(seed)
    for name in ("imu", "wheel", "gnss"):
        samples = getattr(drive, name).copy()
        kind = data.draw(st.sampled_from(["nan", "huge", "gap", "duplicate", "shuffle", "invalid", "backwards", "none"]))
        hit = random.random(len(samples)) < 0.2
        numbers = [field for field in samples.dtype.names if samples.dtype[field].kind == "f"]
        if kind in ("nan", "huge"):
            for field in numbers:
                samples[field][hit] = np.nan if kind == "nan" else random.choice([np.inf, -np.inf, 1e300, -1e9])
        elif kind == "gap":
            begin = random.integers(0, len(samples))
            samples = np.delete(samples, slice(begin, begin + len(samples) // 3))
        elif kind == "duplicate":
            samples = np.repeat(samples, np.where(hit, 3, 1))
        elif kind == "shuffle":
            samples["valid_time_ns"] -= random.integers(0, 300_000_000, len(samples))
        elif kind == "invalid":
            samples["validity"][hit] = random.integers(1, 4)
        elif kind == "backwards":
            samples["valid_time_ns"][hit] = random.integers(-(2**62), 2**62)
        setattr(drive, name, samples)
    estimator = EgoEstimator(drives.parameters())
    assert_finite(drives.run(estimator, drive.ticks(), 600))


def test_same_frames_after_a_snapshot_give_the_same_bytes():
    drive = drives.simulated(duration_s=6.0)
    frames = [frame.copy() for frame in drive.ticks()]
    first = EgoEstimator(drives.parameters())
    for frame in frames[:300]:
        first.step(frame)
    blob = first.snapshot()
    expected = [first.step(frame).tobytes() for frame in frames[300:]]
    second = EgoEstimator(drives.parameters())
    second.restore(blob)
    assert [second.step(frame).tobytes() for frame in frames[300:]] == expected


def test_a_start_at_rest_aligns_when_the_vehicle_moves():
    drive = drives.simulated(duration_s=20.0, at_rest_s=5.0)
    outputs = drives.run(EgoEstimator(drives.parameters()), drive.ticks(), 3000)
    assert outputs[400]["status"] & STATE["STATUS_STANDSTILL"]
    assert not outputs[400]["status"] & STATE["STATUS_YAW_ALIGNED"]
    for aid in ("AID_ZERO_VELOCITY", "AID_ZERO_RATE", "AID_GRAVITY"):
        assert outputs[450]["aids"][STATE[aid]]["accepted"] > 10, aid
    assert outputs[-1]["status"] & STATE["STATUS_YAW_ALIGNED"]
    assert reference.reference_metrics(outputs, drive.reference, 12.0)["velocity_rms_mps"] < 0.15


def test_a_receiver_that_tells_its_latency_starts_the_filter_too():
    drive = copy.copy(drives.simulated(duration_s=12.0))
    drive.gnss = drive.gnss.copy()
    drive.gnss["valid_time_ns"] = drive.gnss["received_time_ns"] - 120_000_000
    outputs = drives.run(EgoEstimator(drives.parameters()), drive.ticks(), 1500)
    assert outputs[-1]["status"] & STATE["STATUS_POSITION_VALID"]
    assert outputs[-1]["aids"][STATE["AID_GNSS_POSITION"]]["accepted"] > 30


@pytest.mark.parametrize("at_rest_s", [0.0, 5.0])
@pytest.mark.parametrize("least_s, most_s", [(0.1, 0.1), (0.15, 0.15), (0.2, 0.2), (0.25, 0.25), (0.1, 0.3)])
def test_late_fixes_give_a_place_and_a_direction_too(least_s, most_s, at_rest_s):
    """The vehicle is 3 m/s fast 2 s after it drives off; the delay that is learned may make the fixes no older than they are."""
    for seed in range(4):
        simulated = drives.simulated(duration_s=25.0, at_rest_s=at_rest_s, seed=seed, heading=2.0 * seed)
        drive = drives.arriving_late(simulated, least_s, most_s, seed)
        outputs = drives.run(EgoEstimator(drives.parameters()), drive.ticks(), 2600)
        aligned = (outputs["status"] & STATE["STATUS_YAW_ALIGNED"]) > 0
        assert aligned[int(100 * at_rest_s) + 300 :].all() and outputs[-1]["resets"] == 0, seed
        assert outputs[-1]["status"] & STATE["STATUS_POSITION_VALID"]
        metrics = reference.reference_metrics(outputs, drive.reference, at_rest_s + 10.0)
        assert metrics["velocity_rms_mps"] < 0.06 and metrics["position_rms_m"] < 0.8, seed
        assert metrics["inside_3_sigma_share"] > 0.99, seed


def _coarse(drive: drives.Drive) -> drives.Drive:
    """Wheels at 2 Hz in whole km/h, cut; the gyro in steps of 0.25 deg/s."""
    drive = copy.copy(drive)
    drive.wheel, drive.imu = drive.wheel[::40].copy(), drive.imu.copy()
    drive.wheel["vehicle_speed"] = np.floor(drive.wheel["rear_left"] * 3.6) / 3.6
    drive.wheel["rear_left"] = drive.wheel["rear_right"] = np.nan
    step = np.radians(0.25)
    for axis in "xyz":
        drive.imu[f"angular_rate_{axis}"] = np.round(drive.imu[f"angular_rate_{axis}"] / step) * step
    return drive


def test_pulling_away_is_no_rest_though_coarse_wheels_still_say_zero():
    drive = _coarse(drives.simulated(duration_s=20.0, at_rest_s=7.0, seed=2))
    outputs = drives.run(EgoEstimator(drives.parameters()), drive.ticks(), 2100)
    standing = (outputs["status"] & STATE["STATUS_STANDSTILL"]) > 0
    assert standing[300:650].all()
    moving = outputs["time_ns"] > drive.start_ns + 8_600_000_000  # 0.9 m/s; a tick stands 0.3 s behind
    assert not standing[moving].any()
    assert reference.reference_metrics(outputs, drive.reference, 15.0)["velocity_rms_mps"] < 0.2


def test_at_rest_a_coarse_gyro_teaches_its_bias_no_finer_than_its_step():
    drive = _coarse(drives.simulated(duration_s=20.0, at_rest_s=18.0))
    drive.imu["angular_rate_z"] = np.radians(0.25)  # silent: true bias anywhere within half a step
    found = drives.run(EgoEstimator(drives.parameters()), drive.ticks(), 2100)[1700]
    assert found["gyro_bias_sigma"][2] > 0.1 * np.radians(0.25)


@pytest.mark.parametrize("at_rest_s", [0.0, 8.0])
def test_a_receiver_that_tells_positions_alone_is_enough(at_rest_s):
    drive = copy.copy(drives.simulated(duration_s=30.0, at_rest_s=at_rest_s))
    drive.gnss = drive.gnss.copy()
    for name in ("speed", "course_deg", "velocity_east", "velocity_north", "velocity_up"):
        drive.gnss[name] = np.nan
    outputs = drives.run(EgoEstimator(drives.parameters()), drive.ticks(), 4000)
    last = outputs[-1]
    assert last["status"] & STATE["STATUS_YAW_ALIGNED"] and last["status"] & STATE["STATUS_POSITION_VALID"]
    assert last["aids"][STATE["AID_GNSS_POSITION"]]["accepted"] > 100
    assert last["aids"][STATE["AID_GNSS_VELOCITY"]]["accepted"] == 0
    metrics = reference.reference_metrics(outputs, drive.reference, at_rest_s + 12.0)
    assert metrics["velocity_rms_mps"] < 0.2 and metrics["position_rms_m"] < 1.0 and metrics["inside_3_sigma_share"] > 0.95


def test_wheels_and_imu_alone_start_a_local_frame():
    drive = copy.copy(drives.simulated(duration_s=10.0))
    drive.gnss = drive.gnss[:0]
    last = drives.run(EgoEstimator(drives.parameters()), drive.ticks(), 1100)[-1]
    assert last["status"] & STATE["STATUS_VELOCITY_VALID"]
    assert not last["status"] & STATE["STATUS_POSITION_VALID"]
    assert abs(np.hypot(*last["velocity"][:2]) - last["speed"]) < 0.2


def test_fixes_that_moved_for_good_are_believed_after_a_while():
    drive = copy.copy(drives.simulated(duration_s=20.0))
    drive.gnss = drive.gnss.copy()
    drive.gnss["latitude_deg"][80:] += 50.0 / 111_200.0
    outputs = drives.run(EgoEstimator(drives.parameters()), drive.ticks(), 2100)
    error = reference.errors(outputs, drive.reference, 0.0).position[:, 1]
    assert abs(error[200]) < 2.0  # 10 s: two seconds after the jump it is still gated
    assert abs(error[-1] - 50.0) < 2.0
    assert outputs[-1]["resets"] == 1


def test_a_lost_imu_is_reported_and_survived():
    drive = copy.copy(drives.simulated(duration_s=20.0))
    times = drive.imu["valid_time_ns"] - drive.start_ns
    drive.imu = drive.imu[(times < 8_000_000_000) | (times > 9_500_000_000)]
    outputs = drives.run(EgoEstimator(drives.parameters()), drive.ticks(), 2100)
    assert outputs[900]["status"] & STATE["STATUS_IMU_LOST"]
    assert not outputs[900]["status"] & STATE["STATUS_POSITION_VALID"]
    assert outputs[-1]["status"] & STATE["STATUS_POSITION_VALID"]
    assert outputs[-1]["resets"] == 1
    assert reference.reference_metrics(outputs, drive.reference, 14.0)["velocity_rms_mps"] < 0.2


def test_a_receiver_that_states_its_accuracy_is_weighted_by_it():
    def position_sigma(stated: float) -> float:
        drive = copy.copy(drives.simulated(duration_s=5.0))
        drive.gnss = drive.gnss.copy()
        drive.gnss["position_sigma"] = stated
        return float(drives.run(EgoEstimator(drives.parameters()), drive.ticks(), 600)[-1]["sigma"][0])

    assert position_sigma(20.0) > 2.0 * position_sigma(0.5)


def drift_of(seed: int, with_odometry: bool) -> float:
    """m, over the last 15 of 20 s with neither GNSS nor wheel speed."""
    drive = drives.simulated(duration_s=40.0, seed=seed, with_odometry=with_odometry)
    lost_ns = drive.start_ns + 20_000_000_000
    drive.wheel = drive.wheel[drive.wheel["received_time_ns"] < lost_ns]
    outputs = drives.run(EgoEstimator(drives.parameters()), drive.ticks(gnss_until_ns=lost_ns), 4100)
    return reference.reference_metrics(outputs[-1500:], drive.reference)["position_rms_m"]


def test_lidar_odometry_stands_in_for_gnss_and_wheels():
    alone, aided = (max(drift_of(seed, with_odometry) for seed in (20, 21))
                    for with_odometry in (False, True))  # fmt: skip
    assert aided < 0.3 and aided < 0.5 * alone


@pytest.mark.parametrize("spoil", ["nan", "reversed", "standing", "far"])
def test_motions_between_scans_that_cannot_be_are_left_out(spoil):
    drive = drives.simulated(duration_s=12.0, seed=9, with_odometry=True)
    wrong = drive.odometry[40:80]
    if spoil == "nan":
        wrong["translation"][:, 0] = np.nan
    elif spoil == "reversed":
        wrong["start_time_ns"] = wrong["valid_time_ns"] + 1
    elif spoil == "standing":
        wrong["translation"] = 0.0
    else:
        wrong["translation"][:, 1] = 3.0
    outputs = drives.run(EgoEstimator(drives.parameters()), drive.ticks(), 1300)
    assert_finite(outputs)
    found = reference.reference_metrics(outputs, drive.reference)
    assert found["velocity_rms_mps"] < 0.15
    aid = outputs[-1]["aids"][STATE["AID_ODOMETRY"]]
    assert aid["accepted"] > 60 and aid["rejected"] >= (0 if spoil in ("nan", "reversed") else 35)
