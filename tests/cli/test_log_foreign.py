"""The log commands on recordings of other formats, and on messages of others."""

from __future__ import annotations

import json

import numpy as np
import pytest

from autonomy.cli.main import main
from autonomy.log import layouts
from autonomy.log.carried_databases import carried_databases
from autonomy.log.opening import open_recording
from autonomy.log.reader import LogReader
from autonomy.log.writer import LogWriter
from tests.cli.log_command import run
from tests.log.samples import START_NS

CANDUMP = "".join(f"(1700000000.{k:06d}) can0 123#{k // 1000:04X}\n" for k in range(0, 200_000, 1000))


@pytest.fixture
def datagrams(tmp_path):
    """Two logs of five datagrams; the last byte of the third differs."""
    rows = np.zeros(5, layouts.short_dtype("UdpPacket", 100))
    rows["count"], rows["data"] = 100, np.arange(100)
    rows["time_ns"] = START_NS + np.arange(5) * 1000
    for name in ("a", "b"):
        with LogWriter(tmp_path / f"{name}.mcap") as writer:
            writer.write_batch("/raw/udp/lidar", rows["time_ns"].copy(), rows)
        rows["data"][2, 99] = 7
    return tmp_path / "a.mcap", tmp_path / "b.mcap"


@pytest.mark.parametrize("command", ["info", "check", "cat"])
def test_a_candump_log_is_read_as_it_is(tmp_path, capsys, command):
    (tmp_path / "a.log").write_text(CANDUMP)
    code, out, _ = run(capsys, command, tmp_path / "a.log")
    assert code == 0
    if command == "cat":
        assert out.splitlines()[1] == " (1700000000.001000000)  can0       123   [2]  00 01" and len(out.splitlines()) == 200


@pytest.mark.parametrize("command", ["cat", "info", "check", "cut", "export"])
def test_lines_that_say_nothing_are_counted_by_every_command(tmp_path, capsys, command):
    (tmp_path / "a.log").write_text(CANDUMP + "(1700000001.000000) can0 123#ABC\n")
    more = {"cut": ["-o", tmp_path / "b.mcap"], "export": [tmp_path / "b.csv"]}.get(command, [])
    _, _, err = run(capsys, command, tmp_path / "a.log", *more)
    assert "a.log: left out: " in err and ": 1" in err


def test_pieces_of_a_candump_log_merge_to_it(tmp_path, capsys):
    (tmp_path / "a.log").write_text(CANDUMP)
    run(capsys, "cut", tmp_path / "a.log", "--end", 0.1, "-o", tmp_path / "1.mcap")
    run(capsys, "cut", tmp_path / "a.log", "--start", 0.1, "-o", tmp_path / "2.mcap")
    run(capsys, "merge", tmp_path / "2.mcap", tmp_path / "1.mcap", "-o", tmp_path / "m.mcap")
    run(capsys, "sort", tmp_path / "a.log", "-o", tmp_path / "s.mcap")
    for name in ("m", "s"):
        code, out, _ = run(capsys, "diff", tmp_path / "a.log", tmp_path / f"{name}.mcap")
        assert code == 0 and out.rstrip().endswith("equal")


def test_a_recording_of_another_format_that_is_cut_off_is_recovered(tmp_path, capsys):
    import can

    with can.BLFWriter(str(tmp_path / "a.blf"), max_container_size=500) as writer:
        for k in range(200):
            writer.on_message_received(can.Message(timestamp=1_700_000_000 + k * 0.01, arbitration_id=k, data=[k]))
    data = (tmp_path / "a.blf").read_bytes()
    (tmp_path / "a.blf").write_bytes(data[: len(data) * 2 // 3])
    code, _, err = run(capsys, "info", tmp_path / "a.blf")
    assert code == 3 and "autonomy log recover" in err
    code, out, _ = run(capsys, "recover", tmp_path / "a.blf", "-o", tmp_path / "b.mcap")
    assert code == 0 and "cannot be read" in out
    with open_recording(tmp_path / "a.blf") as reader, LogReader(tmp_path / "b.mcap") as recovered:
        (topic,) = reader.topics
        np.testing.assert_array_equal(reader.read_topic(topic), recovered.read_topic(topic))
        assert 50 < len(recovered.read_topic(topic)) < 200


def test_copying_leaves_standard_messages_what_they_are(tmp_path, capsys):
    """They are read as ours, but a cut of a log holds the bytes that were recorded."""
    from mcap_ros2.writer import Writer

    schema_text = (
        "std_msgs/Header header\nsensor_msgs/NavSatStatus status\nfloat64 latitude\nfloat64 longitude\nfloat64 altitude\n"
        "float64[9] position_covariance\nuint8 position_covariance_type\n"
        "================\nMSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n"
        "================\nMSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n"
        "================\nMSG: sensor_msgs/NavSatStatus\nint8 status\nuint16 service\n"
    )
    with open(tmp_path / "a.mcap", "wb") as file:
        writer = Writer(file)
        schema = writer.register_msgdef("sensor_msgs/msg/NavSatFix", schema_text)
        for k in range(10):
            writer.write_message(
                "/gps/fix", schema,
                {"header": {"stamp": {"sec": 1_700_000_000, "nanosec": k}, "frame_id": "gps"},
                 "status": {"status": 0, "service": 1}, "latitude": 48.0, "longitude": 11.0, "altitude": 1.0 + k,
                 "position_covariance": [1.0] * 9, "position_covariance_type": 2},
                log_time=1_700_000_000_000_000_000 + k, publish_time=5 + k,
            )  # fmt: skip
        writer.finish()
    for command in (["cut"], ["sort"], ["merge"], ["recover"]):
        code, _, _ = run(capsys, *command, tmp_path / "a.mcap", "-o", tmp_path / "b.mcap")
        assert code == 0
        found = []
        for name in ("a", "b"):
            with LogReader(tmp_path / f"{name}.mcap") as reader:
                (channel,) = reader.channels.values()
                found.append((channel.schema, channel.schema_text, [data for _, data in reader.messages("/gps/fix")]))
        assert found[0] == found[1] and found[0][0] == "sensor_msgs/msg/NavSatFix"


def test_datagrams_are_printed_and_compared_by_their_bytes(datagrams, capsys):
    code, out, _ = run(capsys, "cat", datagrams[0])
    assert "count=100" in out and "data=00 01 02" in out and out.splitlines()[0].endswith("1F ...")
    code, out, _ = run(capsys, "cat", datagrams[0], "--json")
    assert json.loads(out.splitlines()[0])["message"]["data"] == bytes(range(100)).hex()
    code, out, _ = run(capsys, "diff", *datagrams)
    assert code == 1 and "data[99] 99 | 7" in out and "1 messages" in out.split("data[]")[1]


def test_datagrams_are_exported_without_their_bytes_and_that_is_said(datagrams, tmp_path, capsys):
    code, out, _ = run(capsys, "export", datagrams[0], tmp_path / "x.csv", "--json")
    found = json.loads(out)
    assert code == 0 and found["rows"] == {"/raw/udp/lidar": 5}
    assert found["left_out"] == {"/raw/udp/lidar: the bytes of the payload, which are no columns": 5}


def test_a_given_dbc_takes_the_place_of_the_carried_one(tmp_path, capsys):
    (tmp_path / "a.log").write_text("(1.000000) can0 123#01\n")
    (tmp_path / "old.dbc").write_text("BO_ 291 Old: 1 X\n")
    (tmp_path / "new.dbc").write_text("BO_ 291 New: 1 X\n")
    convert = ["log", "convert", str(tmp_path / "a.log"), "--dbc", f"0={tmp_path / 'old.dbc'}", str(tmp_path / "a.mcap")]
    assert main(convert) == 0  # options between the words, too
    assert main(["log", "convert", str(tmp_path / "a.mcap"), "--dbc", f"0={tmp_path / 'new.dbc'}", str(tmp_path / "b.mcap")]) == 0
    assert "can/0.dbc of a.mcap gave way to the one given: 1" in capsys.readouterr().out
    with open_recording(tmp_path / "b.mcap") as reader:
        assert carried_databases(reader) == {0: "BO_ 291 New: 1 X\n"} and reader.attachments == ["can/0.dbc"]
