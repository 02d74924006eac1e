"""`autonomy can names`: claims, identifications and trouble codes of a bus."""

from __future__ import annotations

import json

from tests.cli.can_logs import MS, bus_frames, run, write_log
from tests.drivers.can.build import EXTENDED, can_frame, can_frames

OLD, NEW = (0x100).to_bytes(8, "little"), (0x200).to_bytes(8, "little")


def claims(*items):
    return can_frames(
        *(can_frame(EXTENDED | 0x18EEFF00 | source, name, time_ns=n * 1000 * MS) for n, (source, name) in enumerate(items))
    )


def test_who_is_there_and_what_is_wrong(capsys, tmp_path):
    lines, _ = run(capsys, "names", write_log(tmp_path / "drive.mcap"))
    text = "\n".join(lines)
    assert lines[0] == "can0: 3 source addresses" and max(map(len, lines)) <= 110
    assert "1 x function 0 (engine), manufacturer 13, identity 590605, on-highway" in text
    assert any(line.split()[:1] == ["31"] and line.endswith("no claim seen") for line in lines)
    assert "00 vehicle: 1XKDD40X1HJ123456" in text
    assert "DM1 of 0B, 1 messages; now lamps: amber warning on" in text
    assert "SPN 190 engine_speed FMI 3 (voltage above normal or shorted high) x1" in text


def test_contention_and_its_end(capsys, tmp_path):
    path = write_log(tmp_path / "claims.mcap", claims((5, OLD), (5, NEW), (5, OLD), (254, NEW)))
    text = "\n".join(run(capsys, "names", path)[0])
    assert "1.0 s: 05 is claimed by another: function 0 (engine), manufacturer 0, identity 512" in text
    assert "2.0 s: 05 is claimed again by the one that had it" in text and "3.0 s: cannot claim an address" in text


def test_names_as_json(capsys, tmp_path):
    path = write_log(tmp_path / "drive.mcap")
    bus = json.loads(run(capsys, "names", path, "--json")[0][0])["buses"][0]
    engine = bus["addresses"][0]
    assert engine["usual_use"] == "engine 1" and engine["claim"]["name"]["manufacturer"] == 13
    assert bus["identifications"] == [{"address": 0, "what": "vehicle", "texts": ["1XKDD40X1HJ123456"]}]
    assert [code["spn"] for code in bus["trouble"][0]["codes"]] == [627, 190]
    moved = write_log(tmp_path / "moved.mcap", claims((5, OLD), (9, OLD)))
    bus = json.loads(run(capsys, "names", moved, "--json")[0][0])["buses"][0]
    assert [(event["kind"], event["address"], event["other"]) for event in bus["events"]] == [
        ("claimed", 5, None),
        ("moved", 9, 5),
    ]
    assert [item["address"] for item in bus["addresses"] if item["claim"]] == [9]


def test_old_conversion_methods_are_flagged_or_settled(capsys, tmp_path):
    frames = can_frames(can_frame(EXTENDED | 0x18FECA00, bytes.fromhex("0400be000381ffff")))
    path = write_log(tmp_path / "old.mcap", frames)
    assert "SPN one of " in "\n".join(run(capsys, "names", path)[0])
    assert "SPN 190 engine_speed FMI 3" in "\n".join(run(capsys, "names", path, "--spn-version", "3")[0])


def test_a_bus_without_j1939(capsys, tmp_path):
    frames = bus_frames()
    path = write_log(tmp_path / "car.mcap", frames[frames["id"] == 0x123])
    assert run(capsys, "names", path)[0] == ["no J1939 frames"]
