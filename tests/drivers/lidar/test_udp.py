"""Packets through a socket and out of logs."""

from __future__ import annotations

import select
import socket

import pytest

from autonomy.errors import EnvironmentFault
from autonomy.log.opening import open_recording
from drivers.lidar.decoder import Decoder
from drivers.lidar.udp import UdpReceiver, packets_of
from tests.drivers.lidar import recorded
from tests.drivers.lidar.streams import START_NS
from tests.drivers.lidar.streams import packets_of as emulated
from tests.log.formats.captures import classic, datagram, ethernet


def test_packets_of_a_socket_come_in_order_and_in_batches():
    receiver = UdpReceiver(0, "127.0.0.1")
    sent = emulated("VLP-16", 1, 40)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for packet in sent:
            sender.sendto(packet, ("127.0.0.1", receiver.port))
    assert select.select([receiver], [], [], 5.0)[0]
    first = receiver.receive(most=10)
    rest = receiver.receive()
    receiver.close()
    assert [packet for packet, _ in first + rest] == sent and len(first) == 10
    assert all(earlier <= later for (_, earlier), (_, later) in zip(first, rest, strict=False))
    assert receiver.lost == 0


def test_packets_that_nobody_read_are_counted():
    receiver = UdpReceiver(0, "127.0.0.1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(20_000):
            sender.sendto(bytes(1206), ("127.0.0.1", receiver.port))
        received = len(receiver.receive(most=1_000_000))
        sender.sendto(bytes(1206), ("127.0.0.1", receiver.port))
        received += len(receiver.receive())
    receiver.close()
    assert received < 20_001 and received + receiver.lost == 20_001


def test_a_port_that_cannot_be_had():
    receiver = UdpReceiver(0, "127.0.0.1")
    with pytest.raises(EnvironmentFault, match=f"UDP port {receiver.port} at 127.0.0.1 cannot be opened"):
        UdpReceiver(receiver.port, "127.0.0.1")
    receiver.close()


def test_a_capture_decodes_as_its_packets(tmp_path):
    sent = emulated("VLP-16", 1, 20)
    frames = [(START_NS + 1_327_000 * place, ethernet(bytes(datagram(packet)))) for place, packet in enumerate(sent)]
    path = tmp_path / "drive.pcap"
    path.write_bytes(classic(frames))
    with open_recording(path) as reader:
        scans = list(Decoder("VLP-16").scans(packets_of(reader.messages("/raw/udp/2368"))))
    expected = list(Decoder("VLP-16").scans((packet, START_NS) for packet in sent))
    assert [len(scan.points) for scan in scans] == [len(scan.points) for scan in expected]
    assert (scans[0].points == expected[0].points).all()


@pytest.mark.real_data
def test_a_bag_decodes_as_its_packets(data_directory):
    path = data_directory / recorded.FOLDER / "xt32__1673400677802009732__1673400677802009732_0.db3"
    with open_recording(path) as reader:
        scans = [len(scan.points) for scan in Decoder("XT32").scans(packets_of(reader.messages("/raw/udp/pandar")))]
    assert scans == [len(scan.points) for scan in Decoder("XT32").scans(recorded.packets(path))]
    assert len(scans) >= 4
