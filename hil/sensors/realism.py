"""How far the rig's sensors are from the truth: rates, latencies, losses, noise, biases. One table for all levels.

Rates are those of full trucks where measured [C]; noise and latencies as data sheets promise [M].
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np


class Timing(NamedTuple):
    """When samples of one kind come."""

    period_s: float
    latency_s: float  # from the measurement to the first byte on its line
    jitter_s: float = 0.0  # on top, uniform from 0
    loss: float = 0.0  # share of samples that never come


SENSORS = {
    "imu": Timing(0.01, 0.002),
    "shaft": Timing(0.01, 0.005),
    "steering": Timing(0.01, 0.005),
    "wheel": Timing(0.1, 0.06),
    "signal": Timing(0.02, 0.005),  # EEC1: 10, 15 or 20 ms by maker [C]
    "gnss": Timing(0.1, 0.1),
    "radar": Timing(0.05, 0.05),
    "lane": Timing(0.05, 0.08, jitter_s=0.005, loss=0.01),  # an image now and then gives no lines
    "trailer": Timing(0.05, 0.04),  # a sensor of the articulation, where the rig is asked for one [D]
}
ARTICULATION_SIGMA, ARTICULATION_OFFSET_SIGMA = math.radians(0.1), math.radians(0.2)  # white; as mounted, one draw a drive [M]
# One standard deviation of white noise, SI
SIGMA = {"acceleration": 0.05, "angular_rate": 0.0015, "speed": 0.03, "steering": 0.003, "position": 0.10, "altitude": 0.18,
         "velocity": 0.05, "range": 0.25, "lateral": 0.20, "range_rate": 0.10, "shaft": 0.15,
         "articulation": ARTICULATION_SIGMA}  # fmt: skip
WHEEL_SCALE = 0.992  # worn tyres: wheels say this share of the true speed
GYRO_BIAS = (0.001, -0.0015, 0.0012)  # rad/s
ACCELERATION_BIAS = (0.03, -0.02, 0.05)  # m/s2
STEERING_OFFSET = 0.01  # rad at the steering wheel
# Of the stability control's own sensors (VDC2): constant error and noise of yaw rate, lateral, longitudinal acceleration [M]
STABILITY_ERRORS = ((0.003, 0.003), (0.05, 0.1), (0.05, 0.1))
LANE_RANGE_M = 80.0  # a camera's
# A point of a line, one every LANE_POINT_EVERY_M: the paint's edge, and half a milliradian a pixel (2 Mpx over 60 degrees) [M].
# The cubic fitted over 80 m is off by 0.04 m, 0.004, 1.2e-4 1/m, 1.0e-6 1/m2 in c0..c3; its errors go together
LANE_POINT_SIGMA_M, LANE_PIXEL_RAD, LANE_POINT_EVERY_M = 0.04, 0.0005, 5.0
LANE_SWAY_SIGMA = (0.02, 0.0005)  # m, rad: all lines of an image alike, by a camera that shakes [M]
RADAR_RANGE_M, RADAR_HALF_ANGLE = 180.0, math.radians(20.0)
# A receiver's error is mostly slow (orbits, ionosphere, its own filter): first-order Gauss-Markov, beside the white noise above
GNSS_DRIFT_SIGMA, GNSS_DRIFT_TIME_S = np.array([0.30, 0.30, 0.60]), 120.0
GNSS_POSITION_SIGMA, GNSS_ALTITUDE_SIGMA = 0.35, 0.6  # what the receiver says of both together
GNSS_SPEED_SIGMA, GNSS_COURSE_SIGMA_DEG, GNSS_SATELLITES = 0.05, 0.3, 14

ORIGIN = (48.2, 11.6, 500.0)  # latitude, longitude in degrees, altitude in m of the world's ENU frame
UTC_START_NS = 1_767_614_400_000_000_000  # 2026-01-05 12:00 UTC is time 0 of every world
WHEEL_SOURCES = (11, 0)  # ABS (EBC2) and engine (CCVS1)
ENGINE_SOURCE, SHAFT_SOURCE, STEERING_SOURCE, SENSOR_SOURCE = 0, 3, 11, 1

# Engine, gearbox and brakes as J1939 tells them: 1 % of a reference torque a bit, slow ones every 100 ms
AIR_SIGNAL_S = 1.0  # AIR1 [V]
BRAKE_PRESSURE_PA = (8.6e5, 8.7e5)  # of both circuits, full [M]
SLOW_SIGNAL_S = 0.1  # EEC3, ERC1, ETC2, EBC1, CCVS1
TORQUE_SCALE_SIGMA = 0.01  # of what an engine says of itself [M]; one draw a drive
FRICTION_SCALE_SIGMA = 0.10
ENGINE_DRAG_NM, ENGINE_DRAG_PER_RADPS = 120.0, 0.7  # as configs/plants/common.toml [M]
RETARDER_REFERENCE_NM = 3250.0  # ERC1's 100 % [M]
ENGINE_BRAKE_REFERENCE_NM = 1500.0
# Between gearbox and driven wheels: what twists under torque, and swings when it changes [M]
DRIVELINE_STIFFNESS_NM_PER_RAD = 40e3  # at the output shaft
DRIVELINE_HZ, DRIVELINE_DAMPING = 4.0, 0.15
DRIVELINE_TORQUE_LAG_S = 0.1  # the gearbox lets the torque off before it opens the clutch
ABS_SHARE = 0.85  # of the friction, where anti-lock and traction control step in: configs/plants grip_longitudinal
RETARDER_SOURCE, ENGINE_BRAKE_SOURCE, BRAKE_SOURCE, TRAILER_SOURCE = 16, 15, 11, 2
