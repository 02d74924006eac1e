import math

import numpy as np
import pytest

from hil import demo
from hil.loop.closed_loop import ENGAGE_AFTER_S
from hil.loop.metrics import REVERSAL_RAD, reversals
from hil.world import Actor, EgoTruth, RoadTruth, Truth
from hil.worlds import scenario
from hil.worlds.motorway import Motorway
from hil.worlds.wind import Gust

STRAIGHT = {"road": {"segments": [{"length_m": 3000.0, "lanes": 3}]}, "set_speed_mps": 20.0}
STRAIGHT_AHEAD = {"mode": 1, "road_wheel_angle_rad": 0.0, "acceleration_mps2": 0.0, "engine_torque_nm": 900.0,
                  "retarder_torque_nm": 0.0, "brake_deceleration_mps2": 0.0, "roll": 0}  # fmt: skip
EU = {"ego": {"plant": "plants/eu_4x2_40t"}}


def drive(given, seconds, actuation=None):
    world = Motorway(given)
    return world, [world.reset(1), *(world.step(actuation, 0.01) for _ in range(round(seconds * 100)))]


def test_the_packaged_scenarios_are_read():
    assert {"motorway"} <= set(scenario.names())
    for name in scenario.names():
        Motorway(name).reset(0)


def test_the_demonstration_has_what_it_is_to_show():
    given = scenario.load(demo.SCENARIO)
    assert given.ego.plant == "plants/eu_4x2_40t" and demo.DURATION_S >= 60.0
    road = given.make_road()
    reached = np.arange(0.0, demo.DURATION_S * 0.9 * given.set_speed_mps, 5.0)
    curvature, grade = (np.array([road.value(name, s) for s in reached]) for name in ("curvature", "grade"))
    assert curvature.max() > 1e-3 and curvature.min() < -1e-3 and grade.max() >= 0.03 and grade.min() <= -0.019
    cuts_in = [event for actor in given.traffic for event in actor.events if event.lane == given.ego.lane and actor.lane != 0]
    assert cuts_in and cuts_in[0].at_s > ENGAGE_AFTER_S


@pytest.mark.parametrize("plant", ["kinematic", "plants/eu_4x2_40t"])
def test_the_driver_keeps_the_lane_on_curves_and_grades(plant):
    given = {"ego": {"plant": plant}, "set_speed_mps": 20.0, "road": {"segments": [
        {"length_m": 200}, {"length_m": 120, "radius_m": 500, "bank": -0.025}, {"length_m": 250, "radius_m": 500, "grade": 0.03},
        {"length_m": 1000}]}}  # fmt: skip
    _, truths = drive(given, 30.0)
    assert max(abs(truth.road.offset) for truth in truths) < 0.7
    assert abs(truths[-1].ego.velocity - 20.0) < 2.0
    last = truths[-1]
    assert last.road.axle_offsets.shape == (len(last.ego.axles),) and last.road.corner_offsets.shape == (8,)
    tractor = last.ego.outline[0].mean(axis=0)
    assert math.hypot(*(tractor - (last.ego.x, last.ego.y))) < 4.0
    if plant != "kinematic":
        assert abs(last.ego.pitch + math.atan(last.road.grade)) < 0.02 and last.ego.plant is not None


def test_a_bank_and_a_side_wind_push_the_dynamic_truck():
    segments = [{"length_m": 2000.0, "bank": 0.04}]  # left side higher: down to the right
    _, banked = drive(EU | {"road": {"segments": segments}}, 4.0, STRAIGHT_AHEAD)
    assert banked[-1].road.offset < -0.3 and banked[-1].ego.roll > 0.03
    wind = {"speed_mps": 15.0, "from_deg": 90.0}
    _, blown = drive(EU | STRAIGHT | {"wind": wind}, 4.0, STRAIGHT_AHEAD)
    assert blown[-1].road.offset < -0.05 and blown[-1].road.wind_speed == 15.0


def test_gusts_have_the_shape_they_are_given():
    gust = Gust(10.0, rise=2.0, hold=3.0, fall=1.0, start_s=5.0, every=20.0)
    assert [gust.at(time, 0.0) for time in (4.9, 6.0, 8.0, 10.5, 12.0)] == pytest.approx([0.0, 5.0, 10.0, 5.0, 0.0])
    assert gust.at(26.0, 0.0) == pytest.approx(5.0)
    shelter = Gust(10.0, rise=5.0, hold=100.0, fall=5.0, start_m=200.0)
    assert shelter.at(0.0, 199.0) == 0.0 and shelter.at(0.0, 250.0) == 10.0


def test_traffic_does_what_the_script_says():
    given = STRAIGHT | {"traffic": [
        {"gap_m": 60, "speed_mps": 20.0, "events": [{"at_s": 4, "speed_mps": 10.0, "acceleration_mps2": -4.0}]},
        {"lane": 1, "gap_m": 15, "speed_mps": 24.0, "kind": "van", "events": [{"at_s": 2, "lane": 0, "duration_s": 3.0}]},
        {"gap_m": -25, "speed_mps": 24.0},
    ]}  # fmt: skip
    world, truths = drive(given, 12.0)
    lead, van, behind = (np.array([[getattr(truth.actors[number], name) for name in ("x", "y", "speed", "acceleration")]
                                   for truth in truths]) for number in range(3))  # fmt: skip
    assert lead[450, 3] == pytest.approx(-4.0) and lead[-1, 2] == pytest.approx(10.0, abs=0.5)
    assert van[100, 1] == pytest.approx(3.5) and abs(van[600, 1]) < 1e-6 and (np.diff(van[:, 1]) <= 1e-9).all()
    assert np.abs(np.diff(van[200:500, 1], 2)).max() < 1e-3  # no step of the lateral speed
    gap = np.array([truth.ego.x for truth in truths]) - behind[:, 0]
    assert gap.min() > 13.9 and behind[-1, 2] < 22.0, "the follower brakes behind the truck"
    assert world.traffic.lead(world._ego_place())[0] > 0.0


def test_a_queue_stands_and_is_seen():
    _, truths = drive(STRAIGHT | {"queue": [{"place_m": 250.0, "vehicles": 3, "lanes": [0, 1]}]}, 1.0)
    assert len(truths[-1].actors) == 6 and all(actor.speed == 0.0 for actor in truths[-1].actors)


@pytest.mark.parametrize(("change", "sentence"), [
    ({"road": {"segments": []}}, "road.segments is empty"),
    ({"road": {"segments": [{"length_m": -1.0}]}}, r"road.segments, number 1: length_m = -1 must lie within"),
    ({"road": {"segments": [{"length_m": 900.0, "radius_m": 5.0}]}}, "narrower than 20 m"),
    ({"road": {"segments": [{"length_m": 900.0, "radius_m": 500.0, "curvature": 0.001}]}}, "not both"),
    ({"speed": 3}, "no key 'speed' is known here"),
    ({"set_speed": 20.0}, "did you mean 'set_speed_mps'\\? Known: road, schema"),
    ({"ego": {"speed": 20.0}}, "at ego: no key 'speed' is known here; did you mean 'speed_mps'"),
    ({"traffic": [{"speed_mps": 20.0}]}, "traffic, number 1: give gap_m"),
    ({"traffic": [{"speed_mps": 20.0, "gap_m": 5.0, "kind": "tram"}]}, "kind = 'tram' is not known; there are car"),
    ({"traffic": [{"speed_mps": 20.0, "gap_m": 5.0, "events": [{"at_s": 1.0}]}]}, "does nothing"),
    ({"traffic": [{"speed_mps": 20.0, "gap_m": 5.0, "events": [{"at_s": 1.0, "lane": 7}]}]}, "lane = 7 must lie within 0..2"),
    ({"wind": {"gusts": [{"speed_mps": 5.0}]}}, "give start_s or start_m"),
    ({"queue": [{"place_m": 250.0, "vehicles": 3, "lanes": [0, 3]}]}, "queue, number 1: lanes = 3 must lie within 0..2"),
    ({"queue": [{"place_m": 4000.0, "vehicles": 3}]}, "queue, number 1: place_m = 4000 must lie within 0..3000"),
    ({"schema": "autonomy.scenario/9"}, "this version reads"),
    ({"ego": {"lane": 3}}, "ego.lane = 3 must lie within 0..2"),
])  # fmt: skip
def test_mistakes_are_told_with_place_and_remedy(change, sentence):
    from autonomy.errors import UsageError

    with pytest.raises(UsageError, match=sentence):
        scenario.load(STRAIGHT | change)
    with pytest.raises(UsageError, match="neither a file nor"):
        scenario.load("nowhere")


@pytest.mark.parametrize(("traffic", "sentence"), [
    ([{"speed_mps": 20.0, "place_m": 25.0}], "car number 1, from 22.7 to 27.3 m along the road, begins inside the truck"),
    ([{"speed_mps": 20.0, "gap_m": 20.0}, {"speed_mps": 20.0, "gap_m": 23.0}], "car number 2, .* begins inside car number 1"),
])  # fmt: skip
def test_nobody_begins_inside_another(traffic, sentence):
    from autonomy.errors import UsageError

    with pytest.raises(UsageError, match=sentence):
        Motorway(EU | STRAIGHT | {"traffic": traffic}).reset(0)
    elsewhere = [{"speed_mps": 20.0, "gap_m": -5.0}, {**traffic[0], "lane": 1}]  # behind the truck, and beside it
    Motorway(EU | STRAIGHT | {"traffic": elsewhere}).reset(0)


def test_more_vehicles_than_a_world_tells_of_are_refused():
    from autonomy.errors import UsageError

    queue = {"place_m": 250.0, "vehicles": 65, "lanes": [0, 1]}
    with pytest.raises(UsageError, match="have 130 vehicles in all; a world tells of 128 at most"):
        scenario.load(STRAIGHT | {"queue": [queue]})
    assert len(scenario.load(STRAIGHT | {"queue": [queue | {"vehicles": 64}]}).make_traffic()) == 128


def test_of_too_many_actors_the_farthest_are_left_out_and_counted():
    world = Motorway(EU | STRAIGHT)
    world.reset(0)
    crowd = [Actor(number, "car", 1000.0 - number, 0.0, 0.0, 0.0, 0.0, 4.6, 1.85, 1.5) for number in range(200)]
    world.traffic.actors = lambda place: crowd
    truth = world.truth()
    assert {actor.id for actor in truth.actors} == set(range(72, 200)) and truth.info["actors_left_out"] == 72


def test_contacts_are_those_of_tractor_and_trailer():
    from hil.loop.contact import closest_ahead, touching

    unit = np.array([[4.0, 1.3], [-2.0, 1.3], [-2.0, -1.3], [4.0, -1.3]])
    ego = EgoTruth(velocity=20.0, outline=np.stack([unit, unit - (8.0, 0.0)]))
    beside = Actor(1, "car", -8.0, 2.5, 0.0, 20.0, 0.0, 4.6, 1.85, 1.5)
    ahead = Actor(2, "car", 30.0, 0.5, 0.0, 15.0, 0.0, 4.6, 1.85, 1.5)
    next_lane = Actor(3, "car", 12.0, 3.5, 0.0, 5.0, 0.0, 4.6, 1.85, 1.5)
    truth = Truth(0, ego, RoadTruth(), [beside, ahead, next_lane])
    assert touching(truth, 4.0, 2.6) == set()
    beside.y = 2.1
    assert touching(truth, 4.0, 2.6) == {1}
    assert closest_ahead(truth, 4.0, 2.6) == pytest.approx((30.0 - 2.3 - 4.0, 15.0))


def test_reversals_count_what_moves_by_more_than_the_threshold():
    time = np.arange(0.0, 60.0, 0.01)
    assert reversals(0.6 * REVERSAL_RAD * np.sin(2.0 * np.pi * time / 10.0), REVERSAL_RAD) == pytest.approx(10, abs=1)
    assert reversals(0.4 * REVERSAL_RAD * np.sin(2.0 * np.pi * time / 10.0), REVERSAL_RAD) == 0


def test_the_scenario_of_the_page_is_read():
    from pathlib import Path

    from autonomy import toml_file

    page = (Path(__file__).parents[3] / "docs" / "closed-loop.md").read_text()
    found = scenario.load(toml_file.parse(page.partition("```toml\n")[2].partition("```")[0]))
    assert len(found.traffic[0].events) == 2 and found.queue[0].vehicles == 6 and found.make_road().length > 2000.0


def test_a_scenario_file_without_a_road_is_told_with_its_name_and_the_keys(tmp_path):
    from autonomy.errors import UsageError

    file = tmp_path / "mine.toml"
    file.write_text('title = "no road"\n')
    with pytest.raises(UsageError, match=r"mine\.toml: 'road' is missing; give it\. Known: road, schema, title"):
        scenario.load(file)
