"""Hours in parts: what is counted of each, how they are judged together, and that a soak goes on where it stopped."""

from __future__ import annotations

import json

import numpy as np
import pytest

from autonomy import msg
from autonomy.cli.main import main
from autonomy.errors import UsageError
from autonomy.log.writer import LogWriter
from hil.rig.soak import Memory, judged, soak


def driven(verdict="pass", reasons=(), late_us=(40.0, 40.0), interrupted=False):
    """A drive that takes no time; its two halves were that late."""

    def drive(output, *, scenario, duration_s, seed, soft, cpu, started, tell):
        output.mkdir(parents=True)
        ticks = round(duration_s * 10)
        deadlines = np.arange(1, ticks + 1) * 10_000_000
        timing, cuts = np.zeros(ticks, msg.dtype("Timing")), np.zeros(ticks, msg.dtype("Cut"))
        cuts["tick_time_ns"] = deadlines
        timing["start_time_ns"] = deadlines + (np.repeat(late_us, (ticks // 2, ticks - ticks // 2)) * 1e3).astype(int)
        with LogWriter(output / "run.mcap") as log:
            log.write_batch("/timing", deadlines, timing)
            log.write_batch("/cut", deadlines, cuts)
        run = {"counts": {"ticks": ticks, "missed": 0}, "lateness_us": {"p50": 40, "p99": 80, "p99.9": 90, "max": 100.0}}
        drive.calls.append((seed, duration_s))
        return {"verdict": verdict, "reasons": list(reasons), "run": run, "interrupted": interrupted}

    drive.calls = []
    return drive


def part(**changes) -> dict:
    return {"driven_s": 60.0, "verdict": "pass", "reasons": [], "ticks": 6000, "missed": 0, "lateness_us": {},
            "halves_p50_us": [40.0, 41.0], "memory": {"loop": {"growth_mb": 0.5}}} | changes  # fmt: skip


def test_a_soak_goes_on_where_it_stopped(tmp_path):
    class Ended(Exception):
        pass

    def killed(*_, **__):
        raise Ended

    first, second = driven(), driven()
    soak(tmp_path, scenario="motorway", seconds=25.0, part_s=10.0, drive=first)
    assert first.calls == [(0, 10.0), (1, 10.0), (2, 5.0)] and not list(tmp_path.glob("part_*"))
    with pytest.raises(Ended):
        soak(tmp_path, scenario="motorway", seconds=45.0, part_s=10.0, drive=killed)
    assert json.loads((tmp_path / "soak.json").read_text())["driven_s"] == 25.0
    found = soak(tmp_path, scenario="motorway", seconds=45.0, part_s=10.0, drive=second)
    assert second.calls == [(3, 10.0), (4, 10.0)] and found["driven_s"] == 45.0 and len(found["parts"]) == 5
    assert found["parts"][0]["halves_p50_us"] == [40.0, 40.0]
    fresh = driven()
    soak(tmp_path, scenario="motorway", seconds=10.0, part_s=10.0, drive=fresh, fresh=True)
    assert fresh.calls == [(0, 10.0)]


def test_an_interrupted_part_does_not_count_and_is_driven_again(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        soak(tmp_path, scenario="x", seconds=10.0, part_s=10.0, drive=driven(interrupted=True))
    assert not (tmp_path / "soak.json").exists()


def test_a_part_that_failed_keeps_its_log(tmp_path):
    found = soak(tmp_path, scenario="x", seconds=10.0, part_s=10.0, drive=driven("fail", ["collision"]))
    assert (tmp_path / "part_0000" / "run.mcap").exists()
    assert found["verdict"] == "fail" and found["reasons"] == ["part 1: collision"]


def test_the_soak_of_another_scenario_is_not_gone_on_with(tmp_path):
    soak(tmp_path, scenario="a", seconds=10.0, part_s=10.0, drive=driven())
    with pytest.raises(UsageError, match="is a soak of 'a', not of 'b'"):
        soak(tmp_path, scenario="b", seconds=10.0, part_s=10.0, drive=driven())
    (tmp_path / "soak.json").write_text("[]")
    with pytest.raises(UsageError, match="is no account of a soak"):
        soak(tmp_path, scenario="a", seconds=10.0, part_s=10.0, drive=driven())


@pytest.mark.parametrize(
    ("parts", "verdict", "word"),
    [
        ([part(), part()], "pass", ""),
        ([part(memory={"recorder": {"growth_mb": 2.1}})], "fail", "the recorder grew by 2.1 MB"),
        ([part(memory={"recorder": {"growth_mb": 0.7}})] * 3, "fail", "the recorder grew by 2.1 MB in all"),
        ([part(), part(verdict="fail", reasons=["3 frames lost to loop"])], "fail", "part 2: 3 frames lost"),
        ([part(), part(verdict="inconclusive", reasons=["late"])], "inconclusive", "part 2: late"),
        ([part(memory={})], "inconclusive", "too short"),
        ([part(halves_p50_us=[40.0, 60.0])], "inconclusive", "1.50 times"),
        ([part(halves_p50_us=[late, late]) for late in (40.0, 40.0, 60.0, 61.0)], "inconclusive", "1.51 times"),
        ([], "inconclusive", "nothing was driven"),
    ],
)
def test_memory_lateness_and_losses_decide(parts, verdict, word):
    found, _, reasons = judged(parts)
    assert found == verdict and word in "; ".join(reasons)


def test_memory_is_that_of_the_process_and_its_children(tmp_path):
    def write(process: int, pages: int, children: str = "") -> None:
        (tmp_path / f"{process}/task/{process}").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{process}/task/{process}/children").write_text(children)
        (tmp_path / f"{process}/statm").write_text(f"9999 {pages} 5 1 0 7 0\n")

    memory = Memory(12, tmp_path)
    for sample in range(40):
        write(12, 25_600, "13 ")
        write(13, 10_240 + 64 * sample)
        memory.look()
    found = memory.figures()
    assert found["loop"]["growth_mb"] == 0.0 and found["recorder"]["growth_mb"] > 5.0 and set(found) == {"loop", "recorder"}
    (tmp_path / "12/statm").unlink()
    memory.look()  # it has gone
    short = Memory(12, tmp_path)
    short.look()
    assert short.figures() == {}


@pytest.mark.parametrize("words", [["--seconds", "1"], ["--part", "nan"]])
def test_times_that_are_none_are_refused(words, capsys, tmp_path):
    assert main(["hil", "soak", "-o", str(tmp_path), *words]) == 2
    assert words[0] in capsys.readouterr().err
