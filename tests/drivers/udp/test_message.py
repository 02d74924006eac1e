"""A datagram in the log: its bytes, its row, and packets out of logs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy import msg
from autonomy.log.opening import open_recording
from drivers.lidar.decoder import Decoder
from drivers.udp.message import data_of, message, packets_of
from tests.drivers.lidar import recorded
from tests.drivers.lidar.streams import START_NS
from tests.drivers.lidar.streams import packets_of as emulated
from tests.log.formats.captures import classic, datagram, ethernet


@given(st.binary(max_size=1500), st.integers(0, 2**62), st.integers(0, 2**32 - 1), st.integers(0, 65535))
def test_a_message_is_the_struct_the_log_keeps(data, time_ns, address, port):
    body = message(time_ns, (address, port), (address ^ 1, port ^ 1), data)
    row = np.frombuffer(body.ljust(msg.dtype("UdpPacket").itemsize, b"\0"), msg.dtype("UdpPacket"))[0]
    assert data_of(body) == data == row["data"][: row["count"]].tobytes()
    told = ("time_ns", "source_address", "source_port", "destination_address", "destination_port")
    assert tuple(int(row[name]) for name in told) == (time_ns, address, port, address ^ 1, port ^ 1)


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
