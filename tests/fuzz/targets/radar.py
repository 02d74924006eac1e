"""Radar bytes: any frames and packets are detections of the twin or are counted as what is wrong with them."""

from __future__ import annotations

import numpy as np

from autonomy.msg import dtype
from autonomy.perception.radar.processing import RadarProcessor
from drivers.radar import ars548, decoder_twin, encoder
from drivers.radar.decoder import CAN_MODELS, Ars548Decoder, CanDecoder
from tests.drivers.radar.streams import START_NS, detections, frames, objects
from tests.fuzz.targets.target import Target

RECORD = 11  # bytes of a frame here: place of the identifier, length and flags, step of time, data


def radar_frames(data: bytes) -> None:
    """The first byte names the radar; then records: identifier near the radar's own, length and flags, time, data."""
    name = list(CAN_MODELS)[data[0] % len(CAN_MODELS)] if data else "delphi-esr"
    radar = CAN_MODELS[name]
    records = np.frombuffer(data[1 : 1 + (len(data) - 1) // RECORD * RECORD], np.uint8).reshape(-1, RECORD)
    stream = np.zeros(len(records), dtype("CanFrame"))
    is_header = (records[:, 0] == 255) & (radar.header_identifier is not None)
    stream["id"] = np.where(is_header, radar.header_identifier or 0, radar.first_identifier + records[:, 0].astype(np.uint32))
    stream["length"], stream["flags"] = records[:, 1] & 15, records[:, 1] >> 7
    stream["time_ns"] = START_NS + np.cumsum(records[:, 2].astype(np.int64) * 10**8)
    stream["data"] = records[:, 3:]
    decoder = CanDecoder(name)
    scans = [*decoder.feed(stream), *decoder.finish()]
    counts = decoder.counts()
    assert counts["frames"] + counts["other"] + counts["malformed"] + counts["stale"] == len(stream)
    assert counts["scans"] == len(scans) and counts["targets"] == sum(len(scan.detections) for scan in scans)
    processor = RadarProcessor()
    for scan in scans:
        for row in scan.detections:
            (frame,) = stream[(stream["id"] == row["target_id"]) & (stream["time_ns"] == row["time_ns"])][:1]
            assert np.isfinite([row["x"], row["y"], row["range"], row["azimuth"], row["range_rate"]]).all()
            assert frame["length"] >= radar.target_length
        processor.process(scan.detections, scan.stamp_ns, 20.0)


def radar_packets(data: bytes) -> None:
    """The first byte: which list; then what stands in front of it, over its header and first rows; the rest is zero."""
    size = (ars548.DETECTIONS_SIZE, ars548.OBJECTS_SIZE, len(data))[data[0] % 3] if data else 0
    packet = data[1:].ljust(size, b"\0")[:size] if size != len(data) else data[1:]
    decoder = Ars548Decoder()
    scans = decoder.feed(packet, START_NS)
    counts = decoder.counts()
    assert sum(counts[kind] for kind in ("packets", "malformed", "other", "stale")) == 1 and len(scans) == counts["packets"]
    for scan in scans:
        assert len(scan.detections) == counts["detections"] and len(scan.objects) == counts["objects"]
        is_detections = len(packet) == ars548.DETECTIONS_SIZE
        rows = scan.detections if is_detections else scan.objects
        twin = decoder_twin.detections(packet) if is_detections else decoder_twin.objects(packet)
        for row, expected in list(zip(rows, twin, strict=True))[:60]:
            for field, value in expected.items():
                both = np.asarray(row[field], float), np.asarray(value, float)
                assert np.allclose(*both, rtol=1e-9, atol=1e-9, equal_nan=True), field
        RadarProcessor().process(scan.detections, scan.stamp_ns, 20.0)


def frame_seeds() -> list[bytes]:
    found = []
    for place, (name, radar) in enumerate(CAN_MODELS.items()):
        stream, records = frames(name, 2), b""
        for frame in stream:
            near = 255 if frame["id"] == radar.header_identifier else int(frame["id"]) - radar.first_identifier
            records += bytes([near, frame["length"], 0]) + frame["data"].tobytes()
        found.append(bytes([place]) + records)
    return found


def packet_seeds() -> list[bytes]:
    """Beginnings: what stands behind is made up with zeros, the count of detections too, so one is whole."""
    random = np.random.default_rng(0)
    return [b"\0" + encoder.ars548_detections(detections(20, random), START_NS),
            b"\1" + encoder.ars548_objects(objects(5, random), START_NS).rstrip(b"\0"),
            b"\2" + encoder.ars548_detections(detections(2, random), START_NS, 5)[:400]]  # fmt: skip


MODULES = ("drivers.radar.decoder", "drivers.radar.decoder_twin", "autonomy.perception.radar.processing")
TARGETS = [
    Target("radar-can", radar_frames, frame_seeds, MODULES),
    Target("radar-udp", radar_packets, packet_seeds, MODULES, ars548.DETECTIONS_SIZE + 1),
]
