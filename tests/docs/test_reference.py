"""The reference pages are what the code says now, and say what the code does."""

from __future__ import annotations

import pytest

from autonomy import msg, parameter_limits
from autonomy.msg import definitions
from autonomy.reference import RENEW, configuration, messages, pages
from tests.docs.pages import DOCS

PARAMETERS = [
    item
    for section in definitions.load("Parameters").fields
    for item in definitions.load(section.type).fields
    if "float" in item.type
]


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return pages()


@pytest.mark.parametrize("name", ["cli.md", "configuration.md", "messages.md", "exit-codes.md"])
def test_a_page_is_up_to_date(name, made):
    assert (DOCS / "reference" / name).read_text(encoding="utf-8") == made[name], f"docs/reference/{name} is stale: run {RENEW}"


def test_there_are_no_other_pages(made):
    assert {path.name for path in (DOCS / "reference").iterdir()} == set(made)


def test_sizes_tell_the_bytes_in_a_log():
    assert int(messages.size("Cut")) == msg.dtype("Cut").itemsize
    head, element, most = (int(word) for word in messages.size("ImuInput").replace("n, n <=", "").replace("+", "").split())
    assert head + element * most == msg.dtype("ImuInput").itemsize


@pytest.mark.parametrize("item", PARAMETERS, ids=lambda item: item.name)
def test_the_range_told_is_the_one_checked(item):
    told = configuration.allowed(item)
    bound = float(told.partition("<= ")[2] or "inf")
    least = float(told.removeprefix(">= ").partition(",")[0]) if told.startswith(">= ") else 0.0
    for value in (-1.0, 0.0, min(0.1, bound), 0.99 * least, least, bound * 1.01):
        is_allowed = value <= bound and (told == "any" or value >= least and (value > 0.0 or told.startswith(">= ")))
        assert (parameter_limits.complaint(item.name, value) is None) == is_allowed, (told, value)


def test_every_key_of_a_configuration_is_told(made):
    assert all(f"| `{item.name}` |" in made["configuration.md"] for item in PARAMETERS if not item.name.startswith("padding"))
