import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from autonomy.errors import UsageError
from hil.plant import Plant, PlantCommand, Surroundings
from tests.test_call_graph import GENERATED, bodies, offenders

DEMO = "plants/eu_4x2_40t"


def drive(plant, seconds, command, surroundings=None, dt=0.01):
    """Steps with command(t) or a fixed command; the states at each tick."""
    states = []
    for tick in range(round(seconds / dt)):
        now = command(tick * dt) if callable(command) else command
        states.append(plant.step(dt, now, surroundings or Surroundings()).copy())
    return np.array(states)


def test_the_same_commands_are_the_same_bits():
    def bits():
        plant = Plant.load(DEMO)
        plant.reset(speed=20.0)
        return drive(plant, 3.0, lambda t: PlantCommand(0.02 * np.sin(t), 800.0)).tobytes()

    assert bits() == bits()


def test_a_snapshot_goes_on_where_it_was_taken():
    plant = Plant.load(DEMO)
    plant.reset(speed=20.0)
    drive(plant, 1.0, PlantCommand(0.01, 500.0))
    blob = plant.snapshot()
    first = drive(plant, 1.0, PlantCommand(-0.01, 500.0)).tobytes()
    plant.restore(blob)
    assert drive(plant, 1.0, PlantCommand(-0.01, 500.0)).tobytes() == first


def test_any_step_gives_the_same_drive():
    """What is no whole inner step is owed, not lost."""
    coarse, fine = Plant.load(DEMO), Plant.load(DEMO)
    for plant in (coarse, fine):
        plant.reset(speed=20.0)
    drive(coarse, 2.0, PlantCommand(0.01, 500.0), dt=0.01)
    for _ in range(2000 // 3):
        fine.step(0.003, PlantCommand(0.01, 500.0))
    fine.step(0.002, PlantCommand(0.01, 500.0))
    assert fine.state.tobytes() == coarse.state.tobytes()


def test_a_mistake_in_the_file_is_one_sentence():
    with pytest.raises(UsageError, match=r"\[tyres\] track_m has 2 values for 5 axles"):
        Plant.load(DEMO, {"tyres.track_m": [1.0, 2.0]})
    with pytest.raises(UsageError, match="must be above zero"):
        Plant.load(DEMO, {"trailer.mass_kg": 0})
    with pytest.raises(UsageError, match="delay_s = 5.0"):
        Plant.load(DEMO, {"steering.delay_s": 5.0})
    with pytest.raises(UsageError, match="play = -0.001: must not be below zero"):
        Plant.load(DEMO, {"steering.play": -0.001})
    for rpm in ([600.0], [600.0, 900.0], [2100.0, 1900.0, 1700.0, 1400.0, 1000.0, 900.0, 600.0]):
        with pytest.raises(UsageError, match=r"\[engine\] curve_rpm = .* which has 7"):
            Plant.load(DEMO, {"engine.curve_rpm": rpm})


@pytest.mark.parametrize("grade", [-0.06, 0.0, 0.03])
def test_an_acceleration_is_what_comes_out(grade):
    plant = Plant.load(DEMO)
    plant.reset(speed=20.0)
    states = drive(plant, 8.0, PlantCommand(acceleration_mps2=-0.5), Surroundings(grade=grade))
    assert abs(states["ax"][-300:].mean() + 0.5) < 0.05


@pytest.mark.parametrize("grade", [-0.06, 0.06])
def test_brakes_that_let_go_slowly_let_it_roll_off_slowly(grade):
    """They rub in full from the first moment: no jolt of the slope's whole pull."""
    plant, road = Plant.load("plants/eu_4x2_40t"), Surroundings(grade=grade)
    plant.reset(speed=0.0)
    found = []
    for tick in range(800):
        brake = 3.0 if tick < 200 else max(1.0 - 0.002 * (tick - 200), 0.0)  # 0.2 m/s3
        found.append(float(plant.step(0.01, PlantCommand(brake_deceleration_mps2=brake), road)["ax"]))
    found = found[150:]  # until then the brakes build up
    assert not any(found[:50]) and -np.sign(grade) * found[-1] > 0.4
    assert np.abs(np.diff(found)).max() / 0.01 < 12.0 and np.abs(np.diff(found[::10])).max() < 0.15


def test_it_stops_and_stands_on_a_hill():
    plant = Plant.load(DEMO)
    plant.reset(speed=15.0)
    states = drive(plant, 20.0, PlantCommand(acceleration_mps2=-2.0), Surroundings(grade=0.08))
    assert (states["speed"][-300:] == 0.0).all() and states["x"][-1] == states["x"][-300]
    moving = drive(plant, 12.0, PlantCommand(acceleration_mps2=0.3), Surroundings(grade=0.02))
    assert moving["speed"][-1] > 1.0 and moving["speed"].min() > -0.2


def test_axles_and_outline_lie_where_the_articulation_puts_them():
    plant = Plant.load(DEMO)
    plant.reset(x=10.0, y=-3.0, yaw=0.4, speed=10.0)
    axles = plant.axles()
    np.testing.assert_allclose(axles[1], [10.0, -3.0], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(axles - axles[0], axis=1), [0.0, 3.8, 9.6, 10.9, 12.2], atol=1e-12)
    drive(plant, 6.0, PlantCommand(0.3, held_speed_mps=4.0))
    np.testing.assert_allclose(np.linalg.norm(plant.axles()[2:] - plant.kingpin(), axis=1), [6.4, 7.7, 9.0], atol=1e-12)
    tractor, trailer = plant.outline()
    assert np.linalg.norm(tractor[0] - tractor[1]) == pytest.approx(2.55)
    assert np.linalg.norm(trailer[1] - trailer[2]) == pytest.approx(13.6)


def test_nothing_in_an_inner_step_allocates_or_takes_the_interpreter():
    generated = GENERATED / "hil" / "plant" / "_plant.c"
    if not generated.exists():
        pytest.skip("the generated C is not here: built elsewhere")
    functions = bodies(generated.read_text())
    entry = next(name for name in functions if name.endswith("_plant_inner_step"))
    assert offenders(functions, entry) == {}


commands = st.builds(
    PlantCommand, st.floats(-0.7, 0.7), st.floats(-3000.0, 3000.0), st.floats(-5000.0, 500.0), st.floats(-1.0, 12.0),
    st.none() | st.floats(-9.0, 4.0),
)  # fmt: skip
roads = st.builds(Surroundings, st.floats(-0.15, 0.15), st.floats(-0.1, 0.1), st.floats(0.02, 1.1), st.floats(0.0, 40.0),
                  st.floats(-4.0, 4.0))  # fmt: skip


@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking takes minutes
@given(st.lists(st.tuples(commands, roads), min_size=1, max_size=12), st.floats(0.0, 30.0))
def test_whatever_is_commanded_wherever_the_state_stays_finite(steps, speed):
    """Spins, jackknifes and falls are states too; a truck on its side slides to a stop."""
    plant = Plant.load(DEMO)
    plant.reset(speed=speed)
    for command, road in steps:
        for _ in range(40):
            state = plant.step(0.01, command, road)
        assert all(np.isfinite(state[field]).all() for field in state.dtype.names)
        assert 1 <= plant.kernel.memory["gear"] <= 12 and abs(state["speed"]) < 60.0


def test_what_is_no_number_is_refused_by_name():
    plant = Plant.load(DEMO)
    plant.reset(speed=10.0)
    before = plant.snapshot()
    with pytest.raises(UsageError, match="engine_torque_nm = nan"):
        plant.step(0.01, PlantCommand(0.0, float("nan")))
    with pytest.raises(UsageError, match="time runs forward"):
        plant.step(-0.01, PlantCommand())
    assert plant.snapshot() == before
