"""The figures that make the plant credible: linear table, soundness, manoeuvres, multibody simulation."""

import math
import sys
from types import ModuleType

import numpy as np
import pytest

from autonomy import config
from autonomy.physics import STANDARD_GRAVITY_MPS2
from hil.plant import Plant, PlantCommand, Surroundings, checks, kinematic_reference, manoeuvres, multibody
from hil.suites import plant as suite

PLANTS = ("eu_4x2_40t", "eu_4x2_half", "eu_4x2_empty", "eu_4x2_49t", "us_6x4_53ft", "openpbs_6x2", "kraz", "kraz_51t")


def test_the_linear_configuration_has_the_figures_of_the_table():
    rows = suite._linear()
    assert len(rows) == 35
    assert [row["figure"] for row in rows if not row["met"]] == []


@pytest.mark.parametrize("name", PLANTS)
def test_every_packaged_plant_runs_and_stands_on_its_axles(name):
    plant = Plant.load(f"plants/{name}")
    count = int(plant.parameters["axles"])
    assert plant.parameters["axle_load"][:count].sum() == pytest.approx(plant.mass * STANDARD_GRAVITY_MPS2)
    plant.reset(speed=20.0)
    for _ in range(300):
        plant.step(0.01, PlantCommand(0.005, acceleration_mps2=0.0))
    for field in plant.state.dtype.names:
        assert np.isfinite(plant.state[field]).all(), field
    assert plant.state["axle_load"].sum() == pytest.approx(plant.mass * STANDARD_GRAVITY_MPS2, rel=1e-9)
    assert 0.012 < plant.state["yaw_rate"] < 0.06


def test_halving_the_step_moves_the_path_by_less_than_a_centimetre():
    assert checks.halving_error("plants/eu_4x2_40t") < 0.01
    assert checks.halving_error("plants/eu_4x2_40t", locked=True) < 0.01


def test_work_is_energy():
    """What all forces do on the moving units, gravity's included, is what their kinetic energy gains."""
    for name in ("eu_4x2_40t", "us_6x4_53ft"):
        assert checks.energy_error(f"plants/{name}") < 1e-6


def test_at_walking_pace_it_rolls_as_the_kinematic_model_of_commonroad():
    place, articulation = checks.kinematic_errors()
    assert place < 0.12 and articulation < 0.002


def test_with_tyres_that_hardly_slip_it_is_the_kinematic_model():
    place, articulation = checks.kinematic_errors(checks.STIFF)
    assert place < 0.02 and articulation < 0.0005


def test_the_kinematic_reference_is_what_its_script_writes(monkeypatch, capsys):
    """With the package's equations written down: what is tested is that the file can be made again."""

    def equations(x, u, p):
        hitch = -x[3] * (math.sin(x[5]) / p.trailer.l_wb + math.tan(x[2]) / (p.a + p.b))
        return [x[3] * math.cos(x[4]), x[3] * math.sin(x[4]), u[0], u[1], x[3] / (p.a + p.b) * math.tan(x[2]), hitch]

    package, module = ModuleType("vehiclemodels"), ModuleType("vehiclemodels.vehicle_dynamics_kst")
    module.vehicle_dynamics_kst = equations
    monkeypatch.setitem(sys.modules, "vehiclemodels", package)
    monkeypatch.setitem(sys.modules, "vehiclemodels.vehicle_dynamics_kst", module)
    kinematic_reference.main()
    written, stored = capsys.readouterr().out, (config.directory() / "plants" / "kinematic_trailer.csv").read_text()
    assert written.splitlines()[:3] == stored.splitlines()[:3]
    made = np.genfromtxt(written.splitlines(), delimiter=",", skip_header=3)
    np.testing.assert_allclose(made, np.genfromtxt(stored.splitlines(), delimiter=",", skip_header=3), rtol=1e-8, atol=1e-8)


def test_the_loaded_semitrailer_falls_between_0_3_and_0_45_g_and_the_empty_one_slides():
    assert 0.33 < manoeuvres.rollover_threshold(Plant.load("plants/eu_4x2_40t", manoeuvres.DIRECT)) < 0.42
    assert math.isnan(manoeuvres.rollover_threshold(Plant.load("plants/eu_4x2_empty", manoeuvres.DIRECT)))


def test_a_lane_change_is_amplified_to_the_rear_and_dies_out():
    change = manoeuvres.lane_change(Plant.load("plants/eu_4x2_40t", manoeuvres.DIRECT))
    assert 1.1 < change["rearward_amplification"] < 1.7 and 0.1 < change["off_tracking_m"] < 0.6
    assert change["articulation_end_rad"] < 0.1 * change["articulation_max_rad"]


def test_a_crosswind_articulates():
    """15 m/s from the right: the combination crabs into the wind, the articulation stays within half a degree."""
    turned = []
    for name in ("eu_4x2_40t", "eu_4x2_empty"):
        plant = Plant.load(f"plants/{name}")
        plant.reset(speed=22.0)
        wind = Surroundings(wind_speed_mps=15.0, wind_from_rad=-0.5 * math.pi)
        for _ in range(2500):  # a driver who holds the course
            angle = -0.3 * float(plant.state["yaw"]) - 0.02 * float(plant.state["yaw_rate"])
            state = plant.step(0.01, PlantCommand(angle, held_speed_mps=22.0), wind)
        turned.append(math.degrees(state["articulation"]))
        course = float(state["vy"]) / 22.0
        assert course > 0.002  # the nose points to the right of where it goes
    assert abs(turned[0]) < abs(turned[1]) < 0.6


def test_bank_pulls_down_and_leans():
    plant = Plant.load("plants/eu_4x2_40t")
    plant.reset(speed=20.0)
    for _ in range(300):
        state = plant.step(0.01, PlantCommand(held_speed_mps=20.0), Surroundings(bank=0.04))
    assert state["y"] < -0.1 and state["roll"] > 0.04  # left side higher: to the right, leaning to the right


def test_on_ice_it_ploughs_on_and_the_drive_axle_spins_no_faster_than_it_grips():
    plant = Plant.load("plants/eu_4x2_40t")
    plant.reset(speed=20.0)
    for _ in range(400):
        state = plant.step(0.01, PlantCommand(0.05, held_speed_mps=20.0), Surroundings(friction=0.1))
    assert abs(state["ay"]) < 0.1 * 9.81 * 1.2
    plant.reset(speed=10.0)
    for _ in range(200):
        state = plant.step(0.01, PlantCommand(0.0, 2500.0), Surroundings(friction=0.05))
    assert state["ax"] < 0.05 * 9.81 * 9860 / 40000


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["v10_a10_36t", "v18_a06_36t", "v18_a06_51t", "v21.5_a06_36t", "v21.5_a06_mu35_36t"])
def test_it_follows_the_multibody_simulation(data_directory, name):
    run = multibody.compare(multibody.load_plant(name), name, multibody.read(data_directory, name))
    limit = 0.10 if name.startswith("v18") else 0.15
    for field in ("yaw_rate", "trailer_yaw_rate", "articulation"):
        assert run.error(field) <= limit, field
    recorded, own = multibody.effective_wheelbase(run)
    assert own == pytest.approx(recorded, rel=0.05)
    for frequency, recorded, own in multibody.rearward_amplification(run):
        assert own == pytest.approx(recorded, rel=0.10), frequency
    locked = run.plant["wheel_slip"][np.flatnonzero(~run.cruising)[200]] == 1.0
    np.testing.assert_array_equal(np.flatnonzero(locked), [3, 4, 5] if "mu35" in name else [])


@pytest.mark.slow
@pytest.mark.real_data
def test_it_rolls_over_when_the_multibody_simulation_does(data_directory):
    name = "v21.5_a12_36t"
    run = multibody.compare(multibody.load_plant(name), name, multibody.read(data_directory, name))
    recorded, own = multibody.rollover_onset(run)
    assert abs(own - recorded) <= suite.ONSET_S
