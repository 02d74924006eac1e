"""The lateral controller of ext/autonomy/control/_lateral.pxd, said plainly: Kalman filter, roll, quadratic program.

`solve` is any function of a problem as autonomy/linalg/_box_mpc.solve takes it that returns the inputs.
"""

from __future__ import annotations

import numpy as np

from autonomy.control.yaw_plane_twin import (
    ACCELERATION_BIAS,  # fmt: skip
    ANGLE,
    BIAS,
    COMMAND,
    CURVATURE,
    DISTURBANCE,
    FRONT,
    OFFSET,
    RATE,
    TRAILER,
    G,
    R,
    V,
    YawPlane,
    transition,
)
from autonomy.msg import constants
from autonomy.physics import STANDARD_GRAVITY_MPS2
from autonomy.rollover_twin import rollover_threshold

LATERAL = constants("LateralParameters")
TICK_S, STAGES, STAGE_TICKS = LATERAL["TICK_PERIOD_S"], int(LATERAL["STAGES"]), int(LATERAL["STAGE_TICKS"])
STEP_M = constants("LaneState")["PREVIEW_STEP_M"]
REVERSAL_SHARE = 0.1  # of half the play: as much turning back must be wanted before it is crossed
CROSSING_S, CROSSING_TICKS = 0.06, 10.0  # lag with which it is crossed, where the actuator's is longer; until wheels move again
CROSSED_RAD = 1e-7
LEAST_ROOM_M = 0.05  # a box is never narrower to either side of its middle
SHAPE_SPEED_MPS, SHAPE_RESPONSE_S, EAGER_MOST = 20.0, 0.4, 2.5  # see _taking_over.pxd
SENSOR_OFFSET_RAD, TURNING_MPS2 = 0.004, 0.3  # see _observer.pxd
LASTING_S = 6.0  # see _lateral.pxd
SHAPE = {name: np.array(value) for name, value in {  # at these, per s of response, per m/s
    "eager": (1.71, 1.0, 0.057), "held": (0.86, 0.0, 0.022), "released": (0.56, 0.0, 0.023),
    "eager_s": (0.41, 0.0, 0.01), "held_s": (1.4, 0.0, 0.0), "released_s": (0.58, 0.0, 0.0)}.items()}  # fmt: skip
LARGEST_BANK_STEP_MPS2 = 0.05  # see _observer.pxd
TRANSITION_BASE_M = 10.0  # the lane's curvature rate is that between so far behind and ahead of a place


def learned_vehicle(told, wheelbase_m: float):
    """The vehicle's parameters with the trailer's axles where the drive has shown them to be."""
    found, length = told.copy(), float(told["trailer_wheelbase_m"])
    moved = np.clip(wheelbase_m, 0.6 * length, 1.4 * length) - length
    for key in ("trailer_cg_x_m", "trailer_tare_cg_x_m"):
        found[key] *= 1.0 + moved / length
    found["trailer_wheelbase_m"] += moved
    found["trailer_axle_x_m"] += moved
    return found


def agility(p, mass: float, speed: float, response: float) -> float:
    """0 to 1, see _lateral.pxd; `response`: dead time and lag together, in s."""
    values = {"mass_kg": mass, "speed_mps": speed, "response_s": response}
    agile = 1.0
    for name, value in values.items():
        agile *= min(p[f"agile_{name}"] / value, 1.0) ** p[f"agile_{name.partition('_')[0]}_exponent"]
    return float(agile)


def taking_over(elapsed_s: float, speed: float, response: float) -> float:
    """What is added to the wanted offset so long after taking over, over what the truck stood off its place then.

    `response`: dead time and lag together, in s.
    """
    names = ("eager", "held", "released", "eager_s", "held_s", "released_s")
    levels = {name: SHAPE[name] @ (1.0, response - SHAPE_RESPONSE_S, speed - SHAPE_SPEED_MPS) for name in names}
    ends = np.cumsum([levels[name] for name in names[3:]])
    asked = (-min(max(levels["eager"], 0.0), EAGER_MOST), levels["held"], -levels["released"], 0.0)
    return float(asked[int(np.searchsorted(ends, elapsed_s + 0.5 * TICK_S, side="right"))])


def process_noise(p, model: YawPlane, agile: float) -> np.ndarray:
    """Covariance per tick, (12, 12)."""
    sigma = np.zeros(12)
    sigma[[V, R, G]] = p["process_lateral_velocity"], p["process_yaw_rate"], p["process_articulation_rate"]
    sigma[ACCELERATION_BIAS] = p["process_acceleration_bias"]
    calm, agile_bias = p["process_steering_offset"], p["process_steering_offset_agile"]
    sigma[ANGLE], sigma[BIAS] = p["process_road_wheel_angle"], calm + agile * (agile_bias - calm)
    sigma[DISTURBANCE] = p["process_lateral_disturbance"]
    aside, turned = np.zeros(12), np.zeros(12)
    aside[[TRAILER, OFFSET, FRONT]] = p["process_offset"]
    turned[[TRAILER, FRONT]] = p["process_heading"] * np.array([-model.hitch_m - model.trailer_m, model.front_m])
    return (np.diag(sigma**2) + np.outer(aside, aside) + np.outer(turned, turned)) * TICK_S


def measurements(p, model: YawPlane) -> tuple[np.ndarray, np.ndarray]:
    """H (4, 12) and sigmas (4,): offset, heading error, yaw rate, lateral acceleration of the reference point."""
    H = np.zeros((4, 12))
    H[0, OFFSET], H[1], H[2, R] = 1.0, model.heading, 1.0
    moved = model.rates(1.0)  # of the body: no lag enters
    H[3] = moved[V] + model.reference_m * moved[R]
    H[3, R] += model.speed
    H[3, ACCELERATION_BIAS] = 1.0
    return H, np.array([p[f"{name}_sigma"] for name in ("offset", "heading", "yaw_rate", "lateral_acceleration")])


def side_force_of_roll(body_roll: float, roll: float, lateral_acceleration: float) -> float:
    """m/s2 to the left by the road's bank, of the body's roll: it leans `body_roll` rad per m/s2 of that of the tyres."""
    leaning = roll - body_roll * lateral_acceleration
    return -STANDARD_GRAVITY_MPS2 * leaning / (1.0 + STANDARD_GRAVITY_MPS2 * body_roll)


def weights(p, vehicle, speed: float) -> tuple[np.ndarray, float]:
    """Diagonal of the states' weights (8,) and the weight of the command's rate."""
    trailer = float(vehicle["has_trailer"])
    W = np.zeros(8)
    W[R] = p["lateral_acceleration_weight"] * speed**2
    W[G] = trailer * p["articulation_rate_weight"] * (speed / LATERAL["REFERENCE_SPEED_MPS"]) ** 2
    W[[TRAILER, OFFSET, FRONT]] = trailer * p["trailer_offset_weight"], p["offset_weight"], p["front_offset_weight"]
    return W, p["lateral_jerk_weight"] * acceleration_per_angle(vehicle, speed) ** 2


def acceleration_per_angle(vehicle, speed: float) -> float:
    return speed**2 / (vehicle["wheelbase_m"] + vehicle["understeer_gradient"] * speed**2)


def stage_matrices(tick: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A (8, 8), B (8,) and the effect (8, 3) of curvature, steering offset and disturbance over one stage."""
    tick = tick.copy()
    tick[:, RATE] = TICK_S * tick[:, COMMAND]
    tick[RATE, RATE] = 1.0
    stage = np.linalg.matrix_power(tick, STAGE_TICKS)
    return stage[:8, :8], stage[:8, RATE], stage[:8, CURVATURE : CURVATURE + 3]


def compensated_play(told: float, learned: float, sigma: float, known: bool) -> float:
    """rad, the whole width told; more, and with the whole response known less, as far as two sigma of the learned one show."""
    if told < learned - 2.0 * sigma:
        return learned - 2.0 * sigma
    return min(told, learned + 2.0 * sigma) if known else told


class LateralTwin:
    """State between ticks: the observer's mean and covariance and the cost-to-go."""

    def __init__(self, parameters, vehicle, solve):
        self.p, self.told, self.vehicle, self.solve = parameters, vehicle, vehicle, solve
        self.rear_doubt_m, self.half_play = 0.0, 0.5 * float(vehicle["steering_play_rad"])
        self.x, self.cost_to_go = None, np.zeros((8, 8))
        self.side, self.pull, self.actuator, self.wheels = 0.0, 0.0, 0.0, 0.0  # of the play
        self.taken_over_m, self.ticks, self.bank, self.lasting = 0.0, 0, None, 0.0

    def step(self, sent, speed, lag, delay, mass, measured, articulation, preview, width, target=0.0, sideways=0.0,
             tyres=(1.0, 1.0, 1.0), roll=0.0, trailer=None) -> float:
        """Road wheel angle in rad.

        `sent`: commands less the play, newest last; `measured`: offset, heading error, yaw rate, lateral acceleration;
        `sideways`: lateral velocity to begin with; `width`: (left, right) of the lane; `trailer`: its wheelbase and sigma once
        learned.
        """
        if trailer is not None:
            self.vehicle, self.rear_doubt_m = learned_vehicle(self.told, trailer[0]), 2.0 * trailer[1]
        p, vehicle = self.p, self.vehicle
        agile = agility(p, mass, speed, delay + lag)
        model = YawPlane(vehicle, mass, speed, agile, tyres)
        rates = model.rates(lag)
        tick = transition(rates, TICK_S)
        whole = int(delay / TICK_S + 1e-6)
        rest = delay - whole * TICK_S

        def ahead(distance):
            return np.interp(distance, STEP_M * np.arange(len(preview)), preview)

        begins = self.x is None
        if begins:
            self._begin(model, measured, articulation, sideways, sent[-1 - whole])
            self._follow_bank(roll, speed)
        else:
            acting = rest / TICK_S * sent[-2 - whole] + (1.0 - rest / TICK_S) * sent[-1 - whole]
            self.x[[COMMAND, CURVATURE]] = acting, preview[0]
            self.x, self.P = tick @ self.x, tick @ self.P @ tick.T + process_noise(p, model, agile)
            self._follow_bank(roll, speed)
            for h, sigma, value in zip(*measurements(p, model), measured, strict=True):
                gain = self.P @ h / (h @ self.P @ h + sigma**2)
                self.x = self.x + gain * (value - h @ self.x)
                self.P = self.P - np.outer(gain, h @ self.P)
        if self.ticks == 1:  # the first that nobody else steers
            self.P[BIAS, BIAS] += SENSOR_OFFSET_RAD**2
        x, driven = self.x.copy(), 0.0
        if begins:
            self.taken_over_m = x[OFFSET] - self.wanted(model, preview[0], x[BIAS], x[DISTURBANCE], target)[OFFSET]
        self.lasting += (x[DISTURBANCE] - self.lasting) * (1.0 if self.ticks == 0 else TICK_S / LASTING_S)
        shaped = self.taken_over_m * taking_over(self.ticks * TICK_S, speed, delay + lag)
        shaped -= agile * self.wanted(model, 0.0, 0.0, x[DISTURBANCE] - self.lasting, 0.0)[OFFSET]
        self.ticks += 1
        x[RATE] = 0.0
        for length, command in [(rest, sent[-1 - whole])] * (rest > 1e-9) + [(TICK_S, sent[-i]) for i in range(whole, 0, -1)]:
            x[[COMMAND, CURVATURE]] = command, ahead(driven + 0.5 * speed * length)
            x = transition(rates, length) @ x
            driven += speed * length
        x[COMMAND] = sent[-1]
        problem = self._problem(model, tick, x, ahead, driven, width, target, shaped, mass)
        inputs, value = self.solve(problem)
        self.cost_to_go = value
        change = TICK_S * inputs[0]
        return self._across_play(x[COMMAND] + change, change, lag)

    def through_play(self, command: float, lag: float) -> float:
        """The command under which steering without play would have moved the wheels as this one does."""
        half, before, share = self.half_play, self.wheels, 1.0 - np.exp(-TICK_S / lag)
        self.actuator += share * (command - self.actuator)
        self.wheels = float(np.clip(before, self.actuator - half, self.actuator + half))
        return before + (self.wheels - before) / share

    def _across_play(self, wanted: float, change: float, lag: float) -> float:
        half = self.half_play
        self.pull = 0.0 if self.side * (self.pull + change) > 0.0 else self.pull + change
        if abs(self.pull) > REVERSAL_SHARE * half:
            self.side, self.pull = np.sign(self.pull), 0.0
        to_cross = self.wheels + self.side * half - self.actuator
        if self.side * to_cross > CROSSED_RAD:
            wanted += np.clip(CROSSING_TICKS * change, -2.0 * half, 2.0 * half) + max(lag / CROSSING_S - 1.0, 0.0) * to_cross
        return wanted + self.side * half

    def _begin(self, model, measured, articulation, sideways, command):
        offset, heading, yaw_rate, _ = measured
        self.x = np.zeros(12)
        self.x[[V, R, ANGLE, COMMAND]] = sideways - model.reference_m * yaw_rate, yaw_rate, command, command
        self.x[[TRAILER, OFFSET, FRONT]] = model.place(offset, heading, articulation)
        sigma = np.zeros(12)
        sigma[[V, R, G, ANGLE, BIAS, DISTURBANCE, ACCELERATION_BIAS]] = 0.1, 0.01, 0.01, 0.005, 0.005, 0.2, 0.2
        sigma[[TRAILER, OFFSET, FRONT]] = self.p["offset_sigma"]
        self.P = np.diag(sigma**2)

    def _follow_bank(self, roll: float, speed: float):
        turning = speed * self.x[R]
        bank = side_force_of_roll(float(self.told["body_roll_rad_per_mps2"]), roll, turning)
        if self.bank is not None and abs(bank - self.bank) < LARGEST_BANK_STEP_MPS2:
            self.x[DISTURBANCE] += (bank - self.bank) / (1.0 + (turning / TURNING_MPS2) ** 2)
        self.bank = bank

    def wanted(self, model: YawPlane, curvature: float, bias: float, disturbance: float, target: float) -> np.ndarray:
        """Steady travel whose front and rear faces are equally far from the lane's place, (8,)."""
        x, heading, articulation = model.steady(curvature, bias, disturbance)
        offsets = np.array(model.place(0.0, heading, articulation))
        rear_m = self.vehicle["rear_overhang_m"]
        front = offsets[2] - 0.5 * curvature * model.front_m**2
        rear = -model.hitch_m * heading - (rear_m - model.hitch_m) * (heading + articulation) - 0.5 * curvature * rear_m**2
        x[[TRAILER, OFFSET, FRONT]] = offsets + target - 0.5 * (front + rear)
        return x

    def _problem(self, model, tick, x, ahead, driven, width, target, shaped, mass) -> dict:
        p, vehicle, speed = self.p, self.vehicle, model.speed
        A, B, held = stage_matrices(tick)
        W, input_weight = weights(p, vehicle, speed)
        per_angle = acceleration_per_angle(vehicle, speed)
        acceleration = acceleration_bound(p, vehicle, mass)
        high = np.full(8, 1e3)
        high[R] = acceleration / speed
        high[COMMAND] = min(acceleration / per_angle, vehicle["maximum_road_wheel_angle"])
        low = -high
        room = 0.5 * vehicle["width_m"] + p["lane_margin_m"]
        high[[TRAILER, OFFSET, FRONT]] = max(width[0] - room, LEAST_ROOM_M) + max(target, 0.0)
        low[[TRAILER, OFFSET, FRONT]] = -max(width[1] - room, LEAST_ROOM_M) + min(target, 0.0)
        softness = np.zeros(8)
        softness[[TRAILER, OFFSET, FRONT]], softness[[R, COMMAND]] = p["offset_softness_m2"], p["angle_softness_rad2"]
        stage_m = STAGE_TICKS * TICK_S * speed
        halfway = driven + (np.arange(STAGES) + 0.5) * stage_m
        yaw_rate, articulation_rate = self.lead_in(model, ahead, halfway)
        drift = np.array([held @ [ahead(place), x[BIAS], x[DISTURBANCE]] for place in halfway])
        curvature = ahead(driven + np.arange(1, STAGES + 1) * stage_m)
        low, high = np.tile(low, (STAGES, 1)), np.tile(high, (STAGES, 1))
        low[:, FRONT] += 0.5 * curvature * model.front_m**2
        high[:, FRONT] += 0.5 * curvature * model.front_m**2
        place = target + shaped
        wanted = np.array([self.wanted(model, value, x[BIAS], x[DISTURBANCE], place) for value in curvature])
        askew = trailer_angle(model, x) - trailer_angle(model, self.wanted(model, ahead(driven), x[BIAS], x[DISTURBANCE], target))
        dies_out = np.exp(-np.arange(1, STAGES + 1) * stage_m / (model.hitch_m + model.trailer_m))
        turned = np.array([trailer_angle(model, place) for place in wanted]) + askew * dies_out
        low[:, TRAILER], high[:, TRAILER] = self.rear_bounds(model, curvature, turned, low[:, TRAILER], high[:, TRAILER])
        wanted[:, R] += yaw_rate
        wanted[:, G] = articulation_rate
        terminal = self.cost_to_go + np.diag(W)
        linear = -W * wanted
        linear[-1] = -terminal @ wanted[-1]
        rate = min(p["lateral_jerk_maximum"] / per_angle, vehicle["maximum_road_wheel_rate"])
        return {"A": A, "B": B, "weight": W, "terminal": terminal, "input_weight": input_weight, "start": x[:8],
                "softness": softness, "drift": drift, "linear": linear, "low": low, "high": high,
                "input_low": np.full(STAGES, -rate), "input_high": np.full(STAGES, rate)}  # fmt: skip

    def rear_bounds(self, model, curvature, angle, low, high) -> tuple[np.ndarray, np.ndarray]:
        """Of the axle group, so that it and the rear end, the trailer at an angle, stay between the lines."""
        behind = model.hitch_m + model.trailer_m
        overhang = max(float(self.vehicle["rear_overhang_m"]) - behind, 0.0) + self.rear_doubt_m
        at_axles, at_rear = 0.5 * curvature * behind**2, 0.5 * curvature * (behind + overhang) ** 2 + overhang * angle
        low, high = low + np.maximum(at_axles, at_rear), high + np.minimum(at_axles, at_rear)
        middle, room = 0.5 * (low + high), np.maximum(0.5 * (high - low), LEAST_ROOM_M)
        return middle - room, middle + room

    @staticmethod
    def lead_in(model: YawPlane, ahead, distance) -> tuple[np.ndarray, np.ndarray]:
        """rad/s, how fast the lane's own bending turns tractor (beyond the lane) and trailer, at distances ahead."""
        behind = np.maximum(distance - TRANSITION_BASE_M, 0.0)
        bending = (ahead(distance + TRANSITION_BASE_M) - ahead(behind)) / (distance + TRANSITION_BASE_M - behind)
        _, heading, articulation = model.steady(1.0, 0.0, 0.0)
        return model.speed * bending * heading, model.speed * bending * articulation


def trailer_angle(model: YawPlane, x: np.ndarray) -> float:
    """rad, to the lane."""
    return float((x[OFFSET] - model.hitch_m * (model.heading[:8] @ x[:8]) - x[TRAILER]) / model.trailer_m)


def acceleration_bound(p, vehicle, mass: float) -> float:
    """m/s2: configured, or the used share of the static rollover threshold."""
    return min(p["rollover_share"] * rollover_threshold(vehicle, mass), p["lateral_acceleration_maximum"])
