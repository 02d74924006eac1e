"""The fault table: each row told in time, acted on, over again; the kernel is that of the twin."""

import tomllib

import numpy as np
import pytest
from autonomy.planning._plan import PlanStep
from autonomy.safety._envelope import EnvelopeStep
from autonomy.safety._faults import FaultsStep
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import config, msg
from autonomy.parameters import load_section
from autonomy.safety import faults_twin
from autonomy.safety.faults_twin import Hearing, Table
from tests.step_parameters import known_truck, step_parameters, valid_ego, zeros

LOADED = config.load("vehicles/demo_truck")
FAULTS, VEHICLE = load_section(LOADED, "faults", "FaultParameters"), load_section(LOADED, "vehicle", "VehicleParameters")
PLAUSIBILITY = load_section(LOADED, "plausibility", "PlausibilityParameters")
WORDS, STATUS, SIGNALS = (msg.constants(name) for name in ("FaultRow", "FaultState", "SignalSample"))
PARAMETERS = step_parameters()
TICK_NS = 10_000_000
TOLD, ACTED = STATUS["STATUS_TOLD"], STATUS["STATUS_ACTED"]
LISTENING = [WORDS[f"DETECTOR_{name}"] for name in ("SILENT", "NOT_AVAILABLE", "EVENT", "BELOW")]


def row_of(name: str) -> int:
    return FAULTS["row"]["fault"].tolist().index(WORDS[f"FAULT_{name.upper()}"])


class Truck:
    """Ticks of a truck that drives straight on at 20 m/s; `hears` are lists of (kind, source, fields) of a tick."""

    def __init__(self, parameters=FAULTS, vehicle=VEHICLE):
        self.step, self.k = FaultsStep(parameters, vehicle, PLAUSIBILITY), 0
        self.actuation, self.ego, self.truck = zeros("Actuation"), valid_ego(20.0), zeros("TruckState")
        self.actuation["mode"] = 1
        self.truck["steering_delay_s"], self.truck["steering_lag_s"] = 0.15, 0.2
        self.vehicle = zeros("VehicleState")

    def tick(self, *hears):
        self.k += 1
        frame = zeros("InputFrame")
        frame["tick_time_ns"] = 10**9 + self.k * TICK_NS
        for kind, source, fields in hears:
            place = int(frame[kind]["count"])
            frame[kind]["count"] = place + 1
            frame[kind]["items"]["source"][place] = source
            for name, value in fields.items():
                frame[kind]["items"][name][place] = value
        self.frame = frame
        state = self.step.step(frame, self.vehicle, self.ego, self.truck)
        self.step.remember(self.actuation)
        return state


def steering(angle=0.01, validity=0):
    return "steering", 11, {"steering_wheel_angle": angle, "validity": validity}


def test_the_table_has_each_fault_once_and_its_words_are_known():
    told = FAULTS["row"]["fault"][FAULTS["row"]["detector"] != 0].tolist()
    assert len(set(told)) == len(told) and 0 not in told
    assert (FAULTS["row"]["detector"][: len(told)] != 0).all(), "rows are filled from the front"


def test_every_row_of_the_table_is_injected_by_the_suite():
    from hil.suites._fault_cases import cases

    rows = tomllib.loads((config.directory() / "faults.toml").read_text())["faults"]["row"]
    assert {row["fault"] for row in rows} == {case.name for case in cases()}


def test_silence_is_told_within_two_periods_of_the_first_message_that_is_missing():
    truck, row = Truck(), row_of("steering_silent")
    assert truck.tick()["status"][row] == STATUS["STATUS_UNKNOWN"]  # never heard: not missed
    for k in range(30):
        assert truck.tick(steering(0.01 + 1e-4 * k))["status"][row] == STATUS["STATUS_GOOD"]
    statuses = [int(truck.tick()["status"][row]) for _ in range(33)]
    assert [status >= TOLD for status in statuses[:3]] == [False, False, True]
    assert statuses[31] == TOLD and statuses[32] == ACTED  # act_after_s = 0.3


def test_a_row_is_over_after_its_clear_time_or_never():
    truck, silent, engine = Truck(), row_of("steering_silent"), row_of("engine_gone")
    engine_speed = ("signal", 0, {"signal": SIGNALS["ENGINE_SPEED"], "value": 120.0})
    for k in range(10):
        truck.tick(steering(0.01 + 1e-4 * k), engine_speed)
    for _ in range(10):
        state = truck.tick()
    assert state["status"][silent] >= TOLD and state["status"][engine] >= TOLD
    for k in range(105):
        state = truck.tick(steering(0.01 + 1e-4 * k), engine_speed)
    assert state["status"][silent] == STATUS["STATUS_GOOD"] and state["status"][engine] == ACTED
    for k in range(500):  # 5 s more, and the stack drives
        state = truck.tick(steering(0.01 + 1e-4 * k), engine_speed)
    assert state["status"][engine] == ACTED, "it stays as long as the stack drives"
    truck.actuation["mode"] = 0
    found = [int(truck.tick(steering(0.01 + 1e-4 * k), engine_speed)["status"][engine]) for k in range(600)]
    assert found[50] == ACTED and found[-1] == STATUS["STATUS_GOOD"]


def test_values_that_are_not_there_are_told_while_the_sender_speaks():
    truck, row = Truck(), row_of("steering_not_available")
    truck.tick(steering())
    statuses = [int(truck.tick(steering(np.nan, 1))["status"][row]) for _ in range(3)]
    assert statuses[0] < TOLD <= statuses[1]
    assert truck.tick(steering(np.nan, 1))["status"][row_of("steering_silent")] == STATUS["STATUS_GOOD"]


def test_handing_over_becomes_the_minimal_risk_manoeuvre_and_ends_with_the_driver():
    truck = Truck()
    truck.tick(steering())
    for _ in range(40):
        state = truck.tick()
    assert state["action"] == WORDS["ACTION_HAND_OVER"] and 9.0 < state["take_over_s"] < 10.0
    for _ in range(1000):
        state = truck.tick()
    assert state["action"] == WORDS["ACTION_MINIMAL_RISK"] and state["take_over_s"] == 0.0
    truck.actuation["mode"] = 0
    truck.tick()
    assert truck.tick()["action"] == WORDS["ACTION_HAND_OVER"]


def test_a_driver_in_time_is_not_stopped_later():
    truck = Truck()
    truck.tick(steering())
    for k in range(1700):
        truck.actuation["mode"] = int(k % 900 < 800)  # takes over now and then
        state = truck.tick()
    assert state["action"] == WORDS["ACTION_HAND_OVER"]


def test_a_frozen_angle_is_told_when_the_truck_turns_and_a_steady_one_is_not():
    truck, row = Truck(), row_of("steering_frozen")
    for _ in range(300):
        assert truck.tick(steering(0.2))["status"][row] < TOLD  # straight on: nothing says that it is wrong
    turned = 0
    for k in range(300):
        truck.vehicle["yaw_rate"] = 2e-4 * k
        told = truck.tick(steering(0.2))["status"][row] >= TOLD
        turned += not told
    assert told and turned < 160  # 0.003 rad of road wheel is 0.016 rad/s at 20 m/s
    moving = Truck()
    for k in range(300):
        moving.vehicle["yaw_rate"] = 2e-4 * k
        assert moving.tick(steering(0.2 + 1e-3 * k))["status"][row] < TOLD


def test_a_frozen_angle_is_no_witness_of_wheels_that_do_not_follow():
    """A sensor that stands still while the truck turns: what it says of the wheels is worth nothing from then on."""
    truck, frozen, stuck = Truck(), row_of("steering_frozen"), row_of("steering_stuck")
    for k in range(400):
        truck.tick(steering(1e-4 * (k % 3 + 1)))
    for k in range(300):
        truck.vehicle["yaw_rate"] = min(1e-4 * k, 0.02)
        state = truck.tick(steering(2e-4))
    assert state["status"][frozen] >= TOLD and state["status"][stuck] < TOLD
    truck.actuation["road_wheel_angle_rad"] = 0.02  # and the truck turns for less than that
    for _ in range(100):
        state = truck.tick(steering(2e-4))
    assert state["status"][stuck] < TOLD and np.isnan(state["value"][stuck])


def test_wheels_that_do_not_follow_are_told_and_the_other_channel_is_asked_for():
    truck, row = Truck(), row_of("steering_stuck")
    for k in range(400):
        truck.tick(steering(1e-4 * (k % 3 + 1)))
    truck.actuation["road_wheel_angle_rad"] = 0.02
    for k in range(100):
        state = truck.tick(steering(1e-4 * (k % 3 + 1)))
        if state["status"][row] >= TOLD:
            break
    model = faults_twin.wheels(np.full(100, 0.02), 0.15, 0.2, float(VEHICLE["maximum_road_wheel_rate"]), 0.01, 0.0)
    passed = int(np.argmax(model > float(FAULTS["row"]["threshold"][row])))
    assert passed < k < passed + 50 and state["unusable"] == WORDS["UNUSABLE_STEERING_CHANNEL"]
    assert state["action"] == WORDS["ACTION_MINIMAL_RISK"]
    truck.actuation["mode"], truck.actuation["road_wheel_angle_rad"] = 0, 0.0
    for k in range(1000):  # the driver has it and stands: nothing can show that the actuator works again
        state = truck.tick(steering(1e-4 * (k % 3 + 1)))
    assert state["status"][row] == ACTED and np.isnan(state["value"][row])


def test_wheels_that_stick_on_the_straight_are_told_though_their_error_grows_slowly():
    """What begins to stick must not be learned as the angle's offset meanwhile: 0.2 degrees come in four seconds."""
    truck, row = Truck(), row_of("steering_stuck")
    truck.vehicle["road_wheel_angle"] = 0.001  # the sensor's own offset
    for _ in range(3000):
        truck.tick(steering(0.02))
    commands = 0.0012 * 0.01 * np.arange(600)
    model = faults_twin.wheels(np.concatenate([np.zeros(3000), commands]), 0.15, 0.2, float(VEHICLE["maximum_road_wheel_rate"]),
                               0.01, 0.001, float(VEHICLE["steering_play_rad"]))[3000:]  # fmt: skip
    passed = int(np.argmax(model - model[0] > float(FAULTS["row"]["threshold"][row])))
    told = []
    for command in commands:
        truck.actuation["road_wheel_angle_rad"] = command
        told.append(truck.tick(steering(0.02))["status"][row] >= TOLD)
    assert passed < int(np.argmax(told)) < passed + 50


def test_wheels_that_follow_behind_a_worn_steering_s_play_are_not_told():
    """The truck turns as its wheels do; told nothing of a play of 0.5 degrees, the table would see wheels that stick."""
    play, lag, rate = float(np.radians(0.5)), 0.2, float(VEHICLE["maximum_road_wheel_rate"])
    sent = 0.008 * np.sin(2.0 * np.pi * 0.2 * 0.01 * np.arange(2000))
    followed = faults_twin.wheels(sent, 0.15, lag, rate, 0.01, 0.0, play)
    row, found = row_of("steering_stuck"), {}
    for told in (play, 0.0):
        vehicle = VEHICLE.copy()
        vehicle["steering_play_rad"] = told
        truck = Truck(vehicle=vehicle)
        statuses = []
        for command, angle in zip(sent, followed, strict=True):
            truck.actuation["road_wheel_angle_rad"], truck.vehicle["road_wheel_angle"] = command, angle
            truck.vehicle["yaw_rate"] = 20.0 * angle / float(VEHICLE["wheelbase_m"] + VEHICLE["understeer_gradient"] * 20.0**2)
            statuses.append(int(truck.tick(steering(angle))["status"][row]) in (TOLD, ACTED))
        found[told] = any(statuses)
    assert not found[play] and found[0.0]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_retarder_is_told_by_what_it_lacks(share):
    truck, row, sent = Truck(), row_of("retarder_weak"), []
    for k in range(200):
        truck.actuation["retarder_torque_nm"] = -2000.0
        sent.append(-2000.0)
        hears = [("signal", 16, {"signal": SIGNALS["RETARDER_TORQUE"], "value": -2000.0 * share})]
        state = truck.tick(*(hears if k % 10 == 0 else []))
    lacking = faults_twin.retarder_lacking(np.array(sent[:-1]), -2000.0 * share, float(FAULTS["retarder_least_nm"]), 0.01)
    assert state["value"][row] == pytest.approx(lacking, abs=1e-9)
    assert (state["status"][row] >= TOLD) == (share < 0.4)


@pytest.mark.parametrize(("late_s", "share", "told"),
                         [(0.0, 1.0, False), (0.25, 1.0, False), (0.25, 0.5, True), (0.0, 0.5, True)])  # fmt: skip
def test_brakes_that_answer_late_are_not_weak_and_weak_ones_are_told(late_s, share, told):
    truck, row = Truck(), row_of("brakes_weak")
    wanted = -np.clip(2.5 * (np.arange(300) * 0.01 - 0.5), 0.0, 4.0)  # m/s2, from half a second on
    states = []
    for k in range(300):
        truck.actuation["brake_deceleration_mps2"] = -wanted[k]
        truck.actuation["expected_acceleration_mps2"] = wanted[k]
        truck.ego["acceleration"][0] = share * wanted[max(k - round(100 * late_s), 0)]
        states.append(truck.tick())
    assert (states[-1]["status"][row] >= TOLD) == told


def test_another_trailer_is_told_by_its_wheelbase_once_its_sigma_leaves_no_doubt():
    truck, row = Truck(), row_of("trailer_wrong")
    truck.truck["trailer_wheelbase_m"], truck.truck["trailer_wheelbase_sigma_m"] = VEHICLE["trailer_wheelbase_m"] + 2.0, 0.5
    assert all(truck.tick(steering())["status"][row] == STATUS["STATUS_UNKNOWN"] for _ in range(30))
    truck.truck["trailer_wheelbase_sigma_m"] = 0.35
    assert [int(truck.tick(steering())["status"][row]) >= TOLD for _ in range(25)][-1]
    truck.truck["trailer_wheelbase_m"], truck.truck["trailer_wheelbase_known"] = VEHICLE["trailer_wheelbase_m"] + 0.5, 1
    assert [int(truck.tick(steering())["status"][row]) for _ in range(110)][-1] == STATUS["STATUS_GOOD"]


def listening_table() -> np.ndarray:
    """The packaged rows whose detectors only listen."""
    table = FAULTS.copy()
    rows = [row for row in FAULTS["row"] if row["detector"] in LISTENING]
    table["row"] = np.zeros_like(table["row"])
    table["row"][: len(rows)] = rows
    return table


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["none", "steering", "void", "wheel", "event", "air", "drives", "stands"]),
                          st.integers(1, 40)), min_size=1, max_size=15))  # fmt: skip
def test_the_kernel_is_that_of_the_twin(script):
    table = listening_table()
    truck, hearings = Truck(table), [Hearing() for row in table["row"] if row["detector"]]
    twin, driving = Table(table["row"], float(table["hand_over_s"])), False
    sent = {"none": (), "steering": (steering(0.3),), "void": (steering(np.nan, 1), ("wheel", 11, {"vehicle_speed": np.nan})),
            "wheel": (("wheel", 11, {"vehicle_speed": 20.0}),), "drives": (steering(0.1),), "stands": (),
            "event": (("signal", 3, {"signal": SIGNALS["SECOND_SENDER"], "value": 61444.0}),),
            "air": (("signal", 11, {"signal": SIGNALS["BRAKE_PRESSURE_1"], "value": 4e5}),)}  # fmt: skip
    for what, ticks in script:
        if what in ("drives", "stands"):
            truck.actuation["mode"] = int(what == "drives")
        for _ in range(ticks):
            state = truck.tick(*sent[what])
            now = int(truck.frame["tick_time_ns"])
            values = []
            for hearing, row in zip(hearings, table["row"], strict=False):
                hearing.hear(row, truck.frame, now)
                values.append(hearing.measure(row, now))
            found = twin.judge(values, now, driving)
            driving = bool(truck.actuation["mode"])
            np.testing.assert_allclose(state["value"][: len(values)], values, atol=1e-6)
            assert state["action"] == found["action"] and state["unusable"] == found["unusable"]
            assert state["status"][: len(values)].tolist() == found["status"]


def faults_that_ask(**fields) -> np.ndarray:
    state = zeros("FaultState")
    for name, value in fields.items():
        state[name] = value
    return state


def planned(**fields):
    frame, lane = zeros("InputFrame"), zeros("LaneState")
    frame["tick_time_ns"], frame["engage"], lane["status"], lane["valid_distance_m"] = 10**9, 1, 1, 150.0
    lane["width_left"] = lane["width_right"] = 1.75
    vehicle, tracks = zeros("VehicleState"), zeros("TrackList")
    vehicle["speed"], vehicle["set_speed"] = 20.0, 22.0
    tracks["lead_distance"] = np.nan
    return PlanStep(PARAMETERS["plan"], PARAMETERS["vehicle"]).step(
        frame, vehicle, valid_ego(20.0), known_truck(), lane, tracks, faults_that_ask(**fields))  # fmt: skip


def test_the_plan_keeps_the_speed_limit_and_stops_for_the_worst():
    assert planned()["behaviour"] == 1 and planned()["target_speed"] == 22.0
    limited = planned(action=WORDS["ACTION_LIMIT_SPEED"], speed_limit_mps=16.0)
    assert limited["target_speed"] == 16.0 and limited["reason"] == 7 and limited["behaviour"] == 1
    assert planned(action=WORDS["ACTION_HAND_OVER"])["behaviour"] == 1
    stopped = planned(action=WORDS["ACTION_MINIMAL_RISK"])
    assert stopped["behaviour"] == 3 and stopped["reason"] == 7


def enveloped(acceleration, mode=1, **fields):
    envelope = EnvelopeStep(PARAMETERS["envelope"], PARAMETERS["longitudinal"], PARAMETERS["truck"], PARAMETERS["vehicle"])
    frame, vehicle, lane = (zeros(name) for name in ("InputFrame", "VehicleState", "LaneState"))
    plan, control, tracks, truck = zeros("Plan"), zeros("Control"), zeros("TrackList"), known_truck()
    frame["engage"], vehicle["speed"], lane["status"] = mode, 20.0, 1
    plan["behaviour"], plan["fallback_deceleration"] = 1, 2.5
    control["acceleration"], control["lateral_active"], control["longitudinal_active"] = acceleration, 1, 1
    for k in range(100):
        frame["tick_time_ns"] = 10**9 + k * TICK_NS
        found = envelope.step(frame, vehicle, valid_ego(20.0), truck, lane, tracks, plan, control, faults_that_ask(**fields))
    return found


def test_what_cannot_be_used_is_not_asked_for_and_the_rest_does_its_part():
    whole, _ = enveloped(-1.0)
    assert whole["retarder_torque_nm"] < -1000.0
    without, _ = enveloped(-1.0, unusable=WORDS["UNUSABLE_RETARDER"])
    assert without["retarder_torque_nm"] == 0.0 and without["brake_deceleration_mps2"] > whole["brake_deceleration_mps2"] + 0.2
    assert enveloped(0.5)[0]["engine_torque_nm"] > 500.0
    gone, _ = enveloped(0.5, unusable=WORDS["UNUSABLE_ENGINE"])
    assert gone["engine_torque_nm"] == 0.0
    assert enveloped(0.0, unusable=WORDS["UNUSABLE_STEERING_CHANNEL"])[0]["steering_channel"] == 1


def test_who_stands_by_does_not_begin_with_a_fault_and_who_drives_is_told():
    asks = {"action": WORDS["ACTION_HAND_OVER"], "told": 1}
    assert enveloped(0.0, mode=0, **asks)[1]["level"] == 2
    assert enveloped(0.0, mode=0)[1]["level"] == 0
    assert enveloped(0.0, mode=0, **asks)[1]["faults"] & msg.constants("Health")["FAULT_TABLE"]


def test_the_weight_that_the_vehicle_tells_is_held_against_the_configured_and_the_measured_one():
    truck, row = Truck(), row_of("mass_wrong")
    weight = ("signal", 11, {"signal": SIGNALS["GROSS_COMBINATION_MASS"], "value": 40_000.0})
    assert truck.tick(weight)["value"][row] < 0.0, "as configured"
    truck.truck["mass_excited"], truck.truck["mass_kg"], truck.truck["mass_sigma_kg"] = 1, 39_000.0, 500.0
    assert [int(truck.tick()["status"][row]) for _ in range(60)][-1] == STATUS["STATUS_GOOD"]
    truck.truck["mass_kg"] = 20_000.0
    state = [truck.tick() for _ in range(60)][-1]
    assert state["value"][row] == 20_000.0 - 3 * 500.0 - 4_000.0 and state["status"][row] >= TOLD
    assert state["action"] == WORDS["ACTION_LIMIT_SPEED"]
    coupled = ("signal", 2, {"signal": SIGNALS["TRAILER_CONNECTED"], "value": 1.0})
    for told in (coupled, ("signal", 2, {"signal": SIGNALS["TRAILER_CONNECTED"], "value": 0.0})):
        state = truck.tick(told)
    assert state["value"][row] < 0.0, "of another combination nothing was told yet"
