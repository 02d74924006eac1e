"""Serial codecs: any bytes, cut anywhere, give the samples of the twins; every byte is counted."""

from __future__ import annotations

from autonomy.runtime.clock_watch import gps_ns_of
from drivers.gnss import nmea, nmea_twin, ubx, ubx_twin
from drivers.gnss.time_marks import TimeMarks
from drivers.imu import mtdata2, mtdata2_twin
from tests.drivers.gnss.streams import decoded, fix, imu, known, router
from tests.fuzz.targets.target import Target

SENTENCES = ("GGA", "GST", "RMC", "VTG")


def stream_of(data: bytes) -> tuple[list[int], bytes]:
    """The first byte says how many of the next are sizes of pieces; the rest is the stream."""
    count = data[0] % 16 if data else 0
    return [size + 1 for size in data[1 : 1 + count]], data[1 + count :]


def ubx_stream(data: bytes) -> None:
    pieces, stream = stream_of(data)
    port = router("ubx")
    found, expected = decoded(port, stream, pieces), ubx_twin.decode(stream)
    assert [(kind, {"validity": 0} | known(row)) for kind, row in found] == [
        (kind, {"validity": 0} | fields) for kind, fields, _ in expected
    ]
    counts = port.counts()["x:ubx>gnss+imu"]
    sound = sum(8 + len(payload) for _, _, payload in ubx_twin.frames(stream))
    assert counts["bytes"] == len(stream) and 0 <= len(stream) - counts["skipped"] - sound <= 1024


def nmea_stream(data: bytes) -> None:
    pieces, stream = stream_of(data)
    port = router("nmea", sentences=list(SENTENCES))
    found = decoded(port, stream, pieces)
    assert [known(row) for _, row in found] == [
        {name: value for name, value in fields.items() if (name, value) != ("utc_time_ns", 0)}
        for _, fields, _ in nmea_twin.decode(stream, SENTENCES)
    ]
    assert port.counts()["x:nmea>gnss"]["bytes"] == len(stream)


def mtdata2_stream(data: bytes) -> None:
    pieces, stream = stream_of(data)
    port = router("mtdata2")
    found, expected = decoded(port, stream, pieces), mtdata2_twin.decode(stream)
    assert [{"validity": 0} | known(row) for _, row in found] == [{"validity": 0} | fields for fields, _, _ in expected]
    assert all(row["valid_time_ns"] <= row["received_time_ns"] for _, row in found)
    counts = port.counts()["x:mtdata2>imu"]
    sound = sum(5 + len(payload) + 2 * (len(payload) > 254) for _, _, payload in mtdata2_twin.messages(stream))
    assert counts["bytes"] == len(stream) and 0 <= len(stream) - counts["skipped"] - sound <= 1024 + 2 * counts["messages"]


def mtdata2_seeds() -> list[bytes]:
    both = mtdata2.mtdata2(imu(0), ticks=5, counter=1, status=0) + mtdata2.mtdata2(imu(1), number="fixed 16.32")
    return [b"\0" + both, b"\2\x05\x20" + both, b"\0" + mtdata2.message(0x3E, b"") + mtdata2.message(0x36, bytes(300))]


def time_marks(data: bytes) -> None:
    """Cut anywhere, a line says the same times; every mark has its place in GPS time."""
    protocol = "nmea" if data[:1] > b"\x7f" else "ubx"
    pieces, stream = stream_of(data[1:])
    whole, cut, found, first = TimeMarks(protocol), TimeMarks(protocol), [], 0
    expected = whole.feed(stream, 0)
    for size in [*pieces, len(stream)]:
        found += cut.feed(stream[first : first + size], 0)
        first += size
    assert found == expected and (cut.messages, cut.untimed) == (whole.messages, whole.untimed)
    assert all(abs(gps_ns_of(mark)) < 1 << 63 for mark in found)


def mark_seeds() -> list[bytes]:
    ubx_marks = ubx.frame((1, 0x20), bytes(16)) + ubx.frame((13, 1), bytes(16)) + ubx.nav_pvt(fix(0))
    return [b"\0\0" + ubx_marks, b"\0\2\x05\x10" + ubx_marks, b"\xff\0" + nmea.sentence("GPZDA,235960.00,31,12,2016,00,00")]


def ubx_seeds() -> list[bytes]:
    both = ubx.nav_pvt(fix(0)) + ubx.esf_meas(imu(0), 1) + ubx.frame((10, 9), bytes(12))
    return [b"\0" + both, b"\3\x05\x40\x07" + both * 2, b"\0" + ubx.nav_pvt(fix(1, validity=1))]


def nmea_seeds() -> list[bytes]:
    epochs = nmea.epoch(fix(0), list(SENTENCES)) + nmea.epoch(fix(1), list(SENTENCES))
    return [b"\0" + epochs, b"\2\x10\x20" + epochs, b"\0" + nmea.epoch(fix(2, validity=1), list(SENTENCES))]


MODULES = ("drivers.gnss.ubx_twin", "drivers.gnss.nmea_twin", "drivers.serial.router")
TARGETS = [
    Target("ubx", ubx_stream, ubx_seeds, MODULES, 2048),
    Target("mtdata2", mtdata2_stream, mtdata2_seeds, ("drivers.imu.mtdata2_twin", "drivers.serial.router"), 2048),
    Target("time_marks", time_marks, mark_seeds, ("drivers.gnss.time_marks", "autonomy.runtime.clock_watch"), 2048),
    Target("nmea", nmea_stream, nmea_seeds, MODULES, 2048),
]
