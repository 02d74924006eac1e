"""Mode, behaviour, faults and limits over time."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.report.drive import Drive
from autonomy.report.sections.section import Section
from autonomy.report.strips import Strip, strip_figure

LEVELS = {0: "ok", 1: "degraded", 2: "fallback stop needed"}
MODES = {0: "standby", 1: "active", 2: "minimal-risk manoeuvre", 3: "shadow"}
BEHAVIOURS = {0: "standby", 1: "keep lane", 2: "follow", 3: "fallback stop"}
REASONS = {1: "lead", 2: "curve", 3: "lane lost", 4: "ego lost", 5: "vehicle signals lost", 6: "cut-in"}
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
              {1: "follow", 2: "follow", 3: "warn", 4: "bad", 5: "bad", 6: "follow"}),  # fmt: skip
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
        *_bits(actuation["limited"], "Actuation", "LIMITED_", "Limited: ", {}),
    ]
    text = "Faults, filter states and limits that never occurred are left out."
    figure = strip_figure("States over time", drive.time_s, strips, drive.x_range)
    overflow = int(health["overflow"][-1])
    missing = f"{overflow} samples found no room in their tick's list." if overflow else ""
    return Section("health", "Health and mode", text, (figure,), missing=missing)


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
    return " ".join(word if word in ("GNSS", "IMU") else word.lower() for word in name.split("_"))
