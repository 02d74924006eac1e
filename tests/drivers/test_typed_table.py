"""What does not fit a typed table is told with its place."""

import msgspec
import pytest

from autonomy.errors import UsageError
from drivers.typed_table import convert


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    address: int


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    bus: int
    inner: list[Inner] = []


def test_a_fitting_table_is_a_struct():
    assert convert({"bus": 1, "inner": [{"address": 2}]}, Outer, "a.toml: [can]", UsageError) == Outer(1, [Inner(2)])


@pytest.mark.parametrize(
    ("table", "at", "sentence"),
    [
        ({"bus": "x"}, "", "a.toml: [can] at bus: Expected `int`, got `str` ('x'); correct this key"),
        ({"bus": 1, "inner": [{"address": 2.5}]}, "", "a.toml: [can] at inner[0].address: Expected `int`, got `float` (2.5)"),
        ({"bus": "x"}, "route[3]", "a.toml: [can] at route[3].bus: Expected `int`, got `str` ('x'); correct this key"),
        ({"bus": 1, "speed": 2}, "", "a.toml: [can]: no key 'speed' is known here; leave it out. Known: bus"),
        ({"bus": 1, "speed": 2}, "route[3]", "a.toml: [can] at route[3]: no key 'speed' is known here"),
    ],
)
def test_what_does_not_fit_is_one_sentence_with_its_place(table, at, sentence):
    with pytest.raises(UsageError) as caught:
        convert(table, Outer, "a.toml: [can]", UsageError, at)
    assert str(caught.value).startswith(sentence)
