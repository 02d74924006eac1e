"""Engine, gearbox, retarder and brakes as the buses tell them."""

from types import SimpleNamespace

import numpy as np
import pytest

from autonomy import config, msg
from hil.plant import Plant, PlantCommand
from hil.sensors import Bytes, Messages
from hil.sensors.powertrain import Powertrain
from hil.world import EgoTruth, RoadTruth, Truth

CONFIG = config.load("vehicles/demo_truck")
SIGNALS = msg.constants("SignalSample")


def truth(plant, tick, pedal=0.0, friction=0.8):
    ego = EgoTruth(velocity=float(plant.state["speed"]), brake_pedal=pedal, plant=plant.state)
    return Truth(time_ns=tick * 10_000_000, ego=ego, road=RoadTruth(friction=friction))


def rolling(torque=800.0, ticks=300, retarder=0.0):
    plant = Plant.load("plants/eu_4x2_40t")
    plant.reset(speed=20.0)
    for _ in range(ticks):
        plant.step(0.01, PlantCommand(engine_torque_nm=torque, retarder_torque_nm=retarder))
    return plant


def told(train, plant, **more) -> dict[str, float]:
    return {name: value for name, value, _ in train.signals(truth(plant, 1, **more))}


def test_without_noise_indicated_less_friction_is_the_torque_at_the_clutch():
    plant = rolling()
    found = told(Powertrain(2600.0, 0.0, 0), plant)
    assert found["ENGINE_TORQUE"] - found["ENGINE_FRICTION_TORQUE"] == pytest.approx(float(plant.state["engine_torque_nm"]))
    assert found["GEAR_RATIO"] == plant.state["gear_ratio"] and found["RETARDER_TORQUE"] == 0.0


def test_torques_come_in_whole_percent_and_off_by_a_scale_of_the_drive():
    plant = rolling()
    clean = told(Powertrain(2600.0, 0.0, 0), plant)["ENGINE_TORQUE"]
    scales = []
    for seed in range(40):
        train = Powertrain(2600.0, 1.0, seed)
        value = told(train, plant)["ENGINE_TORQUE"]
        assert value / 26.0 == pytest.approx(round(value / 26.0))
        scales.append(train.torque_scale)
        assert abs(value - clean * train.torque_scale) <= 13.0 + 1e-9
    assert 0.005 < np.std(scales) < 0.02


def test_a_pressed_pedal_is_told_and_a_brake_asked_for_on_the_bus_moves_none():
    plant = rolling()
    for _ in range(100):
        plant.step(0.01, PlantCommand(brake_deceleration_mps2=2.0))
    assert told(Powertrain(2600.0, 1.0, 0), plant)["BRAKE_PEDAL"] == 0.0
    found = told(Powertrain(2600.0, 1.0, 0), plant, pedal=0.3)
    assert found["BRAKE_PEDAL"] == pytest.approx(0.3, abs=0.002) and found["BRAKE_SWITCH"] == 1.0


def test_anti_lock_works_where_the_road_does_not_hold():
    plant = rolling()
    for _ in range(100):
        plant.step(0.01, PlantCommand(brake_deceleration_mps2=4.0))
    assert told(Powertrain(2600.0, 1.0, 0), plant, friction=0.8)["ABS_ACTIVE"] == 0.0
    assert told(Powertrain(2600.0, 1.0, 0), plant, friction=0.25)["ABS_ACTIVE"] == 1.0


def test_the_shaft_swings_when_the_torque_goes_and_comes_to_rest():
    train, plant = Powertrain(2600.0, 1.0, 0), rolling(torque=2000.0)
    for tick in range(200):
        train.swing(truth(plant, tick))
    swings = []
    for tick in range(200, 500):
        plant.step(0.01, PlantCommand())
        swings.append(train.swing(truth(plant, tick)))
    assert np.abs(swings[:50]).max() > 0.3 and np.abs(swings[-50:]).max() < 0.05


def test_bytes_say_what_samples_say():
    """The same signals through the vehicle's own J1939 database and routes, to the resolution of the messages."""
    from drivers.can.router import Router

    plant = rolling(torque=-300.0, retarder=-1500.0)
    raw, plain = Bytes(CONFIG, seed=3), Messages(CONFIG, seed=3)
    router = Router.from_config(CONFIG)
    frame, found, wanted = np.zeros(1, msg.dtype("InputFrame"))[0], {}, {}
    for tick in range(1, 60):
        now = truth(plant, tick, pedal=0.25)
        for record in raw.sense(now):
            if record.channel == "/raw/can/0":
                router.route(np.frombuffer(record.data, msg.dtype("CanFrame")), frame)
        for row in plain.sense(now).get("signal", ()):
            wanted[int(row["signal"])] = float(row["value"])
        for row in frame["signal"]["items"][: int(frame["signal"]["count"])]:
            found[int(row["signal"])] = float(row["value"])
        frame["signal"]["count"] = 0
    steps = {"ENGINE_SPEED": 0.02, "ENGINE_TORQUE": 14.0, "ENGINE_FRICTION_TORQUE": 14.0, "ENGINE_BRAKE_TORQUE": 8.0,
             "RETARDER_TORQUE": 17.0, "GEAR_RATIO": 0.001, "BRAKE_PEDAL": 0.003, "BRAKE_SWITCH": 0.0, "ABS_ACTIVE": 0.0,
             "TRACTION_CONTROL_ACTIVE": 0.0}  # fmt: skip
    for name, step in steps.items():
        assert abs(found[SIGNALS[name]] - wanted[SIGNALS[name]]) <= step, name
    assert found[SIGNALS["RETARDER_TORQUE"]] < -1000.0 and found[SIGNALS["ENGINE_BRAKE_TORQUE"]] < 0.0


def test_a_world_without_an_engine_tells_nothing():
    train = Powertrain(2600.0, 1.0, 0)
    assert list(train.signals(Truth())) == [] and train.swing(SimpleNamespace(ego=EgoTruth(), time_ns=1)) == 0.0
