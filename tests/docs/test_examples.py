"""The examples in the documentation run, and print what the documentation says."""

from __future__ import annotations

import re

import pytest

from autonomy.cli.main import main
from tests.docs.pages import DOCS, blocks, first_column

DRIVE_S = 12.0


@pytest.fixture(scope="module")
def drive_folder(tmp_path_factory):
    """A folder with drive.mcap, a short drive of the demonstration truck."""
    from hil.drive import record

    folder = tmp_path_factory.mktemp("documentation")
    record(folder / "drive.mcap", duration_s=DRIVE_S, seed=0)
    return folder


def run_blocks(page: str) -> None:
    """Runs the Python blocks of a page one after the other in one namespace."""
    names: dict = {"__name__": page}
    for block in blocks(DOCS / page, "python"):
        exec(compile(block.text, page, "exec"), names)


@pytest.mark.parametrize(
    "page",
    [
        "architecture.md", "configuration.md", "replay.md", "compare.md", "closed-loop.md", "plant.md", "gnss-serial.md",
        "lidar.md",
    ],
)  # fmt: skip
def test_python_examples_run(page, drive_folder, monkeypatch):
    monkeypatch.chdir(drive_folder)
    run_blocks(page)


def test_json_keys_of_the_replay_page_are_those_of_a_run(drive_folder):
    from autonomy import replay

    told = set(first_column(DOCS / "replay.md", "## The JSON object"))
    found = set(replay(drive_folder / "drive.mcap", outages="at=8:2").metrics)
    assert told - found == {"reference_run", "report"}  # only where they were asked for
    assert found <= told


def test_metrics_of_the_closed_loop_page_are_those_of_a_run():
    from autonomy import config
    from hil.loop.metrics import RunMetrics
    from hil.worlds.curved_road import CurvedRoad

    vehicle = config.load("vehicles/demo_truck").section("vehicle")
    metrics, world = RunMetrics(vehicle, 22.0), CurvedRoad(vehicle)
    metrics(world.reset(0))
    for _ in range(2):
        metrics(world.step(None, 0.01))
    assert set(first_column(DOCS / "closed-loop.md", "## Metrics")) == set(metrics.as_dict())


def test_the_importing_example_converts_checks_and_replays(tmp_path, monkeypatch, capsys):
    page = DOCS / "importing.md"
    monkeypatch.chdir(tmp_path)
    run_blocks(page.name)
    (mapping,) = blocks(page, "toml")
    (tmp_path / "mapping.toml").write_text(mapping.text)
    (example,) = [block.text for block in blocks(page, "console") if "mapping.toml drive.mcap" in block.text]
    printed = []
    capsys.readouterr()
    for line in example.splitlines():
        if line.startswith("$ autonomy "):
            assert main(line.split()[2:]) == 0, line
            printed.append(line)
            if " convert " in line:
                printed += capsys.readouterr().out.splitlines()
    assert printed == example.splitlines()


def test_the_vehicle_of_a_few_lines_builds_on_the_packaged_one(tmp_path):
    from autonomy import Stack, config

    (text,) = [block.text for block in blocks(DOCS / "configuration.md", "toml") if block.text.startswith("include")]
    beside = str(config.find("vehicles/demo_truck"))
    (tmp_path / "truck_17.toml").write_text(text.replace("demo_truck.toml", beside))
    vehicle = Stack.from_config(tmp_path / "truck_17.toml").parameters["vehicle"]
    packaged = Stack.from_config("vehicles/demo_truck").parameters["vehicle"]
    assert vehicle["mass_kg"] == 18000.0
    assert vehicle["wheelbase_m"] == packaged["wheelbase_m"]


def test_the_printed_routes_are_read(tmp_path):
    import tomllib

    from autonomy import config
    from drivers.can.router import Router

    (text,) = [block.text for block in blocks(DOCS / "configuration.md", "toml") if "[[can.route]]" in block.text]
    sections = tomllib.loads(text)
    router = Router.from_config(config.Config("printed.toml", sections))
    assert not router.problems
    assert len(router.counts()) == 1


def test_parameters_named_in_the_pages_exist():
    from autonomy import config
    from tests.docs.pages import pages

    sections = config.load("vehicles/demo_truck").sections
    named = {(page.name, *pair) for page in pages() for pair in re.findall(r"`\[(\w+)\] (\w+)`", page.read_text())}
    assert named, "no page names a parameter as `[section] key`"
    assert [item for item in named if item[2] not in sections[item[1]]] == []


def test_the_routes_of_the_how_to_are_read(tmp_path):
    from autonomy import config
    from drivers.can.router import Router

    (text,) = [block.text for block in blocks(DOCS / "how-to" / "add-a-dbc.md", "toml")]
    signals = ' SG_ DISTANCE : 0|16@1+ (0.01,0) [0|0] "m" X\n SG_ CLOSING_SPEED : 16|16@1- (0.01,0) [0|0] "km/h" X\n'
    (tmp_path / "site.dbc").write_text(f'VERSION ""\nNS_ :\nBS_:\nBU_: X\nBO_ 512 RADAR_LEAD: 8 X\n{signals}')
    (tmp_path / "site.toml").write_text(text)
    router = Router.from_config(config.load(tmp_path / "site.toml"))
    assert not router.problems
    assert len(router.counts()) == 1
