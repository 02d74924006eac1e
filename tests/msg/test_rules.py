"""Each rule of the generator, broken on purpose, is answered with a sentence that names file, line and remedy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.msg import definitions
from autonomy.msg.definitions import DefinitionError, parse

INNER = {
    "Good": "float64 a\nuint8 b\nuint8[7] padding\n",
    "Small": "uint32 a\nuint32 b\n",
    "Listed": "int64 t\nGood[<=3] items\n",
    "ListFirst": "Good[<=3] items\n",
}


def resolve(name):
    if name not in INNER:
        raise DefinitionError(f"no message {name}")
    return parse(name, INNER[name], resolve)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("uint8 a\nint64 b\n", "line 2: 'b' would need 7 bytes of hidden padding at 1; write a padding field"),
        ("int64 a\nuint8 b\n", "size 9 is not a multiple of 8; add uint8\\[7\\] padding"),
        ("Small a\n", "line 1: 'Small' is nested but does not start with an 8-byte field"),
        ("ListFirst a\n", "'ListFirst' is nested but does not start with an 8-byte field"),
        ("uint32 a\nuint32 b\nuint8 c\nGood d\n", "hidden padding"),
        ("bool a\n", "type 'bool' is not allowed; use uint8"),
        ("string a\n", "type 'string' is not allowed"),
        ("wstring a\n", "type 'wstring' is not allowed"),
        ("int64 a\nGood[<=3] b\nint64 c\n", "'c' follows the list 'b'; a list must stand last"),
        ("int64 a\nListed[2] b\n", "'Listed' holds a list and cannot be an array element"),
        ("int64 a\nListed[<=2] b\n", "'Listed' holds a list and cannot be an array element"),
        ("uint32 a\nGood[<=3] b\n", "list 'b' must start at a multiple of 8"),
        ("int64 a\nuint16[<=8] b\n", "list 'b' must start at a multiple of 8 and hold elements that do too"),
        ("int64 a\nuint8[<=8] b\n", "list 'b' of bytes must start 4 bytes after a multiple of 8"),
        ("uint32 a\nuint8[<=3] b\n", "size 11 is not a multiple of 8"),
        ("int64 a\nuint16 b\nGood[<=3] c\n", "list 'c' starts at 10; add padding"),
        ("int64[] a\n", "cannot read 'int64\\[\\] a'"),
        ("int64 Name\n", "cannot read"),
        ("autonomy/Good a\n", "cannot read"),
        ("Unknown a\n", "no message Unknown"),
        ("# nothing\n\n", "no fields"),
    ],
)
def test_a_broken_rule_gives_a_sentence(text, sentence):
    with pytest.raises(DefinitionError, match=sentence):
        parse("Broken", text, resolve)


def test_an_unknown_message_is_named():
    with pytest.raises(DefinitionError, match="no message Nothing"):
        definitions.load("Nothing")


@given(st.lists(st.tuples(st.sampled_from(sorted(definitions.PRIMITIVE_SIZES)), st.integers(1, 9)), min_size=1, max_size=12))
def test_only_layouts_without_hidden_padding_pass(fields):
    """A definition is accepted exactly when every field stands at a multiple of its size and the whole is one of 8."""
    text, offset, sound = "", 0, True
    for number, (kind, length) in enumerate(fields):
        size = definitions.PRIMITIVE_SIZES[kind]
        sound = sound and offset % size == 0
        offset += size * length
        text += f"{kind}{f'[{length}]' if length > 1 else ''} field{number}\n"
    if sound and offset % 8 == 0:
        assert parse("Random", text, resolve).size == offset
    else:
        with pytest.raises(DefinitionError, match="Random.msg"):
            parse("Random", text, resolve)


@given(st.text(max_size=60))
def test_no_text_ends_in_anything_but_a_message_or_a_sentence(text):
    try:
        parse("Random", text, resolve)
    except DefinitionError as error:
        assert "Random.msg" in str(error) or "no message" in str(error)
