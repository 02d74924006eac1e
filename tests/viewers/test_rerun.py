"""The Rerun recording holds what the run says, is written as it goes, and needs no more memory for a longer run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autonomy.bench.measuring import measure
from autonomy.cli.main import main
from autonomy.log.reader import LogReader
from autonomy.log.writer import LogWriter
from autonomy.playback import stored
from autonomy.playback.recording import write_block
from autonomy.viewers.rerun_scene import FIGURES, MOST_TRACE_POINTS, STATES, VEHICLE, Trace

pytest.importorskip("rerun")


@pytest.fixture(scope="module")
def recording(run_folder, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("rerun") / "run.rrd"
    assert main(["viz", str(run_folder), "--rerun", "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def columns(recording) -> dict[str, dict[str, list]]:
    """{entity: {"times": ns from the start, component: values}} of what changes with time; static ones without times."""
    from rerun.chunk import RrdReader

    found: dict[str, dict[str, list]] = {}
    for chunk in RrdReader(recording).stream():
        batch, entity = chunk.to_record_batch(), found.setdefault(chunk.entity_path, {})
        for name in batch.schema.names:
            if name == "rerun.controls.RowId":
                continue
            values = batch.column(name)
            if name == "run_time":
                entity.setdefault("times", []).extend(values.cast("int64").to_pylist())
            else:
                entity.setdefault(name.partition(":")[2], []).extend(values.to_pylist())
    return found


def test_figures_of_every_tick(columns, run_folder):
    result = stored.load(run_folder)
    outputs = result.outputs
    times = outputs["tick_time_ns"] - result.start_ns
    for path, read in FIGURES.items():
        values = read(outputs)
        known = np.isfinite(values)
        entity = columns.get(f"/figures/{path}", {})
        order = np.argsort(entity.get("times", []))
        assert np.array_equal(np.array(entity.get("times", []))[order], times[known]), path
        assert np.array_equal(np.array([each[0] for each in entity.get("scalars", [])])[order], values[known]), path


def test_states_where_they_change(columns, run_folder):
    outputs = stored.load(run_folder).outputs
    for name, (read, words) in STATES.items():
        values = read(outputs).astype(int)
        changes = [words[value] for value in values[np.flatnonzero(np.diff(values, prepend=-1))].tolist()]
        entity = columns[f"/states/{name}"]
        order = np.argsort(entity["times"])
        assert [entity["state"][number][0] for number in order] == changes


def test_the_scene_ten_times_a_second(columns, run_folder, outputs):
    start_ns = stored.load(run_folder).start_ns
    vehicle = columns[f"/{VEHICLE}"]
    for time_ns, position in zip(vehicle["times"], vehicle["translation"], strict=True):
        assert np.allclose(position[0], outputs[time_ns + start_ns]["ego"]["position"], atol=1e-3)
    objects = columns[f"/{VEHICLE}/objects"]
    for time_ns, centres in zip(objects["times"], objects["centers"], strict=True):
        tracks = outputs[time_ns + start_ns]["tracks"]
        assert len(centres or []) == (tracks["tracks"][: tracks["count"]]["status"] > 0).sum()
    assert len(vehicle["times"]) == len(objects["times"]) == len(columns[f"/{VEHICLE}/radar"]["times"])
    assert {f"/{VEHICLE}/{name}" for name in ("lane", "wanted", "stop", "trailer/body_2")} <= set(columns)
    strips = columns[f"/{VEHICLE}/lane"]["strips"]
    assert {len(row or []) for row in strips} == {0, 2}  # none before the lane is known


def test_places_on_the_map(columns):
    estimate = np.array([row[0] for row in columns["/place/estimate"]["positions"]])
    reference = np.array([row[0] for row in columns["/place/reference"]["positions"]])
    assert abs(estimate[-1] - reference[-1]).max() < 1e-4
    assert len(columns["/place/estimate_line"]["line_strings"]) == 1


def test_the_viewers_own_tool_indexes_it_and_finds_no_fault(recording, tmp_path):
    tool = Path(sys.executable).with_name("rerun")
    if not tool.exists():
        pytest.skip("the wheel has no viewer")
    indexed = tmp_path / "indexed.rrd"
    for command in (["optimize", recording, "-o", indexed], ["verify", indexed]):
        done = subprocess.run([tool, "rrd", *command], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr


def test_the_blueprint_comes_with_the_file(recording):
    from rerun.chunk import RrdReader

    assert len(RrdReader(recording).blueprints()) == 1


def test_a_line_on_the_map_stays_bounded():
    trace = Trace()
    points = np.arange(200_000.0).repeat(2).reshape(-1, 2)
    for part in np.array_split(points, 37):
        trace.add(part)
    assert MOST_TRACE_POINTS / 2 <= len(trace.points) <= MOST_TRACE_POINTS
    steps = np.diff(trace.points[:, 0])
    assert trace.points[0, 0] == 0.0 and len(set(steps.tolist())) == 1  # even, nothing left out between batches


def test_without_the_package_the_extra_is_named(run_folder, monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "rerun", None)
    assert main(["viz", str(run_folder), "--rerun", "-o", str(tmp_path / "x.rrd")]) == 4
    assert "autonomy[viz]" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_a_sentence(run_folder, capsys, tmp_path):
    (tmp_path / "taken").write_text("")
    assert main(["viz", str(run_folder), "--rerun", "-o", str(tmp_path / "taken" / "x.rrd")]) == 4
    assert "cannot write" in capsys.readouterr().err


def test_a_wrong_address_is_a_sentence(run_folder, capsys):
    assert main(["viz", str(run_folder), "--rerun", "--connect", "nonsense"]) == 4
    assert "--connect nonsense" in capsys.readouterr().err


@pytest.mark.slow
def test_pain_16_memory_does_not_grow_with_the_run(run_folder, tmp_path):
    """Peak memory of sending a run, against that of one twenty times as long."""
    short, long = _repeated(run_folder, tmp_path / "short.mcap", 2), _repeated(run_folder, tmp_path / "long.mcap", 40)
    peaks = [measure(["viz", log, "--rerun"]).peak_rss_mb for log in (short, long)]
    assert long.with_suffix(".rrd").stat().st_size > 15 * short.with_suffix(".rrd").stat().st_size
    assert peaks[1] < peaks[0] + 40.0, peaks


def _repeated(run: Path, path: Path, times: int) -> Path:
    """A log of the run's outputs, one pass after the other."""
    outputs = stored.load(run).outputs
    ticks, period_ns = len(outputs), len(outputs) * 10_000_000
    with LogReader(run / "output.mcap") as reader, LogWriter(path) as writer:
        writer.write("/parameters", int(outputs["tick_time_ns"][0]), reader.read_topic("/parameters")[0])
        for _ in range(times):
            write_block(writer, outputs)
            outputs["tick_time_ns"] += period_ns
            outputs["health"]["tick_index"] += ticks
    return path
