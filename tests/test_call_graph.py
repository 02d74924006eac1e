"""Nothing that allocates or takes the GIL is reachable from the tick: checked over the C that Cython generated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GENERATED = ROOT / "build" / "cython" / "ext"
ENTRY = "__pyx_f_8autonomy_5_tick_tick"

# Everything outside the generated code that the tick may call
LIBRARY = {
    "sqrt", "sin", "cos", "tan", "atan", "atan2", "asin", "acos", "exp", "log", "pow", "fabs", "fmin", "fmax", "floor", "ceil",
    "hypot", "fmod", "copysign", "round", "lround", "llround", "isnan", "isfinite", "isinf", "memcpy", "memset", "memmove",
    "rint", "trunc", "tanh", "sinh", "cosh", "log1p", "expm1", "cbrt", "abs", "labs", "llabs",
    "erfc", "remainder",
    # C of our own in ext/autonomy/linalg/_vector.pxd: arithmetic on four doubles
    "load4", "store4", "all4", "smaller4", "root4", "sum4", "least4", "multiply_8x8", "multiply_transposed_8x8", "multiply_12x12",
    "weighted_rows_8", "dot_8",
    # ... and in ext/autonomy/perception/_columns.pxd: loops over columns of points
    "polar", "cubes", "above_lines", "lowest_of", "strips_of", "cells_of", "listed", "transform", "nearest_pose", "plane_sums",
    "sqrtf", "fabsf",
}  # fmt: skip
WORDS = {
    "if", "for", "while", "switch", "return", "sizeof", "likely", "unlikely", "do", "else", "defined", "double", "int", "float",
    "char", "void", "long", "CYTHON_UNUSED", "CYTHON_UNUSED_VAR", "offsetof", "CYTHON_FALLTHROUGH", "__typeof__",
}  # fmt: skip
DEFINITION = re.compile(r"^static (?:CYTHON_INLINE )?[\w\s\*]*?\b(\w+)\([^;]*\) \{$", re.M)
CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
STRINGS_AND_COMMENTS = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', re.S)


def bodies(text: str) -> dict[str, str]:
    """Function name -> body for every function that a generated file defines."""
    found = {}
    for match in DEFINITION.finditer(text):
        end = text.index("\n}", match.end())
        found[match[1]] = text[match.end() : end]
    return found


def calls(body: str) -> set[str]:
    return set(CALL.findall(STRINGS_AND_COMMENTS.sub(" ", body))) - WORDS


def offenders(functions: dict[str, str], entry: str) -> dict[str, str]:
    """Calls that are neither our own kernels nor the mathematical library -> the function that makes them."""
    waiting, seen, found = [entry], {entry}, {}
    while waiting:
        caller = waiting.pop()
        for name in calls(functions[caller]):
            if name in seen or name in LIBRARY:
                continue
            seen.add(name)
            if name in functions:
                waiting.append(name)
            elif not name.startswith("__builtin_"):
                found[name] = caller
    return found


@pytest.fixture(scope="module")
def functions() -> dict[str, str]:
    sources = sorted(GENERATED.rglob("*.c"))
    for path in sources:
        written = (ROOT / path.relative_to(GENERATED.parent)).with_suffix(".pyx")
        assert written.stat().st_mtime <= path.stat().st_mtime, f"{path} is older than {written}: run 'make build'"
    assert sources, "no generated C under build/cython: run 'make build' first"
    merged: dict[str, str] = {}
    for source in sources:
        merged |= bodies(source.read_text(errors="replace"))
    return merged


def reachable(functions: dict[str, str], entry: str) -> set[str]:
    """Functions of ours that it calls, directly or not."""
    reached, waiting = set(), [entry]
    while waiting:
        name = waiting.pop()
        if name in functions and name not in reached:
            reached.add(name)
            waiting += calls(functions[name])
    return reached


def test_the_tick_reaches_every_step(functions):
    reached = reachable(functions, ENTRY)
    for step in (
        "inputs_step",
        "ego_step",
        "truck_step",
        "lane_step",
        "tracks_step",
        "plan_step",
        "control_step",
        "envelope_step",
    ):
        assert any(name.endswith(step) for name in reached), f"{step} is not reachable from the tick"


def test_nothing_takes_the_gil_or_allocates_in_the_tick(functions):
    assert offenders(functions, ENTRY) == {}


def test_nothing_takes_the_gil_or_allocates_in_the_serial_codecs(functions):
    assert offenders(functions, "__pyx_f_7drivers_6serial_7_router_route_bytes") == {}


PERCEPTION = (
    "7_deskew_deskew", "7_ground_find_ground", "7_bright_find_bright", "12_lane_memory_recall", "12_lane_memory_remember",
    "6_lanes_find_lanes", "9_clusters_occupy", "6_edges_find_edges", "9_clusters_join", "6_boxes_find_boxes",
    "9_classify_classify", "11_free_space_find_free_space", "7_health_judge_health", "7_voxels_sample_voxels",
    "10_euclidean_cluster", "9_odometry_align",
)  # fmt: skip


@pytest.mark.parametrize("entry", PERCEPTION)
def test_nothing_takes_the_gil_or_allocates_in_perception(functions, entry):
    assert offenders(functions, f"__pyx_f_8autonomy_10perception_{entry}") == {}


def test_nothing_takes_the_gil_or_allocates_in_the_lidar_codecs(functions):
    assert offenders(functions, "__pyx_f_7drivers_5lidar_8_decoder_decode_packet") == {}
    assert offenders(functions, "__pyx_f_7drivers_5lidar_8_encoder_fill_packet") == {}


def test_nothing_takes_the_gil_or_allocates_in_the_radars(functions):
    for entry in ("7drivers_5radar_9_can_scan_take_frames", "7drivers_5radar_7_ars548_take_packet",
                  "8autonomy_10perception_5radar_11_own_motion_own_motion", "8autonomy_10perception_5radar_7_screen_screen"):
        assert offenders(functions, f"__pyx_f_{entry}") == {}


def test_the_check_finds_an_offender():
    text = "static void f(int x) {\n  g(x);\n}\nstatic void g(int x) {\n  PyList_New(x);\n}\n"
    assert offenders(bodies(text), "f") == {"PyList_New": "g"}
