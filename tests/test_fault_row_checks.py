"""Rows of the fault table that mean nothing are refused in a sentence."""

import pytest

from autonomy import config, fault_row_checks
from autonomy.errors import UsageError
from autonomy.parameters import load_section
from autonomy.safety import faults_twin

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
        ("partner_stop", {"signal": "abs_active"}, "signal = 'abs_active': is told again and again; .* counts red_stop_lamp"),
        ("counter", {"threshold": 4.0}, "threshold = 4: the detector 'event' remembers 4; give it less"),
        ("counter", {"threshold": 0.0}, "threshold = 0: the detector 'event' would tell at once"),
        ("engine_gone", {"signal": 0}, "signal = 0: the detector 'silent' needs the name of its signal"),
        ("brake_circuit_1", {"signal": 0}, "signal = 0: the detector 'below' needs the name"),
        ("brake_circuit_1", {"threshold": 0.0}, "threshold = 0: the detector 'below'"),
        ("brake_circuit_2", {"signal": "brake_pressure_1", "fault": "brake_circuit_1"},
         r"'brake_circuit_1': row\[\d+\] looks for the same"),  # fmt: skip
        ("speed_frozen", {"within_s": 5000.0}, "within_s = 5000.0: must be at most 60"),
        ("mass_wrong", {"speed_limit_mps": 167.0}, "speed_limit_mps = 167.0: must be at most 40"),
    ],
)
def test_a_row_that_means_nothing_is_refused(name, changes, sentence):
    with pytest.raises(UsageError, match=sentence):
        told(name, **changes)


def test_numbers_of_words_and_flags_together_are_taken():
    told("mass_wrong", detector=12, action=1, unusable=3)


def test_one_fault_of_two_senders_is_two_rows():
    """Both steering angle sensors may be missed, each by its own address."""
    rows = [dict(row) for row in ROWS]
    rows.append(next(dict(row) for row in rows if row["fault"] == "steering_silent") | {"source": 19})
    load_section(config.load("vehicles/demo_truck", {"faults.row": rows}), "faults", "FaultParameters")


def test_what_a_detector_remembers_is_what_its_row_may_ask_for():
    assert fault_row_checks.EVENTS_REMEMBERED == faults_twin.EVENTS
