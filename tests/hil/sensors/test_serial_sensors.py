"""GNSS and IMU over serial lines: the drive is as good as over CAN, and its raw bytes replay to the same outputs."""

from __future__ import annotations

import json

import numpy as np
import pytest

import hil
from autonomy import Stack, config, msg, replay
from autonomy.cli.main import main
from autonomy.errors import UsageError
from drivers.serial.router import SerialRouter
from hil import drive
from hil.sensors import Bytes, Messages
from hil.sensors.serial_line import HEAD
from hil.worlds.curved_road import CurvedRoad
from tests.faults.timelines import gnss_fault

SERIAL = config.load("vehicles/demo_truck_serial")
PORT = {"port": "receiver", "source": 1, "baud": 230400}
BOTH = {"serial.port": [PORT | {"protocol": "ubx", "delay_s": 0.006}, PORT | {"protocol": "ubx", "kinds": ["imu"],
                                                                            "axes": ["-y", "x", "z"]}]}  # fmt: skip
SEEDS = (2, 3, 4)
NMEA = {"serial.port": [PORT | {"protocol": "nmea", "sentences": ["RMC", "GGA", "GST"], "delay_s": 0.01}]}


@pytest.fixture(scope="module")
def drives(tmp_path_factory):
    """The same half minutes over CAN, and with the receiver on a serial line."""
    folder = tmp_path_factory.mktemp("drives")
    return {name: [drive.record(folder / f"{name}_{seed}.mcap", f"vehicles/{name}", duration_s=30.0, seed=seed) for seed in SEEDS]
            for name in ("demo_truck", "demo_truck_serial")}  # fmt: skip


def heard(loaded, seconds, dropouts=None):
    """The GNSS and IMU samples told by Messages, and those that come out of the serial bytes of the same seed."""
    world = CurvedRoad(loaded.section("vehicle"))
    truth = world.reset(0)
    told, sent = Messages(loaded, 5, dropouts), Bytes(loaded, 5, dropouts)
    router, frame = SerialRouter.from_config(loaded), np.zeros(1, msg.dtype("InputFrame"))
    found: dict[str, list] = {"gnss": [], "imu": []}
    expected: dict[str, list] = {"gnss": [], "imu": []}
    for _ in range(round(seconds * 100)):
        for kind, rows in told.sense(truth).items():
            expected.get(kind, []).extend(rows)
        for record in sent.sense(truth):
            if (entry := router.entry_of(record.channel)) is not None:
                time_ns, _, count = HEAD.unpack_from(record.data)
                assert time_ns == record.time_ns <= truth.time_ns and len(record.data) == HEAD.size + count
                router.route(entry, time_ns, record.data[HEAD.size :], frame)
                for kind in found:
                    found[kind] += [row.copy() for row in frame[kind]["items"][0, : frame[kind]["count"][0]]]
                    frame[kind]["count"] = 0
        truth = world.step(None, 0.01)
    return expected, found, router.counts()


@pytest.mark.parametrize("overrides", [BOTH, NMEA], ids=["ubx", "nmea"])
def test_bytes_decode_to_the_samples_they_were_made_from(overrides):
    expected, found, counts = heard(config.load("vehicles/demo_truck_serial", overrides), 6.0)
    kinds = {"gnss": {"latitude_deg": 6e-8, "longitude_deg": 6e-8, "altitude_m": 1e-3, "speed": 1e-3, "position_sigma": 1e-3}}
    if overrides is BOTH:
        kinds["imu"] = {"acceleration_x": 5e-4, "acceleration_y": 5e-4, "angular_rate_x": 3e-6, "angular_rate_z": 3e-6}
    for kind, fields in kinds.items():
        assert len(expected[kind]) - 2 <= len(found[kind]) <= len(expected[kind]) and len(found[kind]) > 50
        for field, resolution in fields.items():
            sent = [row[field] for row in expected[kind]][: len(found[kind])]
            np.testing.assert_allclose([row[field] for row in found[kind]], sent, rtol=0, atol=resolution, err_msg=field)
        late = [int(row["received_time_ns"]) - int(sent["received_time_ns"])
                for row, sent in zip(found[kind], expected[kind], strict=False)]  # fmt: skip
        assert min(late) > 0 and max(late) <= 20_000_000
    assert not any(entry["malformed"] or entry["skipped"] or entry["incomplete"] for entry in counts.values())


def test_in_a_dropout_the_receiver_says_it_has_no_fix():
    expected, found, _ = heard(SERIAL, 4.0, {"gnss": [(1.0, 2.0)]})
    validity = np.array([row["validity"] for row in found["gnss"]])
    np.testing.assert_array_equal(validity, [row["validity"] for row in expected["gnss"]][: len(validity)])
    assert validity.sum() == 10
    for wrong in ({"sonar": [(0.0, 1.0)]}, {"gnss": [(2.0, 1.0)]}):
        with pytest.raises(UsageError, match="dropouts"):
            Messages(SERIAL, 0, wrong)


def test_ego_is_as_accurate_as_over_can(drives):
    """Apart from the receiver's slow error of metres: how much of that is followed in half a minute turns on milliseconds."""
    runs = {name: [replay(log, report=False).metrics for log in logs] for name, logs in drives.items()}
    for name, at_most_worse in {"position_rms_offset_free_m": 0.15, "velocity_rms_mps": 0.02, "heading_rms_deg": 0.05}.items():
        can, serial = (np.mean([run["reference"][name] for run in runs[key]]) for key in ("demo_truck", "demo_truck_serial"))
        assert serial < can + at_most_worse, name
    over_can, over_serial = runs["demo_truck"][0], runs["demo_truck_serial"][0]
    assert over_serial["drops"]["gnss"]["used"] == over_can["drops"]["gnss"]["used"]
    (counts,) = over_serial["serial"].values()
    assert counts["samples"] == over_serial["drops"]["gnss"]["received"] and counts["malformed"] == counts["skipped"] == 0
    assert over_can["serial"] == {} and over_serial["clocks"]["gnss_position"]["offset_s"] is not None


def test_faults_act_on_serial_bytes(drives, tmp_path):
    timeline = tmp_path / "faults.toml"
    for kind, value, lost in (("drop", 0.0, 20), ("corrupt", 1.0, 20), ("delay", 0.5, 0)):
        timeline.write_text(gnss_fault(kind, value, None if kind == "delay" else 5.0))
        found = replay(drives["demo_truck_serial"][0], faults=timeline, end=8.0, report=False).metrics
        plain = replay(drives["demo_truck_serial"][0], end=8.0, report=False).metrics
        counts = found["faults"][0]["records"]
        assert counts["matched"] == counts["touched"] > 40
        assert plain["drops"]["gnss"]["received"] - found["drops"]["gnss"]["received"] == pytest.approx(lost, abs=1), kind
        if kind == "delay":
            assert found["drops"]["gnss"]["max_gap_ms"] == pytest.approx(600, abs=1)


def test_the_run_replays_to_the_same_bytes_from_raw_serial(tmp_path):
    stack = Stack.from_config("vehicles/demo_truck_serial", BOTH)
    world = CurvedRoad(stack.config.section("vehicle"))
    run = hil.run(world, stack, Bytes(stack.config, 1), 8.0, seed=1, output_dir=tmp_path, report=False)
    assert (run.topic("actuation")["mode"] == 1).any(), "the stack must have driven"
    again = replay(run.log_path, report=False)
    assert again.metrics["mode"] == "cuts" and again.metrics["oddities"]["cut_mismatches"] == 0
    assert again.metrics["output_sha256"] == run.metrics["output_sha256"]
    assert again.metrics["serial"] == run.metrics["serial"] and len(again.metrics["serial"]) == 2
    assert replay(run.log_path, mode="frames", report=False).metrics["output_sha256"] == run.metrics["output_sha256"]


def test_the_log_tools_show_serial_lines(drives, tmp_path, capsys):
    log = str(drives["demo_truck_serial"][0])
    assert main(["log", "info", log, "--json"]) == 0
    assert "/raw/serial/gnss" in capsys.readouterr().out
    assert main(["log", "cat", log, "--topics", "/raw/serial/gnss", "--end", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "/raw/serial/gnss  [" in lines[0] and "B5 62 01 07" in lines[0]
    assert main(["log", "cat", log, "--topics", "/raw/serial/gnss", "--end", "1", "--json"]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first["schema"].endswith("SerialBytes") and first["message"]["data"].startswith("b5620107")
    for overrides, text in ((NMEA, "$GNRMC,120001.000,A,48"),):
        loaded = config.load("vehicles/demo_truck_serial", overrides)
        stack = Stack.from_config("vehicles/demo_truck_serial", overrides)
        run = hil.run(CurvedRoad(loaded.section("vehicle")), stack, Bytes(loaded, 1), 0.5, output_dir=tmp_path, report=False)
        assert main(["log", "cat", str(run.log_path), "--topics", "/raw/serial/receiver"]) == 0
        assert text in capsys.readouterr().out
