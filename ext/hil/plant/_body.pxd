# Equations of motion of tractor and semitrailer in the road's plane, with roll of both, for any articulation.
#
# Generalised speeds q' = (u, v, r, s, p, P): velocity of the tractor's centre of gravity in its own frame, yaw rates of tractor
# and trailer, roll rates of both about axes on the ground. The fifth wheel lies k above them and rolls with both units. With g
# the articulation and w = v - c r - k p, the trailer's roll axis moves under the kingpin, in the trailer's frame, with
#   u_h = u cos g + w sin g,   v_h = -u sin g + w cos g + k P,
# and its centre of gravity with (u_h, v_h - d s) and the acceleration
#   ax = Ju q'' - r v_h + d s2 - k P (s - r),   ay = Jv q'' + r u_h,
#   Ju = (cos g, sin g, -c sin g, 0, -k sin g, 0),   Jv = (-sin g, cos g, -c cos g, -d, -k cos g, k).
# A sprung mass at height e above the roll axis moves with -e p to the side. Virtual power gives M q'' = Q - bias with M
# symmetric and positive definite; constraint forces never appear. Gravity is an acceleration of the road's frame, so grade and
# bank act on everything at once. Twin: hil/plant/plant_twin.py.
from libc.math cimport NAN, cos, fabs, isfinite, sin, sqrt, tanh
from autonomy._physics cimport AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2
from autonomy.linalg._small cimport cholesky, cholesky_solve
from autonomy.linalg._scalar cimport clipped
from hil.plant._cab cimport cab_acceleration
from hil.plant._data cimport *
from hil.plant._loads cimport carry, roll_moment
from hil.plant._tyre cimport axle_force, sliding_force, stiffness

cdef extern from *:
    """
    static const double CREEP = 0.05;           /* m/s about which rolling resistance and brakes turn round */
    static const double SLOW = 2.0;             /* m/s below which a tyre is damped sideways: at rest its slip is a spring */
    static const double SIDE_DAMPING_S = 0.10;
    static const double SLIP_END = 1.5;         /* relaxed slip at most */
    static const double HOLD_RATE = 10.0;       /* 1/s */
    static const double HOLD_MASS = 1e9;        /* kg that makes the held speed a constraint */
    """
    const double CREEP, SLOW, SIDE_DAMPING_S, SLIP_END, HOLD_RATE, HOLD_MASS


cdef inline void solve(double* matrix, double* right) noexcept nogil:
    """right = matrix^-1 right, 6 x 6, symmetric positive definite."""
    cholesky(matrix, 6)
    cholesky_solve(matrix, 6, right)


cdef inline double turning_round(const Acting* acting, double wheel_x) noexcept nogil:
    """-1 to 1: which way brakes and rolling resistance act. All of it from the first moment on brakes that have just held."""
    return acting.moving_off if acting.moving_off != 0.0 else tanh(wheel_x / CREEP)


cdef inline void derive(const PlantParameters* p, const Acting* acting, double since, const double* x, double* dx,
                        Found* found) noexcept nogil:
    """dx = f(x), `since` seconds into the inner step."""
    cdef double u = x[U]
    cdef double v = x[V]
    cdef double r = x[R]
    cdef double s = x[S]
    cdef double cosine = cos(x[ARTICULATION])
    cdef double sine = sin(x[ARTICULATION])
    cdef double c = p.hitch
    cdef double d = p.trailer_cg
    cdef double k_height = 0.0 if p.linear else p.hitch_height
    cdef double across = v - c * r - k_height * x[ROLL_RATE]
    cdef double hitch_u = u * cosine + across * sine
    cdef double hitch_v = across * cosine - u * sine + k_height * x[TRAILER_ROLL_RATE]
    cdef double gravity_x = STANDARD_GRAVITY_MPS2 * sin(acting.road.grade)
    cdef double gravity_y = STANDARD_GRAVITY_MPS2 * sin(acting.road.bank)
    cdef double angle = acting.angle + acting.angle_rate * since
    cdef double steered_cosine = cos(angle)
    cdef double steered_sine = sin(angle)
    cdef double[6] force            # generalised
    cdef double[6] along_trailer    # Ju
    cdef double[6] across_trailer   # Jv
    cdef double[36] mass
    cdef double[2] lift             # sprung mass times its height, nothing in the linear configuration
    cdef double wheel_x, wheel_y, frame_x, frame_y, along, aside, slip, drive_load, transfer, roll, limit
    cdef double trailer_x = 0.0
    cdef double trailer_y = 0.0
    cdef double trailer_moment = 0.0
    cdef double righting = 0.0
    cdef double[2] moment
    cdef double[2] carried
    cdef double[6] row
    cdef double wind_x, wind_y, air, other_x, other_y, couple
    cdef bint held = isfinite(acting.held_speed)
    cdef int i, j, k, unit
    lift[0] = 0.0 if p.linear else p.sprung_mass[0] * p.sprung_height[0]
    lift[1] = 0.0 if p.linear else p.sprung_mass[1] * p.sprung_height[1]
    for i in range(6):
        force[i] = 0.0
    moment[0] = moment[1] = carried[0] = carried[1] = 0.0

    if p.linear:
        for k in range(p.axles):
            found.load[k] = p.axle_load[k]
    else:
        carry(p, x[SURGE], acting.braking, found.load)
    drive_load = 0.0
    for k in range(p.tractor_axles):
        if p.driven[k]:
            drive_load += found.load[k]

    # Tyres
    for k in range(p.axles):
        unit = 0 if k < p.tractor_axles else 1
        if unit == 0:
            frame_x, frame_y = u, v + p.axle_x[k] * r
        else:
            frame_x, frame_y = hitch_u, hitch_v + p.axle_x[k] * s
        if p.steered[k]:
            wheel_x = frame_x * steered_cosine + frame_y * steered_sine
            wheel_y = frame_y * steered_cosine - frame_x * steered_sine
        else:
            wheel_x, wheel_y = frame_x, frame_y
        limit = p.grip_longitudinal * acting.road.friction * found.load[k]
        along = -(acting.brake_force[k] + p.rolling_resistance * found.load[k]) * turning_round(acting, wheel_x)
        if p.driven[k] and drive_load > 0.0:
            along += acting.drive_force * found.load[k] / drive_load
        along = clipped(along, -limit, limit)
        roll = x[ROLL + unit]
        if p.linear:
            slip = -wheel_y / (fabs(wheel_x) if fabs(wheel_x) > 0.5 else 0.5)
            dx[SLIP + k] = 0.0
            aside = stiffness(p.cornering_stiffness[k], p.nominal_load[k], p.load_sensitivity[k], p.axle_load[k]) * slip
        else:
            transfer = roll_moment(p, k, found.load[k], roll, x[ROLL_RATE + unit])
            moment[unit] += transfer
            if unit == 1 or p.driven[k]:
                carried[unit] += 0.5 * found.load[k] * p.track[k]
                righting += 0.0 if unit else transfer
            slip = x[SLIP + k]
            dx[SLIP + k] = (-wheel_y - fabs(wheel_x) * slip) / p.relaxation[k]
            if (slip > SLIP_END and dx[SLIP + k] > 0.0) or (slip < -SLIP_END and dx[SLIP + k] < 0.0):
                dx[SLIP + k] = 0.0
            slip += p.slip_shift[k] * roll
            if fabs(wheel_x) < SLOW:
                slip -= SIDE_DAMPING_S / p.relaxation[k] * (1.0 - fabs(wheel_x) / SLOW) * wheel_y
            if acting.wheel_slip[k] > 0.0:
                sliding_force(acting.sliding_grip[k] * found.load[k], acting.wheel_slip[k], slip, &along, &aside)
                along *= -tanh(wheel_x / CREEP)
            else:
                aside = axle_force(p.cornering_stiffness[k], p.nominal_load[k], p.load_sensitivity[k], found.load[k],
                                   transfer / p.track[k], acting.road.friction * p.grip_lateral, p.peak_reach, along, slip)
        found.lateral_force[k] = aside
        found.longitudinal_force[k] = along
        if p.steered[k]:
            frame_x = along * steered_cosine - aside * steered_sine
            frame_y = along * steered_sine + aside * steered_cosine
        else:
            frame_x, frame_y = along, aside
        if unit == 0:
            force[0] += frame_x
            force[1] += frame_y
            force[2] += p.axle_x[k] * frame_y
        else:
            trailer_x += frame_x
            trailer_y += frame_y
            trailer_moment += p.axle_x[k] * frame_y

    # Air
    wind_x = acting.road.wind_x * cos(x[YAW]) + acting.road.wind_y * sin(x[YAW]) - u
    wind_y = acting.road.wind_y * cos(x[YAW]) - acting.road.wind_x * sin(x[YAW]) - v
    air = 0.5 * AIR_DENSITY_KGPM3 * sqrt(wind_x * wind_x + wind_y * wind_y)
    force[0] += air * p.drag_area * wind_x
    aside = air * p.side_area[0] * wind_y
    force[1] += aside
    force[2] += aside * p.side_x[0]
    force[4] -= aside * p.side_height[0]
    aside = air * p.side_area[1] * (wind_y * cosine - wind_x * sine)
    trailer_y += aside
    trailer_moment += aside * p.side_x[1]
    force[5] -= aside * p.side_height[1]

    along_trailer[0], along_trailer[1], along_trailer[2] = cosine, sine, -c * sine
    along_trailer[3], along_trailer[4], along_trailer[5] = 0.0, -k_height * sine, 0.0
    across_trailer[0], across_trailer[1], across_trailer[2] = -sine, cosine, -c * cosine
    across_trailer[3], across_trailer[4], across_trailer[5] = 0.0, -k_height * cosine, k_height
    for i in range(6):
        force[i] += trailer_x * along_trailer[i] + trailer_y * across_trailer[i]
    force[3] += trailer_moment
    across_trailer[3] = -d          # from here on its centre of gravity's

    # Roll: axles, fifth wheel, gravity over the roll axis
    if p.linear:
        force[4] = force[5] = 0.0
    else:
        couple = p.hitch_roll_stiffness * (x[ROLL] - x[TRAILER_ROLL]) \
            + p.hitch_roll_damping * (x[ROLL_RATE] - x[TRAILER_ROLL_RATE])
        force[4] += lift[0] * STANDARD_GRAVITY_MPS2 * x[ROLL] - moment[0] - couple
        force[5] += lift[1] * STANDARD_GRAVITY_MPS2 * x[TRAILER_ROLL] - moment[1] + couple

    found.power = (force[0] * u + force[1] * v + force[2] * r + force[3] * s + force[4] * x[ROLL_RATE]
                   + force[5] * x[TRAILER_ROLL_RATE])

    # M q'' = Q - bias
    other_x = (p.mass[1] * (gravity_x * cosine + gravity_y * sine - r * hitch_v + d * s * s
                            - k_height * x[TRAILER_ROLL_RATE] * (s - r)) + lift[1] * x[TRAILER_ROLL_RATE] * s)
    other_y = p.mass[1] * (gravity_y * cosine - gravity_x * sine + r * hitch_u)
    for i in range(6):
        force[i] -= other_x * along_trailer[i] + other_y * across_trailer[i]
    force[0] -= p.mass[0] * (gravity_x - v * r) + lift[0] * x[ROLL_RATE] * r
    force[1] -= p.mass[0] * (gravity_y + u * r)
    force[4] += lift[0] * (gravity_y + u * r)
    force[5] += lift[1] * other_y / p.mass[1]

    for i in range(6):
        for j in range(i + 1):
            mass[6 * i + j] = p.mass[1] * (along_trailer[i] * along_trailer[j] + across_trailer[i] * across_trailer[j])
    for j in range(6):
        mass[30 + j] -= lift[1] * across_trailer[j]
    mass[0] += p.mass[0] + acting.rotating_mass
    mass[6 + 1] += p.mass[0]
    mass[12 + 2] += p.yaw_inertia[0]
    mass[18 + 3] += p.yaw_inertia[1]
    mass[24 + 1] -= lift[0]
    mass[24 + 4] += p.roll_inertia[0] + lift[0] * p.sprung_height[0]
    mass[30 + 5] += p.roll_inertia[1] + lift[1] * p.sprung_height[1] - lift[1] * k_height
    found.drive_force = acting.drive_force
    if held:
        # The force that holds the speed is the first equation's residual without the heavy mass
        for i in range(6):
            row[i] = mass[6 * i]
        aside = force[0] - acting.drive_force
        force[0] = HOLD_MASS * HOLD_RATE * (acting.held_speed - u)
        mass[0] = HOLD_MASS
        solve(mass, force)
        found.drive_force = -aside
        for i in range(6):
            found.drive_force += row[i] * force[i]
        found.power += (found.drive_force - acting.drive_force) * u
    else:
        solve(mass, force)

    dx[X] = u * cos(x[YAW]) - v * sin(x[YAW])
    dx[Y] = u * sin(x[YAW]) + v * cos(x[YAW])
    dx[YAW] = r
    dx[U] = force[0]
    dx[V] = force[1]
    dx[R] = force[2]
    dx[S] = force[3]
    dx[ARTICULATION] = s - r
    dx[ROLL] = x[ROLL_RATE]
    dx[TRAILER_ROLL] = x[TRAILER_ROLL_RATE]
    dx[ROLL_RATE] = force[4] if not p.linear else 0.0
    dx[TRAILER_ROLL_RATE] = force[5] if not p.linear else 0.0
    found.longitudinal[0] = force[0] - v * r + gravity_x
    found.lateral[0] = force[1] + u * r + gravity_y
    found.longitudinal[1] = gravity_x * cosine + gravity_y * sine - r * hitch_v + d * s * s
    found.lateral[1] = gravity_y * cosine - gravity_x * sine + r * hitch_u
    for i in range(4 if p.linear else 6):
        found.longitudinal[1] += along_trailer[i] * force[i]
        found.lateral[1] += across_trailer[i] * force[i]
    dx[SURGE] = (found.longitudinal[0] - x[SURGE]) / p.surge_lag_s
    dx[CAB_PITCH] = x[CAB_PITCH_RATE]
    dx[CAB_PITCH_RATE] = cab_acceleration(p.cab_pitch_frequency, p.cab_damping, x[CAB_PITCH], x[CAB_PITCH_RATE],
                                          -p.cab_pitch_per_acceleration * found.longitudinal[0])
    dx[CAB_ROLL] = x[CAB_ROLL_RATE]
    dx[CAB_ROLL_RATE] = cab_acceleration(p.cab_roll_frequency, p.cab_damping, x[CAB_ROLL], x[CAB_ROLL_RATE],
                                         p.cab_roll_per_acceleration * found.lateral[0])
    dx[HEIGHT] = u * sin(acting.road.grade)
    found.load_transfer[0] = righting / carried[0] if carried[0] > 0.0 else 0.0
    found.load_transfer[1] = moment[1] / carried[1] if carried[1] > 0.0 else 0.0
