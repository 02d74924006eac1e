"""topics.toml is the whole table of topics."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from autonomy.log import topics
from autonomy.msg import definitions

OUTPUTS = {"vehicle", "ego", "truck", "faults", "lane", "tracks", "plan", "control", "actuation", "health"}


def by_topic():
    return {row.topic: row for row in topics.table()}


def test_every_topic_stands_once():
    assert max(Counter(row.topic for row in topics.table()).values()) == 1


def test_every_message_of_the_table_exists_and_can_be_logged():
    for row in topics.table():
        assert not row.message or definitions.load(row.message).is_loggable, row.topic


def test_each_list_of_the_input_frame_has_its_topic():
    table = by_topic()
    kinds = [item for item in definitions.load("InputFrame").fields if item.type.endswith("Input")]
    assert len(kinds) == 14
    for item in kinds:
        assert table[f"/in/{item.name}"].message == item.type
    assert table["/in/frame"].message == "TickInput"


def test_each_part_of_the_output_frame_has_its_topic():
    table = by_topic()
    parts = {item.name: item.type for item in definitions.load("OutputFrame").fields if item.type[0].isupper()}
    assert set(parts) == OUTPUTS
    for name, kind in parts.items():
        assert table[f"/out/{name}"].message == kind


def test_the_other_promised_topics_are_there():
    promised = {
        "/raw/can/<bus>": "CanFrame",
        "/raw/canfd/<bus>": "CanFdFrame",
        "/raw/serial/<port>": "SerialBytes",
        "/raw/udp/<sensor>": "UdpPacket",
        "/cut": "Cut",
        "/timing": "Timing",
        "/ref/pose": "ReferencePose",
    }
    for topic, message in promised.items():
        assert by_topic()[topic].message == message
    assert topics.table()[0].topic == "/parameters"


def test_topics_named_in_the_messages_are_in_the_table():
    for name in definitions.names():
        for topic in re.findall(r"Topic (/[\w/<>]+)", definitions.load(name).text):
            assert by_topic()[topic].message == name


@pytest.mark.parametrize(
    ("topic", "message"),
    [("/raw/can/0", "CanFrame"), ("/raw/can/vehicle", "CanFrame"), ("/raw/can/0/1", None), ("/in/imu", "ImuInput"), ("/x", None)],
)
def test_a_topic_finds_its_row(topic, message):
    assert topics.message_of(topic) == message
    assert (topics.place(topic) == len(topics.table())) is (message is None)


def test_rates_and_timeouts_agree():
    for row in topics.table():
        assert row.writer and row.readers, row.topic
        assert row.timeout_s == 0 or row.timeout_s > 1 / row.rate_hz, row.topic


def test_what_goes_into_a_tick_stands_before_what_comes_out():
    order = [row.topic.split("/")[1] for row in topics.table()]
    assert list(dict.fromkeys(order))[:7] == ["parameters", "raw", "in", "cut", "out", "timing", "ref"]  # then for viewers
