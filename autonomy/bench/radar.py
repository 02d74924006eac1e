"""Radar bytes into detections beside cantools and our plain twin, and the processing of a scan beside its twin, in turns.

cantools decodes the same frames, each into a dict, by a database that says what our table of signals says.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

ROUNDS = 7
SCANS = 40
START_NS = 1_700_000_000_000_000_000
CYCLE_NS = 50_000_000
AIM = 20.0


def rows() -> list[dict]:
    """One row a peer: {kernel, ours_ns, peer, peer_version, peer_ns, ratio, aim, met}; times a frame, a packet or a scan."""
    return [*_can_rows(), _packet_row(), _processing_row()]


def _can_rows() -> list[dict]:
    import cantools

    from drivers.radar.decoder import CAN_MODELS, CanDecoder

    found = []
    for name, radar in CAN_MODELS.items():
        stream = frames(radar)
        database = cantools.database.load_string(dbc(radar), "dbc")
        given = [(int(frame["id"]), frame["data"].tobytes()) for frame in stream]

        def ours(name=name, stream=stream) -> None:
            for _ in CanDecoder(name).feed(stream):
                pass

        def theirs(database=database, given=given) -> None:
            for identifier, data in given:
                database.decode_message(identifier, data, decode_choices=False)

        found.append(_row(f"{name}: frame into scans", ours, "cantools", cantools.__version__, theirs, len(stream)))
    return found


def _packet_row() -> dict:
    from drivers.radar import decoder_twin
    from drivers.radar.decoder import Ars548Decoder
    from drivers.radar.encoder import ars548_detections

    packets = [ars548_detections(_detections(300), START_NS + scan * CYCLE_NS) for scan in range(10)]

    def ours() -> None:
        decoder = Ars548Decoder()
        for packet in packets:
            decoder.feed(packet, START_NS)

    return _row("ars548: packet of 300 detections", ours, "Python twin", "",
                lambda: [decoder_twin.detections(one) for one in packets], len(packets))  # fmt: skip


def _processing_row() -> dict:
    from autonomy.perception.radar.parameters import Mounting, ScreenParameters
    from autonomy.perception.radar.processing import RadarProcessor
    from autonomy.perception.radar.screen_twin import ScreenTwin

    scans = [_detections(64) for _ in range(10)]

    def ours() -> None:
        processor = RadarProcessor()
        for place, scan in enumerate(scans):
            processor.process(scan, START_NS + place * CYCLE_NS, 22.0)

    def theirs() -> None:
        twin = ScreenTwin(ScreenParameters(), Mounting())
        for scan in scans:
            twin.screen(scan.copy(), 0.05, 22.0, 0.0, np.array([22.0, 0.0]), 0.05, 0.0)

    return _row("own motion and labels of 64 detections", ours, "NumPy twin, labels alone", np.__version__, theirs, len(scans))


def frames(radar) -> np.ndarray:
    """CanFrames of SCANS scans with something at two of three places."""
    from autonomy.msg import dtype
    from drivers.radar.encoder import can_frames

    random, found = np.random.default_rng(0), []
    for scan in range(SCANS):
        places = np.flatnonzero(random.random(radar.count) < 0.67)
        rows = np.zeros(len(places), dtype("RadarDetection"))
        rows["target_id"] = radar.first_identifier + places
        rows["range"] = rows["x"] = random.uniform(5.0, 150.0, len(rows))
        rows["azimuth"], rows["y"] = random.uniform(-0.1, 0.1, len(rows)), random.uniform(-8.0, 8.0, len(rows))
        rows["range_rate"] = random.uniform(-30.0, 10.0, len(rows))
        found.append(can_frames(radar, rows, scan, START_NS + scan * CYCLE_NS))
    return np.concatenate(found)


def dbc(radar) -> str:
    """Our table of signals as a DBC file."""

    def message(identifier: int, name: str, signals) -> str:
        lines = [f" SG_ {one.field} : {one.start}|{one.length}@0{'-' if one.is_signed else '+'} ({one.scale!r},0) [0|0] \"\" X"
                 for one in signals]  # fmt: skip
        return "\n".join([f"BO_ {identifier} {name}: 8 X", *lines, ""])

    parts = [] if radar.header_identifier is None else [message(radar.header_identifier, "HEADER", [radar.header_counter])]
    parts += [message(radar.first_identifier + place, f"TARGET_{place}", radar.signals) for place in range(radar.count)]
    return 'VERSION ""\nNS_ :\nBS_:\nBU_: X\n' + "\n".join(parts)


def _detections(count: int) -> np.ndarray:
    from autonomy.msg import dtype

    random, rows = np.random.default_rng(count), np.zeros(count, dtype("RadarDetection"))
    rows["range"], rows["azimuth"] = random.uniform(5.0, 200.0, count), random.uniform(-0.3, 0.3, count)
    rows["range_rate"] = np.where(random.random(count) < 0.7, -22.0 * np.cos(rows["azimuth"]), random.uniform(-40.0, 10.0, count))
    rows["range_sigma"], rows["azimuth_sigma"], rows["range_rate_sigma"] = 0.25, 0.005, 0.1
    rows["existence"] = 0.9
    return rows


def _row(kernel: str, ours: Callable[[], object], peer: str, version: str, theirs: Callable[[], object], calls: int) -> dict:
    best = {"ours": float("inf"), "theirs": float("inf")}
    for _ in range(ROUNDS):
        for name, run in (("ours", ours), ("theirs", theirs)):
            begun = time.perf_counter_ns()
            run()
            best[name] = min(best[name], (time.perf_counter_ns() - begun) / calls)
    ratio = best["theirs"] / best["ours"]
    return {"kernel": kernel, "ours_ns": best["ours"], "peer": peer, "peer_version": version, "peer_ns": best["theirs"],
            "ratio": ratio, "aim": f">= {AIM:g}x", "met": ratio >= AIM}  # fmt: skip
