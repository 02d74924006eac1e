"""Packets that ouster-sdk writes, in every profile, beside its own points. It needs an environment of its own; see its pins."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.lidar.calibration import ouster_model
from drivers.lidar.ouster import PROFILES
from tests.drivers.lidar.streams import decoded

core = pytest.importorskip("ouster.sdk.core", reason="ouster-sdk is not installed")


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("profile", PROFILES)
def test_points_are_those_of_ouster_sdk(tmp_path, profile):
    generator = np.random.default_rng(1)
    info = core.SensorInfo.from_default(core.LidarMode._1024x10)
    info.format.udp_profile_lidar = info.config.udp_profile_lidar = getattr(core.UDPProfileLidar, profile)
    scan = core.LidarScan(info)
    for name in scan.fields:
        field = scan.field(name)
        if name.startswith("RANGE"):
            unit = 8 if profile.startswith("RNG15") else 1
            field[:] = generator.integers(100, 32_000, field.shape) * unit * (generator.random(field.shape) > 0.2)
        else:
            field[:] = generator.integers(0, 255, field.shape)
    scan.measurement_id[:] = np.arange(scan.w)
    scan.timestamp[:] = 10**15 + np.arange(scan.w) * 97_656
    scan.status[:] = 0xFFFFFFFF if profile == "LEGACY" else 1
    packets = [bytes(packet.buf) for packet in core.frame_to_packets(scan, core.PacketFormat(info), 1, 2)]
    path = tmp_path / "metadata.json"
    path.write_text(info.to_json_string())
    lidar = ouster_model(path)
    (ours,), decoder = decoded(lidar, packets)
    assert decoder.counts()["packets"] == len(packets) == 64
    place = core.XYZLut(info)
    for suffix, kind in (("", 1), ("2", 6)):
        if f"RANGE{suffix}" not in scan.fields:
            continue
        points = ours.points[ours.points["return_kind"] == kind]
        row, column = lidar.rings - 1 - points["ring"].astype(int), points["column"]
        assert len(points) == (scan.field(f"RANGE{suffix}") > 0).sum()
        expected = place(scan.field(f"RANGE{suffix}")).reshape(lidar.rings, -1, 3)[row, column]
        assert np.abs(np.stack([points[axis] for axis in "xyz"], axis=1) - expected).max() < 2e-4
        assert (points["intensity"] == scan.field(f"REFLECTIVITY{suffix}")[row, column]).all()
        assert (points["time_offset_ns"] == 97_656 * column.astype(int)).all()
