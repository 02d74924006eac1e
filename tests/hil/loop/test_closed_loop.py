import numpy as np
import pytest

import hil
from autonomy import Stack, replay
from autonomy.errors import UsageError
from autonomy.log.reader import LogReader
from autonomy.playback.stored import load
from hil import drive
from hil.sensors import Bytes, Messages, Perfect
from hil.worlds.curved_road import CurvedRoad
from hil.worlds.motorway import Motorway
from tests.faults.timelines import gnss_fault
from tests.log.lateness import lateness_ns

MOST_LATE_NS = 1_000_000_000  # no entry of a log stands further behind a later one
SENSORS = {"perfect": lambda config, seed: Perfect(config), "messages": Messages, "bytes": Bytes}
SHORT = {"road": {"segments": [{"length_m": 2000.0}]}}  # kinematic plant, free road


@pytest.fixture(scope="module")
def stack():
    """Built once. The worlds' kinematic trucks do not slip."""
    return Stack.from_config("vehicles/demo_truck", overrides={"ego.slip": 0.0})


def closed_loop(stack, level, duration_s, world=None, scenario=None, seed=1, **options):
    world = world or CurvedRoad(stack.config.section("vehicle"))
    return hil.run(world, stack, SENSORS[level](stack.config, seed), duration_s, seed=seed, scenario=scenario, **options)


@pytest.mark.parametrize("level", SENSORS)
def test_the_stack_keeps_lane_and_gap(stack, level):
    metrics = closed_loop(stack, level, 16.0).metrics
    assert metrics["verdict"] == "pass" and metrics["collisions"] == 0
    assert metrics["lane_offset_rms_m"] < 0.15 and metrics["out_of_lane_share"] == 0.0
    assert metrics["min_headway_s"] > 2.0 and metrics["hard_brakes"] == 0


def test_the_same_seed_is_the_same_run(stack):
    hashes = [closed_loop(stack, "messages", 7.0, seed=seed).metrics["output_sha256"] for seed in (3, 3, 4)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_run_begins_with_a_stack_that_knows_nothing(stack):
    """Of a drive before it: another road and another truck."""
    alone = closed_loop(stack, "messages", 7.0, seed=3).metrics["output_sha256"]
    closed_loop(stack, "messages", 7.0, world=Motorway(), seed=5)
    assert closed_loop(stack, "messages", 7.0, seed=3).metrics["output_sha256"] == alone


@pytest.mark.parametrize("level", ["messages", "bytes"])
def test_the_recorded_run_replays_to_the_same_bytes(stack, tmp_path, level):
    run = closed_loop(stack, level, 8.0, output_dir=tmp_path / "run")
    assert (run.topic("actuation")["mode"] == 1).any(), "the stack must have driven"
    again = replay(run.log_path)
    assert again.metrics["mode"] == "cuts" and again.metrics["oddities"]["cut_mismatches"] == 0
    assert again.metrics["output_sha256"] == run.metrics["output_sha256"]
    assert replay(run.log_path, mode="frames").metrics["output_sha256"] == run.metrics["output_sha256"]
    with LogReader(run.log_path) as reader:
        assert {"/parameters", "/ref/pose", "/in/frame", "/cut", "/out/actuation"} <= set(reader.topics)
        assert ("/raw/can/0" in reader.topics) == (level == "bytes")
    assert max(lateness_ns(run.log_path).values()) < MOST_LATE_NS
    page = run.report_path.read_text()
    assert "Nearest corner to a lane line" in page and "Tractor and trailer are to scale" in page
    stored = load(run.log_path.parent)
    np.testing.assert_array_equal(stored.truth["margin"], run.truth["margin"])
    assert run.report_path.is_file() and run.metrics["reference"]["position_rms_m"] < 2.0


@pytest.mark.parametrize(("kind", "value"), [("drop", 0.0), ("delay", 0.15), ("bias", 2.0)])
@pytest.mark.parametrize("level", ["messages", "bytes"])
def test_faults_act_and_the_log_holds_what_they_did(stack, tmp_path, level, kind, value):
    timeline = tmp_path / "faults.toml"
    timeline.write_text(gnss_fault(kind, value))
    plain = closed_loop(stack, level, 6.0)
    faulted = closed_loop(stack, level, 6.0, faults=timeline, output_dir=tmp_path / "run", report=False)
    counts = faulted.metrics["faults"][0]["records"]
    assert counts["matched"] == counts["touched"] >= 15
    before = plain.topic("ego")["time_ns"] < plain.start_ns + 3_000_000_000
    np.testing.assert_array_equal(plain.topic("ego")["position"][before], faulted.topic("ego")["position"][before])
    assert faulted.metrics["output_sha256"] != plain.metrics["output_sha256"]
    assert faulted.metrics["drops"]["gnss"]["max_gap_ms"] == pytest.approx({"drop": 2100, "delay": 250, "bias": 100}[kind])
    assert replay(faulted.log_path).metrics["output_sha256"] == faulted.metrics["output_sha256"]


def test_a_stack_that_never_drives_is_inconclusive(stack):
    result = closed_loop(stack, "messages", 2.0, Motorway(SHORT))
    assert (result.verdict, result.exit_code) == ("inconclusive", 5) and result.metrics["lane_offset_max_m"] is None


def test_leaving_the_lane_fails(stack):
    class Blown(Motorway):
        """Pushes the truck aside at 7 s, further than the lane is wide."""

        def step(self, actuation, dt_s):
            if self.time_s > 7.0:
                self.plant.state["y"] += 0.05
            return super().step(actuation, dt_s)

    result = closed_loop(stack, "perfect", 8.5, Blown(SHORT))
    assert result.verdict == "fail" and result.metrics["out_of_lane_share"] > 0.1
    assert result.metrics["line_margin_min_m"] < 0.0


def test_what_the_stack_believes_of_another_truck_is_told(stack):
    scenario = SHORT | {"ego": {"overrides": {"mass_kg": 15000.0}}}
    told = closed_loop(stack, "perfect", 1.0, Motorway(scenario)).metrics["plant_differences"]
    assert told == [{"parameter": "mass_kg", "stack": 40000.0, "plant": 15000.0}]


def test_the_empty_truck_in_the_wind_is_known_as_empty_before_the_first_gust():
    stack, masses = Stack.from_config("vehicles/demo_truck"), []
    told = hil.run(Motorway("crosswind"), stack, Messages(stack.config, seed=0), 27.0, report=False,
                   watch=lambda truth, out: masses.append(float(out["truck"]["mass_kg"])))  # fmt: skip
    assert masses[0] == 40_000.0 and masses[-1] == pytest.approx(14_500.0, rel=0.05)
    assert "mass_kg" not in {row["parameter"] for row in told.metrics["plant_differences"] if row["stack"] == 40_000.0}


def test_wrong_use_is_told(stack, tmp_path):
    with pytest.raises(UsageError, match="duration_s"):
        closed_loop(stack, "perfect", 0.0)
    with pytest.raises(UsageError, match="fault"):
        closed_loop(stack, "perfect", 1.0, faults=tmp_path / "none.toml")


def test_the_recorded_drive_is_the_same_bytes_for_the_same_seed(tmp_path):
    first = drive.record(tmp_path / "a.mcap", duration_s=3.0, seed=4).read_bytes()
    assert first == drive.record(tmp_path / "b.mcap", duration_s=3.0, seed=4).read_bytes()
    assert first != drive.record(tmp_path / "c.mcap", duration_s=3.0, seed=5).read_bytes()
