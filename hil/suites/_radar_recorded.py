"""A recorded radar's tracks (comma2k19): what they say of their range rate beside how their range went."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hil.suites._recordings import missing
from hil.suites._row import row_of

WINDOW_S = 1.0
LEAST_LOOKS = 40  # of a track that is taken as confirmed: 2 s
LARGEST_GAP_S = 0.12  # between looks of one track
AIM_MPS = 0.30


def rows() -> list[dict]:
    from autonomy import recordings

    folder = recordings.find("comma2k19")
    if folder is None:
        return [missing("range rates of a recorded radar", "comma2k19")]
    differences = [difference for track in tracks(scans(folder)) if (difference := against_range(track)) is not None]
    found = np.concatenate(differences)
    rms, usual = float(np.sqrt(np.mean(found**2))), float(np.sqrt(np.median(found**2)) * 1.4826)
    return [row_of(f"comma2k19: tracks of at least {LEAST_LOOKS} looks", len(differences), ""),
            row_of("comma2k19: range rate against the range's over 1 s, RMS", rms, "m/s", f"<= {AIM_MPS:g}", rms <= AIM_MPS),
            row_of("comma2k19: the same, 1.48 times the median", usual, "m/s")]  # fmt: skip


def scans(folder: Path) -> np.ndarray:
    """(n,) of RadarDetection: all targets of the drive, through our codec."""
    from autonomy.msg import dtype
    from drivers.radar.decoder import CanDecoder

    raw = folder / "processed_log" / "CAN" / "raw_can"
    bus, address, data, time_s = (np.load(raw / name) for name in ("src", "address", "data", "t"))
    frames = np.zeros(len(bus), dtype("CanFrame"))
    frames["time_ns"], frames["id"], frames["bus"], frames["length"] = np.round(time_s * 1e9), address, bus, 8
    frames["data"] = data.view(np.uint8).reshape(-1, 8)
    decoder = CanDecoder("toyota-tss-p", bus=1)
    return np.concatenate([scan.detections for scan in [*decoder.feed(frames), *decoder.finish()]])


def tracks(rows: np.ndarray) -> list[np.ndarray]:
    """Looks of one target after the other: the same number, without the sensor's mark of a new one and without a pause."""
    from autonomy.msg import constants

    is_new_flag, found = constants("RadarDetection")["FLAG_NEW"], []
    for number in np.unique(rows["target_id"]):
        own = rows[rows["target_id"] == number]
        is_new = (own["flags"] & is_new_flag) > 0
        breaks = (np.diff(own["time_ns"]) > LARGEST_GAP_S * 1e9) | (is_new[1:] & ~is_new[:-1])
        found += [track for track in np.split(own, np.flatnonzero(breaks) + 1) if len(track) >= LEAST_LOOKS]
    return found


def against_range(track: np.ndarray) -> np.ndarray | None:
    """Mean range rate of each second less the slope of a line through the ranges of it; the looks, about 20, weigh alike."""
    time_s = 1e-9 * (track["time_ns"] - track["time_ns"][0])
    found = []
    for begin in np.arange(0.0, time_s[-1] - WINDOW_S, 0.5 * WINDOW_S):
        part = (time_s >= begin) & (time_s < begin + WINDOW_S)
        if part.sum() >= 15:
            found.append(track["range_rate"][part].mean() - np.polyfit(time_s[part], track["range"][part], 1)[0])
    return np.array(found) if found else None
