"""`autonomy perceive` on recordings: damage, several lidars, calibration files, and files that would write over each other."""

from __future__ import annotations

import json
import sys

import dpkt
import numpy as np
import pytest

from autonomy.cli.main import main
from autonomy.log.writer import LogWriter
from autonomy.msg import dtype
from tests.drivers.lidar.streams import START_NS, packets_of
from tests.drivers.lidar.test_calibration import lasers, yaml_of
from tests.log.formats.captures import classic, ethernet

PACKETS = 240  # three turns: two scans that begin at the cut and end
SPACING_NS = 1_327_000


def sent(data: bytes, port: int = 2368, last: int = 201) -> bytes:
    """From 192.168.1.`last`."""
    udp = dpkt.udp.UDP(sport=port, dport=port, data=data, ulen=8 + len(data))
    address, own = bytes([192, 168, 1, last]), bytes([192, 168, 1, 1])
    return ethernet(bytes(dpkt.ip.IP(src=address, dst=own, p=17, data=udp, len=28 + len(data))))


def capture(*ways: tuple[int, int], packets: int = PACKETS, beside: tuple[bytes, ...] = ()) -> bytes:
    """The same turns of a VLP-16 to each (port, sender), and frames beside."""
    stream = packets_of("VLP-16", 1, packets)
    frames = [(START_NS + place * SPACING_NS, sent(packet, *way)) for place, packet in enumerate(stream) for way in ways]
    return classic([*frames, *((START_NS, frame) for frame in beside)])


def perceive(folder, *words: str) -> tuple[int, dict]:
    out = folder / "out"
    code = main(["perceive", *words, "-o", str(out), "--no-pictures"])
    return code, json.loads((out / "summary.json").read_text())


VLP = ("--sensor", "VLP-16", "--height", "2.0")


def test_a_lidar_by_its_model_and_its_height_go_together(tmp_path):
    (tmp_path / "drive.pcap").write_bytes(capture((2368, 201)))
    code, summary = perceive(tmp_path, str(tmp_path / "drive.pcap"), *VLP)
    assert code == 0 and sorted(summary["scans"]) == ["drive_0000", "drive_0001"] and summary["problems"] == []
    assert json.loads((tmp_path / "out" / "drive_0000.json").read_text())["height_m"] == 2.0


def test_a_frame_tells_its_height_itself(tmp_path, capsys):
    (tmp_path / "a.bin").write_bytes(b"")
    assert main(["perceive", str(tmp_path / "a.bin"), "-o", str(tmp_path), "--sensor", "kitti", "--height", "1.7"]) == 2
    assert "leave it or --height out" in capsys.readouterr().err


def test_a_capture_that_was_cut_is_perceived_as_far_as_it_goes_and_told(tmp_path, capsys):
    (tmp_path / "drive.pcap").write_bytes(capture((2368, 201))[:-700])
    code, summary = perceive(tmp_path, str(tmp_path / "drive.pcap"), *VLP)
    assert code == 3 and sorted(summary["scans"]) == ["drive_0000", "drive_0001"]
    (problem,) = summary["problems"]
    assert problem["file"] == str(tmp_path / "drive.pcap") and "ends early" in problem["problem"]
    assert f"autonomy: {problem['problem']}" in capsys.readouterr().err


def log_of(path, topics: list[str]) -> None:
    """The same turns on each topic, in chunks of 20 packets."""
    rows = np.zeros(1, dtype("UdpPacket"))
    with LogWriter(path) as log:
        for place, packet in enumerate(packets_of("VLP-16", 1, PACKETS)):
            time_ns = START_NS + place * SPACING_NS
            rows["time_ns"], rows["count"] = time_ns, len(packet)
            rows["data"][0, : len(packet)] = np.frombuffer(packet, np.uint8)
            for topic in topics:
                log.write_batch(topic, np.array([time_ns]), rows)
            if place % 20 == 0:
                log.flush()


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_log_is_perceived_as_far_as_it_goes_and_told(tmp_path, capsys, damage):
    path = tmp_path / "drive.mcap"
    log_of(path, ["/raw/udp/roof"])
    data = bytearray(path.read_bytes())
    if damage == "cut":
        del data[-len(data) // 10 :]
    else:
        data[len(data) * 9 // 10] ^= 0xFF
    path.write_bytes(data)
    code, summary = perceive(tmp_path, str(path), *VLP)
    assert code == 3 and "drive_0000" in summary["scans"]
    assert len(summary["problems"]) == 1 and "ends early" in capsys.readouterr().err


def test_two_lidars_on_two_ports_are_two(tmp_path):
    (tmp_path / "one.pcap").write_bytes(capture((2368, 201)))
    (tmp_path / "two.pcap").write_bytes(capture((2368, 201), (2369, 202)))
    code, summary = perceive(tmp_path, str(tmp_path / "one.pcap"), str(tmp_path / "two.pcap"), *VLP)
    names = [f"two@{port}_{number:04d}" for port in (2368, 2369) for number in range(2)]
    assert code == 0 and sorted(summary["scans"]) == ["one_0000", "one_0001", *names]
    counts = summary["packets"][str(tmp_path / "two.pcap")]
    assert counts["packets"] == 2 * PACKETS and counts["duplicated"] == 0
    assert {whose: counted["packets"] for whose, counted in counts["lidars"].items()} == {"2368": PACKETS, "2369": PACKETS}
    for name in names:
        same = f"one{name[-5:]}.labels.npy"
        assert (tmp_path / "out" / f"{name}.labels.npy").read_bytes() == (tmp_path / "out" / same).read_bytes()


def test_two_lidars_that_send_to_one_port_are_two(tmp_path):
    (tmp_path / "two.pcap").write_bytes(capture((2368, 201), (2368, 202)))
    code, summary = perceive(tmp_path, str(tmp_path / "two.pcap"), *VLP)
    assert code == 0 and sorted(summary["scans"]) == [
        f"two@192.168.1.{last}_{number:04d}" for last in (201, 202) for number in range(2)
    ]


def test_two_topics_of_a_log_are_two_lidars(tmp_path):
    log_of(tmp_path / "drive.mcap", ["/raw/udp/left", "/raw/udp/right"])
    code, summary = perceive(tmp_path, str(tmp_path / "drive.mcap"), *VLP)
    assert code == 0 and sorted(summary["scans"]) == [
        f"drive@{side}_{number:04d}" for side in ("left", "right") for number in range(2)
    ]


def test_what_else_came_over_udp_is_counted_and_changes_no_name(tmp_path, capsys):
    beside = (sent(bytes(512), 8308), ethernet(b"\1" * 40, 0x806))
    (tmp_path / "drive.pcap").write_bytes(capture((2368, 201), beside=beside))
    code, summary = perceive(tmp_path, str(tmp_path / "drive.pcap"), *VLP)
    assert code == 0 and sorted(summary["scans"]) == ["drive_0000", "drive_0001"]
    counts = summary["packets"][str(tmp_path / "drive.pcap")]
    assert counts["other"] == 1 and counts["malformed"] == 0 and sum(counts["left_out"].values()) == 1
    assert "left out:" in capsys.readouterr().err


def test_packets_of_another_lidar_are_told(tmp_path, capsys):
    (tmp_path / "drive.pcap").write_bytes(capture((2368, 201), packets=20))
    code, summary = perceive(tmp_path, str(tmp_path / "drive.pcap"), "--sensor", "XT32")
    assert code == 3 and "holds no scan of a XT32 from its cut on (/raw/udp/2368)" in capsys.readouterr().err
    assert summary["packets"][str(tmp_path / "drive.pcap")]["other"] == 20


def test_a_recording_shorter_than_a_turn_is_told(tmp_path, capsys):
    (tmp_path / "drive.pcap").write_bytes(capture((2368, 201), packets=20))
    assert perceive(tmp_path, str(tmp_path / "drive.pcap"), *VLP)[0] == 3
    assert "holds no scan of a VLP-16 from its cut on (/raw/udp/2368); its packets are there" in capsys.readouterr().err


def test_one_bad_file_among_several_does_not_end_the_others(tmp_path, capsys):
    (tmp_path / "a.bin").write_bytes(b"123")
    (tmp_path / "b.bin").write_bytes(np.ones((50, 4), "<f4").tobytes())
    (tmp_path / "c.pcap").write_bytes(b"no capture")
    (tmp_path / "d.pcap").write_bytes(capture((2368, 201)))
    files = [str(tmp_path / name) for name in ("a.bin", "b.bin", "c.pcap", "none.bin", "d.pcap")]
    code, summary = perceive(tmp_path, *files, *VLP)
    assert code == 3 and sorted(summary["scans"]) == ["b", "d_0000", "d_0001"] and summary["files"] == files
    told = capsys.readouterr().err.splitlines()
    assert [problem["file"] for problem in summary["problems"]] == [files[0], files[2], files[3]]
    assert told == [f"autonomy: {problem['problem']}" for problem in summary["problems"]]


@pytest.mark.parametrize(("other", "code"), [(bytes(1600), 4), (b"123", 3)])
def test_a_file_whose_package_is_missing_does_not_end_the_others(tmp_path, capsys, monkeypatch, other, code):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "a.feather").write_bytes(b"")
    (tmp_path / "b.bin").write_bytes(other)
    found, summary = perceive(tmp_path, str(tmp_path / "a.feather"), str(tmp_path / "b.bin"), "--height", "2")
    assert found == code and list(summary["scans"]) == (["b"] if code == 4 else [])
    assert "needs pyarrow; install it with" in capsys.readouterr().err


def test_scans_too_empty_to_tell_the_height_are_counted(tmp_path, capsys):
    (tmp_path / "a.bin").write_bytes(np.full((50, 4), 90.0, "<f4").tobytes())
    code, summary = perceive(tmp_path, str(tmp_path / "a.bin"))
    assert code == 3 and not summary["scans"] and "give --height" in capsys.readouterr().err


@pytest.mark.parametrize("names", [
    ("x.bin", "x.pcd"), ("x.bin", "x.bin"), ("a/x.bin", "b/x.bin"), ("x.pcap", "x.mcap"), ("summary.bin",),
    ("x.pcap", "x_0000.bin"), ("x@2368_0001.pcd", "x.pcap"), ("x@2368.pcap", "x.pcap"),
])  # fmt: skip
def test_results_that_would_write_over_each_other_are_refused_before_any_is_written(tmp_path, capsys, names):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(capture((2368, 201), packets=4) if "cap" in name else b"")
    files = [str(tmp_path / name) for name in names]
    assert main(["perceive", *files, "-o", str(tmp_path / "out"), *VLP]) == 2
    error = capsys.readouterr().err
    assert all(name in error for name in files) and not (tmp_path / "out").exists()


def test_the_calibration_file_of_the_lidar_is_what_its_packets_are_decoded_with(tmp_path):
    (tmp_path / "drive.pcap").write_bytes(capture((2368, 201)))
    (tmp_path / "unit.yaml").write_text(yaml_of(lasers(dist_correction=0.5)))
    words = [str(tmp_path / "drive.pcap"), *VLP]
    plain = perceive(tmp_path, *words)[1]
    code, summary = perceive(tmp_path, *words, "--calibration", str(tmp_path / "unit.yaml"))
    assert code == 0 and list(summary["scans"]) == list(plain["scans"])
    assert [scan["ground_share"] for scan in summary["scans"].values()] != [
        scan["ground_share"] for scan in plain["scans"].values()
    ]


@pytest.mark.parametrize(("words", "code", "told"), [
    (["{0}/drive.pcap", *VLP, "--calibration", "{0}/none.yaml"], 3, "none.yaml cannot be read"),
    (["{0}/drive.pcap", *VLP, "--calibration", "{0}/unit.yaml"], 3, "unit.yaml: no list of lasers"),
    (["{0}/a.bin", *VLP, "--calibration", "{0}/unit.yaml"], 2, "all files hold points"),
    (["{0}/a.bin", "--calibration", "{0}/unit.yaml"], 2, "give --sensor with one of"),
])  # fmt: skip
def test_a_calibration_that_cannot_be_used_is_one_sentence(tmp_path, capsys, words, code, told):
    (tmp_path / "drive.pcap").write_bytes(capture((2368, 201), packets=4))
    (tmp_path / "a.bin").write_bytes(b"")
    (tmp_path / "unit.yaml").write_text("lasers: 1")
    assert main(["perceive", *(word.format(tmp_path) for word in words), "-o", str(tmp_path / "out")]) == code
    error = capsys.readouterr().err
    assert told in error and len(error.splitlines()) == 1
