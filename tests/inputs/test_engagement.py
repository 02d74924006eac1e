"""The driver's switch: asked, granted, refused and taken back, in the step, beside its twin, and in the tick over the bus."""

from __future__ import annotations

import numpy as np
import pytest
from autonomy.inputs._inputs import InputsStep
from hypothesis import given, settings
from hypothesis import strategies as st

import hil
from autonomy import Stack, config, msg
from autonomy.inputs.engagement_twin import Condition, Engagement
from autonomy.parameters import load_parameters
from hil.sensors import Bytes
from hil.worlds.motorway import Motorway
from tests.step_parameters import zeros

TICK_NS = 10_000_000
START_NS = 10**9
SIGNALS, REASONS, WHY = msg.constants("SignalSample"), msg.constants("VehicleState"), msg.constants("Health")
BY_DRIVER = load_parameters(config.load("vehicles/demo_truck", {"engagement.by_driver": 1}))
PARKING, BRAKE, DOOR, BELT = 1, 2, 3, 4  # 1 + row of the condition


class Cab:
    """The step alone; `turn` is one tick of 10 ms with what the driver does in it."""

    def __init__(self, parameters=BY_DRIVER):
        p = parameters
        self.step = InputsStep(p["inputs"], p["vehicle"], p["plausibility"], p["engagement"])
        self.now_ns = START_NS

    def turn(self, *, pressed=None, off=None, torque=np.nan, pedal=np.nan, signals=(), allowed=1, ticks=1):
        for _ in range(ticks):
            frame = zeros("InputFrame")
            self.now_ns += TICK_NS
            frame["tick_time_ns"], frame["engage"] = self.now_ns, allowed
            said = list(signals)
            said += [("ENGAGE_SWITCH", pressed)] if pressed is not None else []
            said += [("DISENGAGE_SWITCH", off)] if off is not None else []
            for place, (name, value) in enumerate(said):
                row = frame["signal"]["items"][place]
                row["signal"], row["value"], row["valid_time_ns"] = SIGNALS[name], value, self.now_ns
            frame["signal"]["count"] = len(said)
            row = frame["driver"]["items"][0]
            row["steering_torque"], row["brake_pedal"], row["set_speed"] = torque, pedal, np.nan
            frame["driver"]["count"] = 1
            vehicle = self.step.step(frame)
        return vehicle


def test_a_press_asks_for_one_tick():
    cab = Cab()
    assert cab.turn(pressed=0)["awaits_driver"] == 1
    vehicle = cab.turn(pressed=1)
    assert vehicle["driver_request"] == 1 and vehicle["awaits_driver"] == 0 and vehicle["driver_drives"] == 0
    assert cab.turn(pressed=1)["driver_request"] == 0, "held down it does not ask again"


def test_a_switch_that_hangs_or_was_silent_asks_for_nothing():
    cab = Cab()
    assert cab.turn(pressed=1)["driver_request"] == 0
    cab.turn(pressed=0)
    cab.turn(ticks=150)
    assert cab.turn(pressed=1)["driver_request"] == 0
    cab.turn(pressed=0)
    assert cab.turn(pressed=1)["driver_request"] == 1


@pytest.mark.parametrize(
    ("does", "reason"),
    [({"pedal": 0.05}, "BRAKE"), ({"torque": -4.0}, "STEERING"), ({"off": 1}, "SWITCH"),
     ({"signals": [("PARKING_BRAKE", 1.0)]}, "CONDITION"), ({"signals": [("BRAKE_SWITCH", 1.0)]}, "CONDITION")],
)  # fmt: skip
def test_what_the_driver_does_takes_control_back_until_he_asks_again(does, reason):
    cab = Cab()
    cab.turn(pressed=0)
    cab.turn(pressed=1)
    vehicle = cab.turn(pressed=0, **does)
    assert vehicle["driver_override"] == 1 and vehicle["override_reason"] == REASONS[f"OVERRIDE_{reason}"]
    vehicle = cab.turn(pressed=0, ticks=200)
    assert vehicle["driver_override"] == 1 and vehicle["override_reason"] == REASONS[f"OVERRIDE_{reason}"]
    vehicle = cab.turn(pressed=1)
    assert vehicle["driver_request"] == 1 and vehicle["driver_override"] == 0


def test_a_foot_on_the_brake_outweighs_the_switch():
    cab = Cab()
    cab.turn(pressed=0)
    assert cab.turn(pressed=1, pedal=0.3)["driver_override"] == 1


def test_an_open_door_and_a_loose_belt_refuse_and_do_not_end():
    cab = Cab()
    assert cab.turn(signals=[("DOOR_OPEN", 1.0)])["refusal"] == 0
    assert cab.turn(signals=[("DOOR_OPEN", 1.0)], ticks=60)["refusal"] == DOOR
    vehicle = cab.turn(signals=[("DOOR_OPEN", 0.0), ("SEAT_BELT", 0.0)], ticks=120)
    assert vehicle["refusal"] == BELT and vehicle["driver_override"] == 0
    assert cab.turn(ticks=400)["refusal"] == 0, "what is not told any more holds nothing, unless it is required"


def test_a_required_signal_that_is_silent_refuses():
    strict = BY_DRIVER.copy()
    strict["engagement"]["condition"]["required"][BELT - 1] = 1
    cab = Cab(strict)
    assert cab.turn(ticks=120)["refusal"] == BELT
    assert cab.turn(signals=[("SEAT_BELT", 1.0)])["refusal"] == 0


TICKS = st.lists(
    st.tuples(st.sampled_from([1, 1, 1, 0]), st.lists(st.sampled_from([0, 1]), max_size=2),
              st.sampled_from([None, None, None, "pedal", "torque", "off"]),
              st.dictionaries(st.sampled_from(["PARKING_BRAKE", "DOOR_OPEN", "SEAT_BELT"]), st.sampled_from([0.0, 1.0])),
              st.integers(1, 130)),
    min_size=1, max_size=30,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(TICKS, st.booleans(), st.booleans())
def test_the_kernel_decides_as_the_twin(ticks, by_driver, required):
    parameters = BY_DRIVER.copy()
    parameters["engagement"]["by_driver"] = by_driver
    parameters["engagement"]["condition"]["required"][BELT - 1] = required
    rows = [row for row in parameters["engagement"]["condition"] if row["comparison"]]
    twin = Engagement(by_driver, float(parameters["engagement"]["switch_timeout_s"]), [
        Condition(int(row["signal"]), row["comparison"] == 1, float(row["limit"]), float(row["after_s"]), float(row["timeout_s"]),
                  bool(row["required"]), row["action"] == 1) for row in rows])  # fmt: skip
    cab = Cab(parameters)
    for allowed, presses, acts, values, pause in ticks:
        cab.now_ns += pause * TICK_NS
        frame_does = {"pedal": {"pedal": 0.5}, "torque": {"torque": 9.0}, "off": {"off": 1}}.get(acts, {})
        vehicle = cab.turn(allowed=allowed, signals=[*values.items(), *(("ENGAGE_SWITCH", p) for p in presses)], **frame_does)
        reason = {"pedal": "BRAKE", "torque": "STEERING", "off": "SWITCH"}.get(acts, "NONE")
        expected = twin.step(cab.now_ns, bool(allowed), [bool(p) for p in presses], REASONS[f"OVERRIDE_{reason}"],
                             {SIGNALS[name]: value for name, value in values.items()})  # fmt: skip
        assert {name: int(vehicle[name]) for name in expected} == {name: int(value) for name, value in expected.items()}


class Driver(Bytes):
    """Sensors whose CCVS1 tells what a driver does: {second: (switch, its state)}."""

    def __init__(self, config, script):
        super().__init__(config, 0)
        self.script, self.now_s, self.state = dict(script), 0.0, {}

    def sense(self, truth):
        self.now_s = truth.time_ns * 1e-9 - self.begin_s(truth)
        for second in [second for second in self.script if self.now_s >= second]:
            self.state |= self.script.pop(second)
        return super().sense(truth)

    def begin_s(self, truth) -> float:
        self.first_ns = getattr(self, "first_ns", truth.time_ns)
        return self.first_ns * 1e-9

    def _wheel_messages(self, row):
        for bus, message, values, address in super()._wheel_messages(row):
            yield bus, message, values | (self.state if message == "CCVS1" else {}), address


@pytest.mark.slow
def test_the_driver_switches_on_brakes_and_switches_on_again_over_the_bus():
    """Standby, active, standby, refused, active, standby: with reasons, and without a step in the steering."""
    pressed, released = {"cruise_control_set_switch": 1}, {"cruise_control_set_switch": 0}
    script = {7.0: pressed, 7.4: released, 9.0: {"brake_switch": 1}, 9.3: pressed, 9.7: released | {"brake_switch": 0},
              11.0: pressed, 11.4: released, 13.0: {"cruise_control_enable_switch": 0}}  # fmt: skip
    stack = Stack.from_config("vehicles/demo_truck", {"engagement.by_driver": 1})
    result = hil.run(Motorway("motorway"), stack, Driver(stack.config, script), 14.0, report=False)
    health, actuation = result.topic("health"), result.topic("actuation")
    time_s = (health["time_ns"] - health["time_ns"][0]) * 1e-9

    def at(second):
        row = int(np.searchsorted(time_s, second))
        return int(actuation["mode"][row]), int(health["standby_reason"][row])

    assert at(2.0) == (0, WHY["STANDBY_HOST"]) and at(6.5) == (0, WHY["STANDBY_NOT_ASKED"])
    assert at(8.5) == (1, WHY["STANDBY_NONE"])
    assert at(9.25) == (0, WHY["STANDBY_CONDITION"]) and at(10.5) == (0, WHY["STANDBY_CONDITION"])
    row = int(np.searchsorted(time_s, 10.5))
    assert (
        health["standby_condition"][row] == BRAKE
        and time_s[row] - 1.6 < (health["mode_since_ns"][row] - health["time_ns"][0]) * 1e-9
    )
    assert at(12.5) == (1, WHY["STANDBY_NONE"]) and at(13.5) == (0, WHY["STANDBY_SWITCH"])
    assert np.abs(np.diff(actuation["road_wheel_angle_rad"][time_s > 6.0])).max() < 0.005


def test_without_a_switch_the_host_decides_as_before():
    cab = Cab(load_parameters(config.load("vehicles/demo_truck")))
    vehicle = cab.turn()
    assert vehicle["awaits_driver"] == 0 and vehicle["driver_drives"] == 0 and vehicle["driver_override"] == 0
