"""Nothing that allocates or takes the GIL is reachable from the loop; of the system it uses the clock and one write."""

from __future__ import annotations

from tests.test_call_graph import functions, offenders, reachable  # noqa: F401 - a fixture

ENTRY = "__pyx_f_8autonomy_7runtime_5_loop_4Loop__run"
SYSTEM = {"clock_nanosleep", "clock_gettime", "write"}
# C of our own in _ring.pxd and _codec.pxd: atomic built-ins behind names, arithmetic on bits
KNOWN = {"ring_load_acquire", "ring_load_relaxed", "ring_store_release", "ring_store_relaxed", "reverse_bytes", "likely_true",
         "exact_integer", "exact_product", "float_of_bits16", "float_of_bits32", "float_of_bits64"}  # fmt: skip


def test_the_loop_calls_the_tick_and_the_system_and_nothing_else(functions):  # noqa: F811
    found = offenders(functions, ENTRY)
    assert set(found) <= SYSTEM | KNOWN, {name: caller for name, caller in found.items() if name not in SYSTEM | KNOWN}
    assert set(found) >= SYSTEM


def test_the_check_sees_the_tick_behind_the_loop(functions):  # noqa: F811
    reached = reachable(functions, ENTRY)
    assert any(name.endswith("Loop__step") for name in reached) and any(name.endswith("Loop__take") for name in reached)
