"""The evaluation on outputs whose errors are known."""

import numpy as np
import pytest

from autonomy import msg
from autonomy.evaluation import reference
from autonomy.geodesy import enu_to_geodetic

ORIGIN = (48.0, 11.0, 500.0)


def drive(error=(0.0, 0.0), drift=0.0, sigma=1.0):
    """100 s at 10 m/s to the north; the estimate is off by `error` and drifts east by `drift` m/s."""
    state = msg.constants("EgoState")
    ego = np.zeros(10001, msg.dtype("EgoState"))
    seconds = np.arange(len(ego)) * 0.01
    ego["time_ns"] = np.round(seconds * 1e9)
    ego["status"] = state["STATUS_POSITION_VALID"] | state["STATUS_VELOCITY_VALID"] | state["STATUS_YAW_ALIGNED"]
    ego["origin_latitude_deg"], ego["origin_longitude_deg"], ego["origin_altitude_m"] = ORIGIN
    ego["position"][:, 0], ego["position"][:, 1] = error[0] + drift * seconds, error[1] + 10.0 * seconds
    ego["velocity"][:, 0], ego["velocity"][:, 1] = drift, 10.0
    ego["yaw"], ego["sigma"] = 0.5 * np.pi + 0.01, sigma
    truth = np.zeros(2001, msg.dtype("ReferencePose"))
    seconds = np.arange(len(truth)) * 0.05
    truth["time_ns"] = np.round(seconds * 1e9)
    enu = np.column_stack([0.0 * seconds, 10.0 * seconds, 0.0 * seconds])
    truth["latitude_deg"], truth["longitude_deg"], truth["altitude_m"] = enu_to_geodetic(enu, ORIGIN)
    truth["velocity_north"] = 10.0
    truth["orientation"] = [np.cos(np.pi / 4), 0.0, 0.0, np.sin(np.pi / 4)]
    return ego, truth


def test_a_constant_offset_counts_once():
    found = reference.reference_metrics(*drive(error=(3.0, 4.0), sigma=2.0))
    assert found["position_rms_m"] == pytest.approx(5.0, abs=1e-3)
    assert found["position_rms_offset_free_m"] == pytest.approx(0.0, abs=1e-3)
    assert found["heading_rms_deg"] == pytest.approx(0.0, abs=1e-6)
    assert found["inside_3_sigma_share"] == 1.0


def test_course_and_share_outside_sigma():
    found = reference.reference_metrics(*drive(drift=0.1, sigma=0.01))
    assert found["course_rms_deg"] == pytest.approx(np.degrees(np.arctan(0.01)), abs=1e-6)
    assert found["velocity_rms_mps"] == pytest.approx(0.1)
    assert found["inside_3_sigma_share"] == pytest.approx(0.6, abs=0.01)  # east and its velocity are outside


def test_nothing_valid_gives_nulls():
    ego, truth = drive()
    ego["status"] = 0
    assert set(reference.reference_metrics(ego, truth).values()) == {None}
    assert reference.aid_metrics(ego[-1])["gnss_position"]["nis_per_dof"] is None
