"""Constants that kernels and Python both need are stated twice, once for each: here they are held together."""

from __future__ import annotations

import re
from pathlib import Path

from autonomy import msg, physics
from autonomy.tick_period import TICK_NS, TICK_S

EXT = Path(__file__).parents[1] / "ext/autonomy"


def test_the_kernels_physics_are_those_of_python():
    text = (EXT / "_physics.pxd").read_text()
    stated = {name: float(value) for name, value in re.findall(r"#define (\w+) ([-+.\de]+)", text)}
    assert stated == {name: value for name, value in vars(physics).items() if name.isupper()}


def test_the_tick_has_one_period():
    assert int(re.search(r"\bPERIOD_NS = (\d+)", (EXT / "inputs/_clock.pxd").read_text())[1]) == TICK_NS
    assert msg.constants("LateralParameters")["TICK_PERIOD_S"] == TICK_S and round(1e9 * TICK_S) == TICK_NS
