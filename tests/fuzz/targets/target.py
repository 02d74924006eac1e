"""What a fuzz target is: a function that takes any bytes and returns, or raises because the code under it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from autonomy.errors import AutonomyError, EnvironmentFault


class Target(NamedTuple):
    """`seeds` are small valid inputs; `modules` is what stands behind, imported before a run so that it is instrumented."""

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    modules: tuple[str, ...]
    largest: int = 4096  # bytes of an input


@contextmanager
def refusals(*names: str) -> Iterator[None]:
    """Lets one documented refusal pass: an AutonomyError whose sentence names one of these."""
    try:
        yield
    except EnvironmentFault:
        raise
    except AutonomyError as error:
        assert any(name in str(error) for name in names), f"the sentence names none of {names}: {error}"
        assert len(str(error)) < 4000, "a sentence is no dump of the file"
