"""Point files: each kind as it was written, LZF (_lzf) beside its twin, and sentences for what is broken."""

import io

import numpy as np
import pytest
from autonomy.perception._lzf import unpack
from hypothesis import given
from hypothesis import strategies as st

from autonomy.errors import BadInputError
from autonomy.perception import lzf_twin
from autonomy.perception.mounting import estimate_height
from autonomy.perception.point_files import read_points
from tests.perception.scenes import HEIGHT_M, as_points, street

HEADER = (
    "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z intensity ring\nSIZE 4 4 4 4 2\nTYPE F F F F U\nCOUNT 1 1 1 1 1\nWIDTH {0}\n"
    "HEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {0}\nDATA {1}\n"
)
ROW = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("ring", "<u2")])


def rows(count: int = 100) -> np.ndarray:
    rng = np.random.default_rng(1)
    table = np.zeros(count, ROW)
    for axis in "xyz":
        table[axis] = rng.normal(0, 20, count)
    table["intensity"], table["ring"] = rng.integers(0, 255, count), rng.integers(0, 64, count)
    return table


def packed(data: bytes) -> bytes:
    """LZF of literals alone."""
    return b"".join(bytes([len(data[i : i + 32]) - 1]) + data[i : i + 32] for i in range(0, len(data), 32))


def pcd(kind: str, table: np.ndarray) -> bytes:
    head = HEADER.format(len(table), kind).encode()
    if kind == "ascii":
        return head + "\n".join(" ".join(repr(v.item()) for v in row) for row in table).encode()
    if kind == "binary":
        return head + table.tobytes()
    columns = b"".join(table[name].tobytes() for name in ROW.names)
    return head + np.array([len(packed(columns)), len(columns)], "<u4").tobytes() + packed(columns)


def feather_of(columns: dict, twice: str | None = None) -> bytes:
    """Three points; `columns` instead of x, y, z or beside them, None = without, `twice`: which is there twice."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import feather

    every = {**dict.fromkeys("xyz", [1.0, 2.0, 3.0]), **columns}
    table = pyarrow.table({name: values for name, values in every.items() if values is not None})
    if twice is not None:
        table = table.append_column(twice, table[twice])
    file = io.BytesIO()
    feather.write_feather(table, file, compression="uncompressed")
    return file.getvalue()


@pytest.mark.parametrize("kind", ["ascii", "binary", "binary_compressed"])
def test_pcd_is_read_as_it_was_written(tmp_path, kind):
    path, table = tmp_path / "a.pcd", rows()
    path.write_bytes(pcd(kind, table))
    points = read_points(path)
    for name in ROW.names:
        np.testing.assert_array_equal(points[name], table[name])


def test_kitti_and_nuscenes_are_read_as_they_were_written(tmp_path):
    table = np.random.default_rng(2).uniform(0, 1, (50, 5)).astype("<f4")
    (tmp_path / "k.bin").write_bytes(table[:, :4].tobytes())
    (tmp_path / "n.pcd.bin").write_bytes(table.tobytes())
    for name in ("k.bin", "n.pcd.bin"):
        points = read_points(tmp_path / name)
        np.testing.assert_array_equal(points["y"], table[:, 1])
        np.testing.assert_array_equal(points["intensity"], np.rint(table[:, 3] * 255))


def test_feather_is_read_as_it_was_written(tmp_path):
    pytest.importorskip("pyarrow")
    import pyarrow
    from pyarrow import feather

    table = {"x": np.arange(5, dtype=np.float16), "y": np.ones(5, np.float16), "z": np.zeros(5, np.float16),
             # fmt: skip
             "intensity": np.arange(5, dtype=np.uint8), "laser_number": np.arange(5, dtype=np.uint8),
             "offset_ns": np.arange(5, dtype=np.int32)}
    feather.write_feather(pyarrow.table(table), tmp_path / "a.feather")
    points = read_points(tmp_path / "a.feather")
    np.testing.assert_array_equal(points["ring"], table["laser_number"])
    np.testing.assert_array_equal(points["time_offset_ns"], table["offset_ns"])


@pytest.mark.parametrize(("name", "data", "told"), [
    ("a.bin", b"123", "no whole number of points"),
    ("a.pcd", b"hello", "has no line DATA"),
    ("a.pcd", pcd("binary", rows())[:-1], "it is cut"),
    ("a.pcd", pcd("binary_compressed", rows())[:-1], "it is cut"),
    ("a.pcd", pcd("ascii", rows())[:-200], "it is cut"),
    ("a.pcd", pcd("ascii", rows()) + b" x", "is no number"),
    ("a.pcd", pcd("binary", rows()).replace(b"DATA binary", b"DATA smoke!"), "must be ascii"),
    ("a.pcd", pcd("binary", rows()).replace(b"FIELDS x y z", b"FIELDS u v w"), "has no field x"),
    ("a.pcd", pcd("binary", rows()).replace(b"SIZE 4 4", b"SIZE 9 4"), "do not fit together"),
    ("a.pcd", pcd("binary", rows()).replace(b"POINTS 100", b"POINTS -10"), "must be between"),
    ("a.pcd", pcd("ascii", rows()) + b"\n1 2 3 4 5", "line 112: a line more than POINTS 100"),
    ("a.pcd", pcd("ascii", rows()) + b" 7", "line 111: 6 values, but FIELDS and COUNT tell 5"),
    ("a.pcd", pcd("ascii", rows()).rpartition(b" ")[0], "line 111: 4 values, .*; it is cut"),
    ("a.pcd", pcd("ascii", rows()).replace(b"DATA ascii\n", b"DATA ascii\n\n7 "), "line 13: 6 values"),
    ("a.pcd", pcd("ascii", rows()).replace(b"DATA ascii\n", b"DATA ascii\n7,1 "), "line 12: '7,1' is no number"),
    ("a.pcd", pcd("binary", rows()).replace(b"FIELDS x y z intensity", b"FIELDS x y z x"), "FIELDS names 'x' 2 times"),
    ("a.pcd", pcd("binary", rows()).replace(b"WIDTH 100", b"WIDTH 50"), "POINTS 100, but WIDTH 50 x HEIGHT 1"),
    ("a.pcd", pcd("binary", rows()).replace(b"VERSION 0.7", b"WIDTH 100"), "line 7: a second line WIDTH"),
    ("a.feather", b"123", "no Feather file"),
])  # fmt: skip
def test_what_is_broken_is_told_in_a_sentence(tmp_path, name, data, told):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(BadInputError, match=told) as error:
        read_points(path)
    assert str(path) in str(error.value)


def test_fields_that_only_fill_a_pcd_up_may_share_their_name(tmp_path):
    path = tmp_path / "a.pcd"
    path.write_bytes(pcd("binary", rows()).replace(b"intensity ring", b"_ _"))
    np.testing.assert_array_equal(read_points(path)["z"], rows()["z"])


def test_empty_lines_among_the_points_of_a_pcd_count_for_nothing(tmp_path):
    path = tmp_path / "a.pcd"
    path.write_bytes(pcd("ascii", rows()).replace(b"DATA ascii\n", b"DATA ascii\n\n  \n") + b"\r\n\n")
    np.testing.assert_array_equal(read_points(path)["ring"], rows()["ring"])


@pytest.mark.parametrize(("columns", "told"), [
    ({"x": ["a", "b", "c"]}, "column 'x' is of type string; it must hold numbers"),
    ({"z": [[1.0], [2.0], []]}, "column 'z' is of type list"),
    ({"z": [True, False, True]}, "column 'z' is of type bool"),
    ({"intensity": [None, None, None]}, "column 'intensity' is of type null"),
    ({"y": None}, "has no field y"),
])  # fmt: skip
def test_a_feather_file_with_a_column_of_another_type_is_told(tmp_path, columns, told):
    path = tmp_path / "a.feather"
    path.write_bytes(feather_of(columns))
    with pytest.raises(BadInputError, match=f"{path}: {told}"):
        read_points(path)


def test_a_feather_file_with_a_column_twice_is_told(tmp_path):
    path = tmp_path / "a.feather"
    path.write_bytes(feather_of({}, twice="x"))
    with pytest.raises(BadInputError, match="has 2 columns 'x'; leave one"):
        read_points(path)


def test_columns_of_a_feather_file_that_nobody_reads_may_hold_anything(tmp_path):
    path = tmp_path / "a.feather"
    path.write_bytes(feather_of({"label": ["car", None, "truck"]}))
    assert len(read_points(path)) == 3


@given(st.binary(max_size=200), st.integers(0, 400))
def test_lzf_unpacks_what_the_twin_does(data, size):
    try:
        wanted = lzf_twin.unpack(data)
    except IndexError:
        wanted = None
    found = unpack(data, size)
    if wanted is not None and len(wanted) == size:
        assert found.tobytes() == wanted
    else:
        assert found is None


def test_the_height_of_a_sensor_is_seen():
    assert estimate_height(street(300, 64)) == pytest.approx(HEIGHT_M, abs=0.1)
    assert estimate_height(as_points(np.zeros((3, 3)))) is None
