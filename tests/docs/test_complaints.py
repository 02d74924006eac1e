"""The page of complaints: every number has tests of its name, or says why not yet."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", (ROOT / "docs" / "complaints.md").read_text(encoding="utf-8"), re.M)
TESTS = {
    int(number)
    for path in (ROOT / "tests").rglob("test_*.py")
    for number in re.findall(r"def test_pain_(\d+)_", path.read_text(encoding="utf-8"))
}


def test_the_page_lists_all_of_them_once():
    assert [int(number) for number, _ in ROWS] == list(range(1, 28))


@pytest.mark.parametrize("number, answer", ROWS)
def test_an_answer_is_a_test_or_says_why_not_yet(number, answer):
    has_test = int(number) in TESTS
    assert has_test == ("test" in answer.split("not yet")[0]), f"complaint {number}: {answer}"
    assert has_test or "not yet: " in answer
