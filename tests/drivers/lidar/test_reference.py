"""Recorded packets of five models beside the reference decode of the driver nebula, point for point; velodyne-decoder as another.

The reference holds each driver's own view of azimuths, which `convention="nebula"` reproduces; what it does is told in
ext/drivers/lidar/_azimuth.pxd.
"""

from __future__ import annotations

import numpy as np
import pytest

from drivers.lidar.decoder import Decoder
from tests.drivers.lidar import recorded

pytestmark = pytest.mark.real_data

# Model: bag, reference, smallest distance that the reference gives
SCANS = {
    "VLP-16": ("vlp16__1673400471837873222__1673400471837873222_0.db3", "vlp16__1673400472138016708.pcd", 0.3),
    "VLP-32C": ("vlp32__1713492677464078412__1713492677464078412_0.db3", "vlp32__1713492677464078412.pcd", 0.3),
    "VLS-128": ("vls128__1614315746471294674__1614315746471294674_0.db3", "vls128__1585897255376374245.pcd", 0.3),
    "Pandar64": ("64__1673403880599376836__1673403880599376836_0.db3", "64__1673403880898440686.pcd", 0.3),
    "XT32": ("xt32__1673400677802009732__1673400677802009732_0.db3", "xt32__1673400678101968885.pcd", 0.05),
}
PEERS = {"VLP-16": "VLP16", "VLP-32C": "VLP32C", "VLS-128": "VLS128"}


@pytest.fixture(scope="module")
def bags(data_directory):
    folder = data_directory / recorded.FOLDER
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


def decoded(bags, name: str, **options) -> tuple[np.ndarray, np.ndarray, Decoder]:
    """All points of the bag, the time of each, and the decoder."""
    decoder = Decoder(name, minimum_range_m=SCANS[name][2], **options)
    scans = list(decoder.scans(recorded.packets(bags / SCANS[name][0])))
    times = [scan.stamp_ns + scan.points["time_offset_ns"].astype(np.int64) for scan in scans]
    return np.concatenate([scan.points for scan in scans]), np.concatenate(times), decoder


def places(points: np.ndarray) -> np.ndarray:
    return np.stack([points[axis] for axis in "xyz"], axis=1).astype(float)


@pytest.mark.parametrize("name", SCANS)
def test_every_reference_point_is_ours_within_2_mm(bags, name):
    from scipy.spatial import cKDTree

    points, _, decoder = decoded(bags, name, convention="nebula")
    reference = recorded.reference(bags / SCANS[name][1])
    distances, nearest = cKDTree(places(points)).query(places(reference))
    assert distances.max() <= 0.002
    if name != "VLP-16":  # whose reference is matched in order below; the scene stands still, and its points come again
        assert len(np.unique(nearest)) >= 0.99 * len(reference)
    assert not any(decoder.counts()[kind] for kind in ("malformed", "other", "reordered", "duplicated", "clock_jumps"))


def test_vlp16_intensity_ring_and_time_are_exact(bags):
    points, times, _ = decoded(bags, "VLP-16", convention="nebula", clock="received")
    reference = recorded.reference(bags / SCANS["VLP-16"][1])
    packets = recorded.packets(bags / SCANS["VLP-16"][0])
    # The order is the reference's: find where its scan begins
    distance = np.round(np.linalg.norm(places(points), axis=1) / 0.002).astype(int)
    wanted = np.round(reference["distance"] / 0.002).astype(int)
    key = np.stack([distance, points["intensity"], points["ring"]], axis=1)
    wanted_key = np.stack([wanted, reference["intensity"], reference["channel"]], axis=1)
    starts = [at for at in range(len(key) - len(wanted_key) + 1) if (key[at : at + 40] == wanted_key[:40]).all()]
    assert len(starts) == 1
    ours = slice(starts[0], starts[0] + len(wanted_key))
    assert (key[ours] == wanted_key).all()
    # It counts from the packet (its decoder was given whole seconds), in float64 seconds cut to ns: a time may be one less.
    # What it took over from the packet before went through seconds since 1970, which go in steps of 238 ns
    counting, counts = Decoder("VLP-16", minimum_range_m=0.3), [0]
    for data, time_ns in packets:
        counting.feed(data, time_ns)
        counts.append(counting.counts()["points"])
    packet = np.repeat(np.arange(len(packets)), np.diff(counts))[ours]
    within = times[ours] - np.array([time_ns for _, time_ns in packets])[packet]
    difference = reference["time_stamp"].astype(np.int64) - within
    is_taken_over = packet == packet[0]
    assert np.isin(difference[~is_taken_over], [-1, 0]).all()
    assert is_taken_over.sum() < 200 and np.abs(difference[is_taken_over]).max() <= 120


@pytest.mark.parametrize("name", PEERS)
def test_velodyne_decoder_says_the_same(bags, name):
    peer = pytest.importorskip("velodyne_decoder", reason="velodyne-decoder is not installed")
    packets = recorded.packets(bags / SCANS[name][0])[:300]
    config = peer.Config(model=getattr(peer.Model, PEERS[name]), min_range=0.0, max_range=1000.0)
    _, theirs = peer.ScanDecoder(config).decode([peer.VelodynePacket(time_ns * 1e-9, data) for data, time_ns in packets], True)
    decoder = Decoder(name, cut_azimuth_rad=np.radians(355.0 if name == "VLP-16" else 200.0))
    scans = list(decoder.scans(packets))
    ours = np.concatenate([scan.points for scan in scans])
    times = np.concatenate([scan.stamp_ns + scan.points["time_offset_ns"].astype(np.int64) for scan in scans])
    assert len(ours) == len(theirs)
    # Both in the order of firing; two returns stand in another order
    own_order = np.lexsort((ours["return_kind"] == 1, ours["ring"], times))
    peer_order = np.lexsort((theirs["return_type"] == 1, theirs["ring"], theirs["time"]))
    ours, theirs, times = ours[own_order], theirs[peer_order], times[own_order]
    assert (ours["ring"] == theirs["ring"]).all()
    assert (ours["intensity"] == theirs["intensity"]).all()
    # From the second packet on: of a VLS-128's first one the peer stretches the firings
    start = np.searchsorted(times, times[0] + 500_000)
    relative_s = (times - times[start]) * 1e-9 - (theirs["time"].astype(float) - float(theirs["time"][start]))
    # Theirs went through float64 seconds since 1970, in steps of 0.24 us; a VLS-128's pause of 2.665 us stands elsewhere there
    assert np.abs(relative_s[start:]).max() < (3e-6 if name == "VLS-128" else 3e-7)
