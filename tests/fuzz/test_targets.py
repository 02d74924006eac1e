"""Every fuzz target on random bytes, on its seeds cut and changed, and on what once broke it.

`python -m tests.fuzz.run` does the same guided by coverage and for as long as one likes.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

KEPT = Path(__file__).with_name("seeds")
FAILED = Path("build/fuzz")  # the last, which is the smallest, input that broke a target
EXAMPLES = 25


@cache
def seeds(name: str) -> list[bytes]:
    return TARGETS[name].seeds()


@st.composite
def mutated(draw, given_seeds: list[bytes]) -> bytes:
    """A seed with stretches overwritten, put in, taken out or doubled; now and then cut."""
    data = bytearray(draw(st.sampled_from(given_seeds)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 8))
        how = draw(st.sampled_from(["overwrite", "insert", "remove", "double", "flip"]))
        if how == "overwrite":
            data[at : at + length] = draw(st.binary(min_size=length, max_size=length))
        elif how == "insert":
            data[at:at] = draw(st.binary(max_size=length))
        elif how == "remove":
            del data[at : at + length]
        elif how == "double":
            data[at:at] = data[at : at + 16 * length]
        elif data:
            data[at % len(data)] ^= 1 << length % 8
    if draw(st.booleans()):
        del data[draw(st.integers(0, len(data))) :]
    return bytes(data)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_seeds_and_what_once_broke_it(name):
    assert seeds(name)
    for data in seeds(name):
        assert len(data) <= TARGETS[name].largest
        TARGETS[name].run(data)
    TARGETS[name].run(b"")
    for path in sorted((KEPT / name).glob("*")):
        TARGETS[name].run(path.read_bytes())


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_any_bytes(name):
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.one_of(mutated(seeds(name)), mutated(seeds(name)), st.binary(max_size=300)))
    def check(data):
        try:
            TARGETS[name].run(data)
        except BaseException:
            path = FAILED / name / "failed-hypothesis"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            raise

    check()


def test_what_is_kept_belongs_to_a_target():
    assert {path.name for path in KEPT.iterdir() if path.is_dir()} <= set(TARGETS)
