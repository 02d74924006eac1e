"""Rows of the fault table that mean nothing are refused in a sentence."""

import pytest

from autonomy import config
from autonomy.errors import UsageError
from autonomy.parameters import load_section

ROWS = config.load("vehicles/demo_truck").section("faults")["row"]


def told(name: str, **changes) -> None:
    rows = [dict(row) for row in ROWS]
    row = next(place for place, row in enumerate(rows) if row["fault"] == name)
    rows[row] |= changes
    load_section(config.load("vehicles/demo_truck", {"faults.row": rows}), "faults", "FaultParameters")


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("mass_wrong", {"detector": 77}, "detector = 77: stands for nothing; use one of"),
        ("mass_wrong", {"action": 99}, "action = 99: stands for nothing"),
        ("mass_wrong", {"unusable": 255}, "unusable = 255: stands for nothing"),
        ("speed_frozen", {"subject": "gnss"}, "subject = 'gnss': the detector 'frozen' looks at steering or wheel"),
        ("yaw_rate_biased", {"subject": "steering"}, "the detector 'yaw_rate' looks at imu"),
        ("speed_silent", {"period_s": 0.0}, r"row\[\d+\]\] period_s = 0: the detector 'silent' counts in periods"),
        ("speed_silent", {"action": "limit_speed", "speed_limit_mps": 0.0}, "speed_limit_mps = 0: .*'limit_speed' needs a speed"),
    ],
)
def test_a_row_that_means_nothing_is_refused(name, changes, sentence):
    with pytest.raises(UsageError, match=sentence):
        told(name, **changes)


def test_numbers_of_words_and_flags_together_are_taken():
    told("mass_wrong", detector=12, action=1, unusable=3)
