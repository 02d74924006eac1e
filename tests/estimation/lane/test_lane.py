import numpy as np
import pytest
from autonomy.estimation.lane._lane import LaneStep

from autonomy import msg
from autonomy.estimation.lane import lane_twin
from tests.step_parameters import step_parameters, valid_ego, zeros

PARAMETERS = step_parameters()["lane"]
TICK_NS = 10_000_000


def arc(curvature, count=64, spacing=5.0, start=-30.0):
    """Points on a circle through the origin that heads east there."""
    s = start + spacing * np.arange(count)
    if curvature == 0.0:
        return np.column_stack([s, np.zeros(count)])
    return np.column_stack([np.sin(curvature * s), 1.0 - np.cos(curvature * s)]) / curvature


def frame_with(points, now_ns, width=1.75):
    frame = zeros("InputFrame")
    frame["tick_time_ns"] = now_ns
    if points is not None:
        items = frame["lane_path"]["items"]
        items["x_m"][: len(points)], items["y_m"][: len(points)] = points.T
        items["width_left_m"][: len(points)] = items["width_right_m"][: len(points)] = width
        frame["lane_path"]["count"] = len(points)
    return frame


def ego_at(x, y, yaw, speed=20.0, yaw_rate=0.0):
    ego = valid_ego(speed, yaw_rate)
    ego["position"][:2], ego["yaw"] = (x, y), yaw
    ego["velocity"][:2] = speed * np.cos(yaw), speed * np.sin(yaw)
    return ego


def drive(step, points, ticks, curvature, offset=0.0, speed=20.0, first=0, path=True):
    """Along the arc at a constant offset."""
    for k in range(first, first + ticks):
        s = speed * k * 0.01
        heading = curvature * s
        x, y = (s, 0.0) if curvature == 0.0 else (np.sin(heading) / curvature, (1 - np.cos(heading)) / curvature)
        ego = ego_at(x - offset * np.sin(heading), y + offset * np.cos(heading), heading, speed * (1 - curvature * offset),
                     speed * curvature)  # fmt: skip
        state = step.step(frame_with(points if path and k == first else None, 10**9 + k * TICK_NS), ego)
    return state


@pytest.mark.parametrize("curvature", [0.0, 1 / 300, -1 / 500])
@pytest.mark.parametrize("offset", [0.0, 0.8, -0.5])
def test_the_lane_of_an_arc_is_found(curvature, offset):
    lane = drive(LaneStep(PARAMETERS), arc(curvature), 200, curvature, offset)
    assert lane["status"] == 1 and lane["source"] == 1
    assert abs(lane["offset"] - offset) < 0.02
    assert abs(lane["heading_error"]) < 0.002
    assert abs(lane["curvature"] - curvature) < 1e-4
    np.testing.assert_allclose(lane["preview"][:30], curvature, atol=2e-5)
    assert abs(lane["width_left"] - 1.75) < 0.05


def test_prediction_and_update_are_those_of_the_twin():
    """Observations of the path, tick by tick."""
    points = arc(1 / 400)
    p, step, twin = PARAMETERS, LaneStep(PARAMETERS), lane_twin.LaneTwin(PARAMETERS)
    names = ("offset", "heading", "curvature", "curvature_rate", "width_left", "width_right")
    sigma = [float(p[f"path_{name}_sigma"]) for name in (*names[:4], "width", "width")]
    period = round(float(p["path_update_period_s"]) * 100)
    for k in range(23):
        ego = ego_at(0.21 * k, 0.3 + 0.002 * k, 0.01, 21.0, 0.03)
        step.step(frame_with(points if k == 0 else None, 10**9 + k * TICK_NS), ego)
        drift = np.cos(0.01) * ego["velocity"][1] - np.sin(0.01) * ego["velocity"][0]
        twin.tick(10**9 + k * TICK_NS, 0.01 if k else 0.0, 21.0, drift, 0.03)
        if k % period == 0:
            z = lane_twin.path_observation(points, ego["position"][:2], 0.01, float(p["path_behind_m"]), float(p["path_ahead_m"]))
            if k == 0:
                twin.begin(0, z[0], z[1])
            twin.add(k, list(zip(names, [*z, 1.75, 1.75], sigma, strict=True)))
        x, P = twin.at(k)
        np.testing.assert_allclose(step.state, x, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(step.covariance, P, rtol=1e-5, atol=1e-12)
        np.testing.assert_allclose(step.covariance, step.covariance.T)


def test_without_observation_it_coasts_with_growing_sigma_and_then_gives_up():
    step = LaneStep(PARAMETERS)
    points = arc(0.0, count=20, spacing=5.0)  # ends 65 m ahead
    tracked = drive(step, points, 100, 0.0)
    coasting = drive(step, None, 400, 0.0, first=100)
    assert tracked["status"] == 1 and coasting["status"] == 2
    assert coasting["sigma"][0] > 2.0 * tracked["sigma"][0]
    assert abs(coasting["offset"]) < 0.05
    assert drive(step, None, 1100, 0.0, first=500)["status"] == 0


def test_an_ego_without_position_does_not_use_the_path():
    ego = ego_at(0.0, 0.0, 0.0)
    ego["status"] = msg.constants("EgoState")["STATUS_VELOCITY_VALID"]
    assert LaneStep(PARAMETERS).step(frame_with(arc(0.0), 10**9), ego)["status"] == 0


def test_boundaries_of_a_camera_are_brought_from_their_time_to_now():
    """A straight lane seen 0.1 s ago while turning away from it."""
    step = LaneStep(PARAMETERS)
    rng = np.random.default_rng(0)
    for k in range(300):
        t = k * 0.01
        frame = frame_with(None, 10**9 + k * TICK_NS)
        seen = t - 0.1  # heading 0.05 rad, drifting left at 1 m/s from -1.5 m
        if k % 5 == 0:
            row = frame["lane"]["items"][0]
            for side, width in (("left", 1.75), ("right", -1.75)):
                row[side] = [width - (-1.5 + seen) + rng.normal(0, 0.02), -0.05, 0.0, 0.0]
                row[f"{side}_sigma"], row[f"{side}_quality"], row[f"{side}_range_m"] = (0.05, 0.005, 1e-4, 1e-6), 3, 60.0
            row["valid_time_ns"] = frame["tick_time_ns"] - 10 * TICK_NS
            frame["lane"]["count"] = 1
        # The velocity is along the heading; the lane runs east
        lane = step.step(frame, ego_at(20 * t, 0.0, 0.05, 20.0, 0.0))
    expected = -1.5 + t
    assert lane["source"] == 2 and abs(lane["offset"] - expected) < 0.05
    assert abs(lane["width_left"] - 1.75) < 0.05 and 50.0 < lane["valid_distance_m"] < 61.0


def test_lines_win_over_a_path_when_the_heading_was_wrong_for_a_moment():
    """A gyro that errs for 0.1 s turns pose and lane by 15 mrad: no line fits any more, but both lines say the same."""
    step = LaneStep(PARAMETERS)
    for k in range(550):
        error = 0.15 * 0.01 * np.clip(k - 300, 0, 10)
        frame = frame_with(arc(0.0) if k == 0 else None, 10**9 + k * TICK_NS)
        if k % 5 == 0:
            row = frame["lane"]["items"][0]
            for side, width in (("left", 1.75), ("right", -1.75)):
                row[side], row[f"{side}_quality"], row[f"{side}_range_m"] = (width, 0.0, 0.0, 0.0), 3, 60.0
                row[f"{side}_sigma"] = (0.05, 0.005, 1e-4, 1e-6)
            row["valid_time_ns"], frame["lane"]["count"] = frame["tick_time_ns"], 1
        lane = step.step(frame, ego_at(0.2 * k, 0.0, error, 20.0, 0.15 if 300 <= k < 310 else 0.0))
        if k == 350:
            assert lane["heading_error"] > 0.01 and lane["lines_rejected"] > 0
    assert lane["source"] == 2 and abs(lane["heading_error"]) < 0.001 and abs(lane["offset"]) < 0.05


def test_not_a_number_never_reaches_the_filter():
    step = LaneStep(PARAMETERS)
    points = arc(0.0)
    points[10] = np.nan
    frame = frame_with(points, 10**9)
    frame["lane"]["count"] = 1
    frame["lane"]["items"]["left"][0] = np.nan
    frame["lane"]["items"]["left_quality"][0] = 3
    lane = step.step(frame, ego_at(0.0, 0.1, 0.0))
    assert np.isfinite(lane["offset"]) and np.isfinite(lane["preview"]).all() and np.isfinite(lane["sigma"]).all()
