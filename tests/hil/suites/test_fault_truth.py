"""The true disagreement, on truths that are made up."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from autonomy import Stack, msg
from hil.suites import _fault_cases, _fault_nominal
from hil.suites._fault_truth import TrueDisagreement

PARAMETERS = Stack.from_config("vehicles/demo_truck").parameters["faults"]
NUMBERS = {name.removeprefix("FAULT_").lower(): value for name, value in msg.constants("FaultRow").items()}
ACTUATION = np.zeros((), msg.dtype("Actuation"))


def of(name: str, label: str = "") -> TrueDisagreement:
    case = next(case for case in _fault_cases.cases() if case.name == name and label in case.title)
    return TrueDisagreement(case, PARAMETERS, PARAMETERS["row"]["fault"].tolist().index(NUMBERS[name]))


def truth(angle=0.0, speed=22.0, retarder=0.0, **info):
    plant = {"retarder_torque_nm": retarder, "brake_deceleration_mps2": 0.0}
    return SimpleNamespace(ego=SimpleNamespace(road_wheel_angle=angle, velocity=speed, plant=plant), info=info)


def out(**asked):
    actuation = ACTUATION.copy()
    actuation["mode"] = 1
    for name, value in asked.items():
        actuation[name] = value
    return {"actuation": actuation}


def test_wheels_that_hold_their_angle_are_off_by_what_was_asked():
    true = of("steering_stuck", "straight")
    values = [true(truth(), out(road_wheel_angle_rad=0.0 if k < 10 else 0.01), 0.01 * k) for k in range(400)]
    assert values[10] == 0.0 and not true.passed(values[20])
    assert values[-1] == pytest.approx(0.01 - 0.5 * 0.00175, abs=1e-4) and true.passed(values[-1])


def test_what_stands_still_is_off_by_what_has_moved_since():
    true = of("speed_frozen")
    start = true.case.fault_s
    assert true(truth(speed=22.0), out(), start - 0.01) == 0.0
    assert true(truth(speed=22.0), out(), start) == 0.0
    assert true(truth(speed=21.2), out(), start + 1.0) == pytest.approx(0.8) and true.passed(0.8) and true.unit == "m/s"


def test_a_retarder_lacks_what_it_does_not_give_and_is_not_judged_unused():
    true = of("retarder_weak")
    assert math.isnan(true(truth(), out(), 0.0))
    for _ in range(300):
        value = true(truth(retarder=-300.0), out(retarder_torque_nm=-1500.0), 30.0)
    assert value == pytest.approx(0.8, abs=0.01) and true.passed(value)


def test_a_bias_is_wrong_from_its_injection_on_and_a_pressure_below_its_threshold():
    true = of("yaw_rate_biased", "1 deg")
    assert true(truth(), out(), 0.0) == 0.0 and true.passed(true(truth(), out(), 20.0))
    pressure = of("brake_circuit_2")
    assert not pressure.passed(pressure(truth(brake_pressure_pa=(4e5, 8e5)), out(), 21.0))
    assert pressure.passed(pressure(truth(brake_pressure_pa=(8e5, 4e5)), out(), 21.0))


def test_of_silence_there_is_nothing_to_measure():
    true = of("engine_gone")
    assert math.isnan(true(truth(), out(), 30.0)) and not true.passed(math.nan)


def test_the_nominal_hours_hold_each_kind_with_every_plant():
    seeds = range(100, 140)
    for field in _fault_nominal.Kind._fields:
        for value in (False, True):
            plants = {_fault_nominal.scenario(seed)["ego"]["plant"] for seed in seeds
                      if getattr(_fault_nominal.Kind.of(seed), field) == value}  # fmt: skip
            assert plants == set(_fault_nominal.PLANTS), (field, value)


def test_a_lead_that_stops_stands_and_drives_on():
    seed = next(seed for seed in range(100, 140) if _fault_nominal.Kind.of(seed).stops)
    events = _fault_nominal.scenario(seed)["traffic"][0]["events"]
    assert [event["speed_mps"] == 0.0 for event in events] == [True, False] * (len(events) // 2)
    assert np.all(np.diff([event["at_s"] for event in events]) > 0.0)
