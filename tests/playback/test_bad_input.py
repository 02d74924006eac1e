"""Bad logs, configurations and lane paths: a sentence, the documented exit code, what was readable kept (never a traceback)."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autonomy import replay
from autonomy.cli.main import main
from autonomy.errors import BAD_INPUT, PASS, USAGE
from autonomy.log.writer import LogWriter
from tests.playback.conftest import VEHICLE, drive, write

LENIENT = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = main(["replay", *map(str, arguments)])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err, captured.err
    return code, captured.out, captured.err


@LENIENT
@given(share=st.floats(0.0, 0.999))
def test_a_log_cut_anywhere_is_read_to_its_last_good_record(small_log, tmp_path, capsys, share):
    whole = small_log.read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(whole[: int(len(whole) * share)])
    code, out, err = run(capsys, cut, "--json")
    assert code == BAD_INPUT and str(cut) in err
    if out:
        metrics = json.loads(out)
        assert metrics["verdict"] == "error" and metrics["log"]["truncated"]
        assert metrics["log"]["last_good_ns"] is None or metrics["ticks"] > 0


@LENIENT
@given(data=st.data())
def test_flipped_bytes_never_crash(small_log, tmp_path, capsys, data):
    damaged = bytearray(small_log.read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "damaged.mcap"
    path.write_bytes(damaged)
    code, _, _ = run(capsys, path, "--json")
    assert code in (PASS, USAGE, BAD_INPUT)


@LENIENT
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["nan", "infinite", "shuffled", "doubled", "jump_ahead", "jump_back", "huge"]),
)
def test_odd_samples_give_finite_outputs(tmp_path, seed, kind):
    random = np.random.default_rng(seed)
    streams = drive(2.0)
    for topic, (times, rows) in streams.items():
        items = rows["items"][:, 0]
        hit = random.random(len(rows)) < 0.2
        if kind in ("nan", "infinite", "huge"):
            value = {"nan": np.nan, "infinite": np.inf, "huge": 1e30}[kind]
            for name in items.dtype.names:
                if items.dtype[name] == np.float64:
                    items[name][hit] = value
        elif kind == "shuffled":
            order = random.permutation(len(rows))
            items["valid_time_ns"] = items["valid_time_ns"][order]
        elif kind == "doubled":
            twice = np.sort(np.concatenate([np.arange(len(rows)), np.flatnonzero(hit)]))
            times, rows = times[twice], rows[twice]
        else:
            jump = 3_600_000_000_000 if kind == "jump_ahead" else -5_000_000_000
            half = len(rows) // 2
            times, rows = times.copy(), rows.copy()
            times[half:] += jump
            rows["items"]["valid_time_ns"][half:] += jump
            rows["items"]["received_time_ns"][half:] += jump
        streams[topic] = times, rows
    path = write(tmp_path / "odd.mcap", streams)
    result = replay(path)
    assert result.verdict == "pass"
    actuation = result.topic("actuation")
    for name in ("road_wheel_angle_rad", "acceleration_mps2", "brake_deceleration_mps2"):
        assert np.isfinite(actuation[name]).all(), name
    ego = result.topic("ego")
    for name in ("position", "velocity", "orientation", "sigma", "yaw", "speed_scale"):
        assert np.isfinite(ego[name]).all(), name
    assert replay(path).metrics["output_sha256"] == result.metrics["output_sha256"]


def test_an_empty_file(tmp_path, capsys):
    path = tmp_path / "empty.mcap"
    path.touch()
    code, _, err = run(capsys, path)
    assert code == BAD_INPUT and "empty.mcap" in err


def test_no_such_file(tmp_path, capsys):
    code, _, err = run(capsys, tmp_path / "nowhere.mcap")
    assert code == BAD_INPUT and "nowhere.mcap" in err


def test_something_else_than_a_log(tmp_path, capsys):
    path = tmp_path / "picture.mcap"
    path.write_bytes(b"\x89PNG\r\n" * 100)
    code, _, err = run(capsys, path)
    assert code == BAD_INPUT and "picture.mcap" in err


def test_a_log_without_inputs(tmp_path, capsys):
    path = tmp_path / "outputs_only.mcap"
    with LogWriter(path, {"vehicle": VEHICLE}) as writer:
        from autonomy import msg

        writer.write("/ref/pose", 10**9, np.zeros(1, msg.dtype("ReferencePose"))[0])
    code, _, err = run(capsys, path)
    assert code == BAD_INPUT and "nothing to replay" in err


def test_a_log_that_names_no_vehicle(tmp_path, capsys):
    path = tmp_path / "nameless.mcap"
    with LogWriter(path) as writer:
        writer.write_merged(drive(0.5))
    code, _, err = run(capsys, path)
    assert code == USAGE and "--config" in err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[vehicle\n", "not valid TOML"),
        ('include = ["missing.toml"]\n', "missing.toml"),
        ('include = ["self.toml"]\n', "includes itself"),
        ("include = 3\n", "list of file names"),
        ("[vehicle]\nmass_kg = 1.0\n", "lacks"),
    ],
)
def test_broken_configurations(small_log, tmp_path, capsys, text, expected):
    path = tmp_path / "self.toml"
    path.write_text(text)
    code, _, err = run(capsys, small_log, "--config", path)
    assert code == USAGE and expected in err and "self.toml" in err


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("vehicle.mass_kg=heavy", "not a number"),
        ("vehicle.mass_kg=nan", "finite"),
        ("vehicle.mass=3", "no such key"),
        ("mass_kg=3", "section.key"),
        ("vehicle.has_trailer=0.5", "whole number"),
        ("vehicle.has_trailer=999", "outside"),
        ("vehicle.mass_kg", "section.key=value"),
    ],
)
def test_wrong_overrides(small_log, capsys, override, expected):
    code, _, err = run(capsys, small_log, "--set", override)
    assert code == USAGE and expected in err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "x_m,y_m"),
        ("a,b\n1,2\n", "x_m,y_m"),
        ("x_m,y_m\n1,2\n", "1 points"),
        ("x_m,y_m\n1,2\n3,north\n", "line 3"),
        ("x_m,y_m\n1,2\n3,nan\n", "not finite"),
        ("lat_deg,lon_deg\n95,2\n3,4\n", "within"),
    ],
)
def test_wrong_lane_paths(small_log, tmp_path, capsys, text, expected):
    path = tmp_path / "path.csv"
    path.write_text(text)
    code, _, err = run(capsys, small_log, "--lane-path", path)
    assert code == BAD_INPUT and expected in err and "path.csv" in err
