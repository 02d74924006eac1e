"""The Foxglove layout asks for nothing that a run's log does not have."""

from __future__ import annotations

import json

import pytest
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory

from autonomy.viewers import layout

LAYOUT = layout.load()
# What Foxglove and Lichtblick take for each kind of panel, from the message types their documentation lists
DRAWN_IN_3D = {
    "tf2_msgs/msg/TFMessage", "visualization_msgs/msg/MarkerArray", "nav_msgs/msg/Path", "nav_msgs/msg/OccupancyGrid",
    "sensor_msgs/msg/PointCloud2", "geometry_msgs/msg/PoseWithCovarianceStamped",
}  # fmt: skip
PANELS = {
    "3D", "map", "Plot", "StateTransitions", "DiagnosticSummary", "DiagnosticStatusPanel", "RawMessages", "SourceInfo", "Tab",
}  # fmt: skip
ONLY_WITH_A_TRAILER = {"/view/trailer"}
ONLY_WITH_A_LIDAR = {"/view/obstacles", "/view/points", "/view/scan_lines"}  # tests/playback/test_perceiving.py


@pytest.fixture(scope="module")
def schemas(log) -> dict[str, str]:
    with log.open("rb") as file:
        summary = make_reader(file).get_summary()
    return {channel.topic: summary.schemas[channel.schema_id].name for channel in summary.channels.values()}


@pytest.fixture(scope="module")
def last_messages(log) -> dict:
    with log.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        wanted = sorted(layout.topics(LAYOUT))
        return {channel.topic: value for _, channel, _, value in reader.iter_decoded_messages(topics=wanted)}


def test_every_topic_is_in_the_log(schemas):
    assert layout.topics(LAYOUT) <= set(schemas) | ONLY_WITH_A_LIDAR


@pytest.mark.parametrize("path", sorted(layout.message_paths(LAYOUT)))
def test_a_path_leads_to_a_number(path, last_messages):
    topic, steps = layout.split(path)
    value = last_messages[topic]
    for step in steps:
        value = value[step] if isinstance(step, int) else getattr(value, step)
    assert isinstance(value, int | float)


def test_panels_draw_what_they_are_given(schemas):
    for name, panel in LAYOUT["configById"].items():
        kind = name.partition("!")[0]
        assert kind in PANELS
        if kind == "3D":
            shown = {topic for topic, settings in panel["topics"].items() if settings["visible"]}
            assert {schemas[topic] for topic in shown - ONLY_WITH_A_LIDAR} <= DRAWN_IN_3D
            assert shown >= {"/view/vehicle", "/view/objects", "/view/lane", "/view/radar", "/view/grid", "/view/stop_path"}
        elif kind == "map":
            assert panel["followTopic"] in panel["topicColors"]
            assert {schemas[topic] for topic in panel["topicColors"]} == {"sensor_msgs/msg/NavSatFix"}
        elif kind.startswith("Diagnostic"):
            assert schemas[panel["topicToRender"]] == "diagnostic_msgs/msg/DiagnosticArray"
        elif kind in ("Plot", "StateTransitions"):
            assert panel["paths"]


def test_every_panel_has_one_place():
    """Foxglove shows no panel that is not in the mosaic, and stumbles over one that is there twice or has no settings."""
    placed: list[str] = []

    def walk(node) -> None:
        if isinstance(node, str):
            placed.append(node)
            for tab in LAYOUT["configById"][node].get("tabs", ()):
                walk(tab["layout"])
            return
        assert set(node) == {"direction", "first", "second", "splitPercentage"}
        assert node["direction"] in ("row", "column") and 0 < node["splitPercentage"] < 100
        walk(node["first"])
        walk(node["second"])

    walk(LAYOUT["layout"])
    assert sorted(placed) == sorted(LAYOUT["configById"])
    assert set(LAYOUT) == {"configById", "globalVariables", "userNodes", "playbackConfig", "layout"}


def test_every_standard_topic_is_in_the_layout(schemas):
    standard = {topic for topic in schemas if topic.startswith("/view/") or topic in ("/tf", "/diagnostics")}
    shown = {topic for topic in layout.topics(LAYOUT) if not topic.startswith(("/out/", "/timing"))}
    assert standard | ONLY_WITH_A_TRAILER | ONLY_WITH_A_LIDAR == shown


def test_the_file_is_packaged_and_plain_json():
    assert layout.path().name == "foxglove_layout.json" and layout.path().parent.name == "configs"
    json.loads(layout.path().read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", ["/a.b[", "/a.b]c", "/a.b[x]", "/a..b"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(ValueError, match="cannot be read"):
        layout.split(path)
