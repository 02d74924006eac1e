"""The plant's equations of motion stated plainly: two bodies and the force in the fifth wheel that keeps them together.

Where the kernel eliminates that force, the twin solves for it: Newton and Euler for each body in its own frame, two more rows
that hold both bodies' fifth wheel points at the same acceleration. Nothing is shared with the kernel but the parameters.
`derive` gives what `Kernel.derivative` gives, with open brakes.
"""

from __future__ import annotations

import numpy as np

from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2

(X, Y, YAW, U, V, R, S, ARTICULATION, ROLL, TRAILER_ROLL, ROLL_RATE, TRAILER_ROLL_RATE, SURGE, CAB_PITCH, CAB_PITCH_RATE,
 CAB_ROLL, CAB_ROLL_RATE, HEIGHT, SLIP) = range(19)  # fmt: skip


def saturate(slope: float, peak: float, reach: float, slip: float) -> float:
    """Lateral force of a wheel: `slope` at no slip, `peak` from the slip reach * peak / slope on."""
    if peak <= 0.0:
        return 0.0
    z = np.clip(slip * slope / peak / reach, -1.0, 1.0)
    return peak * reach * z / (1.0 + z * z + (reach - 2.0) * abs(z))


def stiffness(p, axle: int, wheel_load: float) -> float:
    """N/rad of one wheel; the parabola in the load is held at its top."""
    k, nominal = p["load_sensitivity"][axle], 0.5 * p["nominal_load"][axle]
    z = wheel_load / nominal
    if k > 0.0:
        z = min(z, (1.0 + k) / (2.0 * k))
    return 0.5 * p["cornering_stiffness"][axle] * z * (1.0 + k - k * z)


def sliding_grip(p, friction: float, slip: float) -> float:
    """Share of the load: straight from the peak, three times as far as the slope would have it, down to the locked wheel's."""
    peak = min(3.0 * friction * p["grip_longitudinal"] / p["slip_stiffness"], 0.5)
    return friction * float(np.interp(slip, [peak, 1.0], [p["grip_longitudinal"], p["grip_sliding"]]))


def loads(p, surge: float) -> np.ndarray:
    """N an axle: moments about the ground under each unit's rear group, nothing braked."""
    n, own = int(p["axles"]), int(p["tractor_axles"])
    static = p["axle_load"][:n]
    pull = p["mass"][1] * surge
    kingpin = (pull * p["hitch_height"] - p["mass"][1] * surge * p["cg_height"][1]) / p["trailer_group"]
    lever = -p["hitch"] - p["reference"]
    moment = kingpin * lever - p["mass"][0] * surge * p["cg_height"][0] - pull * p["hitch_height"]
    steer = moment / (p["axle_x"][0] - p["reference"])
    change = np.concatenate([[steer], (kingpin - steer) * static[1:own] / static[1:own].sum(),
                             -kingpin * static[own:] / static[own:].sum()])  # fmt: skip
    return np.maximum(static + change, 0.0)


def derive(p, x, angle, *, drive_force=0.0, grade=0.0, bank=0.0, friction=0.8, wind=(0.0, 0.0), wheel_slip=None) -> np.ndarray:
    """dx/dt (26,); `p` the kernel's parameters, x its integrated state, nothing of the driveline's inertia.

    `wheel_slip` (axles,): share of the rolling speed lost by wheels that slide, 0 for those that roll.
    """
    n, own, linear = int(p["axles"]), int(p["tractor_axles"]), bool(p["linear"])
    articulation = x[ARTICULATION]
    into_trailer = np.array([[np.cos(articulation), np.sin(articulation)], [-np.sin(articulation), np.cos(articulation)]])
    velocity = np.array([x[U], x[V]])
    height = 0.0 if linear else p["hitch_height"]
    # of the trailer's roll axis under the kingpin, in the trailer's frame: the fifth wheel rolls with both units
    at_hitch = into_trailer @ (velocity + [0.0, -p["hitch"] * x[R] - height * x[ROLL_RATE]])
    at_hitch = at_hitch + [0.0, height * x[TRAILER_ROLL_RATE]]
    gravity = -STANDARD_GRAVITY_MPS2 * np.array([np.sin(grade), np.sin(bank)])
    load = p["axle_load"][:n] if linear else loads(p, x[SURGE])
    driven = p["driven"][:n].astype(bool)
    dx = np.zeros(26)
    force = [np.zeros(2), np.zeros(2)]
    moment = [0.0, 0.0]  # about the centre of gravity of the tractor, about the kingpin for the trailer
    righting = [0.0, 0.0]
    for k in range(n):
        unit = 0 if k < own else 1
        rate = x[R] if unit == 0 else x[S]
        moving = (velocity if unit == 0 else at_hitch) + np.array([0.0, p["axle_x"][k] * rate])
        turned = angle if p["steered"][k] else 0.0
        wheel = np.array([[np.cos(turned), np.sin(turned)], [-np.sin(turned), np.cos(turned)]])
        forward, left = wheel @ moving
        along = -p["rolling_resistance"] * load[k] * np.tanh(forward / 0.05)
        if driven[k]:
            along += drive_force * load[k] / load[:own][driven[:own]].sum()
        most = p["grip_longitudinal"] * friction * load[k]
        along = np.clip(along, -most, most)
        if linear:
            both = load[k] / 2.0
            aside = 2.0 * stiffness(p, k, both) * -left / max(abs(forward), 0.5)
        else:
            roll, roll_rate = x[ROLL + unit], x[ROLL_RATE + unit]
            most = load[k] * p["track"][k] / 2.0
            carried = np.clip(p["roll_stiffness"][k] * roll + p["roll_damping"][k] * roll_rate, -most, most)
            righting[unit] += carried
            slip = x[SLIP + k]
            change = (-left - abs(forward) * slip) / p["relaxation"][k]
            dx[SLIP + k] = 0.0 if abs(slip) > 1.5 and change * slip > 0.0 else change
            slip = slip + p["slip_shift"][k] * roll
            if abs(forward) < 2.0:
                slip -= 0.1 / p["relaxation"][k] * (1.0 - abs(forward) / 2.0) * left
            aside = 0.0
            for wheel_load in (load[k] / 2.0 - carried / p["track"][k], load[k] / 2.0 + carried / p["track"][k]):
                longitudinal = along * wheel_load / load[k] if load[k] > 1.0 else 0.0
                peak = np.sqrt(max((friction * p["grip_lateral"] * wheel_load) ** 2 - longitudinal**2, 0.0))
                aside += saturate(stiffness(p, k, wheel_load), peak, p["peak_reach"], slip)
            if wheel_slip is not None and wheel_slip[k] > 0.0:
                against = np.array([-wheel_slip[k] * np.tanh(forward / 0.05), slip]) / np.hypot(wheel_slip[k], slip)
                along, aside = sliding_grip(p, friction, wheel_slip[k]) * load[k] * against
        pushed = wheel.T @ [along, aside]
        force[unit] = force[unit] + pushed
        moment[unit] += p["axle_x"][k] * pushed[1]
    # Air
    yaw = x[YAW]
    relative = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]]) @ np.asarray(wind) - velocity
    pressure = 0.5 * AIR_DENSITY_KGPM3 * np.linalg.norm(relative)
    side = [pressure * p["side_area"][0] * relative[1], pressure * p["side_area"][1] * (into_trailer @ relative)[1]]
    force[0] = force[0] + [pressure * p["drag_area"] * relative[0], side[0]]
    force[1] = force[1] + [0.0, side[1]]
    moment[0] += side[0] * p["side_x"][0]
    moment[1] += side[1] * p["side_x"][1]

    # Unknowns: u' v' r' p' of the tractor, u' v' s' P' of the trailer (velocity of its own centre of gravity), fifth wheel force
    m, e, d = p["mass"], p["sprung_height"], p["trailer_cg"]
    sprung = np.zeros(2) if linear else p["sprung_mass"]
    trailer_v = at_hitch[1] - d * x[S]
    A, b = np.zeros((10, 10)), np.zeros(10)
    both = (
        (0, m[0], x[U], x[V], x[R], x[ROLL_RATE], np.eye(2), gravity, -p["hitch"]),
        (4, m[1], at_hitch[0], trailer_v, x[S], x[TRAILER_ROLL_RATE], into_trailer, into_trailer @ gravity, d),
    )
    for unit, (row, mass, u, v, rate, roll_rate, turn, pull, to_hitch) in enumerate(both):
        lever = sprung[unit] * e[unit]
        sign = -1.0 if unit == 0 else 1.0  # the fifth wheel pushes the trailer by H and the tractor by -H, H in tractor axes
        A[row, row], A[row, 8:] = mass, -sign * turn[0]
        b[row] = force[unit][0] + mass * (pull[0] + v * rate) - lever * roll_rate * rate
        A[row + 1, row + 1], A[row + 1, row + 3], A[row + 1, 8:] = mass, -lever, -sign * turn[1]
        b[row + 1] = force[unit][1] + mass * (pull[1] - u * rate)
        A[row + 2, row + 2], A[row + 2, 8:] = p["yaw_inertia"][unit], -sign * to_hitch * turn[1]
        about = moment[0] if unit == 0 else moment[1] + d * force[1][1]
        b[row + 2] = about
        roll = x[ROLL + unit]
        A[row + 3, row + 3], A[row + 3, row + 1] = p["roll_inertia"][unit] + lever * e[unit], -lever
        A[row + 3, 8:] = sign * height * turn[1]
        if not linear:
            couple = p["hitch_roll_stiffness"] * (x[ROLL] - x[TRAILER_ROLL])
            couple += p["hitch_roll_damping"] * (x[ROLL_RATE] - x[TRAILER_ROLL_RATE])
            b[row + 3] = (lever * (u * rate - pull[1] + STANDARD_GRAVITY_MPS2 * roll) - righting[unit] + sign * couple
                          - side[unit] * p["side_height"][unit])  # fmt: skip
    # The fifth wheel's acceleration, tractor's seen from the trailer's axes
    first = np.zeros((2, 10))
    first[0, 0], first[1, 1], first[1, 2], first[1, 3] = 1.0, 1.0, -p["hitch"], -height
    first_rest = np.array([-(x[V] - p["hitch"] * x[R] - height * x[ROLL_RATE]) * x[R], x[U] * x[R]])
    second = np.zeros((2, 10))
    second[0, 4], second[1, 5], second[1, 6], second[1, 7] = 1.0, 1.0, d, -height
    second_rest = np.array([-(trailer_v + d * x[S] - height * x[TRAILER_ROLL_RATE]) * x[S], at_hitch[0] * x[S]])
    A[8:] = into_trailer @ first - second
    b[8:] = second_rest - into_trailer @ first_rest
    found = np.linalg.solve(A, b)

    dx[X] = x[U] * np.cos(yaw) - x[V] * np.sin(yaw)
    dx[Y] = x[U] * np.sin(yaw) + x[V] * np.cos(yaw)
    dx[YAW], dx[ARTICULATION] = x[R], x[S] - x[R]
    dx[U], dx[V], dx[R], dx[S] = found[0], found[1], found[2], found[6]
    dx[ROLL], dx[TRAILER_ROLL] = x[ROLL_RATE], x[TRAILER_ROLL_RATE]
    if not linear:
        dx[ROLL_RATE], dx[TRAILER_ROLL_RATE] = found[3], found[7]
    felt = np.array([found[0] - x[V] * x[R], found[1] + x[U] * x[R]]) - gravity
    dx[SURGE] = (felt[0] - x[SURGE]) / p["surge_lag_s"]
    for angle_at, frequency, rest in ((CAB_PITCH, p["cab_pitch_frequency"], -p["cab_pitch_per_acceleration"] * felt[0]),
                                      (CAB_ROLL, p["cab_roll_frequency"], p["cab_roll_per_acceleration"] * felt[1])):  # fmt: skip
        dx[angle_at] = x[angle_at + 1]
        dx[angle_at + 1] = frequency**2 * (rest - x[angle_at]) - 2.0 * p["cab_damping"] * frequency * x[angle_at + 1]
    dx[HEIGHT] = x[U] * np.sin(grade)
    return dx


def kinetic_energy(p, x) -> float:
    """J of both units, sprung masses rolling; nothing of what turns with the wheels."""
    articulation = x[ARTICULATION]
    height = 0.0 if p["linear"] else p["hitch_height"]
    across = x[V] - p["hitch"] * x[R] - height * x[ROLL_RATE]
    u2 = x[U] * np.cos(articulation) + across * np.sin(articulation)
    v2 = across * np.cos(articulation) - x[U] * np.sin(articulation) - p["trailer_cg"] * x[S] + height * x[TRAILER_ROLL_RATE]
    total = 0.0
    for unit, (u, v, rate, roll_rate) in enumerate(((x[U], x[V], x[R], x[ROLL_RATE]), (u2, v2, x[S], x[TRAILER_ROLL_RATE]))):
        sprung = 0.0 if p["linear"] else p["sprung_mass"][unit]
        side = v - p["sprung_height"][unit] * roll_rate
        total += 0.5 * p["mass"][unit] * u**2 + 0.5 * (p["mass"][unit] - sprung) * v**2 + 0.5 * sprung * side**2
        total += 0.5 * p["yaw_inertia"][unit] * rate**2 + 0.5 * p["roll_inertia"][unit] * roll_rate**2
    return float(total)


def gravity_power(p, x, grade: float, bank: float) -> float:
    """W of the weight along the road, sprung masses moving with their roll."""
    a, height = x[ARTICULATION], p["hitch_height"]
    pull = -STANDARD_GRAVITY_MPS2 * np.array([np.sin(grade), np.sin(bank)])
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    trailer = turn @ [x[U], x[V] - p["hitch"] * x[R] - height * x[ROLL_RATE]]
    trailer = trailer + [0.0, height * x[TRAILER_ROLL_RATE] - p["trailer_cg"] * x[S]]
    lean = p["sprung_mass"] * p["sprung_height"] * [x[ROLL_RATE], x[TRAILER_ROLL_RATE]]
    turned = turn @ pull
    return float(p["mass"][0] * (pull @ x[[U, V]]) - lean[0] * pull[1] + p["mass"][1] * (turned @ trailer) - lean[1] * turned[1])


def linear_matrices(p, speed: float) -> tuple[np.ndarray, np.ndarray]:
    """A (4, 4) and B (4,) of x = [vy, r, articulation rate, articulation], small angles, from forces and moments by hand."""
    n, own = int(p["axles"]), int(p["tractor_axles"])
    m1, m2 = p["mass"]
    i1, i2 = p["yaw_inertia"]
    c, d = p["hitch"], p["trailer_cg"]
    stiff = np.array([2.0 * stiffness(p, k, p["axle_load"][k] / 2.0) for k in range(n)])
    # rows of the inertia matrix: sum of forces, tractor and trailer about the tractor's centre, trailer about the fifth wheel
    inertia = np.array([[m1 + m2, -m2 * (c + d), -m2 * d], [-(c + d) * m2, i1 + i2 + (c + d) ** 2 * m2, i2 + (c + d) * d * m2],
                        [-d * m2, i2 + d * (c + d) * m2, i2 + d * d * m2]])  # fmt: skip
    right, drive = np.zeros((3, 4)), np.zeros(3)
    right[:, 1] -= speed * np.array([m1 + m2, -(c + d) * m2, -d * m2])
    for k in range(n):
        place = p["axle_x"][k]
        if k < own:
            slip, levers = np.array([-1.0, -place, 0.0, 0.0]) / speed, np.array([1.0, place, 0.0])
            drive += stiff[k] * levers * bool(p["steered"][k])
        else:
            slip, levers = np.array([-1.0, c - place, -place, speed]) / speed, np.array([1.0, place - c, place])
        right += np.outer(stiff[k] * levers, slip)
    solved = np.linalg.solve(inertia, np.column_stack([right, drive]))
    return np.vstack([solved[:, :4], [0.0, 0.0, 1.0, 0.0]]), np.concatenate([solved[:, 4], [0.0]])
