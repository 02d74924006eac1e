"""What of a row of the fault table cannot be, though each of its values alone can."""

from __future__ import annotations

import numpy as np

from autonomy import msg

WORDS = msg.constants("FaultRow")
IN_PERIODS = ("SILENT", "NOT_AVAILABLE", "EVENT")
SUBJECTS = {  # of detectors that do not look at any
    "SUSPECT": ("STEERING", "WHEEL", "SHAFT", "IMU"), "FROZEN": ("STEERING", "WHEEL"), "STEERING_RESPONSE": ("STEERING",),
    "RETARDER_RESPONSE": ("SIGNAL",), "BRAKE_RESPONSE": ("SIGNAL",), "EVENT": ("SIGNAL",), "BELOW": ("SIGNAL",),
    "YAW_RATE": ("IMU",), "TRAILER": ("SIGNAL",), "MASS": ("SIGNAL",),
}  # fmt: skip


def impossible(rows: np.ndarray) -> list[tuple[int, str, str]]:
    """(row, key, what is wrong and what to do) of dtype("FaultRow"); rows without a detector are unused."""
    found = []
    for number, row in enumerate(rows):
        detector, subject, action = (_word(kind, row) for kind in ("DETECTOR", "SUBJECT", "ACTION"))
        if detector == "NONE":
            continue
        allowed = SUBJECTS.get(detector, tuple(_words("SUBJECT").values())[1:])
        if subject not in allowed:
            found.append((number, "subject", f"= '{subject.lower()}': the detector '{detector.lower()}' looks at "
                          f"{' or '.join(word.lower() for word in allowed)}"))  # fmt: skip
        if detector in IN_PERIODS and not row["period_s"] > 0.0:
            found.append((number, "period_s", f"= {float(row['period_s']):g}: the detector '{detector.lower()}' counts in "
                          "periods of its message; give that"))  # fmt: skip
        if action == "LIMIT_SPEED" and not row["speed_limit_mps"] > 0.0:
            found.append((number, "speed_limit_mps", "= 0: the action 'limit_speed' needs a speed"))
    return found


def _words(kind: str) -> dict[int, str]:
    return {number: name.removeprefix(f"{kind}_") for name, number in WORDS.items() if name.startswith(f"{kind}_")}


def _word(kind: str, row) -> str:
    return _words(kind)[int(row[kind.lower()])]
