"""The tick: whatever numbers its samples hold, it ends, stays within its memory, and what it commands is a command.

The bytes say which numbers of the samples of a truck that drives are others, for sixteen ticks at most.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from autonomy import Stack, msg
from hil.sensors import Messages, put
from hil.worlds.motorway import Motorway
from tests.fuzz.targets.target import Target

KINDS = ("imu", "wheel", "shaft", "steering", "gnss", "radar", "lane", "obstacle", "odometry", "driver", "object", "signal",
         "lane_path", "cruise")  # fmt: skip
RECORD = 12  # bytes: kind, tick, field, place of the sample and of the number in it; then the number's eight
ACTIVE = 1  # Actuation.mode
ALWAYS = 0x80  # of the tick: in each
WARM_TICKS, TICKS, QUIET_TICKS = 620, 16, 4


@cache
def driving() -> tuple[Stack, bytes, list[np.void]]:
    """A stack that drives, its state, and the frames that follow."""
    stack = Stack.from_config("vehicles/demo_truck")
    world, sensors, frames = Motorway(), Messages(stack.config, 0), []
    truth = world.reset(0)
    for tick in range(WARM_TICKS + TICKS + QUIET_TICKS):
        frame = stack.new_input()
        frame["tick_index"], frame["tick_time_ns"], frame["set_speed_mps"] = tick, truth.time_ns, 22.0
        frame["engage"] = tick > WARM_TICKS - 50
        put(frame, sensors.sense(truth))
        frames.append(frame)
        truth = world.step(None, 0.01)
    for frame in frames[:WARM_TICKS]:
        out = stack.tick(frame)
    assert out["actuation"]["mode"] == ACTIVE
    return stack, stack.snapshot(), frames[WARM_TICKS:]


def disturb(frame: np.void, record: bytes) -> None:
    """Puts a number into a sample of its kind; into a new one where the tick has none."""
    samples = frame[KINDS[record[0] % len(KINDS)]]
    if samples["count"] == 0:
        samples["count"] = 1
        for name in ("valid_time_ns", "received_time_ns"):
            if name in samples["items"].dtype.names:
                samples["items"][0][name] = frame["tick_time_ns"]
    names = [name for name in samples["items"].dtype.names if name != "padding"]
    name, sample = names[record[2] % len(names)], (record[3] >> 4) % int(samples["count"])
    field = samples["items"][sample : sample + 1][name].reshape(-1)
    place = (record[3] & 15) % len(field)
    field[place] = np.frombuffer(record[4 : 4 + field.dtype.itemsize], field.dtype)[0]


def ticks(data: bytes) -> None:
    stack, state, frames = driving()
    stack.restore(state)
    vehicle, envelope = stack.parameters["vehicle"], stack.parameters["envelope"]
    records = [data[at : at + RECORD] for at in range(0, len(data) - RECORD + 1, RECORD)]
    for tick, frame in enumerate(frames):
        frame = frame.copy()
        for record in records:
            if tick < TICKS and (record[1] & ALWAYS or tick == record[1] % TICKS):
                disturb(frame, record)
        out = stack.tick(frame)
        angle, acceleration = (float(out["actuation"][name]) for name in ("road_wheel_angle_rad", "acceleration_mps2"))
        assert abs(angle) <= float(vehicle["maximum_road_wheel_angle"]), f"tick {tick}: steers {angle}"
        assert -float(envelope["deceleration_maximum"]) <= acceleration <= float(envelope["acceleration_maximum"]), acceleration
        assert out["tracks"]["count"] <= len(out["tracks"]["tracks"]) and math.isfinite(float(out["plan"]["target_acceleration"]))


def record_of(kind: str, name: str, value: float, tick: int = ALWAYS, place: int = 0) -> bytes:
    names = [field for field in msg.dtype("InputFrame")[kind]["items"].subdtype[0].names if field != "padding"]
    return bytes([KINDS.index(kind), tick, names.index(name), place]) + np.float64(value).tobytes()


def tick_seeds() -> list[bytes]:
    huge = [record_of("radar", "x", 1e11), record_of("radar", "range_rate", 1e12), record_of("radar", "y", 1e30),
            record_of("radar", "x_sigma", 1e300), record_of("obstacle", "length", 1e300), record_of("object", "x", 1e13),
            record_of("lane", "left", 1e30, 3, 2), record_of("gnss", "latitude_deg", 1e300, 1),
            record_of("imu", "angular_rate_z", -1e9, 2)]  # fmt: skip
    likely = [
        record_of("radar", "range_rate", -30.0),
        record_of("obstacle", "x", 12.0),
        record_of("wheel", "vehicle_speed", 0.0, 4),
    ]
    return [bytes(RECORD), *huge, b"".join(huge), b"".join(likely), record_of("steering", "steering_wheel_angle", float("nan"))]


TARGETS = [Target("tick", ticks, tick_seeds, ("autonomy.stack",), 40 * RECORD)]
