"""Value faults: on samples exactly, on CAN signals to within their step and with sound checksums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.geodesy import geodetic_to_enu
from tests.faults import records
from tests.faults.records import batches, flat, injector

DRIVE = records.drive()
CLEAN = flat(batches(DRIVE))
CODEC = records.source().router.codec
KMH = 1 / 3.6


def run(*faults: dict) -> list[tuple[int, int, bytes]]:
    return flat(injector(*faults).apply(batches(DRIVE, 97)))


def decoded(contents, message: str) -> np.ndarray:
    return CODEC.decode_batch(records.frames(contents))[message].values


def angle(contents) -> np.ndarray:
    values = decoded(contents, "STEERING")
    return np.radians(values[:, 0] + values[:, 1])


@settings(deadline=None, max_examples=25)
@given(st.floats(-10, 10), st.sampled_from(["wheel", "steering", "engine"]))
def test_a_bias_and_its_opposite_cancel_to_within_a_step(value, what):
    target = {
        "wheel": {"source": "wheel"}, "steering": {"source": "steering"},
        "engine": {"source": "can0", "message": "EEC1", "signal": "engine_speed"},
    }[what]  # fmt: skip
    message, columns, step = {"wheel": ("WHEEL_SPEEDS", [0, 1], 0.01), "steering": ("STEERING", [0, 1], 0.1),
                              "engine": ("EEC1", [0], 0.125)}[what]  # fmt: skip
    value = value * 0.2 if what == "steering" else value
    clean = decoded(CLEAN, message)[:, columns]
    there_and_back = [{**target, "kind": "bias", "value": step} for step in (value, -value)]
    found = decoded(run(*there_and_back), message)[:, columns]
    if what == "steering":
        clean, found = clean.sum(axis=1), found.sum(axis=1)
    assert np.abs(found - clean).max() <= step * 1.001


def test_wheel_bias_is_in_metres_a_second_and_leaves_all_other_bits():
    found = run({"source": "wheel", "kind": "bias", "value": 2.0})
    change = decoded(found, "WHEEL_SPEEDS") - decoded(CLEAN, "WHEEL_SPEEDS")
    assert np.abs(change[:90, :2] * KMH - 2.0).max() <= 0.005 * KMH + 1e-9
    assert not change[90:].any()  # frames whose valid_when is not met report nothing
    assert not change[:, 2:].any()
    assert [item for item in found if item[1] != 1] == [item for item in CLEAN if item[1] != 1]


def test_the_mean_of_two_signals_is_shared_between_them():
    found = run({"source": "wheel", "signal": "vehicle_speed", "kind": "bias", "value": 1.0})
    change = (decoded(found, "WHEEL_SPEEDS") - decoded(CLEAN, "WHEEL_SPEEDS"))[:90, :2] * KMH
    assert np.abs(change - 1.0).max() < 0.01


def test_a_coarse_and_a_fine_signal_reach_the_value_together():
    for wanted in (0.123, 0.3, -0.3):
        change = angle(run({"source": "steering", "kind": "bias", "value": wanted})) - angle(CLEAN)
        assert np.abs(change - wanted).max() <= np.radians(0.051)


def test_checksums_hold_after_a_change_and_not_after_corruption():
    for fault, holds in (({"kind": "bias", "value": 0.1}, True), ({"kind": "freeze"}, True), ({"kind": "corrupt"}, False)):
        found = records.frames(run({"source": "steering", **fault}), records.STEERING)
        sound = [CODEC.checksum_holds(int(row["id"]), row["data"].tobytes()) for row in found]
        assert all(sound) == holds and len(found) == 100


def test_scale_and_noise_on_frames():
    found = decoded(run({"source": "wheel", "kind": "scale", "value": 1.1}), "WHEEL_SPEEDS")[:90, :2]
    assert np.abs(found - 1.1 * decoded(CLEAN, "WHEEL_SPEEDS")[:90, :2]).max() <= 0.00501
    noise = decoded(run({"source": "wheel", "kind": "noise", "value": 0.5}), "WHEEL_SPEEDS") - decoded(CLEAN, "WHEEL_SPEEDS")
    assert 0.4 < (noise[:, :2] * KMH).std() < 0.6 and abs((noise[:, :2] * KMH).mean()) < 0.15
    assert abs(np.corrcoef(noise[:, 0], noise[:, 1])[0, 1]) < 0.3


def test_engine_speed_bias_is_in_radians_a_second():
    fault = {"source": "can0", "message": "EEC1@00", "signal": "engine_speed", "kind": "bias", "value": 10.0}
    found = decoded(run(fault), "EEC1")
    change = (found - decoded(CLEAN, "EEC1"))[:, 0] * 2 * np.pi / 60
    assert np.abs(change[0::2] - 10.0).max() < 0.0066 and not change[1::2].any()


def test_a_value_beyond_the_signal_stops_at_its_limit_and_never_becomes_a_code():
    under_test = injector({"source": "can0", "message": "EEC1", "signal": "engine_speed", "kind": "bias", "value": 1e6})
    columns = CODEC.decode_batch(records.frames(flat(under_test.apply(batches(DRIVE)))))["EEC1"]
    assert (columns.validity == 0).all() and (columns.values == 8031.875).all()
    assert under_test.as_json()[0]["records"]["limited"] == 100


def test_freeze_repeats_the_first_value_of_the_window():
    found = decoded(run({"source": "wheel", "kind": "freeze", "start_s": 0.5, "end_s": 1.0}), "WHEEL_SPEEDS")
    clean = decoded(CLEAN, "WHEEL_SPEEDS")
    assert (found[25:50, :2] == clean[25, :2]).all()
    assert (found[:, 2] == clean[:, 2]).all()  # not part of the sample
    assert (found[:25] == clean[:25]).all() and (found[50:] == clean[50:]).all()
    engine = decoded(run({"source": "can0", "message": "EEC1", "kind": "freeze"}), "EEC1")[:, 0]
    assert set(engine[0::2]) == {1000.0} and set(engine[1::2]) == {1002.0}  # each sender its own


def test_not_available_on_the_bus():
    columns = CODEC.decode_batch(records.frames(run({"source": "signal", "kind": "not_available"})))["EEC1"]
    assert (columns.validity[0::2] == 1).all() and not columns.validity[1::2].any()
    under_test = injector({"source": "wheel", "kind": "not_available"})
    found = flat(under_test.apply(batches(DRIVE)))
    assert len(found) == len(CLEAN) - 100 and under_test.as_json()[0]["records"]["dropped"] == 100


def test_not_available_on_samples():
    found = records.samples(run({"source": "imu", "kind": "not_available", "start_s": 1.0}), 2, "ImuSample")
    assert (found["validity"] == np.repeat([0, 1], 100)).all()
    assert np.isnan(found["acceleration_z"][100:]).all() and not np.isnan(found["angular_rate_z"][:100]).any()


@pytest.mark.parametrize(("signal", "axis"), [(None, 0), ("north", 1)])
def test_gnss_bias_is_in_metres_on_the_ground(signal, axis):
    fault = {"source": "gnss", "kind": "bias", "value": 25.0} | ({"signal": signal} if signal else {})
    found, clean = records.samples(run(fault), 3, "GnssSample"), records.samples(CLEAN, 3, "GnssSample")
    enu = geodetic_to_enu(found["latitude_deg"], found["longitude_deg"], np.zeros(len(found)), (48.0, 11.0, 0.0))
    wanted = np.zeros(3)
    wanted[axis] = 25.0
    assert np.abs(enu - wanted).max() < 1e-3
    assert (found["speed"] == clean["speed"]).all()


def test_samples_of_a_list_are_changed_each_by_itself():
    clean = records.samples(CLEAN, 7, "RadarPoint")
    noise = records.samples(run({"source": "radar", "kind": "noise", "value": 2.0}), 7, "RadarPoint")["x"] - clean["x"]
    assert len(set(noise)) == len(noise) and 1.5 < noise.std() < 2.5
    frozen = records.samples(run({"source": "radar", "kind": "freeze"}), 7, "RadarPoint")
    for target in range(3):
        assert set(frozen["x"][frozen["target_id"] == target]) == {target * 10.0}
    assert (frozen["received_time_ns"] == clean["received_time_ns"]).all()


def test_one_field_of_a_sample():
    found = records.samples(run({"source": "gnss", "signal": "speed", "kind": "scale", "value": 0.5}), 3, "GnssSample")
    clean = records.samples(CLEAN, 3, "GnssSample")
    assert (found["speed"] == clean["speed"] * 0.5).all() and (found["latitude_deg"] == clean["latitude_deg"]).all()
