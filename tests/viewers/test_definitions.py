"""The standard messages are those of ROS 2, field by field."""

from __future__ import annotations

import pytest
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from autonomy.viewers.standard import definitions


@pytest.mark.parametrize("store", [Stores.ROS2_HUMBLE, Stores.ROS2_JAZZY])
@pytest.mark.parametrize("name", sorted(definitions.TEXTS))
def test_a_definition_is_that_of_ros_2(name, store):
    full = definitions.schema_name(name)
    ours = get_types_from_msg(definitions.TEXTS[name], full)[full]
    known = get_typestore(store).fielddefs[full]
    assert ours[1] == known[1]  # fields: names and types in order
    assert set(ours[0]) <= set(known[0])  # of the constants some are left out


def test_a_schema_text_holds_every_message_inside():
    text = definitions.schema_text("visualization_msgs/MarkerArray")
    found = get_types_from_msg(text, "visualization_msgs/msg/MarkerArray")
    assert {"visualization_msgs/msg/Marker", "std_msgs/msg/Header", "sensor_msgs/msg/CompressedImage"} <= set(found)
