"""Every kernel has a test that names it: the one that holds it beside its twin or a library."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORDS = {word for path in (ROOT / "tests").rglob("test_*.py") for word in re.findall(r"\b_\w+\b", path.read_text())}


@pytest.mark.parametrize("kernel", sorted((ROOT / "ext").rglob("*.pyx")), ids=lambda path: str(path.relative_to(ROOT / "ext")))
def test_a_kernel_is_named_by_a_test(kernel):
    assert kernel.stem in WORDS
