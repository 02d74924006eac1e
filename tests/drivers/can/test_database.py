"""DBC text in, described or refused with a sentence; what is odd in it is named."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autonomy.errors import BadInputError
from drivers.can.database import DatabaseError, load, parse
from tests.drivers.can.build import EXTENDED, codec_of, dbc


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no message (BO_)"),
        ("time,id,data\n1,2,3\n", "not a DBC file"),
        ('VERSION ""\nBO_ 1 M: 8 E\n SG_ S : 0|8@1+ (1,0 [0|0] "" E\n', "line 3"),
        ('VERSION ""\nBO_ 1 M: 8 E\n SG_ S : 0|8@1+ (1,0) [0|0] "" E\n\nSIG_VALTYPE_ 9 S : 1;\nBO_ x', "line 6"),
    ],
)
def test_a_bad_dbc_is_answered_with_file_and_line(text, words):
    with pytest.raises(DatabaseError) as caught:
        parse(text, "bus.dbc")
    assert str(caught.value).startswith("bus.dbc: ") and words in str(caught.value)
    assert isinstance(caught.value, BadInputError)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('1 M -3 |;A : 0|8@1+ (1,0) [0|0] ""', "message M has -3 bytes; 0 to 1785 can be"),
        ('1 M 99999 |;A : 0|8@1+ (1,0) [0|0] ""', "message M has 99999 bytes"),
        ('1 M 8 |;A : -5|8@1+ (1,0) [0|0] ""', "signal A of 8 bits at bit -5"),
        ('1 M 8 |;A : 0|999999@1+ (1,0) [0|0] ""', "signal A of 999999 bits at bit 0"),
        ('1 M 8 |;A M : 0|8@1+ (1,0) [0|0] ""|;B m99999999999999999999 : 8|8@1+ (1,0) [0|0] ""', "signal B with a multiplexer"),
    ],
)  # fmt: skip
def test_numbers_that_no_bus_has_are_answered_with_the_message(message, words):
    with pytest.raises(DatabaseError) as caught:
        codec_of(dbc(message))
    assert str(caught.value).startswith("test.dbc: ") and words in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DatabaseError, match="none.dbc: cannot read this DBC file"):
        load(tmp_path / "none.dbc")


def test_windows_text_is_read(tmp_path):
    (tmp_path / "a.dbc").write_bytes(dbc('1 M 8 |;T : 0|8@1+ (1,0) [0|0] "°C"').encode("cp1252"))
    assert load(tmp_path / "a.dbc").messages[0].signals[0].unit == "°C"


@given(junk=st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_junk_never_ends_in_anything_but_a_sentence(junk):
    try:
        parse(junk, "junk.dbc")
    except DatabaseError as error:
        assert str(error).startswith("junk.dbc: ")


@example(place=146, junk="-")
@given(place=st.integers(0, 400), junk=st.characters())
def test_a_damaged_dbc_never_ends_in_anything_but_a_sentence(place, junk):
    text = dbc(
        '1 M 8 |;A M : 0|8@1+ (1,0) [0|0] "m"|;B m1 : 8|16@0- (0.5,-1) [0|0] "s"',
        f'{EXTENDED | 5} N 3 |;C : 0|9@1+ (1,0) [0|0] ""',
    )
    damaged = text[:place] + junk + text[place + 1 :]
    try:
        codec_of(damaged)
    except DatabaseError as error:
        assert str(error).startswith("test.dbc: ")


def test_what_is_odd_is_named_and_the_rest_still_decodes():
    text = dbc(
        '1 M 2 |;A : 0|8@1+ (1,0) [0|0] ""|;B : 4|8@1+ (1,0) [0|0] ""|;FAR : 20|8@1+ (1,0) [0|0] ""'
        '|;ZERO : 12|2@1+ (0,3) [0|0] ""',
        '1 TWIN 2 |;A : 0|8@1+ (1,0) [0|0] ""',
        '2 F 8 |;ODD : 0|24@1+ (1,0) [0|0] ""',
        tail="\nSIG_VALTYPE_ 2 ODD : 1;\n",
    )
    codec = codec_of(text)
    for words in (
        "signals A and B overlap", "signal FAR needs 4 bytes, the message has 2", "signal ZERO has the factor 0",
        "signal ODD is a float of 24 bits", "messages M and TWIN share the identifier 0x1; M is used",
    ):  # fmt: skip
        assert any(words in problem for problem in codec.problems), (words, codec.problems)
    values, validity = codec.decode(1, b"\x12\x34")
    assert dict(zip(codec.signal_names("M"), zip(values, validity, strict=True), strict=True))["B"] == (0x41, 0)
    assert dict(zip(codec.signal_names("M"), validity, strict=True))["FAR"] == 1
    assert codec.decode(2, b"\0" * 8)[1].tolist() == [1]


def test_several_buses_keep_their_messages_apart():
    from drivers.can.codec import Codec

    first, second = (
        parse(dbc(f'256 {name} 8 |;S : 0|8@1+ ({factor},0) [0|0] ""'), name) for name, factor in (("A", 1), ("B", 2))
    )
    codec = Codec({0: first, 3: second})
    assert (codec.decode(256, b"\x05", 0)[0][0], codec.decode(256, b"\x05", 3)[0][0]) == (5.0, 10.0)
    assert codec.decode(256, b"\x05", 1) is None and codec.decode(256, b"\x05", 255) is None
