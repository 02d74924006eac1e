import numpy as np
from autonomy.inputs._inputs import InputsStep
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.inputs.inputs_twin import choose
from tests.step_parameters import step_parameters, zeros

TICK_NS = 10_000_000
PARAMETERS = step_parameters(inputs={"speed_sources": [11, 0, 65535, 65535]})


def make():
    return InputsStep(PARAMETERS["inputs"], PARAMETERS["vehicle"])


def frame_at(now_ns, wheels=(), steering=()):
    frame = zeros("InputFrame")
    frame["tick_time_ns"] = now_ns
    for kind, field, rows in (("wheel", "vehicle_speed", wheels), ("steering", "steering_wheel_angle", steering)):
        items = frame[kind]["items"]
        for i, (source, time_ns, value, validity) in enumerate(rows):
            for name in ("front_left", "front_right", "rear_left", "rear_right") if kind == "wheel" else ():
                items[name][i] = np.nan
            items["source"][i], items["valid_time_ns"][i] = source, time_ns
            items[field][i], items["validity"][i] = value, validity
        frame[kind]["count"] = len(rows)
    return frame


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from([0, 11, 3]), st.integers(-40, 2), st.sampled_from([5.0, 7.0, np.nan]),
                                   st.sampled_from([0, 0, 1, 2])), max_size=4), min_size=1, max_size=60))  # fmt: skip
def test_the_chosen_speed_is_that_of_the_twin(ticks):
    step, heard = make(), []
    for k, wheels in enumerate(ticks):
        now = 1_000_000_000 + k * 5 * TICK_NS
        rows = [(source, now + shift * TICK_NS, value, validity) for source, shift, value, validity in wheels]
        heard += [row for row in rows if row[1] <= now]  # one from the future is refused when it comes
        vehicle = step.step(frame_at(now, wheels=rows))
        value, validity = choose(heard, [11, 0, 65535, 65535], now, float(PARAMETERS["inputs"]["speed_timeout_s"]))
        np.testing.assert_equal(vehicle["speed"], value)
        assert (vehicle["speed_validity"] == 0) == (validity == 0)
        assert np.isnan(vehicle["speed"]) == (vehicle["speed_validity"] != 0)


def test_a_stale_value_never_looks_fresh():
    step = make()
    step.step(frame_at(10**9, steering=[(1, 10**9, 0.4, 0)]))
    fresh = step.step(frame_at(10**9 + 20 * TICK_NS))
    stale = step.step(frame_at(10**9 + 60 * TICK_NS))
    assert fresh["steering_validity"] == 0 and fresh["steering_age_s"] == 0.2
    assert stale["steering_validity"] == 3 and np.isnan(stale["road_wheel_angle"])


def test_the_preferred_source_wins_while_it_is_fresh_and_the_other_steps_in():
    step = make()
    both = step.step(frame_at(10**9, wheels=[(0, 10**9, 21.0, 0), (11, 10**9 - TICK_NS, 20.0, 0)]))
    assert both["speed"] == 20.0
    later = 10**9 + 70 * TICK_NS
    assert step.step(frame_at(later, wheels=[(0, later, 22.0, 0)]))["speed"] == 22.0


def test_the_road_wheel_angle_is_the_steering_wheel_angle_over_the_ratio():
    vehicle = make().step(frame_at(10**9, steering=[(1, 10**9, 0.4, 0)]))
    assert vehicle["road_wheel_angle"] == 0.4 / PARAMETERS["vehicle"]["steering_ratio"]


def test_a_missing_vehicle_speed_is_the_mean_of_the_wheels():
    frame = frame_at(10**9, wheels=[(11, 10**9, np.nan, 0)])
    frame["wheel"]["items"]["rear_left"][0], frame["wheel"]["items"]["rear_right"][0] = 19.0, 21.0
    assert make().step(frame)["speed"] == 20.0


def test_the_driver_acceleration_follows_a_ramp():
    step = make()
    for k in range(300):
        now = 10**9 + k * TICK_NS
        vehicle = step.step(frame_at(now, wheels=[(11, now, 10.0 + 0.5 * k * 0.01, 0)]))
    assert abs(vehicle["driver_acceleration"] - 0.5) < 0.01


def test_the_set_speed_of_the_frame_precedes_the_driver_and_the_configuration():
    step = make()
    assert step.step(frame_at(10**9))["set_speed"] == PARAMETERS["inputs"]["default_set_speed_mps"]
    frame = frame_at(10**9 + TICK_NS)
    frame["driver"]["count"], frame["driver"]["items"]["set_speed"][0] = 1, 18.0
    assert step.step(frame)["set_speed"] == 18.0
    frame = frame_at(10**9 + 2 * TICK_NS)
    frame["set_speed_mps"] = 15.0
    assert step.step(frame)["set_speed"] == 15.0


def test_an_override_lasts_until_disengaged():
    step = make()
    frame = frame_at(10**9)
    frame["engage"] = 1
    frame["driver"]["count"], frame["driver"]["items"]["steering_torque"][0] = 1, 5.0
    assert step.step(frame)["driver_override"] == 1
    frame = frame_at(10**9 + TICK_NS)
    frame["engage"] = 1
    assert step.step(frame)["driver_override"] == 1
    assert step.step(frame_at(10**9 + 2 * TICK_NS))["driver_override"] == 0
