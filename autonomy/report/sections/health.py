"""Mode, behaviour, faults and limits over time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autonomy import msg
from autonomy.report.drive import Drive
from autonomy.report.sections.section import Section
from autonomy.report.strips import Strip, strip_figure

LEVELS = {0: "ok", 1: "degraded", 2: "fallback stop needed"}
MODES = {0: "standby", 1: "active", 2: "minimal-risk manoeuvre", 3: "shadow"}
BEHAVIOURS = {0: "standby", 1: "keep lane", 2: "follow", 3: "fallback stop"}
REASONS = {
    1: "lead", 2: "curve", 3: "lane lost", 4: "ego lost", 5: "vehicle signals lost", 6: "cut-in", 7: "fault", 8: "heat",
    9: "sight",
}  # fmt: skip
LANES = {0: "none", 1: "tracking", 2: "coasting"}


def section(drive: Drive) -> Section:
    health, actuation, plan, lane = (drive.topic(name) for name in ("health", "actuation", "plan", "lane"))
    if not len(health):
        return Section("health", "Health and mode", missing="The run gave no output.")
    strips = [
        Strip("Health", health["level"], LEVELS, {0: "good", 1: "warn", 2: "bad"}),
        Strip("Mode", actuation["mode"], MODES, {0: "calm", 1: "good", 2: "bad", 3: "calm"}),
        Strip("Behaviour", plan["behaviour"], BEHAVIOURS, {0: "calm", 1: "good", 2: "follow", 3: "bad"}),
        Strip("Why not keep lane", plan["reason"], REASONS,
              {1: "follow", 2: "follow", 3: "warn", 4: "bad", 5: "bad", 6: "follow", 7: "bad"}),  # fmt: skip
        Strip("Lane", lane["status"], LANES, {0: "calm", 1: "good", 2: "warn"}),
        *_bits(
            drive.ego["status"],
            "EgoState",
            "STATUS_",
            "Ego: ",
            {
                "TILT_ALIGNED": "calm",
                "YAW_ALIGNED": "calm",
                "POSITION_VALID": "good",
                "VELOCITY_VALID": "good",
                "STANDSTILL": "calm",
            },
        ),
        *_bits(health["faults"], "Health", "FAULT_", "Fault: ", {}, "bad"),
        *_table(drive.topic("faults")),
        *_bits(actuation["limited"], "Actuation", "LIMITED_", "Limited: ", {}),
    ]
    text = "Faults, filter states and limits that never occurred are left out."
    figure = strip_figure("States over time", drive.time_s, strips, drive.x_range)
    overflow = int(health["overflow"][-1])
    missing = f"{overflow} samples found no room in their tick's list." if overflow else ""
    return Section("health", "Health and mode", text, (figure,), missing=missing)


def fault_names() -> dict[int, str]:
    """Number of a fault of the table: its name as words."""
    return {number: plain_bit(name) for number, name in msg.words("FaultRow", "FAULT_").items()}


def actions() -> dict[int, str]:
    return {number: plain_bit(name) for number, name in msg.words("FaultRow", "ACTION_").items()}


def told_rows(faults: np.ndarray) -> Iterator[tuple[int, str, np.ndarray]]:
    """(row, name, bool (n,)) of each row of the fault table that was ever told."""
    told = faults["status"] >= msg.constants("FaultState")["STATUS_TOLD"]
    for row in np.flatnonzero(told.any(axis=0)).tolist():
        yield row, fault_names().get(int(faults["fault"][-1, row]), f"row {row + 1}"), told[:, row]


def _table(faults: np.ndarray) -> Iterator[Strip]:
    for row, name, told in told_rows(faults):
        states = told.astype(np.int8) + (faults["status"][:, row] >= msg.constants("FaultState")["STATUS_ACTED"])
        yield Strip(f"Fault table: {name}", states, {1: "told", 2: "acted on"}, {1: "warn", 2: "bad"})
    if (faults["action"] > 0).any():
        yield Strip("Fault table: action", faults["action"], {0: "none", **{key: word for key, word in actions().items() if key}},
                    {0: "calm", 1: "warn", 2: "warn", 3: "bad", 4: "bad"})  # fmt: skip


def _bits(values: np.ndarray, message: str, prefix: str, label: str, styles: dict[str, str], otherwise: str = "warn"):
    """A strip for each flag that was ever set."""
    for key, bit in msg.constants(message).items():
        if key.startswith(prefix):
            on = ((values & bit) > 0).astype(np.int8)
            if on.any():
                name = key.removeprefix(prefix)
                yield Strip(label + plain_bit(name), on, {1: "yes"}, {1: styles.get(name, otherwise)})


def plain_bit(name: str) -> str:
    """The name of a flag as words."""
    return " ".join(word.upper() if word.upper() in ("GNSS", "IMU") else word.lower() for word in name.split("_"))
