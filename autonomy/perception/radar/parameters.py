"""What the radar processing decides by. Plain numbers; units in the names."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Mounting:
    """The radar in the vehicle's frame."""

    x_m: float = 5.2
    y_m: float = 0.0
    z_m: float = 0.7
    yaw: float = 0.0  # rad


@dataclass(frozen=True)
class MotionParameters:
    """Of the own motion by Doppler."""

    range_rate_sigma: float = 0.15  # m/s, where a detection tells none [M]
    gate_sigmas: float = 3.0  # of the consensus [D]
    window_mps: float = 2.0  # about the speed that the wheels tell, where they tell one [D]
    slowest_mps: float = -10.0  # without [D]
    fastest_mps: float = 45.0
    tukey_sigmas: float = 4.685  # 95 % efficiency at the normal distribution [V: Holland, Welsch 1977]
    lateral_sigma_mps: float = 1.0  # how far the sensor's own speed aside may be from the yaw rate's [D]
    least: int = 4  # standing detections [D]
    test_gate: float = 10.83  # chi2 of one degree of freedom at 0.999 [V]


@dataclass(frozen=True)
class ScreenParameters:
    """Of what is told apart. All [D] where nothing else is said, chosen on the tuning seeds of `hil suite radar`."""

    range_sigma_m: float = 0.3  # where a detection tells none [M]
    azimuth_sigma: float = math.radians(0.4)  # [M]
    standing_mps: float = 0.6  # slower over ground stands; more where the range rate is worse
    stopping_mps: float = 3.0  # a mover this slow may be what stands there next
    corridor_m: float = 1.5  # half a truck's width and a hand [D]
    landmark_gate_x_m: float = 2.0
    landmark_gate_y_m: float = 1.0  # and three sigmas
    mover_gate_x_m: float = 3.0
    mover_gate_y_m: float = 1.5
    mover_gate_mps: float = 1.5
    landmark_kept: int = 10  # scans without a detection
    mover_kept: int = 6
    moving_looks: int = 2
    standing_looks: int = 3
    weak_existence: float = 0.5
    barrier_points: int = 5
    barrier_length_m: float = 30.0
    barrier_half_m: float = 1.0
    mirror_x_m: float = 2.5
    mirror_y_m: float = 1.0
    mirror_mps: float = 1.0
    bounce_m: float = 1.5
    bounce_mps: float = 0.7
    bounce_azimuth: float = math.radians(1.5)
    bounce_reach_m: float = 35.0  # of the first bounce
    steady_share: float = 0.5  # of scans that saw it: what is steadier is no ghost by geometry alone
    steady_looks: int = 5
    sure_looks: int = 10  # after which a mover may come and go
    obstacle_looks: int = 8
    moved_looks: int = 3  # of what was seen to move before it stood
    inside_share: float = 0.7
    near_m: float = 40.0  # what still stands in the corridor this near is taken as it is, unless it looks like above it
    near_watched_m: float = 30.0  # the same of all, and where a lidar watches: it sees through places 30 to 40 m away [C]
    road_looks: int = 3  # scans of a lidar in a row that show road where something is said to stand
    watched_scans: int = 6  # of the radar, since the lidar's last one
    shadow_m: float = 5.0  # something this much nearer, within corridor_m beside the line of sight, hides what is behind
    passed_x_m: float = 3.0  # a road user this close has driven through it: it is above the road
    passed_y_m: float = 1.0
    overhead_m: float = 3.5  # height above the road from which something is above it: trucks are 4.0 m and seen at half of that
    overhead_drop_db_m2: float = (
        0.48 * math.degrees(4.3) ** 2
    )  # what the cross section sinks by, times range^2: 12 dB at the edges
    #   of a beam of 5 deg [M: elevation of long-range radars], something 4.3 m above the sensor
    overhead_drop_most_db: float = 25.0  # side lobes see it all the same [M]
    decided: float = 2.0  # log likelihood ratio for what stands above the road
    sure_watched: float = 4.0  # for what stands on it, where a lidar watches: 2 is wrong of one gantry in 12, 4 of one in 110 [C]


@dataclass(frozen=True)
class RoadParameters:
    """Of looking through a place with a lidar. m; [D] where nothing else is said."""

    half_width_m: float = 1.5  # to both sides of the place: half a car, and what the radar is off by at 50 m
    before_m: float = 15.0  # in which the ground before the place is taken
    ground_apart_m: float = 3.0
    ground_gap_m: float = 6.0  # rows of a 64-beam lidar are 3 m apart at 60 m [C]
    low_m: float = 0.1  # heights of rays that count: low ones meet debris ...
    low_to_m: float = 0.28
    high_m: float = 0.65  # ... high ones a body that rays pass below: a rear underrun guard ends at 0.55 m [V: UN R58]
    high_to_m: float = 1.0
    low_behind_m: float = 1.0
    high_behind_m: float = 5.0  # longer than what low rays reach under a car [C]
    body_before_m: float = 3.0
    body_behind_m: float = 4.0
    body_low_m: float = 0.25
    body_high_m: float = 3.5
