"""Bad logs, configurations and lane paths: a sentence, the documented exit code, what was readable kept (never a traceback)."""

from __future__ import annotations

import json
import re

import mcap.writer
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autonomy import replay
from autonomy.cli.main import main
from autonomy.errors import BAD_INPUT, ENVIRONMENT, PASS, USAGE, UsageError
from autonomy.log.reader import LogReader
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


def test_records_that_cannot_be_read_are_told_and_never_pass(small_log, tmp_path, capsys):
    path = tmp_path / "short.mcap"
    with LogReader(small_log) as reader:
        text = next(channel.schema_text for channel in reader.channels.values() if channel.topic == "/in/imu")
    with open(path, "wb") as file:
        foreign = mcap.writer.Writer(file)
        foreign.start()
        schema = foreign.register_schema("autonomy/ImuInput", "ros2msg", text.encode())
        channel = foreign.register_channel("/in/imu", "cdr", schema)
        for time_ns in drive(1.0)["/in/imu"][0].tolist():
            foreign.add_message(channel, log_time=time_ns, publish_time=time_ns, data=b"\0\1\0\0123")
        foreign.finish()
    code, out, err = run(capsys, path, "--config", VEHICLE)
    assert code == BAD_INPUT and "could not be read" in err and str(path) in err


def test_the_run_never_overwrites_the_log_it_reads(small_log, tmp_path, capsys):
    code, _, _ = run(capsys, small_log, "-o", tmp_path, "--no-report")
    before = (tmp_path / "output.mcap").read_bytes()
    code, _, err = run(capsys, tmp_path / "output.mcap", "-o", tmp_path)
    assert code == USAGE and "overwrite" in err and (tmp_path / "output.mcap").read_bytes() == before
    code, _, err = run(capsys, small_log, "-o", tmp_path, "--ref", tmp_path)
    assert code == USAGE and "its own reference" in err and (tmp_path / "output.mcap").read_bytes() == before


@pytest.mark.parametrize("time_ns", [2**63 - 1, 2**62, 10**18])
def test_one_wild_time_stamp_neither_hangs_nor_hides_the_rest(tmp_path, time_ns):
    streams = drive(1.0)
    times, rows = streams["/in/gnss"]
    streams["/in/gnss"] = np.append(times, time_ns), np.append(rows, rows[-1:])
    result = replay(write(tmp_path / "wild.mcap", streams))
    odd = result.metrics["oddities"]
    assert 100 <= result.metrics["ticks"] <= 102 and odd["beyond_time"] + odd["clock_jumps"] == 1


def test_a_clock_that_was_set_back_is_told(tmp_path, capsys):
    streams = drive(8.0)
    path = tmp_path / "back.mcap"
    half = next(iter(streams.values()))[0][0] + 4_000_000_000
    with LogWriter(path, {"vehicle": VEHICLE}) as writer:
        writer.write_merged({topic: (times[times < half], rows[times < half]) for topic, (times, rows) in streams.items()})
        back = {topic: (times[times >= half] - 5_000_000_000, rows[times >= half]) for topic, (times, rows) in streams.items()}
        writer.write_merged(back)
    code, out, _ = run(capsys, path, "--json")
    assert code == PASS and json.loads(out)["oddities"]["time_steps_back"] == 1
    assert "time steps back 1" in run(capsys, path)[1]
    assert main(["log", "check", str(path)]) == PASS and "time goes back once" in capsys.readouterr().out


@pytest.mark.parametrize("change, words", [
    ({"can.bus": 5}, "[can]"), ({"can.route": 5}, "[can]"), ({"vehicle.mass_kg": 0.0}, "above zero"),
    ({"vehicle.wheelbase_m": -3.0}, "above zero"), ({"vehicle.maximum_road_wheel_angle": 9.0}, "at most"),
    ({"ego.horizon_delay_s": 1e9}, "at most"), ({"ego.wheel_sigma_mps": 0.0}, "above zero"),
    ({"ego.gyro_bias_walk": -1.0}, "not be negative"), ({"vehicle.mass_kg": 10**400}, "finite"),
])  # fmt: skip
def test_a_configuration_that_means_nothing_is_refused_with_its_reason(small_log, change, words):
    with pytest.raises(UsageError, match=re.escape(words)):
        replay(small_log, overrides=change)


@pytest.mark.parametrize("name, content", [("config.json", b"{{{"), ("config.json", b"[]"), ("lane_path.csv", b"\xff\xfe")])
def test_a_stored_file_that_makes_no_sense_is_named(tmp_path, capsys, name, content):
    path = tmp_path / "stored.mcap"
    with LogWriter(path, {"vehicle": VEHICLE}) as writer:
        writer.attach(name, content)
        writer.attach("can/x.dbc", b"not a bus number: not ours")
        writer.write_merged(drive(1.0))
    code, _, err = run(capsys, path)
    assert code == BAD_INPUT and ("configuration" in err or name in err)


@pytest.mark.parametrize("outages", ["at=1:0", "at=3.99:end", "duration=1,every=1e-9", "at=1:1e-12"])
def test_an_outage_too_short_to_measure_is_refused(small_log, capsys, outages):
    code, _, err = run(capsys, small_log, "--outages", outages)
    assert code == USAGE and outages in err


@pytest.mark.parametrize("output", ["FILE", "/proc/nothing/here"])
def test_an_output_folder_that_cannot_be_is_named(small_log, tmp_path, capsys, output):
    path = tmp_path / "file"
    path.touch()
    code, _, err = run(capsys, small_log, "-o", path if output == "FILE" else output)
    assert code == ENVIRONMENT and "give another place" in err


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
        ("[vehicle]\nmass_kg = 1000.0\n", "lacks"),
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
