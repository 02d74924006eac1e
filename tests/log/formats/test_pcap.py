"""Packet captures: times to the nanosecond, datagrams whole again, CAN frames, everything else counted."""

from __future__ import annotations

import struct

import dpkt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.errors import LogError
from autonomy.log.formats import frames as can
from autonomy.log.opening import open_recording
from tests.log.formats.captures import (
    FIRST_NS,
    classic,
    datagram,
    ethernet,
    fragments,
    next_generation,
    read_back,
    socketcan,
)
from tests.log.formats.recordings import Frame, frames_of


def packets_of(path, topic="/raw/udp/2368"):
    with open_recording(path) as reader:
        return [(time_ns, row["data"][: row["count"]].tobytes(), row) for time_ns, row in reader.messages(topic)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [True, False])
def test_datagrams_with_their_times(tmp_path, order, nano):
    sent = [(FIRST_NS // 1000 * 1000 + n * 1_001_000 + (n if nano else 0), bytes([n]) * (n % 1200)) for n in range(50)]
    path = tmp_path / "a.pcap"
    path.write_bytes(classic([(t, ethernet(bytes(datagram(p)))) for t, p in sent], order=order, nano=nano))
    got = packets_of(path)
    assert [(time_ns, data) for time_ns, data, _ in got] == sent
    row = got[0][2]
    assert row["source_address"] == 0xC0A801C9 and row["destination_address"] == 0xC0A80101
    assert row["source_port"] == 2369 and row["destination_port"] == 2368 and row["time_ns"] == sent[0][0]
    with open_recording(path) as reader:
        assert reader.metadata["autonomy"]["clock"] == "utc" and not reader.unused
    if order == "<":
        peer = [bytes(dpkt.ethernet.Ethernet(packet).data.data.data) for _, packet in read_back(path.read_bytes())]
        assert peer == [data for _, data in sent]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 65507), st.randoms(use_true_random=False), st.booleans())
def test_a_long_datagram_in_fragments_of_any_order(tmp_path_factory, length, random, twice):
    """As Ouster, ARS548 and others send them; what came twice counts once."""
    payload = np.random.default_rng(length).bytes(length)
    parts = fragments(payload, 77) + fragments(bytes(3000), 78)[:1]
    whole = len(fragments(payload, 77)) == 1
    parts += parts[:1] if twice and not whole else []
    random.shuffle(parts)
    path = tmp_path_factory.getbasetemp() / "fragments.pcap"
    path.write_bytes(classic([(FIRST_NS + n, ethernet(part)) for n, part in enumerate(parts)]))
    found = packets_of(path)
    assert payload in [data for _, data, _ in found]
    with open_recording(path) as reader:
        assert reader.unused["datagrams of which fragments are missing"] >= 1


@pytest.mark.parametrize(("resolution", "ticks"), [(6, 10**6), (9, 10**9), (0x80 | 20, 2**20)])
def test_pcapng_with_interfaces_and_resolutions(tmp_path, resolution, ticks):
    times = [FIRST_NS // 1000 * 1000 + n * 1_000_000 for n in range(20)]
    blocks = []
    for n, time_ns in enumerate(times):
        tick = -(-time_ns * ticks // 10**9)
        blocks += [(0, tick, ethernet(bytes(datagram(bytes([n])))), ), (1, tick, socketcan(0x123, bytes([n])))]  # fmt: skip
    path = tmp_path / "a.pcapng"
    for order in "<>":
        path.write_bytes(next_generation(blocks, [(1, resolution, "eth0"), (227, resolution, "can5")], order))
        exact = [-(-time_ns * ticks // 10**9) * 10**9 // ticks for time_ns in times]
        assert [(t, d) for t, d, _ in packets_of(path)] == [(t, bytes([n])) for n, t in enumerate(exact)]
        with open_recording(path) as reader:
            assert frames_of(reader) == [Frame(t, 0x123, 5, 0, bytes([n])) for n, t in enumerate(exact)]
            assert reader.metadata["autonomy"]["buses"] == "5=can5"


def test_every_kind_of_can_frame(tmp_path):
    packets = [
        socketcan(0x80000000 | 0x18FEF100, b"12345678"),
        socketcan(0x123, b"", 0),
        socketcan(0x40000123, b""),
        socketcan(0x20000004, bytes(8)),
        socketcan(0x123, bytes(64), 4 | 1),
        socketcan(0x123, b"1", 4 | 2),
        socketcan(0x12345, b"1"),
        struct.pack(">IBBBB", 0x123, 8, 0, 0, 0) + b"123",
    ]
    path = tmp_path / "a.pcap"
    path.write_bytes(classic([(FIRST_NS + n, packet) for n, packet in enumerate(packets)], link=227))
    expected = [
        Frame(FIRST_NS, 0x18FEF100 | can.EXTENDED, 0, 0, b"12345678"),
        Frame(FIRST_NS + 1, 0x123, 0, 0, b""),
        Frame(FIRST_NS + 2, 0x123, 0, can.REMOTE, b""),
        Frame(FIRST_NS + 3, 4, 0, can.ERROR, bytes(8)),
        Frame(FIRST_NS + 4, 0x123, 0, can.BIT_RATE_SWITCH, bytes(64), True),
        Frame(FIRST_NS + 5, 0x123, 0, can.ERROR_STATE_INDICATOR, b"1", True),
    ]
    with open_recording(path) as reader:
        assert frames_of(reader) == expected
        assert reader.unused == {"CAN frames with an impossible identifier": 1, "CAN frames shorter than they tell": 1}


def test_links_and_what_is_not_udp(tmp_path):
    ip = bytes(datagram(b"x"))
    tcp = bytearray(ip)
    tcp[9] = 6
    ipv6 = struct.pack(">IHBB", 0x60000000, len(ip) - 20, 17, 64) + bytes(32) + ip[20:]
    packets = [ethernet(ip), ethernet(ip, vlan=7), ethernet(ipv6, 0x86DD), ethernet(bytes(tcp)), ethernet(b"", 0x0806), b"short"]
    path = tmp_path / "a.pcap"
    path.write_bytes(classic([(FIRST_NS + n, packet) for n, packet in enumerate(packets)]))
    with open_recording(path) as reader:
        assert reader.counts == {"/raw/udp/2368": 3}
        assert reader.unused == {
            "IP packets that are not UDP": 1, "packets that are not IP": 1, "packets shorter than their headers": 1,
        }  # fmt: skip
    for link, packet in ((101, ip), (113, bytes(14) + b"\x08\0" + ip), (276, b"\x08\0" + bytes(18) + ip), (0, b"\2\0\0\0" + ip)):
        path.write_bytes(classic([(FIRST_NS, packet)], link=link))
        assert [data for _, data, _ in packets_of(path)] == [b"x"]


def test_snapped_packets_are_counted(tmp_path):
    path = tmp_path / "a.pcap"
    data = bytearray(classic([(FIRST_NS, ethernet(bytes(datagram(b"x" * 100))))]))
    struct.pack_into("<I", data, 24 + 12, 9000)
    path.write_bytes(data)
    with open_recording(path) as reader:
        assert reader.unused == {"packets of which the capture kept a part only": 1}


def test_a_header_alone(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(classic([])[:10])
    with pytest.raises(LogError, match="ends within the header"):
        open_recording(path)
