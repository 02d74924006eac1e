import numpy as np
from autonomy.estimation.tracks._tracks import TracksStep
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.estimation.tracks.tracks_twin import entry_time, may_come_over
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


def test_a_target_is_followed_to_its_sigma():
    """x, y and speeds of a target that radar tells 20 times a second, 30 ms late, in a bend."""
    step, rng = TracksStep(PARAMETERS), np.random.default_rng(1)
    for k in range(300):
        x, y = 60.0 - 0.03 * k, 0.5
        seen = ((7, x + 0.09 + rng.normal(0, 0.3), y + rng.normal(0, 0.2), -3.0 + rng.normal(0, 0.1)),) if k % 5 == 0 else ()
        track = step.step(frame_at(k, seen, 3 * TICK_NS), valid_ego(20.0), straight())["tracks"][0]
    assert abs(track["x"] - x) < 3.0 * track["x_sigma"] < 1.0 and abs(track["y"] - y) < 3.0 * track["y_sigma"] < 1.0
    assert abs(track["velocity_x"] - 17.0) < 3.0 * track["velocity_sigma"] < 0.6
    assert np.isnan(track["length"]) and track["status"] == 2


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
    after = follow(step, 6, {1: lambda t: (90.0, 0.0, -5.0)}, first=100)["tracks"][:2]
    assert after["track_id"][0] == before["tracks"]["track_id"][0] and abs(after["x"][0] - 40.0) < 0.5
    assert after["track_id"][1] != after["track_id"][0] and after["status"][1] == 1


def test_an_object_that_gets_another_number_stays_the_same_track():
    step = TracksStep(PARAMETERS)
    before = follow(step, 100, {1: lambda t: (40.0, 0.0, 0.0)})
    after = follow(step, 50, {2: lambda t: (40.0, 0.0, 0.0)}, first=100)
    assert after["count"] == 1 and after["tracks"]["track_id"][0] == before["tracks"]["track_id"][0]


def boxes_at(k, boxes, source=21):
    """boxes: (x of the middle, y, length, width)."""
    frame = frame_at(k)
    for i, (x, y, length, width) in enumerate(boxes):
        row = frame["obstacle"]["items"][i]
        row["x"], row["y"], row["length"], row["width"], row["source"] = x, y, length, width, source
        row["velocity_x"] = row["velocity_y"] = row["range_rate"] = np.nan
        row["valid_time_ns"] = frame["tick_time_ns"]
    frame["obstacle"]["count"] = len(boxes)
    return frame


def test_boxes_give_place_speed_and_extent():
    step = TracksStep(PARAMETERS)
    for k in range(300):
        seen = [(42.3 - 0.02 * k, 3.5, 4.6, 1.8)] if k % 10 == 0 else []
        track = step.step(boxes_at(k, seen), valid_ego(20.0), straight())["tracks"][0]
    assert abs(track["x"] - (40.0 - 0.02 * 299)) < 0.1 and abs(track["velocity_x"] - 18.0) < 0.1
    assert abs(track["length"] - 4.6) < 0.05 and abs(track["width"] - 1.8) < 0.05 and abs(track["yaw"]) < 1e-9


def nothing_at(k, source=21):
    frame = boxes_at(k, [(np.nan, np.nan, np.nan, np.nan)], source)
    frame["obstacle"]["items"][0]["classification"] = msg.constants("ObstacleSample")["CLASSIFICATION_NOTHING"]
    return frame


def test_a_scan_that_saw_nothing_speaks_against_a_track_and_silence_does_not():
    """Of a lidar that looks where the track is."""
    settings = PARAMETERS.copy()
    lidar = settings["sensor"][0]
    lidar["half_angle_rad"], lidar["range_m"], lidar["period_s"], lidar["source"], lidar["kind"] = 3.2, 100.0, 0.1, 21, 2
    lidar["detection_probability"], lidar["clutter_per_m2"] = 0.9, 1e-4
    existence = {}
    for sees in (True, False):
        step = TracksStep(settings)
        for k in range(200):
            result = step.step(boxes_at(k, [(40.0, 0.0, 4.5, 1.8)] if k % 10 == 0 else []), valid_ego(20.0), straight())
        assert result["count"] == 1 and result["tracks"][0]["existence"] > 0.99
        for k in range(200, 225):
            result = step.step(nothing_at(k) if sees and k % 10 == 0 else frame_at(k), valid_ego(20.0), straight())
        existence[sees] = result["tracks"][0]["existence"]
    assert existence[True] < 0.5 < existence[False]


def test_what_saw_nothing_is_a_scan_of_its_own_beside_what_saw_something():
    alone, together = TracksStep(PARAMETERS), TracksStep(PARAMETERS)
    for k in range(100):
        frame = boxes_at(k, [(42.3, 3.5, 4.6, 1.8)] if k % 10 == 0 else [])
        both = frame.copy()
        if k % 10 == 0:
            for place, source in ((1, 21), (2, 22)):
                both["obstacle"]["items"][place] = nothing_at(k, source)["obstacle"]["items"][0]
            both["obstacle"]["count"] = 3
        results = [step.step(one, valid_ego(20.0), straight()) for step, one in ((alone, frame), (together, both))]
    assert [result["count"] for result in results] == [1, 1]
    assert abs(results[0]["tracks"][0]["x"] - results[1]["tracks"][0]["x"]) < 0.05


def test_a_truck_in_pieces_becomes_one_track():
    """Cab and trailer seen as two boxes with a gap of a metre, one behind the other and as fast."""
    step = TracksStep(PARAMETERS)
    for k in range(200):
        seen = [(46.0, 0.0, 12.0, 2.5), (54.5, 0.0, 3.0, 2.5)] if k % 10 == 0 else []
        tracks = step.step(boxes_at(k, seen), valid_ego(20.0), straight())
    assert tracks["count"] == 1
    assert abs(tracks["tracks"]["x"][0] - 40.0) < 0.2 and 15.0 < tracks["tracks"]["length"][0] < 17.0


def test_vehicles_that_follow_one_another_stay_two():
    step = TracksStep(PARAMETERS)
    for k in range(200):
        seen = [(42.3, 0.0, 4.6, 1.8), (55.0, 0.0, 4.6, 1.8)] if k % 10 == 0 else []
        tracks = step.step(boxes_at(k, seen), valid_ego(20.0), straight())
    assert tracks["count"] == 2 and (tracks["tracks"]["status"][:2] == 2).all()


def test_the_order_of_detections_changes_nothing():
    rng = np.random.default_rng(4)
    places = [(20.0 + 7.0 * i, 3.5 * (i % 3) - 3.5) for i in range(20)]
    results = []
    for order in (np.arange(20), rng.permutation(20)):
        step, noise = TracksStep(PARAMETERS), np.random.default_rng(5)
        for k in range(60):
            off = noise.normal(size=(20, 3)) * (0.4, 0.8, 0.2)
            seen = [(i, x + off[i, 0], y + off[i, 1], off[i, 2]) for i, (x, y) in enumerate(places)]
            tracks = step.step(frame_at(k, [seen[i] for i in order] if k % 5 == 0 else ()), valid_ego(20.0), straight())
        results.append(tracks.tobytes())
    assert results[0] == results[1]


def test_a_pedestrian_by_the_lane_and_a_vehicle_standing_in_it_are_told():
    step = TracksStep(PARAMETERS)
    for k in range(200):
        frame = boxes_at(k, [(60.0 - 0.2 * k, -2.6, 0.5, 0.6), (90.0 - 0.2 * k, 0.0, 4.6, 1.8)] if k % 10 == 0 else [])
        frame["obstacle"]["items"]["classification"][:2] = 4, 1
        tracks = step.step(frame, valid_ego(20.0), straight())
    found = {int(row["classification"]): int(row["hazard"]) for row in tracks["tracks"][: tracks["count"]]}
    assert found == {4: 2, 1: 1}


def test_what_never_moved_far_ahead_is_not_followed():
    step = TracksStep(PARAMETERS)
    far = follow(step, 150, {1: lambda t: (130.0 - 20.0 * t, 0.0, -20.0)})
    assert np.isnan(far["lead_distance"])
    assert far["tracks"]["entry_time_s"][0] == 0.0 and far["tracks"]["existence"][0] <= PARAMETERS["unproven_existence"]
    near = follow(step, 290, {1: lambda t: (130.0 - 20.0 * t, 0.0, -20.0)}, first=150)
    assert near["lead_distance"] < 60.0


def objects_at(k, rows):
    frame = frame_at(k)
    for i, values in enumerate(rows):
        for name, value in ({"existence": 1.0, "acceleration_x": 0.0} | values).items():
            frame["object"]["items"][i][name] = value
        frame["object"]["items"][i]["valid_time_ns"] = frame["tick_time_ns"]
        frame["object"]["items"][i]["object_id"] = i + 1
    frame["object"]["count"] = len(rows)
    return frame


@settings(max_examples=200, deadline=None)
@given(st.floats(-6.0, 6.0), st.floats(-3.0, 3.0), st.floats(0.0, 25.0))
def test_the_entry_time_is_that_of_the_twin(y, across, along):
    rows = [{"x": 40.0, "y": y, "velocity_x": along, "velocity_y": across}]
    track = TracksStep(PARAMETERS).step(objects_at(0, rows), valid_ego(20.0), straight())["tracks"][0]
    expected = entry_time(PARAMETERS, 3.5, y, across, float(PARAMETERS["object_speed_sigma"]), along)
    np.testing.assert_allclose(track["entry_time_s"], expected, rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.05, 1.5), st.floats(0.05, 1.5), st.sampled_from((0, 1, 3, 4, 5)))
def test_what_is_too_small_for_a_vehicle_does_not_come_over(length, width, classification):
    """Delineator posts in a row looked like one thing that came over at 16 m/s."""
    step = TracksStep(PARAMETERS)
    for k in range(200):
        y = 3.5 - max(0.0, 0.01 * k - 1.0)
        frame = boxes_at(k, [(40.0, y, length, width)] if k % 10 == 0 else [])
        frame["obstacle"]["items"]["classification"][:1] = classification
        tracks = step.step(frame, valid_ego(20.0), straight())
    row = tracks["tracks"][0]
    assert tracks["count"] == 1 and row["lane_speed"] < -0.5
    expected = may_come_over(20, float(row["length"]), float(row["width"]), classification == 4)
    assert (row["entry_time_s"] > 0.0) == expected


def test_a_lane_change_is_foreseen_by_radar():
    """1 m/s across from the middle of the next lane: foreseen a second and more before the bodies could touch."""
    step, foreseen = TracksStep(PARAMETERS), None
    for k in range(300):
        y = 3.5 - max(0.0, k * 0.01 - 1.0)
        tracks = step.step(frame_at(k, ((1, 40.0, y, -3.0),) if k % 5 == 0 else ()), valid_ego(20.0), straight())
        if foreseen is None and tracks["tracks"]["entry_time_s"][0] > 0.0:
            foreseen = y
    assert foreseen is not None and foreseen > 2.2 + 0.5


def test_standing_queues_and_passers_by_do_not_come():
    step, rng = TracksStep(PARAMETERS), np.random.default_rng(2)
    for k in range(400):
        seen = [(1, 80.0 - 0.2 * k, 3.5 + rng.normal(0.0, 0.25), -20.0), (2, 40.0, -3.5 + rng.normal(0.0, 0.1), 0.0)]
        tracks = step.step(frame_at(k, seen if k % 5 == 0 else ()), valid_ego(20.0), straight())
        assert not (tracks["tracks"]["entry_time_s"][: tracks["count"]] >= 0.0).any()


def test_a_lane_that_bends_takes_its_neighbours_with_it():
    """On 300 m radius a neighbour keeping its lane moves across the vehicle's axis; across its lane it does not."""
    lane = straight()
    lane["curvature"] = lane["preview"] = 1 / 300
    x = 50.0
    rows = [{"x": x, "y": x * x / 600.0 + 3.5, "velocity_x": 20.0, "velocity_y": 20.0 * x / 300.0}]
    track = TracksStep(PARAMETERS).step(objects_at(0, rows), valid_ego(20.0, 20.0 / 300.0), lane)["tracks"][0]
    assert abs(track["lane_offset"] - 3.5) < 0.15 and abs(track["lane_speed"]) < 0.4 and np.isnan(track["entry_time_s"])


def test_an_unknown_speed_across_is_filtered_from_the_positions():
    step = TracksStep(PARAMETERS)
    for k in range(300):
        rows = [{"x": 40.0, "y": 8.0 - 0.01 * k, "velocity_x": 20.0, "velocity_y": np.nan}]
        tracks = step.step(objects_at(k, rows), valid_ego(20.0), straight())
    assert abs(tracks["tracks"]["velocity_y"][0] + 1.0) < 0.1


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
    step.step(frame_at(0, [(i, 30.0 + 5.0 * (i % 32), 5.0 * (i // 32), 0.0) for i in range(128)]), valid_ego(), straight())
    tracks = step.step(frame_at(1, [(200 + i, 30.0, 40.0 + 5.0 * i, 0.0) for i in range(5)]), valid_ego(), straight())
    assert tracks["count"] == 128 and tracks["overflow"] == 5


def test_invalid_points_are_not_used():
    frame = frame_at(0, [(1, np.nan, 0.0, 0.0), (2, 30.0, 0.0, np.nan), (3, 30.0, 0.0, 0.0)])
    frame["radar"]["items"]["validity"][2] = 2
    assert TracksStep(PARAMETERS).step(frame, valid_ego(), straight())["count"] == 0
