"""Recorded trucks through the demonstration truck's routes into the whole tick: what is really on their buses."""

import numpy as np
import pytest

from autonomy import Stack
from drivers.can.router import Router
from tests.drivers.can.j1939.frames import can_dataframes, nmfta_frames

pytestmark = pytest.mark.real_data

LOG_TP = "LOG_TP__FCBF0606__00002058__00000001-5FAB8E54.MF4"  # key on: EEC1 0 rpm, CCVS1 "not available", ERC1 from 41
IDLE = "J1939_idle__11111111__00000012__00000001.MF4"
KEY_ON = "SampleTruckData.bin"


@pytest.fixture
def recorded(recorded_j1939):
    def run(name: str, seconds: float):
        pytest.importorskip("asammdf")
        path = recorded_j1939(name)
        frames = nmfta_frames(path) if path.suffix == ".bin" else can_dataframes(path)
        frames = frames[np.argsort(frames["time_ns"], kind="stable")]
        stack = Stack.from_config("vehicles/demo_truck")
        router, frame, outs = Router.from_config(stack.config), stack.new_input(), []
        start = int(frames["time_ns"][0])
        frames["bus"] = 0
        for tick in range(1, round(100 * seconds)):
            now = start + tick * 10_000_000
            part = frames[np.searchsorted(frames["time_ns"], now - 10_000_000, "right") :
                          np.searchsorted(frames["time_ns"], now, "right")]  # fmt: skip
            router.route(np.ascontiguousarray(part), np.asarray(frame).reshape(()))
            frame["tick_index"], frame["tick_time_ns"] = tick, now
            outs.append(stack.tick(frame)["truck"].copy())
            for kind in frame.dtype.names:
                if frame.dtype[kind].names and "count" in frame.dtype[kind].names:
                    frame[kind]["count"] = 0
        return np.array(outs), router.counts()

    return run


@pytest.mark.parametrize("name", [LOG_TP, IDLE, KEY_ON])
def test_a_standing_truck_teaches_no_mass_and_invents_no_force(recorded, name):
    truck, _ = recorded(name, 20.0)
    assert not truck["mass_excited"].any() and not truck["mass_learning"].any() and not truck["mass_resets"].any()
    assert np.isnan(truck["traction_n"]).all()  # no gearbox's shaft on any of these buses
    assert np.all((truck["speed"] < 0.1) | np.isnan(truck["speed"]))
    assert np.all(truck["mass_low_kg"] < truck["mass_kg"]) and np.all(truck["mass_kg"] < truck["mass_high_kg"])
    assert np.all(np.abs(truck["brake_temperature_c"] - 20.0) < 30.0) and not truck["friction_known"].any()


def test_not_available_is_no_speed(recorded):
    truck, counts = recorded(LOG_TP, 10.0)
    speed = next(value for name, value in counts.items() if name == "0:CCVS1@00>wheel")
    assert speed["used"] == 0 and speed["unusable"] > 50
    assert np.isnan(truck["speed"]).all()
