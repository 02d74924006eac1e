"""Raw frames become the samples of the input frame: right units, right list, nothing stale, everything counted."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.config import Config, directory
from autonomy.errors import UsageError
from autonomy.msg import dtype
from drivers.can._router import LIMITS, ROW_SIZES
from drivers.can.database import parse
from drivers.can.route_config import KINDS, read
from drivers.can.router import FIELD_ROW, GUARD_ROW, ROUTE_ROW, TERM_ROW, RouteError, Router
from drivers.can.router_twin import RouterTwin
from drivers.can.tables import pgn_of
from tests.drivers.can.build import EXTENDED, can_frame, can_frames, config, dbc

SPEED = dbc(
    '291 SPEED 8 |;V : 0|16@1+ (0.01,0) [0|0] "km/h"|;FINE : 16|8@1- (0.001,0) [0|0] "km/h"|;OK : 24|1@1+ (1,0) [0|0] ""'
    '|;MODE : 32|3@1+ (1,0) [0|0] ""|;HALF : 40|16@1+ (1,0) [0|0] "furlong"'
)


def vehicle(name: str):
    path = directory() / "vehicles" / f"{name}.toml"
    return config(tomllib.loads(path.read_text())["can"], str(path))


def new_frame() -> np.ndarray:
    return np.zeros(1, dtype("InputFrame"))


def items(frame: np.ndarray, kind: str) -> np.ndarray:
    return frame[kind]["items"][0][: int(frame[kind]["count"][0])]


def router_of(text: str, *routes: dict, **bus) -> Router:
    table = {"bus": [{"bus": 0, "dbc": "x.dbc", **bus}], "route": [{"bus": 0, "source": 5, **route} for route in routes]}
    return Router.from_config(config(table), {0: text})


def truck_frame(router: Router, name: str, values: dict, time_ns: int, **address) -> np.void:
    bus = 0 if name in {message.name for message in router.codec.databases[0].messages} else 1
    identifier, data = router.codec.encode(name, values, bus=bus, **address)
    return can_frame(identifier, data, bus=bus, time_ns=time_ns)


@pytest.mark.real_data
def test_the_recorded_highway_minute_gives_the_published_values(data_directory):
    folder = data_directory / "comma2k19"
    can = folder / "processed_log" / "CAN"
    router = Router.from_config(
        vehicle("toyota_rav4_comma2k19"),
        {0: folder / "toyota_new_mc_pt_generated.dbc", 1: (folder / "toyota_adas.dbc").read_text()},
    )
    bus, address, data, time_s = (np.load(can / "raw_can" / name) for name in ("src", "address", "data", "t"))
    frames = np.zeros(len(bus), dtype("CanFrame"))
    frames["time_ns"], frames["id"], frames["bus"], frames["length"] = np.round(time_s * 1e9), address, bus, 8
    frames["data"] = data.view(np.uint8).reshape(-1, 8)
    kinds = ("wheel", "steering", "radar", "signal", "driver")
    found = {kind: [] for kind in kinds}
    for start in range(0, len(frames), 16):
        inputs = new_frame()
        router.route(frames[start : start + 16], inputs)
        for kind in kinds:
            assert inputs[kind]["overflow"][0] == 0 or kind == "driver"
            found[kind].append(items(inputs, kind).copy())
    wheel, steering, radar, signal, _ = (np.concatenate(found[kind]) for kind in kinds)

    names = ("front_left", "front_right", "rear_left", "rear_right")
    published = np.load(can / "wheel_speed" / "value")
    assert np.abs(np.stack([wheel[name] for name in names], axis=1) - published).max() < 1e-12
    assert np.abs(wheel["vehicle_speed"] - np.load(can / "speed" / "value")[:, 0]).max() < 1e-12
    assert np.abs(np.degrees(steering["steering_wheel_angle"]) - np.load(can / "steering_angle" / "value")).max() < 1e-9
    assert np.array_equal(wheel["received_time_ns"], np.round(np.load(can / "wheel_speed" / "t") * 1e9).astype(np.int64))

    published = np.load(can / "radar" / "value")  # ahead (of the camera, 2.7 m behind), left, range rate, -, -, id, new
    assert len(radar) == len(published)
    key, published_key = (np.lexsort(columns) for columns in (
        (radar["target_id"], radar["valid_time_ns"]), (published[:, 5], np.round(np.load(can / "radar" / "t") * 1e9))
    ))  # fmt: skip
    radar, published = radar[key], published[published_key]
    assert np.array_equal(radar["target_id"], published[:, 5])
    # Published with two bits less than today's DBC reads: cut to whole steps of 0.04 m
    cut = (radar["x"] - 3.56) - (published[:, 0] - 2.7)
    assert cut.min() > -1e-9 and cut.max() < 0.03 + 1e-9
    assert np.abs(radar["y"] - published[:, 1]).max() < 1e-12
    assert np.abs(radar["range_rate"] - published[:, 2]).max() < 1e-12
    assert np.array_equal(radar["is_new"], published[:, 6])
    yaw_rate = signal[signal["signal"] == 9]["value"]
    assert np.corrcoef(yaw_rate, steering["steering_wheel_angle"])[0, 1] > 0.7  # both positive to the left
    assert sum(count["inactive"] for name, count in router.counts().items() if "radar" in name) == 16 * 1200 - len(radar)


def test_a_truck_on_j1939_fills_wheel_shaft_steering_and_signals():
    router = Router.from_config(vehicle("demo_truck"))
    frames = can_frames(
        truck_frame(router, "CCVS1", {"wheel_based_vehicle_speed": 72.0}, 1, source_address=0),
        truck_frame(router, "EBC2", {"front_axle_speed": 72.0, "relative_speed_front_left": -0.5}, 2, source_address=11),
        truck_frame(router, "ETC1", {"output_shaft_speed": 1200.0, "driveline_engaged": 1}, 3, source_address=3),
        truck_frame(
            router,
            "VDC2",
            {"steering_wheel_angle": 0.5, "steering_wheel_turn_counter": 10, "yaw_rate": 0.1},
            4,
            source_address=11,
        ),
        truck_frame(router, "EEC1", {"engine_speed": 1200.0, "actual_engine_torque": 50}, 5, source_address=0),
        truck_frame(router, "CVW", {"gross_combination_weight": 38_000}, 6, source_address=0),
    )
    inputs = new_frame()
    results = router.route(frames, inputs)
    assert results.tolist() == [2, 2, 3, 4, 12, 12]
    wheel, shaft = items(inputs, "wheel"), items(inputs, "shaft")[0]
    assert wheel["vehicle_speed"].tolist() == [20.0, 20.0] and wheel["source"].tolist() == [0, 11]
    assert wheel["front_left"][1] == pytest.approx(71.5 / 3.6) and math.isnan(wheel["rear_left"][1])
    assert shaft["shaft_speed"] == pytest.approx(1200 * 2 * math.pi / 60) and shaft["driveline_engaged"] == 1
    assert shaft["shift_in_progress"] == 255 and math.isnan(shaft["clutch_slip"])
    assert items(inputs, "steering")["steering_wheel_angle"][0] == pytest.approx(0.5, abs=1 / 1024)
    signals = {int(item["signal"]): float(item["value"]) for item in items(inputs, "signal")}
    assert signals == {9: pytest.approx(0.1, abs=1e-4), 2: pytest.approx(1200 * 2 * math.pi / 60), 1: 1300.0, 12: 38_000.0}


def test_pain_3_codes_never_become_a_measurement_and_the_silent_sender_is_not_heard():
    router = Router.from_config(vehicle("demo_truck"))
    inputs = new_frame()
    frames = can_frames(
        truck_frame(router, "CCVS1", {}, 1, source_address=0),
        truck_frame(router, "CCVS1", {"wheel_based_vehicle_speed": 10.0}, 2, source_address=0x31),
        can_frame(EXTENDED | 0x18FEF100, bytes.fromhex("ff00feffffffffff"), time_ns=3),
    )
    assert router.route(frames, inputs).tolist() == [-1, 0, -2]
    assert len(items(inputs, "wheel")) == 0
    counts = router.counts()["0:CCVS1@00>wheel"]
    assert counts == {"received": 2, "used": 0, "unusable": 2, "inactive": 0}


def test_imu_and_gnss_are_put_together_from_their_frames():
    router = Router.from_config(vehicle("demo_truck"))
    inputs = new_frame()
    acceleration = {"acceleration_x": 0.5, "acceleration_z": 9.81}
    router.route(can_frames(
        truck_frame(router, "IMU_ACCELERATION", acceleration, 1_000_000),
        truck_frame(router, "IMU_ANGULAR_RATE", {"angular_rate_z": -0.2}, 1_200_000),
        truck_frame(router, "GNSS_POSITION", {"latitude": 48.0, "longitude": 11.0}, 2_000_000),
        truck_frame(router, "GNSS_VELOCITY", {"velocity_east": 20.0}, 2_100_000),
        truck_frame(router, "GNSS_STATUS", {"position_sigma": 0.5, "fix_type": 3, "satellites": 14}, 2_200_000),
    ), inputs)  # fmt: skip
    imu, gnss = items(inputs, "imu"), items(inputs, "gnss")
    assert len(imu) == 1 and imu["acceleration_z"][0] == pytest.approx(9.81) and imu["angular_rate_z"][0] == pytest.approx(-0.2)
    assert imu["valid_time_ns"][0] == imu["received_time_ns"][0] == 1_200_000
    assert gnss["latitude_deg"][0] == 48.0 and gnss["velocity_east"][0] == 20.0 and math.isnan(gnss["altitude_m"][0])
    assert (gnss["fix_type"][0], gnss["satellites"][0], gnss["position_sigma"][0]) == (3, 14, 0.5)


def test_a_router_of_one_kind_knows_which_frames_it_needs():
    router = Router.from_config(vehicle("demo_truck"))
    only = router.only("gnss")
    assert {name.rpartition(">")[2] for name in only.route_names} == {"gnss"}
    frames = np.zeros(3, dtype("CanFrame"))
    frames["bus"], frames["id"] = [1, 1, 7], [0x110, 0x100, 0x110]  # position, acceleration, a bus without databases
    assert only.listens_to(frames).tolist() == [True, False, False]
    assert router.listens_to(frames).tolist() == [True, True, False]
    assert only.listens_to(frames[:0]).tolist() == []


def test_a_stale_part_never_goes_out_again():
    router = Router.from_config(vehicle("demo_truck"))
    inputs = new_frame()
    rate = {"angular_rate_z": 0.1}
    results = router.route(can_frames(
        truck_frame(router, "IMU_ACCELERATION", {"acceleration_z": 9.81}, 0),
        truck_frame(router, "IMU_ANGULAR_RATE", rate, 1_000),
        truck_frame(router, "IMU_ANGULAR_RATE", rate, 2_000),                              # its acceleration was lost
        truck_frame(router, "IMU_ACCELERATION", {"acceleration_z": 9.81}, 10_000_000),
        truck_frame(router, "IMU_ANGULAR_RATE", rate, 15_000_001),                         # older than 5 ms
        truck_frame(router, "IMU_ACCELERATION", {"acceleration_z": 9.81}, 90_000_000),
        truck_frame(router, "IMU_ANGULAR_RATE", rate, 89_000_000),                         # the clock jumped back
    ), inputs)  # fmt: skip
    assert results.tolist() == [0, 1, -1, 0, -1, 0, -1]
    assert len(items(inputs, "imu")) == 1


def test_signals_are_added_scaled_delayed_and_translated():
    router = router_of(
        SPEED,
        {"message": "SPEED", "kind": "wheel", "delay_s": 0.02,
         "fields": {"vehicle_speed": [{"signal": "V"}, {"signal": "FINE", "unit": "km/h"}]}},
        {"message": "SPEED", "kind": "driver", "valid_when": {"signal": "OK", "equals": 1},
         "fields": {"indicators": {"signal": "MODE", "map": {"1": 2, "2": 1}, "otherwise": 0},
                    "set_speed": {"signal": "V", "unit": "m/s", "scale": 2, "offset": 1}}},
    )  # fmt: skip
    inputs = new_frame()
    raw = (7200).to_bytes(2, "little") + b"\x80"
    results = router.route(can_frames(
        can_frame(291, raw + b"\0\x01", time_ns=50_000_000), can_frame(291, raw + b"\1\x01", time_ns=60_000_000),
        can_frame(291, raw + b"\1\x02"), can_frame(291, raw + b"\1\x05"),
    ), inputs)  # fmt: skip
    assert results.tolist() == [2, 2, 2, 2]
    wheel = items(inputs, "wheel")
    assert wheel["vehicle_speed"][0] == pytest.approx((72.0 - 0.128) / 3.6, rel=1e-15)
    assert wheel["valid_time_ns"][0] == 30_000_000 and wheel["received_time_ns"][0] == 50_000_000 and wheel["source"][0] == 5
    driver = items(inputs, "driver")
    assert driver["indicators"].tolist() == [2, 1, 0] and driver["set_speed"][0] == 2 * 72.0 + 1
    assert router.counts()["0:SPEED>driver"] == {"received": 4, "used": 3, "unusable": 0, "inactive": 1}


def test_a_full_list_counts_what_it_cannot_take():
    router = router_of(SPEED, {"message": "SPEED", "kind": "driver", "fields": {"set_speed": {"signal": "V"}}})
    inputs = new_frame()
    results = router.route(can_frames(*[can_frame(291, b"\1\0")] * 6), inputs)
    assert results.tolist() == [10, 10, 10, 10, -4, -4]
    assert inputs["driver"]["overflow"][0] == 2 and router.counts()["0:SPEED>driver"]["unusable"] == 2


def test_error_frames_remote_requests_and_own_echoes_are_no_measurements():
    router = router_of(SPEED, {"message": "SPEED", "kind": "wheel", "fields": {"vehicle_speed": {"signal": "V"}}})
    inputs = new_frame()
    assert router.route(can_frames(*[can_frame(291, b"\1\0", flags=flag) for flag in (1, 2, 4)]), inputs).tolist() == [-5] * 3
    assert router.route(
        can_frames(can_frame(291, b"\1"), can_frame(292, b"\1\0"), can_frame(291, b"\1\0", bus=7)), inputs
    ).tolist() == [-1, 0, 0]


@settings(max_examples=50, deadline=None)
@given(
    data=st.lists(
        st.tuples(
            st.integers(0, 2**32 - 1), st.integers(0, 255), st.binary(max_size=8), st.integers(0, 255), st.integers(0, 255)
        ),
        max_size=60,
    )
)
def test_any_bytes_at_all_leave_a_sound_frame(data):
    router = Router.from_config(vehicle("demo_truck"))
    known = [message.identifier for message in router.codec._tables.message_list]
    inputs = new_frame()
    frames = np.zeros(len(data), dtype("CanFrame"))
    for place, (identifier, bus, payload, flags, length) in enumerate(data):
        frames[place] = can_frame(
            known[identifier % len(known)] if bus % 2 else identifier, payload, bus=bus % 3, flags=flags % 8
        )
        frames[place]["length"] = length
    router.route(frames, inputs)
    for kind in KINDS:
        assert inputs[kind]["count"][0] <= inputs[kind]["items"].shape[1]
    assert np.isfinite(items(inputs, "imu")["acceleration_z"]).all() and np.isfinite(items(inputs, "radar")["x"]).all()


@settings(max_examples=40, deadline=None)
@given(
    choices=st.lists(
        st.tuples(st.integers(0, 10**6), st.binary(min_size=8, max_size=8), st.integers(0, 8), st.integers(0, 30)), max_size=60
    )
)
def test_the_router_is_its_twin(choices):
    truck = vehicle("demo_truck")
    del truck.sections["can"]["guard"]  # test_guard.py has them
    router = Router.from_config(truck)
    twin = RouterTwin(read(truck.sections["can"], "x"), router.codec.databases)
    known = [(item.identifier, bus) for bus, database in router.codec.databases.items() for item in database.messages]
    known += [(0x100, 1), (0x101, 1), (0x110, 1), (0x113, 1)] * 12  # the parts of one sample often enough
    time_ns = 0
    for number, payload, length, wait_ms in choices:
        identifier, bus = known[number % len(known)]
        time_ns += wait_ms * 500_000
        if identifier & EXTENDED and pgn_of(identifier) >= 0xF000:
            identifier = identifier & ~0xFF | (0, 3, 11, 15, 49)[number % 5]
        frame = can_frame(identifier, payload[: length if number % 4 == 0 else 8], bus=bus, time_ns=time_ns)
        inputs = new_frame()
        router.route(can_frames(frame), inputs)
        expected = twin.route(frame)
        assert {kind: len(items(inputs, kind)) for kind in KINDS if len(items(inputs, kind))} == {
            kind: sum(other[0] == kind for other in expected) for kind, *_ in expected
        }
        for kind in {kind for kind, *_ in expected}:
            wanted = [sample for sample in expected if sample[0] == kind]
            for sample, (_, fields, valid_ns, received_ns) in zip(items(inputs, kind), wanted, strict=True):
                assert (sample["valid_time_ns"], sample["received_time_ns"]) == (valid_ns, received_ns)
                for name in sample.dtype.names[2:]:
                    if sample.dtype[name] == np.float64:
                        assert float(sample[name]) == fields.get(name, math.nan) or (
                            math.isnan(sample[name]) and name not in fields
                        )
                    elif name in fields:
                        assert sample[name] == fields[name]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"message": "SPEEED"}, "no message 'SPEEED' in"),
        ({"kind": "weel"}, "kind = 'weel' cannot be routed; use one of imu, wheel"),
        ({"bus": 3}, "bus = 3 has no [[can.bus]] entry; known: 0"),
        ({"source": None}, "source is missing"),
        ({"source": 70000}, "source = 70000 is not within 0..65535"),
        ({"source_address": 3}, "source_address = 3 on a message that is not J1939"),
        ({"delay_s": 1e9}, "delay_s = 1000000000.0"),
        ({"delay": 1}, "no key 'delay' is known here; did you mean 'delay_s'?"),
        ({"fields": {"speed": {"signal": "V"}}}, "fields.speed: WheelSample has no such field to fill; known: vehicle_speed"),
        ({"fields": {"vehicle_speed": {"signal": "W"}}}, "signal = 'W' is not in message SPEED; it has V, FINE"),
        ({"fields": {"vehicle_speed": {"signal": "V", "unit": "deg"}}}, "unit = 'deg' is a angle, vehicle_speed is a speed"),
        ({"fields": {"vehicle_speed": {"signal": "V", "unit": "mach"}}}, "unit = 'mach' is not known; use one of m, km"),
        ({"fields": {"vehicle_speed": {"signal": "HALF"}}}, "the DBC's unit 'furlong' is not known; add unit"),
        ({"fields": {"vehicle_speed": {}}}, "needs one of signal, constant or identifier"),
        ({"fields": {"vehicle_speed": {"signal": "V", "scale": math.inf}}}, "has scale inf"),
        ({"valid_when": {"signal": "X", "equals": 1}}, "signal = 'X' is not in message SPEED"),
        ({"emit": True}, "emit = true needs combine"),
        ({"combine": "pair"}, "needs one kind and one route with emit = true"),
        ({"kind": "signal", "signal": "WARP", "fields": {"value": {"signal": "V"}}}, "signal = 'WARP' is none of SignalSample's"),
        ({"kind": "signal", "fields": {"value": {"signal": "V"}}}, "goes with kind = 'signal'"),
        ({"kind": "imu", "fields": {"acceleration_x": {"signal": "MODE"}}}, "fields.acceleration_y is missing"),
    ],
)  # fmt: skip
def test_a_wrong_route_is_answered_with_file_key_and_value(change, words):
    route = {"message": "SPEED", "kind": "wheel", "fields": {"vehicle_speed": {"signal": "V"}}, **change}
    if route.get("source", 0) is None:
        table = {"bus": [{"bus": 0, "dbc": "x"}], "route": [{"bus": 0, **{k: v for k, v in route.items() if k != "source"}}]}
        action = lambda: Router.from_config(config(table), {0: SPEED})  # noqa: E731
    else:
        action = lambda: router_of(SPEED, route)  # noqa: E731
    with pytest.raises(RouteError) as caught:
        action()
    assert str(caught.value).startswith("vehicle.toml") and words in str(caught.value), caught.value
    assert isinstance(caught.value, UsageError)


def test_a_database_that_is_nowhere_is_named():
    with pytest.raises(RouteError, match="dbc = 'none.dbc' of bus 0 is neither beside this file nor among"):
        Router.from_config(config({"bus": [{"bus": 0, "dbc": "none.dbc"}]}))


def test_a_vehicle_without_a_can_table_routes_nothing():
    router = Router.from_config(Config("x.toml", {}))
    assert router.route(can_frames(can_frame(291, b"\1\0")), new_frame()).tolist() == [0]


def test_rows_and_kinds_agree_with_the_kernel():
    assert {"route": ROUTE_ROW.itemsize, "field": FIELD_ROW.itemsize, "term": TERM_ROW.itemsize,
            "guard": GUARD_ROW.itemsize} == ROW_SIZES  # fmt: skip
    lists = [name for name in dtype("InputFrame").names if dtype("InputFrame").fields[name][0].names]
    assert list(KINDS) == lists  # the kinds are numbered in the order of the frame
    for kind, message in KINDS.items():
        layout = dtype(message)
        assert kind == "cruise" or layout.itemsize <= LIMITS["sample_bytes"]
        assert kind == "lane_path" or layout.names[:2] == ("valid_time_ns", "received_time_ns")
        assert dtype("InputFrame").fields[kind][0].fields["items"][1] == 32


def test_the_packaged_databases_have_no_problem():
    for path in sorted(directory().rglob("*.dbc")):
        database = parse(path.read_text(), Path(path).name)
        assert database.problems == () and database.messages
