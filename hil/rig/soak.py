"""The closed loop in real time for hours: does its memory stay, does it get later, does it lose anything.

The hours are driven in parts, each `autonomy hil live` with a fresh stack; what each part was is in `soak.json` behind it, so a
soak that is interrupted, or a machine that is switched off, goes on with the part it was in.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from autonomy.errors import FAIL, INCONCLUSIVE, PASS, UsageError
from autonomy.log.reader import LogReader
from autonomy.output_folder import prepare, writing
from hil.rig.drive import drive

__all__ = ["Memory", "judged", "lines", "soak"]

SCHEMA, FILE = "autonomy.soak/1", "soak.json"
SAMPLE_S = 1.0
MOST_GROWTH_MB = 2.0  # within a part, and of all parts together: each begins anew
MOST_LATER = 1.3  # of the median lateness: the second half of the parts against the first
SETTLED = (0.2, 0.3)  # share of a part from which its memory is taken as it should stay
LAST = (0.9, 1.0)
FEWEST_SAMPLES = 20
PAGE_MB = os.sysconf("SC_PAGESIZE") / (1 << 20)


class Memory(threading.Thread):
    """Resident memory of a process and its children, once a second, until it has gone. `samples`: MB by role."""

    def __init__(self, process: int, proc: Path = Path("/proc"), sample_s: float = SAMPLE_S):
        super().__init__(name="memory", daemon=True)
        self.samples: dict[str, list[float]] = {}
        self._process, self._proc, self._sample_s = process, proc, sample_s
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(self._sample_s):
            self.look()

    def look(self) -> None:
        """One sample of each process that is there."""
        children = _text(self._proc / str(self._process) / "task" / str(self._process) / "children").split()
        for role, process in [("loop", str(self._process)), *((f"recorder {n}" if n else "recorder", child)
                                                             for n, child in enumerate(children))]:  # fmt: skip
            if pages := _text(self._proc / process / "statm").split():
                self.samples.setdefault(role, []).append(int(pages[1]) * PAGE_MB)

    def stop(self) -> None:
        self._stopping.set()

    def figures(self) -> dict[str, dict[str, float]]:
        """{role: {"settled_mb", "last_mb", "growth_mb"}}; nothing of what was there for too short."""
        found = {}
        for role, samples in self.samples.items():
            if len(samples) >= FEWEST_SAMPLES:
                settled, last = (float(np.median(samples[int(a * len(samples)) : max(int(b * len(samples)), 1)]))
                                 for a, b in (SETTLED, LAST))  # fmt: skip
                found[role] = {"settled_mb": settled, "last_mb": last, "growth_mb": last - settled}
        return found


def soak(output: Path, *, scenario: str, seconds: float, part_s: float, soft: bool = True, fresh: bool = False,
         cpu: int | None = None, tell: Callable[[str], None] = lambda line: None,
         drive: Callable[..., dict[str, Any]] = drive) -> dict[str, Any]:  # fmt: skip
    """Drives what is missing of `seconds`; the account of all parts, `exit_code` among it.

    Raises UsageError when the folder holds the soak of another scenario, EnvironmentFault, KeyboardInterrupt.
    """
    prepare(output)
    parts = [] if fresh else _before(output / FILE, scenario)
    while (missing_s := seconds - sum(part["driven_s"] for part in parts)) > 0.0:
        number, wanted_s = len(parts), min(part_s, missing_s)
        tell(f"part {number + 1}: {wanted_s:g} s of {missing_s:g} s that are missing")
        folder = output / f"part_{number:04}"
        memory: list[Memory] = []

        def started(process: int, memory: list[Memory] = memory) -> None:
            memory.append(Memory(process))
            memory[0].start()

        try:
            found = drive(folder, scenario=scenario, duration_s=wanted_s, seed=number, soft=soft, cpu=cpu, started=started,
                          tell=tell)
        finally:
            for thread in memory:
                thread.stop()
                thread.join()
        if found["interrupted"]:
            raise KeyboardInterrupt  # a part is whole or is driven again
        parts.append(_part(found, folder, wanted_s, memory))
        if parts[-1]["verdict"] == "pass":
            shutil.rmtree(folder)  # a log of hours is not what is asked for; one that tells why stays
        _write(output / FILE, scenario, parts)
        tell(f"part {number + 1}: {parts[-1]['verdict']}" + "".join(f"; {reason}" for reason in parts[-1]["reasons"]))
    return _write(output / FILE, scenario, parts)


def judged(parts: list[dict[str, Any]]) -> tuple[str, int, list[str]]:
    """(verdict, exit code, reasons)."""
    reasons = _reasons(parts, {"fail"})
    reasons += [f"part {n + 1}: the {role} grew by {memory['growth_mb']:.1f} MB" for n, part in enumerate(parts)
                for role, memory in part["memory"].items() if memory["growth_mb"] > MOST_GROWTH_MB]  # fmt: skip
    if not reasons:
        reasons += [f"the {role} grew by {grown:.1f} MB in all parts together" for role, grown in _grown(parts).items()
                    if grown > MOST_GROWTH_MB]  # fmt: skip
    if reasons:
        return "fail", FAIL, reasons
    reasons = _reasons(parts, {"inconclusive"})
    if not parts:
        reasons.append("nothing was driven")
    reasons += [f"part {n + 1}: too short for a word on memory" for n, part in enumerate(parts) if not part["memory"]]
    if (later := _later(parts)) is not None and later > MOST_LATER:
        reasons.append(f"the median lateness grew to {later:.2f} times what it was")
    return ("inconclusive", INCONCLUSIVE, reasons) if reasons else ("pass", PASS, [])


def _grown(parts: list[dict[str, Any]]) -> dict[str, float]:
    """MB by role."""
    grown: dict[str, float] = {}
    for part in parts:
        for role, memory in part["memory"].items():
            grown[role] = grown.get(role, 0.0) + memory["growth_mb"]
    return grown


def lines(found: dict[str, Any]) -> list[str]:
    """The account for a terminal."""
    from autonomy.cli.can.table import table

    rows = []
    for number, part in enumerate(found["parts"]):
        late, halves = part["lateness_us"], part["halves_p50_us"]
        memory = ", ".join(f"{role} {item['last_mb']:.1f} ({item['growth_mb']:+.2f})" for role, item in part["memory"].items())
        rows.append([str(number + 1), f"{part['driven_s']:g}", str(part["missed"]),
                     *(f"{late[q]:.0f}" for q in ("p50", "p99", "max")), " then ".join(f"{half:.0f}" for half in halves),
                     memory or "-", part["verdict"]])  # fmt: skip
    shown = table([">part", ">s", ">missed", ">p50 us", ">p99", ">max", "p50 by half", "MB (growth)", "verdict"], rows)
    shown.append(f"driven       {found['driven_s']:g} s in {len(found['parts'])} parts")
    return [*shown, f"verdict      {found['verdict']}" + (f": {'; '.join(found['reasons'])}" if found["reasons"] else "")]


def _part(found: dict[str, Any], folder: Path, driven_s: float, memory: list[Memory]) -> dict[str, Any]:
    with LogReader(folder / "run.mcap") as log:
        late_us = (log.read_topic("/timing")["start_time_ns"] - log.read_topic("/cut")["tick_time_ns"]) / 1e3
    halves = [float(np.median(half)) for half in np.array_split(late_us, 2)] if len(late_us) > 1 else []
    counts = found["run"]["counts"]
    return {
        "driven_s": driven_s, "verdict": found["verdict"], "reasons": found["reasons"], "ticks": counts["ticks"],
        "missed": counts["missed"], "lateness_us": found["run"]["lateness_us"], "halves_p50_us": halves,
        "memory": memory[0].figures() if memory else {},
    }  # fmt: skip


def _reasons(parts: list[dict[str, Any]], verdicts: set[str]) -> list[str]:
    return [f"part {number}: {reason}" for number, part in enumerate(parts, 1) if part["verdict"] in verdicts
            for reason in part["reasons"]]  # fmt: skip


def _later(parts: list[dict[str, Any]]) -> float | None:
    """The worse of: the second halves of the parts against their first ones; the later parts against the earlier ones."""
    halves = [part["halves_p50_us"] for part in parts if len(part["halves_p50_us"]) == 2]
    if not halves:
        return None
    firsts, seconds = np.array(halves).T
    ratios = [float(np.median(seconds) / np.median(firsts))]
    if len(halves) >= 4:
        earlier, later = np.array_split(np.mean(halves, axis=1), 2)
        ratios.append(float(np.median(later) / np.median(earlier)))
    return max(ratios)


def _before(path: Path, scenario: str) -> list[dict[str, Any]]:
    """Parts that were driven already. Raises UsageError."""
    if not path.exists():
        return []
    try:
        found = json.loads(path.read_text())
        was, parts = found["scenario"], found["parts"]
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path}: is no account of a soak; give another --output, or --fresh to begin anew") from None
    if was != scenario:
        raise UsageError(f"{path}: is a soak of '{was}', not of '{scenario}'; give another --output, or --fresh to begin anew")
    return parts


def _write(path: Path, scenario: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    verdict, exit_code, reasons = judged(parts)
    found = {"schema": SCHEMA, "scenario": scenario, "driven_s": sum(part["driven_s"] for part in parts), "verdict": verdict,
             "exit_code": exit_code, "reasons": reasons, "later": _later(parts), "parts": parts}  # fmt: skip
    with writing(path.parent):
        beside = path.with_suffix(".part")
        beside.write_text(json.dumps(found, indent=2) + "\n")
        beside.replace(path)  # whole or not at all, also when the power goes
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
