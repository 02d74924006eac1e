import numpy as np
import pytest

from autonomy.estimation.truck.steering_twin import ResponseFilter, response
from tests.estimation.truck.lateral_feed import LateralFeed


def commands(seconds, seed=1):
    """rad, a slow wander with noise on it, as a controller's."""
    random = np.random.default_rng(seed)
    found, value, rate = [], 0.0, 0.0
    for _ in range(round(seconds * 100)):
        rate += -0.02 * rate - 0.0004 * value + 0.0004 * random.standard_normal()
        value += 0.01 * rate * 5.0
        found.append(value)
    return np.array(found)


def drive(feed, sent, dead_time, lag, play, offset=0.0, seed=2, twin=None):
    """The commands through a steering of these values; what was told last. An angle is a tick old when it is heard."""
    wheels, random = response(sent, dead_time, lag, play), np.random.default_rng(seed)
    told = None
    for k, command in enumerate(sent):
        measured = (wheels[k - 2] if k > 1 else 0.0) + offset + 1.5e-4 * random.standard_normal()
        told = feed.tick(20.0, 0.0, measured, command=command, age_s=0.01)
        if twin is not None:
            if len(twin.sent) >= 64:
                twin.step(measured, 0.01)
            twin.sent.append(command)
    return told


def test_the_response_filter_is_that_of_the_twin():
    feed = LateralFeed()
    twin = ResponseFilter(feed.truck, feed.vehicle)
    drive(feed, commands(8.0), 0.19, 0.26, 0.00175, 0.001, twin=twin)
    x, P = feed.step.steering
    np.testing.assert_allclose(x, twin.x, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(P, twin.P, rtol=1e-6, atol=1e-14)


@pytest.mark.parametrize(("dead_time", "lag", "play"), [(0.19, 0.26, 0.00175), (0.10, 0.14, 0.003)])
def test_dead_time_lag_and_play_are_found(dead_time, lag, play):
    told = drive(LateralFeed(), commands(90.0), dead_time, lag, play, 0.001)
    assert told["steering_response_known"] == 1
    assert abs(told["steering_delay_s"] - dead_time) < 0.01 and abs(told["steering_lag_s"] - lag) < 0.02
    assert abs(told["steering_play_rad"] - play) < 0.0003
    assert abs(told["command_offset_rad"] + told["steering_offset_rad"] - 0.001) < 0.0003


def test_nothing_is_learned_while_the_driver_steers():
    feed = LateralFeed()
    for angle in response(commands(20.0), 0.19, 0.26, 0.00175):
        told = feed.tick(20.0, 0.0, angle)
    assert told["steering_response_known"] == 0 and told["steering_delay_s"] == feed.vehicle["steering_delay_s"]
    assert told["steering_delay_sigma_s"] == pytest.approx(float(feed.truck["steering_delay_sigma_s"]))


def test_a_steering_at_rest_tells_nothing():
    told = drive(LateralFeed(), np.zeros(3000), 0.19, 0.26, 0.00175)
    assert told["steering_response_known"] == 0 and told["steering_delay_s"] == 0.15
    assert told["steering_lag_sigma_s"] > 0.079


def test_what_is_told_moves_slowly():
    feed, before, told = LateralFeed(), 0.15, []
    sent = commands(60.0)
    wheels = response(sent, 0.22, 0.28, 0.00175)
    for k, command in enumerate(sent):
        told.append(float(feed.tick(20.0, 0.0, wheels[k - 2] if k > 1 else 0.0, command=command)["steering_delay_s"]))
    assert np.abs(np.diff([before, *told])).max() <= float(feed.truck["steering_response_slew"]) * 0.01 + 1e-12
    assert abs(told[-1] - 0.22) < 0.02


def test_an_angle_that_is_lost_stops_the_model_and_loses_nothing():
    feed = LateralFeed()
    drive(feed, commands(40.0), 0.19, 0.26, 0.00175)
    x, _ = feed.step.steering
    for _ in range(50):
        feed.tick(20.0, 0.0, np.nan, command=0.0)
    after, P = feed.step.steering
    np.testing.assert_array_equal(after, x)
    assert np.all(np.isfinite(P))


def test_a_frozen_angle_is_not_taken_for_a_slow_steering():
    feed, sent = LateralFeed(), commands(45.0)
    wheels = response(sent, 0.15, 0.20, 0.00175)
    for k, command in enumerate(sent[:4000]):
        feed.tick(20.0, 0.0, wheels[max(k - 2, 0)], command=command)
    for command in sent[4000:4100]:  # then it counts as frozen and is not used any more
        told = feed.tick(20.0, 0.0, wheels[3997], command=command)
    assert abs(told["steering_delay_s"] - 0.15) < 0.02 and abs(told["steering_lag_s"] - 0.20) < 0.02


def test_a_steering_that_became_another_is_learned_anew():
    feed, sent = LateralFeed(), commands(150.0)
    quick, slow = response(sent, 0.12, 0.15, 0.00175), response(sent, 0.30, 0.35, 0.00175)
    for k, command in enumerate(sent):
        told = feed.tick(20.0, 0.0, (quick if k < 4000 else slow)[max(k - 2, 0)], command=command)
    assert abs(told["steering_delay_s"] - 0.30) < 0.03 and abs(told["steering_lag_s"] - 0.35) < 0.04
