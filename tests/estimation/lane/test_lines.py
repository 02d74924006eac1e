"""Lines of a camera: against the twin, against the truth where markings are odd, and what must never change the answer."""

import numpy as np
import pytest
from autonomy.estimation.lane._lane import LaneStep
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.estimation.lane import lane_twin
from autonomy.estimation.lane.lines_twin import LinesTwin
from hil.lane_road import HALF_WIDTH_M, WHITE, YELLOW, Camera, Drive, Line
from tests.step_parameters import step_parameters

PARAMETERS = step_parameters()["lane"]
LANE = msg.constants("LaneState")
BEND = ((60.0, 0.0), (80.0, 1 / 500), (100.0, 1 / 500), (160.0, -1 / 500), (300.0, -1 / 500))
STATE = ("offset", "heading_error", "curvature", "curvature_rate")


def gone_between(begin, end):
    return lambda s, t: not begin <= t < end


def leaves(begin, length=60.0, by=3.5):
    return lambda s: HALF_WIDTH_M + by * np.clip((s - begin) / length, 0.0, 1.0)


CASES = {
    "both": (Line(1), Line(-1)),
    "one side": (Line(1), Line(-1, seen=gone_between(0.8, 1.6))),
    "split": (Line(1), Line(-1, leaves(20.0), lambda s, t: t < 1.8), Line(-1, seen=lambda s, t: t >= 1.8)),
    "doubles": (Line(1, leaves(20.0, 40.0, 0.9), colour=WHITE), Line(-1, leaves(20.0, 40.0, -0.9), colour=WHITE),
                Line(1, seen=lambda s, t: t > 0.5, colour=YELLOW), Line(-1, seen=lambda s, t: t > 0.5, colour=YELLOW)),
    "dark": (Line(1, seen=gone_between(1.0, 2.2)), Line(-1, seen=gone_between(1.0, 2.2))),
    "adopted": (Line(1), Line(-1, lambda s: HALF_WIDTH_M + 0.6 * (s > 25.0))),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_kernel_and_twin_agree(case):
    parameters = step_parameters(lane={"adopt_after_m": 20.0})["lane"]
    drive = Drive(BEND, 2.4, seed=3, lines=CASES[case])
    step, twin = LaneStep(parameters), LinesTwin(parameters)
    outputs, corrections = [], []
    for tick, (frame, ego) in enumerate(drive.frames()):
        before = twin.at(tick - 1) if twin.first is not None else None
        twin.tick(int(frame["tick_time_ns"]), 0.01 if tick else 0.0, float(ego["speed"]), float(ego["velocity"][1]),
                  float(ego["angular_rate"][2]))  # fmt: skip
        expected = None if before is None else lane_twin.predict(*before, parameters, *twin.motions[tick])[0]
        for place in range(int(frame["lane"]["count"])):
            twin.observe(frame["lane"]["items"][place])
        twin.recall()
        state = step.step(frame, ego)
        if twin.first is None:
            continue
        x, P = twin.at(tick)
        np.testing.assert_allclose(step.state, x, rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(step.covariance, P, rtol=1e-6, atol=1e-12)
        outputs.append([state[name] for name in STATE] - x[:4])
        corrections.append(np.zeros(4) if expected is None else (expected - x)[:4])
        for side in ("left", "right"):
            assert (state[f"{side}_line"] == LANE["LINE_HELD"]) == twin.sides[side].held or state[f"{side}_line"] == 0
    remainder = lane_twin.spread(np.array(corrections), float(parameters["correction_time_s"]), 0.01)
    np.testing.assert_allclose(outputs, remainder, rtol=1e-6, atol=1e-8)  # the twin's profile is a dense one of growing size


@pytest.mark.parametrize("case", CASES)
def test_a_mirrored_road_gives_the_mirrored_lane(case):
    states = [Drive(BEND, 4.0, seed=2, lines=CASES[case], mirrored=mirrored).through(PARAMETERS) for mirrored in (False, True)]
    for name in STATE:
        np.testing.assert_allclose(states[0][name], -states[1][name], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(states[0]["preview"], -states[1]["preview"], rtol=1e-6, atol=1e-9)
    for one, other in (("width_left", "width_right"), ("left_line", "right_line"), ("left_type", "right_type")):
        np.testing.assert_allclose(states[0][one], states[1][other], rtol=1e-9)
    np.testing.assert_allclose(states[0]["sigma"][:, :4], states[1]["sigma"][:, :4], rtol=1e-9)


def test_twice_the_ticks_tell_the_same():
    """Noise is a matter of the road driven, not of the ticks it is cut into."""
    camera = Camera(noise=0.0)
    coarse = Drive(BEND, 6.0, camera=camera).through(PARAMETERS)[99::100]
    fine = Drive(BEND, 6.0, camera=camera, tick_s=0.005).through(PARAMETERS)[198::200]
    for name, tolerance in zip(STATE, (2e-3, 2e-4, 1e-5, 1e-6), strict=True):
        np.testing.assert_allclose(coarse[name], fine[name], atol=tolerance)
    np.testing.assert_allclose(coarse["sigma"][:, :4], fine["sigma"][:, :4], rtol=0.03)


@settings(max_examples=15, deadline=None)
@given(latency=st.integers(1, 40), place=st.integers(145, 195))
def test_late_or_at_once_the_filter_ends_the_same(latency, place):
    """One observation more, told at once or late, in between others: the same state afterwards.

    But for what the road's profile has learned in between, by which the late one is then understood.
    """
    drive = Drive(BEND, 2.6, seed=1)
    late, at_once = LaneStep(PARAMETERS), LaneStep(PARAMETERS)
    for tick, (frame, ego) in enumerate(drive.frames()):
        for step, told_at in ((late, place + latency), (at_once, place)):
            given_frame = frame.copy()
            if tick == told_at:
                count = int(frame["lane"]["count"])
                given_frame["lane"]["items"][count] = drive.sample(place)
                given_frame["lane"]["count"] = count + 1
            step.step(given_frame, ego)
    assert (np.abs(late.state - at_once.state) < 0.2 * np.sqrt(np.diag(late.covariance))).all()
    np.testing.assert_allclose(late.covariance, at_once.covariance, rtol=1e-6, atol=1e-12)


def test_what_is_older_than_the_history_is_counted_and_changes_nothing():
    drive = Drive(BEND, 2.0)
    step = LaneStep(PARAMETERS)
    for frame, ego in drive.frames():
        step.step(frame, ego)
    before = step.state
    frame["lane"]["items"][0], frame["lane"]["count"] = drive.sample(100), 1
    state = step.step(frame, ego)
    assert state["observations_late"] == 1
    np.testing.assert_allclose(step.state, before, atol=1e-12)


def test_one_side_keeps_the_width_of_the_other():
    lines = (Line(1, lambda s: np.full_like(s, 1.6)), Line(-1, lambda s: np.full_like(s, 1.6), seen=gone_between(4.0, 14.0)))
    drive = Drive(((2000.0, 0.0),), 14.0, lines=lines)
    state = drive.through(PARAMETERS)
    assert np.abs(state["width_right"][400:] - 1.6).max() < 0.05
    assert np.abs(state["offset"] - drive.offset)[400:].max() < 0.1
    assert state["right_line"][-1] == LANE["LINE_UNSEEN"] and state["left_line"][-1] == LANE["LINE_USED"]
    assert (state["status"][400:] == LANE["STATUS_TRACKING"]).all()


@pytest.mark.parametrize("length", [30.0, 100.0, 250.0])
@pytest.mark.parametrize("by", [3.5, -3.0])
def test_a_line_that_walks_away_is_held_off(length, by):
    """Into an exit, or across the lane as where a lane ends."""
    drive = Drive(((2000.0, 0.0),), 12.0, seed=4, lines=(Line(1), Line(-1, leaves(100.0, length, by))))
    state = drive.through(PARAMETERS)
    assert np.abs(state["offset"] - drive.offset)[200:].max() < 0.15
    assert state["right_line"][-1] == LANE["LINE_HELD"]


def test_a_boundary_that_has_moved_for_good_is_adopted_slowly():
    drive = Drive(((2000.0, 0.0),), 25.0, lines=(Line(1), Line(-1, lambda s: HALF_WIDTH_M + 0.6 * (s > 100.0))))
    state = drive.through(PARAMETERS)
    middle = drive.offset + 0.3  # of the lane that is 0.6 m wider to the right
    assert abs(state["offset"] - middle)[-200:].max() < 0.08
    assert abs(state["width_left"] + state["width_right"] - 4.1)[-200:].max() < 0.08
    moved = np.diff(state["offset"] - drive.offset)[200:]
    assert np.abs(moved).max() < 0.005, np.abs(moved).argmax()  # half a metre a second


def test_another_lane_is_told_by_a_moment_without_one():
    """Both lines a lane further on: a lane change, or a camera that is wrong."""
    shifted = lambda s: 3.5 * (s > 100.0)  # noqa: E731
    lines = (Line(1, lambda s: HALF_WIDTH_M - shifted(s)), Line(-1, lambda s: HALF_WIDTH_M + shifted(s)))
    drive = Drive(((2000.0, 0.0),), 10.0, lines=lines, camera=Camera(range_m=20.0))
    state = drive.through(PARAMETERS)
    none = np.flatnonzero(state["status"][50:] == LANE["STATUS_NONE"])
    assert 0 < len(none) < 20
    assert abs(state["offset"] - drive.offset - 3.5)[-100:].max() < 0.1


def test_without_lines_it_goes_on_along_the_road_that_was_seen():
    """Darkness falls before an S-bend that was seen: 2 s later its turns have been taken, with the sigma that is told."""
    away = gone_between(2.0, 9.0)
    errors, sigmas = [], []
    for seed in range(6):
        drive = Drive(BEND, 4.2, seed=seed, lines=(Line(1, seen=away), Line(-1, seen=away)))
        states = drive.through(PARAMETERS)
        errors.append(states["heading_error"][-1] - drive.heading_error[-1])
        sigmas.append(states["sigma"][-1, 1])
        assert states["status"][-1] == LANE["STATUS_COASTING"]
    assert np.sqrt(np.mean(np.square(errors))) < 0.003 and np.all(np.abs(errors) < 3.0 * np.array(sigmas))


def test_standing_still_does_not_lose_the_lane():
    drive = Drive(((2000.0, 0.0),), 3.0)
    step = LaneStep(PARAMETERS)
    for frame, ego in drive.frames():
        step.step(frame, ego)
    frame["lane"]["count"] = 0
    ego["speed"], ego["velocity"], ego["angular_rate"] = 0.0, 0.0, 0.0
    for _ in range(6000):
        frame["tick_time_ns"] += 10_000_000
        state = step.step(frame, ego)
    assert state["status"] == LANE["STATUS_COASTING"] and state["sigma"][0] < 0.1


def test_the_preview_is_bounded_and_goes_on_as_the_clothoid_does():
    camera = Camera(noise=0.0)
    drive = Drive(((40.0, 0.0), (200.0, 1 / 250), (500.0, 1 / 250)), 6.0, camera=camera)
    state = drive.through(PARAMETERS)
    assert np.abs(state["preview"]).max() <= PARAMETERS["curvature_maximum"]
    tick = 450  # within the transition
    distance = 5.0 * np.arange(9)
    ahead = np.interp(drive.s[tick] + distance, drive.s_road, drive.curvature_road)
    np.testing.assert_allclose(state["preview"][tick][:9], ahead, atol=5e-4)
    assert 60.0 < state["valid_distance_m"][tick] < 71.0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-20.0, 20.0), st.floats(-2.0, 2.0), st.floats(-0.1, 0.1), st.floats(-1e-2, 1e-2),
                          st.integers(0, 255), st.integers(0, 3)), min_size=1, max_size=40))  # fmt: skip
def test_no_lines_whatever_make_it_lose_its_numbers(seen):
    drive = Drive(BEND, 0.6)
    step = LaneStep(PARAMETERS)
    for tick, (frame, ego) in enumerate(drive.frames()):
        row = frame["lane"]["items"][0]
        *c, quality, colour = seen[tick % len(seen)]
        row["left"], row["right_second"], row["left_quality"], row["right_second_quality"] = c, c[::-1], quality, quality
        row["left_colour"] = colour
        row["valid_time_ns"] = frame["tick_time_ns"] - 10_000_000 * (tick % 7)
        frame["lane"]["count"] = 1
        state = step.step(frame, ego)
    assert all(np.isfinite(state[name]).all() for name in (*STATE, "preview", "sigma", "valid_distance_m"))
    assert np.linalg.eigvalsh(step.covariance).min() > -1e-12
