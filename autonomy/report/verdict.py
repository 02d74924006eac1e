"""The verdict taken apart: one item for everything that could have made a run fail, in words. For the page and JUnit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autonomy.report.words import is_number, number, percent, whole

NIS_RANGE, MOST_OVER_95 = (0.5, 1.5), 0.10  # outside, the noise an aid is given does not fit what it does
PASS, FAIL, ERROR, SKIPPED = "pass", "fail", "error", "skipped"


@dataclass(frozen=True)
class Item:
    name: str
    outcome: str
    detail: str


def items(metrics: dict[str, Any]) -> list[Item]:
    """What was checked and how it came out; at least one item fails when the verdict does."""
    found = _closed_loop(metrics) if "collisions" in metrics else []
    if metrics.get("mode") != "closed loop":
        found += [_log_read(metrics), _replayed(metrics), _determinism(metrics)]
    if metrics.get("replay_equal") is not None:
        said = (PASS, "the replay gave the same outputs") if metrics["replay_equal"] else (FAIL, "the replay gave other outputs")
        found.append(Item("same bytes in replay", *said))
    if metrics.get("reference_run") is not None:
        found.append(_reference_run(metrics["reference_run"]))
    found += [_outage(outage) for outage in metrics.get("outages") or []]
    verdict = metrics.get("verdict")
    if verdict not in (PASS, None) and all(item.outcome in (PASS, SKIPPED) for item in found):
        outcome = FAIL if verdict == FAIL else ERROR
        found.append(Item("verdict of the run", outcome, f"the run's verdict is {verdict}, exit code {metrics.get('exit_code')}"))
    return found


def reason(metrics: dict[str, Any]) -> str:
    """Why the verdict is what it is, in one sentence."""
    wrong = [item for item in items(metrics) if item.outcome in (FAIL, ERROR)]
    if wrong:
        return "; ".join(item.detail for item in wrong[:2])
    checked = [item for item in items(metrics) if item.outcome == PASS]
    return "; ".join(item.detail for item in checked[:3] if not item.name.startswith("outage"))


def consistent(aid: dict[str, Any]) -> bool:
    """Whether what an aid measured is as far from the estimate as filter and noise say."""
    nis, beyond = aid.get("nis_per_dof"), aid.get("share_over_95")
    return (nis is None or NIS_RANGE[0] <= nis <= NIS_RANGE[1]) and (beyond is None or beyond <= MOST_OVER_95)


def _closed_loop(metrics: dict[str, Any]) -> list[Item]:
    """What a drive in closed loop is judged by."""
    if not metrics.get("driven_s"):
        return [Item("the stack drove", ERROR, "the stack never took over: it did not report itself fit")]
    beyond, margin = metrics.get("out_of_lane_share"), number(metrics.get("line_margin_min_m"), "m", 2)
    known = beyond or metrics.get("line_margin_min_m") is not None
    collisions = metrics.get("collisions")
    seconds, metres = number(metrics.get("driven_s"), "s", 4), number(metrics.get("distance_m"), "m", 4)
    return [
        Item("the stack drove", PASS, f"{seconds} and {metres} driven by the stack"),
        Item("no collision", FAIL if collisions else PASS, f"{whole(collisions)} collisions"),
        Item("in its lane", ERROR, "the world did not tell where the lane lines are, at times") if not known else
        Item("in its lane", FAIL if beyond else PASS, f"nearest corner {margin} inside the line" if not beyond else
             f"a corner over the line {percent(beyond)} of the time, {margin} inside it at worst"),
        Item("upright", FAIL if metrics.get("rolled_over") else PASS,
             "rolled over" if metrics.get("rolled_over") else "did not roll over"),
    ]  # fmt: skip


def _log_read(metrics: dict[str, Any]) -> Item:
    log = metrics.get("log") or {}
    if log.get("truncated"):
        last_ns = log.get("last_good_ns")
        behind = "nothing in it can be read" if last_ns is None else f"its last good record is at {last_ns} ns"
        return Item("log read whole", ERROR, f"the log is damaged: {log.get('problem') or 'it ends early'}; {behind}")
    if unreadable := (metrics.get("oddities") or {}).get("unreadable"):
        return Item("log read whole", ERROR, f"{whole(unreadable)} records could not be read as the messages they should be")
    return Item("log read whole", PASS, "the log was read whole")


def _replayed(metrics: dict[str, Any]) -> Item:
    ticks = metrics.get("ticks")
    if not ticks:
        return Item("replay", ERROR, "the log gave no tick: it holds no usable input records")
    return Item("replay", PASS, f"{whole(ticks)} ticks were replayed")


def _determinism(metrics: dict[str, Any]) -> Item:
    name, found = "same outputs in a second process", metrics.get("determinism")
    if found is None:
        return Item(name, SKIPPED, "not asked for (--check-determinism)")
    if found.get("equal"):
        return Item(name, PASS, "a second process gave the same bytes")
    first = found.get("first_difference") or {}
    where = (
        f": first at tick {first.get('tick')}, {first.get('topic')} {first.get('field')}, "
        f"{first.get('a')} against {first.get('b')}"
    )
    return Item(name, FAIL, "a second process gave other outputs" + (where if first else ""))


def _reference_run(found: dict[str, Any]) -> Item:
    name = "same outputs as the reference run"
    if found.get("equal"):
        return Item(name, PASS, f"every field equals the reference run in {found.get('path')}")
    rows = found.get("differences") or []
    where = f", the first in {rows[0].get('topic')} {rows[0].get('field')} at tick {rows[0].get('first_tick')}" if rows else ""
    return Item(name, FAIL, f"{len(rows)} fields differ from the reference run in {found.get('path')}{where}")


def _outage(outage: dict[str, Any]) -> Item:
    name = f"outage of GNSS from {number(outage.get('start_s'), 's')} for {number(outage.get('duration_s'), 's')}"
    if not is_number(outage.get("drift_m")):
        return Item(name, SKIPPED, "no reference to measure the drift against")
    return Item(
        name,
        PASS,
        f"{number(outage['drift_m'], 'm')} off after {number(outage.get('distance_m'), 'm', 4)}, "
        f"{number(outage.get('drift_percent'), '%')}",
    )
