"""Nothing that allocates or takes the GIL is reachable from a turn of the ray caster (_caster): checked over its generated C."""

from __future__ import annotations

import re

from tests import test_call_graph
from tests.test_call_graph import GENERATED, ROOT, bodies, offenders

ENTRIES = ("sort", "sweep", "cast", "sensor_at", "tell")  # methods: called through the object, so each is an entry of its own
OWN_C = re.compile(r"static inline [\w\s]+?\*?(\w+)\(")


def test_nothing_takes_the_gil_or_allocates_in_a_turn(monkeypatch):
    source = GENERATED / "hil" / "lidar" / "_caster.c"
    assert source.is_file(), "no generated C under build/cython: run 'make build' first"
    functions = bodies(source.read_text(errors="replace"))
    own = set(OWN_C.findall((ROOT / "ext/hil/lidar/_wide.pxd").read_text()))
    assert "columns8" in own and "hashed8" in own
    library = test_call_graph.LIBRARY | own | {*ENTRIES, "atan2f", "sqrtf", "floorf", "fabsf"}
    monkeypatch.setattr(test_call_graph, "LIBRARY", library)
    for entry in ENTRIES:
        names = [name for name in functions if name.endswith(f"Caster_{entry}") and name.startswith("__pyx_f")]
        assert len(names) == 1
        assert offenders(functions, names[0]) == {}
