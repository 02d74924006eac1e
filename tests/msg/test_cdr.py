"""A message's memory behind a 4-byte header is its CDR: two independent libraries read and write the same bytes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from mcap_ros2._dynamic import generate_dynamic, serialize_dynamic
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from autonomy import msg
from autonomy.log.layouts import schema_name
from autonomy.msg import definitions
from tests.msg.content import LOGGABLE, random_message

FILLS = (None, 0, 1, 10**6)


@cache
def store():
    """A rosbags type store that knows all our messages from their text."""
    types = get_typestore(Stores.EMPTY)
    for name in definitions.names():
        types.register(get_types_from_msg(definitions.load(name).text, schema_name(name)))
    return types


def assert_equal(name: str, ours, theirs) -> None:
    """Field by field, nested messages and lists included; NaN equals NaN."""
    for item in definitions.load(name).fields:
        value, other = ours[item.name], getattr(theirs, item.name)
        nested = item.type not in definitions.PRIMITIVE_SIZES
        if item.kind == "list":
            value = value[: int(ours["count"])]
        if item.kind == "scalar" and nested:
            assert_equal(item.type, value, other)
        elif nested:
            assert len(value) == len(other)
            for one, two in zip(value, other, strict=True):
                assert_equal(item.type, one, two)
        else:
            other = list(other) if isinstance(other, bytes) else other
            np.testing.assert_array_equal(np.asarray(value), np.asarray(other, item.type), err_msg=f"{name}.{item.name}")


@pytest.mark.parametrize("name", LOGGABLE)
@pytest.mark.parametrize("count", FILLS)
def test_mcap_ros2_reads_and_writes_the_same_bytes(name, count):
    generator = np.random.default_rng(len(name))
    value = random_message(name, generator, count)
    data = msg.to_cdr(name, value)
    decoded = generate_dynamic(schema_name(name), msg.schema_text(name))[schema_name(name)](data)
    assert_equal(name, value, decoded)
    assert serialize_dynamic(schema_name(name), msg.schema_text(name))[schema_name(name)](decoded) == data


@pytest.mark.parametrize("name", LOGGABLE)
@pytest.mark.parametrize("count", FILLS)
def test_rosbags_reads_and_writes_the_same_bytes(name, count):
    generator = np.random.default_rng(len(name) + 1)
    value = random_message(name, generator, count)
    data = msg.to_cdr(name, value)
    decoded = store().deserialize_cdr(data, schema_name(name))
    assert_equal(name, value, decoded)
    assert bytes(store().serialize_cdr(decoded, schema_name(name))) == data


@pytest.mark.parametrize("name", [name for name in LOGGABLE if definitions.load(name).list_field])
def test_a_list_is_cut_after_its_last_element(name):
    layout = msg.list_layout(name)
    bound = definitions.load(name).list_field.length
    value = random_message(name, np.random.default_rng(0), bound)
    assert len(msg.to_cdr(name, value)) == 4 + definitions.load(name).size
    value = random_message(name, np.random.default_rng(0), 2)
    assert len(msg.to_cdr(name, value)) == 4 + layout[1] + 2 * layout[2]


def test_a_frame_with_several_lists_has_no_cdr():
    with pytest.raises(msg.DefinitionError, match="several lists"):
        msg.to_cdr("InputFrame", np.zeros((), msg.dtype("InputFrame")))


def test_constants_are_numbers():
    assert msg.constants("ImuInput")["NOT_IN_A_TICK"] == 2**64 - 1
    assert msg.constants("CanFrame")["FLAG_TRANSMITTED"] == 1
