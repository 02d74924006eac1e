"""Two senders of one kind: the preferred one is used while it is good, the other steps in, and the two never alternate."""

import numpy as np
import pytest
from autonomy.inputs._inputs import InputsStep
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import Stack, msg
from autonomy.inputs.preference_twin import ANY_SOURCE, Preference, Sample
from tests.step_parameters import step_parameters, zeros

MS = 1_000_000
KINDS = msg.constants("SourcePreference")
SIGNALS = msg.constants("SignalSample")


def make(kind: str, sources, timeout_s=0.1, signal=0):
    parameters = step_parameters()
    row = parameters["inputs"]["preference"][0]
    row["kind"], row["sources"], row["timeout_s"], row["signal"] = KINDS[f"KIND_{kind.upper()}"], sources, timeout_s, signal
    return InputsStep(parameters["inputs"], parameters["vehicle"])


def frame_of(now_ns: int, kind: str, rows):
    """`rows`: (source, valid_time_ns, validity, {field: value})."""
    frame = zeros("InputFrame")
    frame["tick_time_ns"], frame[kind]["count"] = now_ns, len(rows)
    items = frame[kind]["items"]
    for i, (source, time_ns, validity, values) in enumerate(rows):
        items["source"][i], items["valid_time_ns"][i], items["validity"][i] = source, time_ns, validity
        for name, value in values.items():
            items[name][i] = value
    return frame


def sources_of(step, kind: str) -> list[int]:
    used = step.used[kind]
    return used["items"]["source"][: int(used["count"])].tolist()


@pytest.mark.parametrize("kind", ["imu", "shaft", "gnss", "radar", "lane", "obstacle", "odometry", "driver", "object", "signal"])
def test_of_two_senders_one_is_used_and_the_other_steps_in(kind):
    step = make(kind, [7, 5, 5, 5], signal=SIGNALS["ENGINE_SPEED"])
    values = {"signal": SIGNALS["ENGINE_SPEED"], "value": 100.0} if kind == "signal" else {}
    told = []
    for tick in range(60):
        now = 10**9 + 10 * MS * tick
        rows = [(5, now, 0, values)] + ([(7, now - MS, 0, values)] if tick < 20 or tick >= 40 else [])
        vehicle = step.step(frame_of(now, kind, rows))
        told.append(sources_of(step, kind))
        if told[-1]:
            assert vehicle["preferred_source"][0] == told[-1][0]
    assert told[:20] == [[7]] * 20, "the preferred one alone"
    assert told[20:29] == [[]] * 9, "silent for less than its time-out: nobody's samples are mixed in"
    assert told[30:40] == [[5]] * 10 and told[40:] == [[7]] * 20


def test_two_inertial_units_do_not_alternate_in_the_yaw_rate():
    step = make("imu", [1, 2, 2, 2])
    rates = set()
    for tick in range(50):
        now = 10**9 + 10 * MS * tick
        rows = [(1, now - 3 * MS, 0, {"angular_rate_z": 0.10}), (2, now, 0, {"angular_rate_z": 0.12})]
        rates.add(float(step.step(frame_of(now, "imu", rows if tick % 2 else rows[::-1]))["yaw_rate"]))
    assert rates == {0.10}


def test_another_signal_and_another_sender_are_left_alone():
    step = make("signal", [0, 5, 5, 5], signal=SIGNALS["ENGINE_SPEED"])
    rows = [(0, 10**9, 0, {"signal": SIGNALS["ENGINE_SPEED"], "value": 1.0}), (5, 10**9, 0, {"signal": SIGNALS["GEAR"]}),
            (9, 10**9, 0, {"signal": SIGNALS["ENGINE_SPEED"], "value": 2.0})]  # fmt: skip
    vehicle = step.step(frame_of(10**9, "signal", rows))
    assert sources_of(step, "signal") == [0, 5] and vehicle["engine_speed"] == 1.0


def test_with_one_sender_the_frame_is_the_very_same():
    step = make("imu", [1, ANY_SOURCE, ANY_SOURCE, ANY_SOURCE])
    frame = frame_of(10**9, "imu", [(1, 10**9, 0, {}), (1, 10**9 - MS, 1, {})])
    step.step(frame)
    assert step.used is frame


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from([1, 2, 3]), st.integers(-30, 2), st.booleans()), max_size=5),
                min_size=1, max_size=40),
       st.sampled_from([[1, 2, 2, 2], [2, 65535, 65535, 65535], [3, 1, 65535, 65535]]))  # fmt: skip
def test_the_kernel_chooses_as_its_twin(ticks, sources):
    step, twin = make("imu", sources), Preference(sources, 0.1)
    for k, arrived in enumerate(ticks):
        now = 10**9 + k * 40 * MS
        rows = [(source, now + shift * 10 * MS, 0 if good else 1, {}) for source, shift, good in arrived]
        vehicle = step.step(frame_of(now, "imu", rows))
        used, who = twin.used([Sample(source, time_ns, validity == 0) for source, time_ns, validity, _ in rows], now)
        assert sources_of(step, "imu") == [sample.source for sample in used]
        assert vehicle["preferred_source"][0] == who


def test_the_whole_tick_does_not_see_a_second_inertial_unit():
    """The same drive with and without a second unit that turns too fast: the same outputs but for what counts the samples."""
    outputs = []
    for others in (False, True):
        stack = Stack.from_config("vehicles/demo_truck")
        for tick in range(100):
            now = 10**9 + 10 * MS * tick
            rows = [(1, now, 0, {"angular_rate_z": 0.01, "acceleration_z": 9.81})]
            rows += [(2, now + 0 * MS, 0, {"angular_rate_z": 0.3, "acceleration_z": 9.81})] * others
            frame = frame_of(now, "imu", rows)
            frame["tick_index"] = tick
            out = stack.tick(frame[()])
        outputs.append(out)
    assert outputs[0]["vehicle"]["yaw_rate"] == outputs[1]["vehicle"]["yaw_rate"]
    np.testing.assert_array_equal(outputs[0]["ego"]["angular_rate"], outputs[1]["ego"]["angular_rate"])
    assert outputs[0]["ego"].tobytes() == outputs[1]["ego"].tobytes()
