"""What of a row of the fault table cannot be, though each of its values alone can."""

from __future__ import annotations

import numpy as np

from autonomy import msg

IN_PERIODS = ("silent", "not_available", "event")
SUBJECTS = {  # of detectors that do not look at any
    "suspect": ("steering", "wheel", "shaft", "imu"), "frozen": ("steering", "wheel"), "steering_response": ("steering",),
    "retarder_response": ("signal",), "brake_response": ("signal",), "event": ("signal",), "below": ("signal",),
    "yaw_rate": ("imu",), "trailer": ("signal",), "mass": ("signal",),
}  # fmt: skip


def impossible(rows: np.ndarray) -> list[tuple[int, str, str]]:
    """(row, key, what is wrong and what to do) of dtype("FaultRow"); rows without a detector are unused."""
    found = []
    for number, row in enumerate(rows):
        detector, subject, action = (_word(kind, row) for kind in ("detector", "subject", "action"))
        if detector == "none":
            continue
        allowed = SUBJECTS.get(detector, tuple(msg.words("FaultRow", "SUBJECT_").values())[1:])
        if subject not in allowed:
            found.append((number, "subject", f"= '{subject}': the detector '{detector}' looks at {' or '.join(allowed)}"))
        if detector in IN_PERIODS and not row["period_s"] > 0.0:
            found.append((number, "period_s", f"= {float(row['period_s']):g}: the detector '{detector}' counts in periods of its "
                          "message; give that"))  # fmt: skip
        if action == "limit_speed" and not row["speed_limit_mps"] > 0.0:
            found.append((number, "speed_limit_mps", "= 0: the action 'limit_speed' needs a speed"))
    return found


def _word(kind: str, row) -> str:
    return msg.words("FaultRow", f"{kind.upper()}_")[int(row[kind])]
