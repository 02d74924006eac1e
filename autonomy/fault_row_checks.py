"""What of a row of the fault table cannot be, though each of its values alone can."""

from __future__ import annotations

import numpy as np

from autonomy import msg

IN_PERIODS = ("silent", "not_available", "event")
OF_A_SIGNAL = (*IN_PERIODS, "below")  # what they look at where their subject is "signal" has a number
EVENT_SIGNALS = ("red_stop_lamp", "amber_warning_lamp", "second_sender", "own_address", "counter_error", "checksum_error")
EVENTS_REMEMBERED = 4
SUBJECTS = {  # of detectors that do not look at any
    "suspect": ("steering", "wheel", "shaft", "imu"), "frozen": ("steering", "wheel"), "steering_response": ("steering",),
    "retarder_response": ("signal",), "brake_response": ("signal",), "event": ("signal",), "below": ("signal",),
    "yaw_rate": ("imu",), "trailer": ("signal",), "mass": ("signal",),
}  # fmt: skip


def impossible(rows: np.ndarray) -> list[tuple[int, str, str]]:
    """(row, key, what is wrong and what to do) of dtype("FaultRow"); rows without a detector are unused."""
    found, seen = [], {}
    for number, row in enumerate(rows):
        detector, subject, action = (_word(kind, row) for kind in ("detector", "subject", "action"))
        if detector == "none":
            continue
        same = seen.setdefault(tuple(int(row[key]) for key in ("fault", "detector", "subject", "signal", "source")), number)
        if same != number:
            found.append((number, "fault", f"= '{_word('fault', row)}': row[{same}] looks for the same; leave one out"))
        allowed = SUBJECTS.get(detector, tuple(msg.words("FaultRow", "SUBJECT_").values())[1:])
        if subject not in allowed:
            found.append((number, "subject", f"= '{subject}': the detector '{detector}' looks at {' or '.join(allowed)}"))
        if detector in IN_PERIODS and not row["period_s"] > 0.0:
            found.append((number, "period_s", f"= {float(row['period_s']):g}: the detector '{detector}' counts in periods of its "
                          "message; give that"))  # fmt: skip
        if detector in OF_A_SIGNAL and not row["threshold"] > 0.0:
            found.append((number, "threshold", f"= 0: the detector '{detector}' would tell at once or never; give more"))
        found += _signal(number, row, detector, subject)
        if action == "limit_speed" and not row["speed_limit_mps"] > 0.0:
            found.append((number, "speed_limit_mps", "= 0: the action 'limit_speed' needs a speed"))
    return found


def _signal(number: int, row, detector: str, subject: str) -> list[tuple[int, str, str]]:
    signal = msg.words("SignalSample", "").get(int(row["signal"]), "none")
    if subject == "signal" and detector in OF_A_SIGNAL and signal == "none":
        return [(number, "signal", f"= 0: the detector '{detector}' needs the name of its signal")]
    if detector != "event":
        return []
    if signal not in EVENT_SIGNALS:
        return [(number, "signal", f"= '{signal}': is told again and again; 'event' counts {', '.join(EVENT_SIGNALS)}")]
    if not row["threshold"] < EVENTS_REMEMBERED:
        return [(number, "threshold", f"= {float(row['threshold']):g}: the detector 'event' remembers {EVENTS_REMEMBERED}; "
                 f"give it less than {EVENTS_REMEMBERED}")]  # fmt: skip
    return []


def _word(kind: str, row) -> str:
    return msg.words("FaultRow", f"{kind.upper()}_")[int(row[kind])]
