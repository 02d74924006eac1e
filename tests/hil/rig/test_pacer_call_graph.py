"""The thread that paces a port takes no GIL and allocates nothing; of the system it uses the clock and what sends."""

from __future__ import annotations

from tests.test_call_graph import functions, offenders  # noqa: F401 - a fixture

ENTRY = "__pyx_f_3hil_3rig_6_pacer_4Port__run"
SYSTEM = {"clock_nanosleep", "clock_gettime", "sendmmsg", "write", "poll"}
KNOWN = {"ring_load_acquire", "ring_load_relaxed", "ring_store_release", "ring_store_relaxed"}


def test_the_pacer_calls_the_system_and_nothing_else(functions):  # noqa: F811
    found = set(offenders(functions, ENTRY))
    assert found <= SYSTEM | KNOWN and found >= SYSTEM
