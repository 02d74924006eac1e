"""The `.msg` files, the C structs and the NumPy dtypes are one memory."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from autonomy import msg
from autonomy.msg import _probe, definitions, generate

NAMES = definitions.names()
SIZES = definitions.PRIMITIVE_SIZES


def _size_by_hand(name: str) -> int:
    """The size from the text alone: the sum of its fields, as nothing is padded."""
    total = 0
    for line in (definitions.DIRECTORY / f"{name}.msg").read_text().splitlines():
        code = line.partition("#")[0].strip()
        if not code or "=" in code.replace("<=", ""):
            continue
        kind, _ = code.split()
        base, _, rest = kind.partition("[")
        length = int(re.sub(r"\D", "", rest) or 1)
        total += (SIZES.get(base) or _size_by_hand(base)) * length + ((4 if base == "uint8" else 8) if "<=" in rest else 0)
    return total


@pytest.mark.parametrize("name", NAMES)
def test_size_is_the_sum_of_the_fields(name):
    assert definitions.load(name).size == msg.dtype(name).itemsize == _size_by_hand(name)


@pytest.mark.parametrize("name", NAMES)
def test_numpy_would_lay_it_out_the_same_with_c_alignment(name):
    """An aligned NumPy dtype follows the C rules: the same offsets mean no hidden padding anywhere."""
    ours = msg.dtype(name)
    formats = []
    for item in definitions.load(name).fields:
        if item.kind == "list":
            formats += [("count", "u4"), ("count_padding", "u4")][: item.list_header_size // 4]
        base = np.dtype(item.type) if item.type in SIZES else np.dtype([("word", "i8", definitions.load(item.type).size // 8)])
        formats.append((item.name, base) if item.kind == "scalar" else (item.name, base, (item.length,)))
    natural = np.dtype(formats, align=True)
    assert natural.itemsize == ours.itemsize
    assert {key: natural.fields[key][1] for key in ours.names} == {key: ours.fields[key][1] for key in ours.names}


def test_the_built_module_has_the_same_sizes():
    for name, size in _probe.sizes().items():
        assert msg.dtype(name).itemsize == size, name


def test_a_c_compiler_sees_every_size_and_offset(tmp_path):
    """The header's own assertions cover each struct and field; printing the sizes proves they were compiled."""
    generate.generate(tmp_path)
    header = (tmp_path / "messages.h").read_text()
    for name in NAMES:
        assert f"sizeof({name}) == {msg.dtype(name).itemsize}" in header
        for item in definitions.load(name).fields:
            assert f"offsetof({name}, {'count' if item.kind == 'list' else item.name}) == {item.offset}" in header
    lines = "".join(f'printf("{name} %zu\\n", sizeof({name}));' for name in NAMES)
    (tmp_path / "sizes.c").write_text(f'#include <stdio.h>\n#include "messages.h"\nint main(void) {{ {lines} return 0; }}\n')
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    subprocess.run([compiler, "-std=c11", "-Wpadded", "-Werror", "-o", "sizes", "sizes.c"], cwd=tmp_path, check=True)
    printed = subprocess.run([tmp_path / "sizes"], capture_output=True, text=True, check=True).stdout.split()
    assert dict(zip(printed[::2], map(int, printed[1::2]), strict=True)) == {name: msg.dtype(name).itemsize for name in NAMES}


def test_generating_again_leaves_the_files_untouched(tmp_path):
    first = [(path, path.stat().st_mtime_ns) for path in generate.generate(tmp_path)]
    assert [(path, path.stat().st_mtime_ns) for path in generate.generate(tmp_path)] == first


def test_frames_match_the_promised_capacities():
    promised = dict(imu=32, wheel=16, shaft=16, steering=16, gnss=4, radar=128, lane=4, obstacle=128, odometry=2,
                    driver=4, object=128)  # fmt: skip
    frame = msg.dtype("InputFrame")
    for kind, capacity in promised.items():
        assert frame[kind]["items"].shape == (capacity,), kind
        assert {"count", "overflow"} <= set(frame[kind].names)
    parts = {"vehicle", "ego", "truck", "faults", "lane", "tracks", "plan", "control", "actuation", "health"}
    assert parts <= set(msg.dtype("OutputFrame").names)


def test_every_sample_says_when_from_whom_and_whether_it_is_valid():
    for name in (name for name in NAMES if name.endswith("Sample") or name == "RadarPoint"):
        fields = {item.name: item.type for item in definitions.load(name).fields}
        assert fields["valid_time_ns"] == fields["received_time_ns"] == "int64", name
        assert (fields["source"], fields["validity"]) == ("uint16", "uint8"), name


def test_a_can_frame_is_the_24_bytes_that_were_promised():
    kinds = [(item.name, item.offset) for item in definitions.load("CanFrame").fields]
    assert kinds == [("time_ns", 0), ("id", 8), ("bus", 12), ("length", 13), ("flags", 14), ("padding", 15), ("data", 16)]
    assert msg.dtype("CanFrame").itemsize == 24


def test_the_head_of_the_input_frame_is_the_tick_input():
    frame, head = definitions.load("InputFrame").fields, definitions.load("TickInput").fields
    assert [(a.name, a.type, a.offset) for a in frame[: len(head)]] == [(b.name, b.type, b.offset) for b in head]


def test_a_stale_module_is_refused():
    from autonomy.msg.layout import require

    with pytest.raises(ImportError, match="build again"):
        require("autonomy.msg._probe", msg.layout_hash() ^ 1)


def test_the_layout_hash_sees_fields_and_not_comments(monkeypatch):
    before = msg.layout_hash()
    names = definitions.names
    changed = definitions.parse("Timing", (Path(definitions.DIRECTORY) / "Timing.msg").read_text() + "int64 more\n", None)
    remarked = definitions.parse("Timing", "# said\n" + definitions.load("Timing").text, None)
    load = definitions.load
    for message, equal in ((changed, False), (remarked, True)):
        monkeypatch.setattr(definitions, "load", lambda name, message=message: message if name == "Timing" else load(name))
        assert (definitions.layout_hash.__wrapped__() == before) is equal
    assert names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_concatenating_keeps_the_layout(name):
    rows = np.zeros(2, msg.dtype(name))
    assert np.concatenate([rows, rows]).dtype == rows.dtype and np.concatenate([rows, rows]).dtype.itemsize == rows.itemsize
