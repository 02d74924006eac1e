"""What values a parameter can have at all: most are sizes that must be above zero; here are the others.

This is physics, not taste: a value outside makes the arithmetic meaningless (a mass of zero, a noise of none).
"""

from __future__ import annotations

import math

SIGNED = {  # places, angles and offsets: any sign
    "understeer_gradient", "hitch_offset_m", "mounting", "axle_x_m", "reference_from_imu_m",
    "antenna_from_imu_m", "ambient_c", "friction_cold_c", "wheel_delay_s", "slip", "tractor_axle_x_m",
    "trailer_axle_x_m", "x_m", "y_m", "yaw_rad",
}  # fmt: skip
MAY_BE_ZERO = {  # a response without lag, a state that is known or does not wander, a part that is not fitted
    "mass_sigma_kg", "steering_delay_s", "steering_lag_s", "steering_play_rad", "yaw_lag_s", "retarder_torque_maximum_nm",
    "body_roll_rad_per_mps2", "retarder_minimum_speed_mps", "engine_torque_maximum_nm", "drag_area_m2", "rolling_resistance",
    "rear_overhang_m", "front_overhang_m",
    "steering_bias_share", "disturbance_maximum", "gap_acceleration_deadband", "follow_range_s", "engine_brake_torque_maximum_nm",
    "emergency_reserve", "entry_significance", "brake_fill_minimum", "preview_half_base_m", "path_behind_m",
    "gap_speed_mps", "gnss_position_delay_s", "gnss_velocity_delay_s", "gyro_bias_walk", "accelerometer_bias_walk",
    "speed_scale_walk", "mounting_walk", "delay_walk", "slip_walk", "axle_x_sigma_m", "speed_scale_sigma", "mounting_sigma",
    "slip_sigma", "gnss_time_jitter_s", "gnss_velocity_smear_s", "gnss_course_sigma_rad", "gnss_position_delay_sigma_s",
    "gnss_velocity_delay_sigma_s", "wheel_delay_sigma_s", "lead_minimum_age_s", "stationary_age_s", "confirm_hits",
    "correction_time_s", "process_curvature", "line_shape_sigma", "line_sway_sigma",
    "default_set_speed_mps", "acceleration_decay_s", "front_offset_weight", "trailer_offset_weight",
    "lateral_acceleration_weight", "articulation_rate_weight", "lane_margin_m", "tractor_cornering_stiffness",
    "trailer_cornering_stiffness", "cornering_load_sensitivity", "process_steering_offset", "process_lateral_disturbance",
    "process_acceleration_bias", "trailer_tare_mass_kg", "wind_trailer_share", "agile_mass_exponent",
    "agile_speed_exponent", "agile_response_exponent", "process_steering_offset_agile", "roll_deceleration",
    "threshold", "within_s", "act_after_s", "clear_after_s", "period_s", "speed_limit_mps",
    "absolute", "relative", "limit", "after_s", "overspeed_mps", "cruise_bias", "engine_drag_torque_nm",
    "engine_drag_torque_per_speed", "time_gain", "idle_fuel_kg_per_s", "shift_price",
    "acceleration_price", "low_speed_price", "shift_time_s",
    "engine_friction_nm", "engine_friction_per_radps", "engine_torque_sigma_nm", "engine_torque_walk_nm",
    "frame_pitch_rad_per_mps2", "slip_doubt_share", "mass_walk_share", "resistance_walk_mps2", "shaft_scale_walk",
    "slip_compliance", "slip_compliance_sigma", "mass_systematic_share", "brake_cooling_wspmk",
    "frame_roll_rad_per_mps2", "steering_offset_walk_rad", "tyre_factor_walk", "steering_response_walk_s",
    "friction_doubt", "grade_doubt", "headwind_doubt",
    "brake_fade_per_kelvin", "descent_grade", "curve_tight_reserve", "engine_shift_up_radps", "engine_brake_power_w",
    "rollover_margin",
    "merge_gap_m", "pedestrian_margin_m", "existence_deleted", "reflection_spread",
}  # fmt: skip
AT_MOST = {
    "mass_kg": 100e3, "loaded_mass_kg": 100e3, "mass_sigma_kg": 50e3, "tractor_mass_kg": 40e3,  # no road vehicle weighs more
    "wheelbase_m": 10.0, "trailer_wheelbase_m": 20.0, "wheel_radius_m": 1.0, "drag_area_m2": 30.0, "rolling_resistance": 0.1,
    "steering_delay_s": 0.6,  # the commands that the controller remembers
    "horizon_delay_s": 0.32,  # what the buffers of the ego filter hold at 400 Hz
    "gnss_white_share": 1.0, "disturbance_rate": 5.0, "steering_bias_share": 1.0, "override_brake_pedal": 1.0,
    "maximum_road_wheel_angle": 0.5 * math.pi,
    "rollover_share": 1.0,
    "iteration_budget": 100.0,  # the tick must end
    "driveline_efficiency": 1.0, "indicated_efficiency": 0.6, "economy_reserve": 1.0, "overspeed_mps": 3.0,
    "cruise_band_mps": 6.0,
    "cruise_bias": 0.5, "band_below_mps": 6.0, "time_gain": 0.1,
    "cornering_load_sensitivity": 0.9, "wind_trailer_share": 1.0,
    "mass_excited_share": 0.3, "mass_systematic_share": 0.3, "mass_force_share": 0.5,
    "mass_bin_s": 2.0, "friction_assumed": 1.2,
    "tyre_factor_sigma": 0.5, "trailer_wheelbase_sigma": 0.3, "steering_delay_sigma_s": 0.2, "steering_lag_sigma_s": 0.3,
    "steering_response_slew": 0.5,
    "friction_doubt": 5.0, "grade_doubt": 5.0, "headwind_doubt": 5.0,
    "brake_friction_share": 1.0, "brake_faulty_share": 1.0, "curve_friction_share": 1.0,
    "rollover_compliance": 1.0, "rollover_margin": 0.9,
    "driven_friction_share": 1.0, "friction_assumed_sigma": 0.5, "roll_deceleration": 1.0, "driveline_ratio": 100.0,
    "engine_torque_maximum_nm": 10e3, "engine_brake_torque_maximum_nm": 10e3, "retarder_torque_maximum_nm": 20e3,
    "settle_s": 10.0, "torque_timeout_s": 10.0, "tyre_factor": 2.0,
    "within_s": 60.0, "act_after_s": 600.0, "clear_after_s": 600.0, "speed_limit_mps": 40.0,
    "detection_probability": 0.999, "existence_birth": 0.9, "existence_confirmed": 0.99, "existence_deleted": 0.5,
}  # fmt: skip


AT_LEAST = {"wheel_radius_m": 0.15, "wheelbase_m": 1.0, "mass_kg": 500.0, "tractor_mass_kg": 500.0}


def complaint(name: str, value: float) -> str | None:
    """What is wrong with a number, or None."""
    if name in AT_MOST and value > AT_MOST[name]:
        return f"must be at most {AT_MOST[name]:g}"
    if name in AT_LEAST and 0.0 < value < AT_LEAST[name]:
        return f"must be at least {AT_LEAST[name]:g}"
    if name in SIGNED or value > 0.0 or (value == 0.0 and name in MAY_BE_ZERO):
        return None
    return "must not be negative" if name in MAY_BE_ZERO else "must be above zero"
