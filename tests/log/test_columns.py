"""The generic importer: what a mapping says is what the log holds, and every mistake in it is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import geodesy
from autonomy.errors import AutonomyError, EnvironmentFault, LogError, UsageError
from autonomy.log.importers import columns, mapping, tables
from autonomy.log.importers.kinds import KINDS, UNITS, find_field
from autonomy.log.reader import LogReader
from autonomy.msg import definitions
from autonomy.physics import STANDARD_GRAVITY_MPS2
from tests.log.imu_columns import IMU, IMU_ROWS


def convert(folder: Path, mapping: str, **files: str | np.ndarray):
    """Converts a mapping with its files ({name with _ for the dot: text or array}) and returns (result, reader)."""
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        if isinstance(content, str):
            path.write_text(content)
        elif isinstance(content, dict):
            np.savez(path, **content)
        else:
            np.save(path, content)
    (folder / "mapping.toml").write_text(mapping)
    result = columns.convert(folder / "mapping.toml", [], folder / "out.mcap")
    return result, LogReader(folder / "out.mcap")


def items(reader: LogReader, topic: str) -> np.ndarray:
    return reader.read_topic(topic)["items"][:, 0]


def test_an_imu_with_units_axes_and_invalid_rows(tmp_path):
    result, reader = convert(tmp_path, IMU, imu__csv=IMU_ROWS)
    assert result.messages == {"/in/imu": 2}
    assert result.as_json()["unused"] == {
        "imu.csv: time missing or out of range": 1,
        "imu.csv: marked invalid": 1,
        "imu.csv: value missing or not a number": 1,
    }
    assert result.as_json()["notes"] == {"imu.csv: times that go backwards (sorted)": 1}
    found = items(reader, "/in/imu")
    assert found["valid_time_ns"].tolist() == [1_490_000_000, 1_500_000_000] == found["received_time_ns"].tolist()
    assert [found[1][f"acceleration_{axis}"] for axis in "xyz"] == [0.5 * STANDARD_GRAVITY_MPS2, -1.0, 9.0]
    np.testing.assert_allclose([found[1][f"angular_rate_{axis}"] for axis in "xyz"], [np.pi / 2, -np.pi, -0.25])
    assert (found["source"] == 3).all()
    assert reader.metadata["autonomy"]["clock"] == "logger" and reader.attachment("mapping.toml").decode() == IMU


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ('["forward", "left", "up"]', [1, 2, 3]),
        ('["forward", "right", "down"]', [1, -2, -3]),
        ('["left", "backward", "up"]', [-2, 1, 3]),
        ('["-y", "+z", "-x"]', [-2, 3, -1]),
        ('["-y", "-z", "x"]', [-2, -3, 1]),
    ],
)
def test_axes_point_where_they_are_said_to(tmp_path, axes, expected):
    mapping = f'[[stream]]\nkind = "imu"\nfile = "imu.npy"\ntime = {{ column = 0 }}\naxes = {axes}\n' + "".join(
        f"columns.{part}_{axis} = {{ column = {1 + number} }}\n"
        for part in ("acceleration", "angular_rate")
        for number, axis in enumerate("xyz")
    )
    _, reader = convert(tmp_path, mapping, imu__npy=np.array([[1.0, 1.0, 2.0, 3.0]]))
    for part in ("acceleration", "angular_rate"):
        assert [items(reader, "/in/imu")[0][f"{part}_{axis}"] for axis in "xyz"] == expected


def test_an_imu_upside_down_is_noted(tmp_path):
    result, _ = convert(tmp_path, IMU.replace('"right", "down"', '"left", "up"'), imu__csv=IMU_ROWS)
    assert any("check axes" in note for note in result.notes)


@pytest.mark.parametrize("ending", ["csv", "npy", "npz"])
def test_pain_18_integer_times_stay_exact(tmp_path, ending):
    times = np.array([1_533_226_488_299_123_457, 1_533_226_488_299_123_458])
    files = {
        "csv": "t,v\n" + "".join(f"{time},1.5\n" for time in times),
        "npy": np.array([(time, 1.5) for time in times], [("t", "i8"), ("v", "f8")]),
        "npz": {"t": times, "v": np.array([1.5, 1.5])},
    }
    mapping = f"""
[clock]
unit = "ns"
epoch = "utc"
[[stream]]
kind = "speed"
file = "a.{ending}"
time = {{ column = "t" }}
columns.speed = {{ column = "v", unit = "km/h" }}
"""
    _, reader = convert(tmp_path, mapping, **{f"a__{ending}": files[ending]})
    assert reader.read_times("/in/wheel").tolist() == times.tolist()
    assert items(reader, "/in/wheel")["vehicle_speed"].tolist() == [1.5 * (1 / 3.6)] * 2
    assert np.isnan(items(reader, "/in/wheel")["front_left"]).all()


@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 9)), min_size=1, max_size=20))
def test_decimal_texts_stay_exact(times):
    texts = [f"{whole // 10**9}.{whole % 10**9:09d}" for whole, _ in times]
    exact, usable = tables.nanoseconds(texts, 10**9, 0)
    assert usable.all() and exact.tolist() == [whole for whole, _ in times]


def test_fixes_in_every_frame_are_the_same_place(tmp_path):
    origin = (48.0, 11.0, 500.0)
    enu = np.array([[10.0, 20.0, 3.0]])
    latitude, longitude, altitude = geodesy.enu_to_geodetic(enu, origin)
    ecef = geodesy.geodetic_to_ecef(latitude, longitude, altitude)
    velocity = np.array([1.0, 2.0, 0.5])
    ecef_velocity = geodesy.enu_rotation(latitude[0], longitude[0]).T @ velocity
    rows = np.concatenate([[1.0], [latitude[0], longitude[0], altitude[0]], enu[0], ecef[0], velocity, ecef_velocity])[None]

    def stream(frame, fields, more=""):
        lines = "".join(f"columns.{name} = {{ column = {number} }}\n" for name, number in fields.items())
        return f'[[stream]]\nkind = "gnss"\nfile = "a.npy"\ntime = {{ column = 0 }}\nframe = "{frame}"\n{more}{lines}'

    lla = stream("lla", dict(latitude=1, longitude_deg=2, altitude=3, velocity_east=10, velocity_north=11, velocity_up=12))
    position, local = dict(position_x=4, position_y=5, position_z=6), dict(velocity_x=10, velocity_y=11, velocity_z=12)
    local_frame = stream("enu", position | local, f"origin = {list(origin)}\n")
    fixed = stream("ecef", dict(position_x_m=7, position_y_m=8, position_z_m=9, velocity_x=13, velocity_y=14, velocity_z=15))
    _, reader = convert(tmp_path, lla + local_frame + fixed, a__npy=rows)
    found = items(reader, "/in/gnss")
    assert len(found) == 3
    for name in ("latitude_deg", "longitude_deg", "altitude_m", "velocity_east", "velocity_north", "velocity_up"):
        np.testing.assert_allclose(found[name], found[name][0], rtol=1e-12, atol=1e-8, err_msg=name)


def test_every_kind_finds_its_fields_and_topic(tmp_path):
    mapping, width = "", 0
    for kind, description in KINDS.items():
        own = ("position_x", "position_y", "position_z", "velocity_x", "velocity_y", "velocity_z", "received", "utc")
        names = [name for name in description.fields if not name.startswith(own) and (kind, name) != ("speed", "speed")]
        width = max(width, len(names))
        mapping += f'[[stream]]\nkind = "{kind}"\nfile = "a.npy"\ntime = {{ column = 0 }}\n' + "".join(
            f"columns.{name} = {{ column = {number} }}\n" for number, name in enumerate(names, 1)
        )
    result, reader = convert(tmp_path, mapping, a__npy=np.arange(1.0, width + 2)[None])
    assert result.messages == {
        "/in/imu": 1,
        "/in/gnss": 1,
        "/in/wheel": 2,
        "/in/steering": 1,
        "/in/radar": 2,
        "/in/lane": 1,
        "/ref/pose": 1,
    }
    assert not result.as_json()["unused"]
    lane = items(reader, "/in/lane")[0]
    names = list(KINDS["lane"].fields)
    assert lane["left"].tolist() == [names.index(f"left_c{number}") + 2.0 for number in range(4)]
    assert lane["left_quality"] == names.index("left_quality") + 2


def test_fields_of_a_kind_are_fields_of_its_message():
    own = {f"{part}_{axis}" for part in ("position", "velocity") for axis in "xyz"} | {"yaw", "pitch", "roll", "heading_deg"}
    for kind in KINDS.values():
        names = {item.name for item in definitions.load(kind.sample).fields}
        assert {item.target for item in kind.fields.values()} <= names | own
        for name, item in kind.fields.items():
            assert find_field(kind, name)[1].target == item.target and item.quantity in UNITS


def test_a_heading_becomes_an_orientation(tmp_path):
    mapping = """
[[stream]]
kind = "reference_pose"
file = "a.csv"
time = { column = 0 }
columns.latitude = { column = 1 }
columns.longitude = { column = 2 }
columns.heading = { column = 3 }
"""
    _, reader = convert(tmp_path, mapping, a__csv="1,48,11,90\n2,48,11,0\n")
    poses = reader.read_topic("/ref/pose")
    np.testing.assert_allclose(poses["orientation"], [[1, 0, 0, 0], [np.sqrt(0.5), 0, 0, np.sqrt(0.5)]], atol=1e-12)
    assert poses["time_ns"].tolist() == [10**9, 2 * 10**9] and np.isnan(poses["altitude_m"]).all()


def test_a_late_reception_and_a_receiver_time_are_kept(tmp_path):
    mapping = """
[clock]
unit = "us"
[[stream]]
kind = "steering"
file = "a.csv"
time = { column = "t" }
columns.steering_wheel_angle = { column = "angle", unit = "deg", scale = -1.0 }
columns.received_time = { column = "r", unit = "us" }
"""
    _, reader = convert(tmp_path, mapping, a__csv="t;r;angle\n100;250;180\n")
    sample = items(reader, "/in/steering")[0]
    assert (sample["valid_time_ns"], sample["received_time_ns"]) == (100_000, 250_000)
    assert reader.read_times("/in/steering").tolist() == [250_000]
    assert sample["steering_wheel_angle"] == pytest.approx(-np.pi)


def test_files_are_looked_for_in_the_sources_first(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "imu.csv").write_text(IMU_ROWS)
    (tmp_path / "mapping.toml").write_text(IMU)
    for source in (tmp_path / "data", tmp_path / "data" / "imu.csv"):
        assert columns.convert(tmp_path / "mapping.toml", [source], tmp_path / "a.mcap").messages == {"/in/imu": 2}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('kind = "imu"', 'kind = "imo"', "stream 1: kind = 'imo' is not known; allowed: imu, gnss"),
        ('file = "imu.csv"', 'file = "no.csv"', "file = 'no.csv' does not exist; looked for"),
        ('file = "imu.csv"', "file = 3", "file = 3 must be a file name"),
        ('unit = "ms"', 'unit = "min"', r"\[clock\]: unit = 'min' is not known; allowed: ns, us, ms, s"),
        ('name = "logger"', 'epoch = "mars"', r"\[clock\]: epoch = 'mars' is not known; allowed: boot, utc, gps"),
        ('name = "logger"', 'nome = "logger"', r"\[clock\]: no key 'nome'; allowed: epoch, name"),
        ("offset_s = 0.5", 'offset_s = "a"', "offset_s = 'a' must be a number of seconds"),
        ('column = "t"', 'column = "tt"', "time.column = 'tt' is not in .*imu.csv; it has t, ax, ay"),
        (
            "column = 6",
            "column = 60",
            "columns.angular_rate_z_radps.column = 60 is not in|columns.angular_rate_z.column = 60 is not in",
        ),
        ('unit = "g"', 'unit = "furlong"', "columns.acceleration_x: unit = 'furlong' is not known; allowed: m/s2"),
        ('unit = "deg/s"', 'unit = "g"', "columns.angular_rate_x: unit = 'g' is not known; allowed: rad/s"),
        ("acceleration_x =", "acceleration_w =", "columns.acceleration_w is no field of a imu; allowed: acceleration_x"),
        ("acceleration_x =", "acceleration_z =", "Cannot overwrite|not valid TOML"),
        ("acceleration_x =", "acceleration_y =", "names acceleration_y a second time"),
        ('columns.acceleration_x = { column = "ax", unit = "g" }\n', "", "columns.acceleration_x is missing; a imu needs"),
        ("scale = 2.0", 'scale = "2"', "columns.acceleration_z.scale = '2' must be a number"),
        ('column = "ax", unit', 'colum = "ax", unit', "columns.acceleration_x = .* must be a table with the key 'column'"),
        ('"forward", "right", "down"', '"forward", "left", "down"', "left-handed frame"),
        ('"forward", "right", "down"', '"forward", "right"', "axes = .*; give three of forward"),
        ('"forward", "right", "down"', '"forward", "x", "down"', "axes = .*; give three of forward"),
        ("equals = 0", "eq = 0", "no key 'eq'; allowed: column, equals, index"),
        (", equals = 0", "", "invalid lacks 'equals'"),
        ('column = "ok"', 'column = "okay"', "invalid.column = 'okay' is not in"),
        ("source = 3", "source = 70000", "source = 70000 must be a number from 0 to 65535"),
        ("source = 3", 'frame = "lla"', "frame is for gnss and reference_pose only"),
        ("[[stream]]", "[[streams]]", "no key 'streams'; allowed: clock, stream"),
        ("[clock]", "[clock", "not valid TOML"),
    ],
)
def test_every_mistake_is_named(tmp_path, old, new, sentence):
    assert old in IMU
    with pytest.raises(UsageError, match=sentence) as raised:
        convert(tmp_path, IMU.replace(old, new), imu__csv=IMU_ROWS)
    assert "mapping.toml" in str(raised.value)


@pytest.mark.parametrize(
    ("stream", "sentence"),
    [
        ('kind = "gnss"\nframe = "utm"\ncolumns.latitude = {column=0}', "frame = 'utm' is not known; allowed: lla, enu, ecef"),
        ('kind = "gnss"\nframe = "enu"\ncolumns.position_x = {column=0}\ncolumns.position_y = {column=0}', "needs origin"),
        ('kind = "gnss"\ncolumns.latitude = {column=0}', "columns.longitude_deg is missing"),
        (
            'kind = "gnss"\ncolumns.latitude = {column=0}\ncolumns.longitude={column=0}\ncolumns.position_x={column=0}',
            "needs frame",
        ),
        ('kind = "speed"\ncolumns.received_time = {column=0}', "has none of vehicle_speed"),
        ('kind = "steering"\naxes = ["x","y","z"]\ncolumns.steering_wheel_angle={column=0}', "axes are for an imu only"),
        (
            'kind = "speed"\ncolumns.speed = {column=0}\ncolumns.received_time = {column=0, scale=2}',
            "is a time and is kept exact",
        ),
    ],
)
def test_mistakes_of_other_kinds_are_named(tmp_path, stream, sentence):
    with pytest.raises(UsageError, match=sentence):
        convert(tmp_path, f'[[stream]]\nfile = "a.csv"\ntime = {{ column = 0 }}\n{stream}\n', a__csv="1,2\n")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [("a.csv", b"", "it holds no line"), ("a.csv", b"\xff\xfe\x00", "cannot be read"), ("a.npy", b"no", "cannot be read"),
     ("a.npz", b"no", "cannot be read"), ("a.bin", b"", "ending '.bin' is not known")],
)  # fmt: skip
def test_files_that_are_not_what_they_seem_are_named(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LogError, match=sentence):
        convert(
            tmp_path, f'[[stream]]\nkind = "speed"\nfile = "{name}"\ntime = {{ column = 0 }}\ncolumns.speed = {{ column = 0 }}\n'
        )


def test_parquet_is_read_or_the_extra_is_named(tmp_path):
    mapping = '[[stream]]\nkind = "speed"\nfile = "a.parquet"\ntime = { column = "t" }\ncolumns.speed = { column = "v" }\n'
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        (tmp_path / "a.parquet").write_bytes(b"PAR1")
        with pytest.raises(EnvironmentFault, match=r"pip install 'autonomy\[replay\]'"):
            convert(tmp_path, mapping)
        return
    pyarrow.parquet.write_table(pyarrow.table({"t": [1, 2], "v": [3.0, 4.0]}), tmp_path / "a.parquet")
    assert convert(tmp_path, mapping)[0].messages == {"/in/wheel": 2}


def test_nothing_usable_is_an_error_that_says_why(tmp_path):
    with pytest.raises(LogError, match="no row of any stream could be used .*marked invalid: 4"):
        convert(tmp_path, IMU, imu__csv=IMU_ROWS.replace(",1\n", ",0\n"))


_VALUES = st.recursive(
    st.one_of(
        st.integers(-3, 70000), st.floats(allow_nan=False, allow_infinity=False), st.text("abc.\\\"'", max_size=4), st.booleans()
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["column", "unit", "equals", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def _toml(value) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value)


@settings(max_examples=150, deadline=None)
@given(
    key=st.sampled_from(sorted(mapping.STREAM_KEYS | {"columns.acceleration_x", "columns.received_time", "columns.x"})),
    value=_VALUES,
)
def test_no_value_of_any_key_ends_in_a_traceback(tmp_path_factory, key, value):
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    lines = [line for line in IMU.splitlines() if not line.startswith(key)]
    try:
        convert(folder, "\n".join([*lines, f"{key} = {_toml(value)}"]), imu__csv=IMU_ROWS)
    except AutonomyError as error:
        assert str(folder) in str(error)
