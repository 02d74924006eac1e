"""The kernels' physical constants are those of Python."""

from __future__ import annotations

import re
from pathlib import Path

from autonomy import physics

HEADER = Path(__file__).parents[1] / "ext/autonomy/_physics.pxd"


def test_the_kernels_constants_are_those_of_python():
    stated = {name: float(value) for name, value in re.findall(r"#define (\w+) ([-+.\de]+)", HEADER.read_text())}
    assert stated == {name: value for name, value in vars(physics).items() if name.isupper()}
