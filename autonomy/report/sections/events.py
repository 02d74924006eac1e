"""What happened when: changes of mode, faults, measurements refused in series, gaps, overflows. Each with a link to its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autonomy import msg
from autonomy.report.drive import Drive
from autonomy.report.sections.aids import AXES
from autonomy.report.sections.health import BEHAVIOURS, LANES, LEVELS, MODES, actions, plain_bit, told_rows
from autonomy.report.sections.section import Link, Section, Table
from autonomy.report.series import runs
from autonomy.report.words import AIDS, INPUTS, number, whole
from autonomy.tick_period import TICK_NS

MOST_OF_A_KIND, MOST_ROWS = 25, 300
SERIES = 3  # measurements refused one after the other are worth a line
GAP_S, GAP_PERIODS = 0.5, 8.0  # a silence of an input is told when it is longer than both
LEAST_ARRIVALS = 10  # of an input that comes now and then, silence is no event
REASONS = {value: name.replace("_", " ") for value, name in msg.words("AidStatus", "REASON_").items()}


@dataclass(frozen=True)
class Event:
    time_s: float
    kind: str
    text: str
    bad: bool = False


def section(drive: Drive) -> Section:
    if not len(drive.time_s):
        return Section("events", "Events", missing="The run gave no output.")
    every = sorted(_every(drive), key=lambda event: event.time_s)
    shown, left_out = _bounded(every)
    if not shown:
        return Section("events", "Events", "Nothing happened: no change of mode, no fault, no refusal in series, no gap.")
    rows = tuple((Link(f"{event.time_s:.2f} s", f"#t={event.time_s:.2f}"), event.kind, event.text) for event in shown)
    table = Table(
        f"{whole(len(every))} events" + (f"; shown are the first {MOST_OF_A_KIND} of each kind" if left_out else ""),
        ("Time", "What", "How"),
        rows,
        3,
        tuple(event.bad for event in shown),
        sortable=True,
    )
    missing = "; ".join(f"{kind}: {whole(count)} more" for kind, count in left_out.items())
    text = "In the order of time; a click on a time shows it in all plots. A triangle marks what is not as it should be."
    return Section("events", "Events", text, (), (table,), missing)


def _bounded(every: list[Event]) -> tuple[list[Event], dict[str, int]]:
    counts: dict[str, int] = {}
    shown = []
    for event in every:
        counts[event.kind] = counts.get(event.kind, 0) + 1
        if counts[event.kind] <= MOST_OF_A_KIND and len(shown) < MOST_ROWS:
            shown.append(event)
    told: dict[str, int] = {}
    for event in shown:
        told[event.kind] = told.get(event.kind, 0) + 1
    return shown, {kind: count - told.get(kind, 0) for kind, count in counts.items() if count > told.get(kind, 0)}


def _every(drive: Drive) -> Iterator[Event]:
    health, actuation, plan, lane = (drive.topic(name) for name in ("health", "actuation", "plan", "lane"))
    time = drive.time_s
    yield from _states(time, actuation["mode"], "Mode", MODES, bad=(2,))
    yield from _states(time, plan["behaviour"], "Behaviour", BEHAVIOURS, bad=(3,))
    yield from _states(time, health["level"], "Health", LEVELS, bad=(1, 2))
    yield from _states(time, lane["status"], "Lane", LANES, bad=(2,))
    yield from _stretches(time, health["faults"], "Health", "FAULT_", "Fault")
    yield from _fault_table(time, drive.topic("faults"))
    yield from _stretches(time, actuation["limited"], "Actuation", "LIMITED_", "Limit")
    ego_status = msg.constants("EgoState")
    odd = sum(ego_status[f"STATUS_{name}"] for name in ("DEAD_RECKONING", "IMU_LOST", "DIVERGED"))
    yield from _stretches(time, drive.ego["status"] & odd, "EgoState", "STATUS_", "Ego filter")
    for field, text in (
        ("resets", "began anew"),
        ("imu_gaps", "gap in the inertial data"),
        ("late_measurements", "came too late"),
    ):
        yield from _counted(time, drive.ego[field], "Ego filter", text)
    yield from _counted(time, health["overflow"], "Overflow", "samples found no room in their tick's list")
    yield from _aids(time, drive.ego)
    yield from _jumps(drive)
    yield from _gaps(drive)


def _states(time: np.ndarray, values: np.ndarray, kind: str, words: dict[int, str], bad: tuple[int, ...]) -> Iterator[Event]:
    """Each change, from what to what; the first state of the run is none."""
    values = np.asarray(values)
    for first, _ in runs(values)[1:]:
        before, now = int(values[first - 1]), int(values[first])
        text = f"{words.get(before, before)} \N{RIGHTWARDS ARROW} {words.get(now, now)}"
        yield Event(float(time[first]), kind, text, now in bad)


def _stretches(time: np.ndarray, values: np.ndarray, message: str, prefix: str, kind: str) -> Iterator[Event]:
    """Each stretch in which a bit was set, with its length."""
    for key, bit in msg.constants(message).items():
        if not key.startswith(prefix):
            continue
        on = (values & bit) > 0
        for first, last in runs(on):
            if on[first]:
                until = float(time[min(last, len(time) - 1)])
                ending = "to the end" if last == len(time) else f"for {number(until - float(time[first]), 's')}"
                yield Event(float(time[first]), kind, f"{plain_bit(key.removeprefix(prefix))} {ending}", kind != "Limit")


def _fault_table(time: np.ndarray, faults: np.ndarray) -> Iterator[Event]:
    """When a row of the fault table was told, what its detector said then, and when the action began."""
    acted_from = msg.constants("FaultState")["STATUS_ACTED"]
    for row, name, told in told_rows(faults):
        for first, last in runs(told):
            if not told[first]:
                continue
            until = float(time[min(last, len(time) - 1)])
            ending = "to the end" if last == len(time) else f"for {number(until - float(time[first]), 's')}"
            text = f"{name} {ending}, told at {number(float(faults['value'][first, row]))}"
            acted = np.flatnonzero(faults["status"][first:last, row] >= acted_from)
            if len(acted):
                text += f", acted on {number(float(time[first + acted[0]] - time[first]), 's')} later"
            yield Event(float(time[first]), "Fault table", text, True)
    yield from _states(time, faults["action"], "Action", {**actions(), 0: "none"}, bad=(3, 4))


def _counted(time: np.ndarray, counts: np.ndarray, kind: str, text: str) -> Iterator[Event]:
    """Each rise of a running count."""
    rises = np.diff(counts.astype(np.int64), prepend=0)
    for row in np.flatnonzero(rises > 0):
        yield Event(float(time[row]), kind, f"{text} ({whole(int(rises[row]))})" if rises[row] > 1 else text, True)


def _aids(time: np.ndarray, ego: np.ndarray) -> Iterator[Event]:
    """Measurements refused one after the other, and when an aid fell out of use or came back."""
    for place, name in enumerate(AXES):
        aid, title = ego["aids"][:, place], AIDS[name]
        accepted, rejected = aid["accepted"].astype(np.int64), aid["rejected"].astype(np.int64)
        fresh = np.flatnonzero(np.diff(accepted + rejected, prepend=0) > 0)
        if not fresh.size:
            continue
        rises, taken = (np.diff(counts[fresh], prepend=0) for counts in (rejected, accepted))
        refused = (rises > 0) & (taken == 0)
        for first, last in runs(refused):
            count = int(rises[first:last].sum())
            if refused[first] and count >= SERIES:
                start, end = float(time[fresh[first]]), float(time[fresh[last - 1]])
                yield Event(start, "Refused", f"{title}: {count} refused in series over {number(end - start, 's')}", True)
        fault = aid["fault"].astype(np.int64)
        fault[: fresh[0]] = fault[fresh[0]]  # never seen until then: no change of anything
        told = np.isin(fault, [value for value, word in REASONS.items() if word in ("stale", "invalid")])
        for first, last in runs(told):
            if told[first]:
                until = float(time[min(last, len(time) - 1)])
                word = REASONS[int(fault[first])]
                yield Event(float(time[first]), "Aid", f"{title}: {word} for {number(until - float(time[first]), 's')}", True)


def _jumps(drive: Drive) -> Iterator[Event]:
    """Where the ticks' own time does not go on by one period."""
    steps = np.diff(drive.tick_time_ns) - (np.diff(drive.tick_indices) - 1) * TICK_NS  # of a long run not every tick is shown
    for row in np.flatnonzero((steps <= 0) | (steps > 2 * TICK_NS)):
        yield Event(float(drive.time_s[row + 1]), "Clock", f"the ticks' time jumps by {number(steps[row] / 1e9, 's')}", True)


def _gaps(drive: Drive) -> Iterator[Event]:
    """Silences of an input, where the run's log tells when its samples came."""
    for kind, times in drive.input_times().items():
        if len(times) < LEAST_ARRIVALS or kind not in INPUTS:
            continue
        steps = np.diff(times) / 1e9
        limit = max(GAP_S, GAP_PERIODS * float(np.median(steps)))
        for row in np.flatnonzero(steps > limit):
            start = float(drive.seconds(times[row : row + 1])[0])
            yield Event(start, "Gap", f"{INPUTS[kind]}: nothing for {number(steps[row], 's')}", True)
