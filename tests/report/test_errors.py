"""Errors against the reference: known displacements come out as they were put in."""

from __future__ import annotations

import numpy as np

from autonomy.report import errors
from tests.report import drives


def displaced(forward: float, left: float, up: float, ticks: int = 2000):
    run = drives.run(ticks)
    ego = run.outputs["ego"]
    yaw = ego["yaw"] - 0.02
    truth = np.cumsum(
        np.stack([ego["speed"] * np.cos(yaw), ego["speed"] * np.sin(yaw), np.full(ticks, 0.2)], axis=1) * 0.01, axis=0
    )
    ego["position"] = truth + np.stack(
        [forward * np.cos(yaw) - left * np.sin(yaw), forward * np.sin(yaw) + left * np.cos(yaw), np.full(ticks, up)], axis=1
    )
    return ego, run.reference


def test_displacements_come_back_in_vehicle_axes():
    found = errors.compare(*displaced(0.7, -0.3, 1.1))
    for axis, expected in (("forward", 0.7), ("left", -0.3), ("up", 1.1)):
        error = found.position[axis][0]
        np.testing.assert_allclose(error[np.isfinite(error)], expected, atol=2e-3)


def test_heading_leaves_out_its_mean_and_says_it():
    found = errors.compare(*displaced(0, 0, 0))
    assert abs(found.heading_mean - 0.02) < 1e-6
    np.testing.assert_allclose(found.heading[0][np.isfinite(found.heading[0])], 0.0, atol=1e-4)


def test_bounds_turn_with_the_vehicle():
    ego, poses = displaced(0, 0, 0)
    ego["sigma"][:, 0], ego["sigma"][:, 1], ego["covariance_xy"] = 2.0, 1.0, 0.5
    found = errors.compare(ego, poses)
    yaw = errors.yaw_of(poses["orientation"][0])
    turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    expected = np.sqrt(np.diag(turn @ np.array([[4.0, 0.5], [0.5, 1.0]]) @ turn.T))
    np.testing.assert_allclose([found.position["forward"][1][0], found.position["left"][1][0]], expected, rtol=1e-6)


def test_another_origin_after_a_reset_is_joined_on():
    ego, poses = displaced(0.2, 0.1, 0.0)
    moved = errors.geodetic_to_enu(*errors.enu_to_geodetic(np.array([[100.0, -50.0, 3.0]]), drives.ORIGIN), drives.ORIGIN)[0]
    latitude, longitude, altitude = (float(value[0]) for value in errors.enu_to_geodetic(moved[None], drives.ORIGIN))
    later = slice(1000, None)
    ego["position"][later] -= moved
    ego["origin_latitude_deg"][later], ego["origin_longitude_deg"][later], ego["origin_altitude_m"][later] = (
        latitude,
        longitude,
        altitude,
    )
    found = errors.compare(ego, poses).position["forward"][0]
    np.testing.assert_allclose(found[np.isfinite(found)], 0.2, atol=0.01)


def test_no_errors_without_reference_position_or_overlap():
    ego, poses = displaced(0, 0, 0, ticks=300)
    assert errors.compare(ego, poses[:0]) is None and errors.compare(ego[:0], poses) is None
    later = poses.copy()
    later["time_ns"] += 10**12
    assert errors.compare(ego, later) is None
    ego["status"] = 0
    assert errors.compare(ego, poses) is None


def test_time_that_jumps_back_is_left_out():
    ego, poses = displaced(0.5, 0, 0)
    ego["time_ns"][700:800] -= 3_000_000_000
    found = errors.compare(ego, poses)
    assert np.isfinite(found.position["forward"][0]).sum() > 100
