import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from autonomy import config
from autonomy.errors import EnvironmentFault, UsageError
from hil.plant.fmu import FmuPlant
from hil.worlds.motorway import Motorway

VEHICLE = config.load("vehicles/demo_truck").section("vehicle")
SOURCE = Path(__file__).parent / "fmu" / "bicycle.c"
VARIABLES = [("road_wheel_angle_rad", "input"), ("acceleration_mps2", "input"), ("slope", "input"), ("x", "output"),
             ("y", "output"), ("yaw", "output"), ("speed", "output"), ("x_start", "parameter"), ("y_start", "parameter"),
             ("yaw_start", "parameter"), ("speed_start", "parameter")]  # fmt: skip
NAMES = {"grade": "slope"}

if shutil.which("cc") is None or platform.system() != "Linux":
    pytest.skip("needs a C compiler on Linux", allow_module_level=True)
pytest.importorskip("fmpy")


def build(path: Path, variables=VARIABLES, fails_at_s: float = 0.0) -> Path:
    """An FMU of the bicycle model, as a tool would export it; one that fails at a time, below 0: as it is initialised."""
    library = path.with_suffix(".so")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", f"-DFAILS_AT_S={fails_at_s}", "-o", str(library), str(SOURCE), "-lm"],
                   check=True)  # fmt: skip
    scalars = "".join(
        f'<ScalarVariable name="{name}" valueReference="{number}" causality="{causality}" '
        f'variability="{"fixed" if causality == "parameter" else "continuous"}"><Real '
        + ('start="0"' if causality != "output" else "") + "/></ScalarVariable>"
        for number, (name, causality) in enumerate(variables)
    )  # fmt: skip
    told = [number for number, (_, causality) in enumerate(variables, 1) if causality == "output"]
    outputs = "".join(f'<Unknown index="{number}"/>' for number in told)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("modelDescription.xml", f"""<?xml version="1.0" encoding="UTF-8"?>
<fmiModelDescription fmiVersion="2.0" modelName="bicycle" guid="{{b}}" numberOfEventIndicators="0">
<CoSimulation modelIdentifier="bicycle" canHandleVariableCommunicationStepSize="true"/>
<ModelVariables>{scalars}</ModelVariables>
<ModelStructure><Outputs>{outputs}</Outputs><InitialUnknowns>{outputs}</InitialUnknowns></ModelStructure>
</fmiModelDescription>""")
        archive.write(library, "binaries/linux64/bicycle.so")
    return path


def without(*names):
    return [(name if name not in names else f"{name}_unknown", causality) for name, causality in VARIABLES]


@pytest.fixture(scope="module")
def fmu(tmp_path_factory):
    return build(tmp_path_factory.mktemp("fmu") / "bicycle.fmu")


def test_it_moves_as_the_model_inside_says(fmu):
    plant = FmuPlant(fmu, VEHICLE, NAMES)
    plant.reset(x=5.0, y=-2.0, yaw=0.3, speed=20.0)
    assert (float(plant.state["x"]), float(plant.state["speed"])) == (5.0, 20.0)
    for _ in range(100):
        plant.step(0.01, plant.drive(0.5, None, 0.01))
    assert abs(float(plant.state["speed"]) - 20.5) < 1e-9
    np.testing.assert_allclose(plant.state["yaw_rate"], 20.5 * np.tan(0.01) / 3.8, rtol=1e-3)
    np.testing.assert_allclose(plant.state["ay"], plant.state["speed"] * plant.state["yaw_rate"])
    assert plant.outline().shape == (2, 4, 2) and plant.axles().shape == (3, 2)


def test_it_drives_in_a_world_and_starts_anew(fmu):
    scenario = {"ego": {"plant": str(fmu), "fmu_names": NAMES}, "set_speed_mps": 20.0,
                "road": {"segments": [{"length_m": 400.0}, {"length_m": 600.0, "grade": 0.02}]}}  # fmt: skip
    world = Motorway(scenario)

    def drive():
        truth = world.reset(1)
        for _ in range(2000):
            truth = world.step(None, 0.01)
        return truth

    truth = drive()
    assert abs(truth.road.offset) < 0.3 and abs(truth.ego.velocity - 20.0) < 2.0
    assert vars(truth.ego)["x"] == drive().ego.x


def test_what_it_lacks_is_told(fmu, tmp_path):
    with pytest.raises(UsageError, match=r"no Real output 'velocity'; its outputs are speed, x, y, yaw"):
        FmuPlant(fmu, VEHICLE, {"speed": "velocity"})
    with pytest.raises(UsageError, match="'colour' is none of ours"):
        FmuPlant(fmu, VEHICLE, {"colour": "red"})
    (tmp_path / "no.fmu").write_text("no zip")
    with pytest.raises(UsageError, match="cannot be read as an FMU"):
        FmuPlant(tmp_path / "no.fmu", VEHICLE)


def test_what_fails_inside_is_told_with_file_and_time(tmp_path):
    plant = FmuPlant(build(tmp_path / "late.fmu", fails_at_s=0.1), VEHICLE, NAMES)
    with pytest.raises(UsageError, match=r"late\.fmu: fails at 0\.100 s: fmi2DoStep failed with status 3"):
        for _ in range(20):
            plant.step(0.01, plant.drive(0.0))
    plant.reset(speed=3.0)
    assert float(plant.state["speed"]) == 3.0
    with pytest.raises(UsageError, match=r"early\.fmu: fails at 0\.000 s: fmi2ExitInitializationMode"):
        FmuPlant(build(tmp_path / "early.fmu", fails_at_s=-1.0), VEHICLE, NAMES)


@pytest.mark.parametrize(
    "missing, wanted", [("x_start", {"x": 5.0}), ("yaw_start", {"yaw": 0.3}), ("speed_start", {"speed": 20.0})]
)
def test_a_start_it_cannot_take_is_told(tmp_path, missing, wanted):
    variables = without(missing)
    plant = FmuPlant(build(tmp_path / "plain.fmu", variables), VEHICLE, NAMES)
    with pytest.raises(UsageError, match=f"begins at .* = 0, not at .* no Real parameter '{missing}'"):
        plant.reset(**wanted)
    renamed = FmuPlant(tmp_path / "plain.fmu", VEHICLE, {**NAMES, missing: f"{missing}_unknown"})
    renamed.reset(**wanted)
    assert {name: float(renamed.state[name]) for name in wanted} == wanted


def test_without_fmpy_the_extra_is_named(fmu, monkeypatch):
    monkeypatch.setitem(sys.modules, "fmpy", None)
    with pytest.raises(EnvironmentFault, match=r"\[fmi\]"):
        FmuPlant(fmu, VEHICLE)
