import numpy as np
from autonomy.estimation.tracks._tracks import TracksStep

from autonomy.estimation.tracks.tracks_twin import TargetTwin
from tests.step_parameters import step_parameters, valid_ego, zeros

PARAMETERS = step_parameters()["tracks"]
TICK_NS = 10_000_000


def frame_at(k, points=(), age_ns=0):
    """points: (target, x, y, range rate)."""
    frame = zeros("InputFrame")
    frame["tick_time_ns"] = 10**9 + k * TICK_NS
    for i, (target, x, y, range_rate) in enumerate(points):
        row = frame["radar"]["items"][i]
        row["target_id"], row["x"], row["y"], row["range_rate"] = target, x, y, range_rate
        row["x_sigma"] = row["y_sigma"] = np.nan
        row["valid_time_ns"] = row["received_time_ns"] = frame["tick_time_ns"] - age_ns
    frame["radar"]["count"] = len(points)
    return frame


def straight():
    lane = zeros("LaneState")
    lane["status"], lane["width_left"], lane["width_right"] = 1, 1.75, 1.75
    return lane


def test_a_target_is_filtered_as_by_the_twin():
    step, twin, rng = TracksStep(PARAMETERS), None, np.random.default_rng(1)
    p = {name: float(PARAMETERS[name]) for name in PARAMETERS.dtype.names}
    for k in range(200):
        ego = valid_ego(20.0 + 0.01 * k, 0.01)
        own, turn = float(ego["speed"]), 0.01
        seen = ()
        if k % 5 == 0:
            measured = 60.0 - 0.03 * k + rng.normal(0, 0.3), 0.5 + rng.normal(0, 0.2), -3.0 + rng.normal(0, 0.1)
            seen = ((7, *measured),)
        tracks = step.step(frame_at(k, seen, 3 * TICK_NS), ego, straight())
        if twin is not None:
            twin.predict(0.01, own, turn)
        if seen and twin is None:
            twin = TargetTwin(p, measured[0] + measured[2] * 0.03, measured[1], measured[2], own)
        elif seen:
            twin.update(*measured, 0.03, own, turn)
        track = tracks["tracks"][0]
        np.testing.assert_allclose([track["x"], track["velocity_x"], track["acceleration_x"]], twin.along, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose([track["y"], track["velocity_y"]], twin.across, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(track["x_sigma"], np.sqrt(twin.along_P[0, 0]), rtol=1e-9)
        np.testing.assert_allclose(track["velocity_sigma"], np.sqrt(twin.along_P[1, 1]), rtol=1e-9)


def follow(step, ticks, targets, lane=None, speed=20.0, yaw_rate=0.0, first=0, every=5):
    for k in range(first, first + ticks):
        seen = [(target, *position(k * 0.01)) for target, position in targets.items()] if k % every == 0 else ()
        tracks = step.step(frame_at(k, seen), valid_ego(speed, yaw_rate), straight() if lane is None else lane)
    return tracks


def test_the_lead_is_the_nearest_target_in_the_own_lane():
    tracks = follow(TracksStep(PARAMETERS), 200, {
        1: lambda t: (80.0 - t, 0.2, -1.0), 2: lambda t: (50.0 - 2 * t, -0.3, -2.0), 3: lambda t: (30.0, 3.5, 0.0)})  # fmt: skip
    assert abs(tracks["lead_distance"] - 46.0) < 0.5
    assert abs(tracks["lead_speed"] - 18.0) < 0.1
    assert tracks["count"] == 3 and (tracks["tracks"]["status"][:3] == 2).all()


def test_the_lane_bends_and_the_lead_is_chosen_along_it():
    """At 60 m on a 400 m radius the lane is 4.5 m to the left: straight ahead is the neighbour's lane."""
    lane = straight()
    lane["curvature"], lane["preview"] = 1 / 400, 1 / 400
    tracks = follow(TracksStep(PARAMETERS), 100, {1: lambda t: (60.0, 4.5, 0.0), 2: lambda t: (40.0, -1.5, 0.0)}, lane)
    assert abs(tracks["lead_distance"] - 60.0) < 0.5 and abs(tracks["lead_lateral_offset"]) < 0.3


def test_leaving_takes_more_than_entering():
    enter, leave = float(PARAMETERS["lead_enter_m"]), float(PARAMETERS["lead_leave_m"])
    between = 0.5 * (enter + leave)
    step = TracksStep(PARAMETERS)
    assert np.isnan(follow(step, 100, {1: lambda t: (40.0, between, 0.0)})["lead_distance"])
    step = TracksStep(PARAMETERS)
    follow(step, 100, {1: lambda t: (40.0, 0.5, 0.0)})
    kept = follow(step, 200, {1: lambda t: (40.0, min(0.5 + 0.5 * (t - 1.0), between), 0.0)}, first=100)
    assert abs(kept["lead_distance"] - 40.0) < 0.5


def test_a_lost_target_coasts_and_is_deleted():
    step = TracksStep(PARAMETERS)
    follow(step, 100, {1: lambda t: (40.0, 0.0, 0.0)})
    coasting = follow(step, 40, {}, first=100)
    assert coasting["count"] == 1 and coasting["tracks"]["status"][0] == 3 and np.isfinite(coasting["lead_distance"])
    gone = follow(step, 60, {}, first=140)
    assert gone["count"] == 0 and np.isnan(gone["lead_distance"])


def test_a_number_given_to_another_object_starts_a_new_track():
    step = TracksStep(PARAMETERS)
    before = follow(step, 100, {1: lambda t: (40.0, 0.0, 0.0)})
    after = follow(step, 6, {1: lambda t: (90.0, 0.0, -5.0)}, first=100)
    assert after["tracks"]["track_id"][0] != before["tracks"]["track_id"][0] and after["tracks"]["status"][0] == 1


def test_what_never_moved_far_ahead_is_not_followed():
    step = TracksStep(PARAMETERS)
    far = follow(step, 150, {1: lambda t: (130.0 - 20.0 * t, 0.0, -20.0)})
    assert np.isnan(far["lead_distance"])
    near = follow(step, 290, {1: lambda t: (130.0 - 20.0 * t, 0.0, -20.0)}, first=150)
    assert near["lead_distance"] < 60.0


def test_ready_made_tracks_pass_through():
    step, frame = TracksStep(PARAMETERS), frame_at(0)
    row = frame["object"]["items"][0]
    row["x"], row["velocity_x"], row["acceleration_x"], row["existence"], row["object_id"] = 50.0, 15.0, -1.0, 0.9, 4
    row["valid_time_ns"] = frame["tick_time_ns"]
    row["classification"] = 2
    frame["object"]["count"] = 1
    tracks = step.step(frame, valid_ego(20.0), straight())
    assert (tracks["lead_distance"], tracks["lead_speed"], tracks["lead_acceleration"]) == (50.0, 15.0, -1.0)
    assert tracks["tracks"]["classification"][0] == 2


def test_all_slots_taken_is_counted_not_written_past():
    step = TracksStep(PARAMETERS)
    step.step(frame_at(0, [(i, 30.0 + i, 0.0, 0.0) for i in range(128)]), valid_ego(), straight())
    tracks = step.step(frame_at(1, [(200 + i, 30.0, 0.0, 0.0) for i in range(5)]), valid_ego(), straight())
    assert tracks["count"] == 128 and tracks["overflow"] == 5


def test_invalid_points_are_not_used():
    frame = frame_at(0, [(1, np.nan, 0.0, 0.0), (2, 30.0, 0.0, np.nan), (3, 30.0, 0.0, 0.0)])
    frame["radar"]["items"]["validity"][2] = 2
    assert TracksStep(PARAMETERS).step(frame, valid_ego(), straight())["count"] == 0
