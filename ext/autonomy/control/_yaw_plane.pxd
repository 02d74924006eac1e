# Linear yaw-plane model of a tractor with semitrailer (or of a car) in coordinates whose bounds are those of the lane.
#
# Twelve coordinates: eight states and four quantities held constant over a step. Forces as in Pacejka's and Genta's books:
#   m1 a1 + m2 a2 = sum F,  with a1 = v_y' + v r  and  a2 = v_y' - c r' - d (r' + g'') + v r
# (c hitch, d trailer's centre of gravity).
# The articulation angle and the heading error follow from the three offsets.
from libc.math cimport fabs
from autonomy.msg.messages cimport VehicleParameters
from autonomy.linalg._vector cimport multiply_12x12

cdef enum:
    LATERAL_VELOCITY = 0             # m/s, of the tractor's centre of gravity
    YAW_RATE = 1
    ARTICULATION_RATE = 2
    TRAILER_OFFSET = 3               # m, of the trailer's axle group (a car's rear face), on the tangent at the reference point
    OFFSET = 4                       # m, of the reference point
    FRONT_OFFSET = 5                 # m, of the front face
    ROAD_WHEEL_ANGLE = 6             # rad, behind the lag
    COMMAND = 7                      # rad
    CURVATURE = 8                    # 1/m
    STEERING_OFFSET = 9              # rad, of the wheels from what the command says
    DISTURBANCE = 10                 # m/s2 to the left of the whole: bank, taking every part alike, and wind with its moments
    COMMAND_RATE = 11                # rad/s; the command rises at the beginning of each tick
    ACCELERATION_BIAS = 11           # m/s2, in its place in the observer: of the measured side acceleration (roll, tilt, sensor)
    STATES = 8
    COORDINATES = 12
    SQUARINGS = 5

cdef extern from *:
    """
    #define LEAST_TRAILER_MASS_KG 500.0
    #define LEAST_LOAD_SHARE 0.1
    """
    const double LEAST_TRAILER_MASS_KG
    const double LEAST_LOAD_SHARE

ctypedef struct YawPlane:
    double[12] forces                # (3, 4): (v_y', r', articulation rate') of (v_y, r, articulation rate, articulation)
    double[3] steering               # of the road wheel angle
    double[3] disturbance            # of 1 m/s2 to the side on the whole
    double reference_m               # reference point ahead of the tractor's centre of gravity (negative)
    double front_m                   # front face ahead of the reference point
    double hitch_m                   # kingpin behind the reference point
    double trailer_m                 # kingpin to the trailer's axle group
    double rear_doubt_m              # how much further than told the rear end may stand behind it


cdef inline void solve_3x3(const double* M, double* column) noexcept nogil:
    """column = M^-1 column by Cramer's rule; `M` row-major."""
    cdef double a = column[0], b = column[1], c = column[2]
    cdef double minor0 = M[4] * M[8] - M[5] * M[7]
    cdef double minor1 = M[1] * M[8] - M[2] * M[7]
    cdef double minor2 = M[1] * M[5] - M[2] * M[4]
    cdef double determinant = M[0] * minor0 - M[3] * minor1 + M[6] * minor2
    column[0] = (a * minor0 - b * minor1 + c * minor2) / determinant
    column[1] = (M[0] * (b * M[8] - c * M[5]) - M[3] * (a * M[8] - c * M[2]) + M[6] * (a * M[5] - b * M[2])) / determinant
    column[2] = (M[0] * (M[4] * c - M[7] * b) - M[3] * (M[1] * c - M[7] * a) + M[6] * (M[1] * b - M[4] * a)) / determinant


cdef inline double stiffness_share(const VehicleParameters* vehicle, double load, double configured) noexcept nogil:
    """Cornering stiffness over that at the load it is given for: falls less than the load does."""
    cdef double share = load / configured if configured > 0.0 else 1.0
    if share < LEAST_LOAD_SHARE:
        share = LEAST_LOAD_SHARE
    return share * (1.0 + vehicle.cornering_load_sensitivity * (1.0 - share))


cdef inline double trailer_cg(const VehicleParameters* vehicle, double trailer_mass) noexcept nogil:
    """m behind the kingpin: the empty trailer's centre of gravity and that of a load lying where the full load lies."""
    cdef double full = vehicle.loaded_mass_kg - vehicle.tractor_mass_kg - vehicle.trailer_tare_mass_kg
    cdef double load = trailer_mass - vehicle.trailer_tare_mass_kg
    cdef double place
    if not (full > 0.0 and load > 0.0):
        return vehicle.trailer_tare_cg_x_m if full > 0.0 else vehicle.trailer_cg_x_m
    place = vehicle.trailer_cg_x_m + (vehicle.trailer_cg_x_m - vehicle.trailer_tare_cg_x_m) * vehicle.trailer_tare_mass_kg / full
    return (vehicle.trailer_tare_mass_kg * vehicle.trailer_tare_cg_x_m + load * place) / trailer_mass


cdef inline void axle_loads(const VehicleParameters* vehicle, double trailer_mass, double* loads) noexcept nogil:
    """kg on the front axle, the other axles of the tractor and those of the trailer, at rest."""
    cdef double kingpin = trailer_mass * (1.0 - trailer_cg(vehicle, trailer_mass) / vehicle.trailer_wheelbase_m)
    loads[0] = (vehicle.tractor_mass_kg * vehicle.tractor_cg_x_m - kingpin * vehicle.hitch_offset_m) / vehicle.wheelbase_m
    loads[1] = vehicle.tractor_mass_kg + kingpin - loads[0]
    loads[2] = trailer_mass - kingpin


cdef inline void yaw_plane(const VehicleParameters* vehicle, double mass, double speed, double wind_share,
                           const double* tyres, YawPlane* model) noexcept nogil:
    """The model at a speed (m/s, above zero) and a combination mass (kg); `wind_share` of a disturbance is wind, the rest
    bank. `tyres` (3,): cornering stiffness over the configured one of front axle, rest of the tractor, trailer."""
    cdef bint trailer = vehicle.has_trailer != 0
    cdef double own_mass = vehicle.tractor_mass_kg
    cdef double hauled = mass - own_mass
    cdef double hitch = vehicle.tractor_cg_x_m + vehicle.hitch_offset_m
    cdef double arm = 0.0
    cdef double turned, x, stiffness, share
    cdef double[3] loads
    cdef double[3] configured
    cdef double[9] M
    cdef double[3] column
    cdef double* F = model.forces
    cdef int i, k
    for i in range(12):
        F[i] = 0.0
    if not trailer:
        hauled = 0.0
        own_mass = mass
        axle_loads(vehicle, 0.0, loads)
        configured[0], configured[1], configured[2] = loads[0], loads[1], 1.0
    else:
        if hauled < LEAST_TRAILER_MASS_KG:
            hauled = LEAST_TRAILER_MASS_KG
        arm = trailer_cg(vehicle, hauled)
        axle_loads(vehicle, hauled, loads)
        axle_loads(vehicle, vehicle.loaded_mass_kg - own_mass, configured)
    turned = hauled * vehicle.trailer_yaw_radius_m * vehicle.trailer_yaw_radius_m
    M[0], M[1], M[2] = own_mass + hauled, -hauled * (hitch + arm), -hauled * arm
    M[3], M[4] = -(hitch + arm) * hauled, vehicle.tractor_yaw_inertia_kgm2 + turned + (hitch + arm) * (hitch + arm) * hauled
    M[5] = turned + (hitch + arm) * arm * hauled
    M[6], M[7], M[8] = -arm * hauled, turned + arm * (hitch + arm) * hauled, turned + arm * arm * hauled
    F[1] = -(own_mass + hauled) * speed
    F[5] = (hitch + arm) * hauled * speed
    F[9] = arm * hauled * speed
    for i in range(4):
        share = stiffness_share(vehicle, loads[0 if i == 0 else 1], configured[0 if i == 0 else 1])
        stiffness = vehicle.tractor_cornering_stiffness[i] * share * tyres[0 if i == 0 else 1]
        x = vehicle.tractor_axle_x_m[i] - vehicle.tractor_cg_x_m
        F[0] -= stiffness / speed
        F[1] -= stiffness * x / speed
        F[4] -= stiffness * x / speed
        F[5] -= stiffness * x * x / speed
        if i == 0:
            model.steering[0], model.steering[1], model.steering[2] = stiffness, stiffness * x, 0.0
    if trailer:
        share = stiffness_share(vehicle, loads[2], configured[2])
        for i in range(4):
            stiffness = vehicle.trailer_cornering_stiffness[i] * share * tyres[2]
            x = vehicle.trailer_axle_x_m[i]
            column[0], column[1], column[2] = stiffness, -stiffness * (hitch + x), -stiffness * x
            for k in range(3):
                F[4 * k] -= column[k] / speed
                F[4 * k + 1] += column[k] * (hitch + x) / speed
                F[4 * k + 2] += column[k] * x / speed
                F[4 * k + 3] += column[k]
    else:
        M[8] = 1.0                       # an articulation that is not there returns to zero and moves nothing
        F[10], F[11] = -2.0, -1.0
    for i in range(4):
        for k in range(3):
            column[k] = F[4 * k + i]
        solve_3x3(M, column)
        for k in range(3):
            F[4 * k + i] = column[k]
    solve_3x3(M, model.steering)
    share = vehicle.wind_trailer_share if trailer else 0.0
    model.disturbance[0] = own_mass + hauled
    model.disturbance[1] = model.disturbance[0] * ((1.0 - share) * (vehicle.wind_x_m - vehicle.tractor_cg_x_m)
                                     - share * (hitch + vehicle.wind_trailer_x_m))
    model.disturbance[2] = -model.disturbance[0] * share * vehicle.wind_trailer_x_m
    solve_3x3(M, model.disturbance)
    for k in range(3):
        model.disturbance[k] *= wind_share
    model.disturbance[0] += 1.0 - wind_share
    model.reference_m = -vehicle.tractor_cg_x_m
    model.front_m = vehicle.front_overhang_m
    model.hitch_m = vehicle.hitch_offset_m if trailer else 0.0
    model.trailer_m = vehicle.trailer_wheelbase_m if trailer else vehicle.rear_overhang_m
    model.rear_doubt_m = 0.0
    if model.trailer_m < 0.5:
        model.trailer_m = 0.5


cdef inline double heading_of(const YawPlane* model, const double* x) noexcept nogil:
    return (x[FRONT_OFFSET] - x[OFFSET]) / model.front_m


cdef inline double articulation_of(const YawPlane* model, const double* x) noexcept nogil:
    cdef double heading = heading_of(model, x)
    return (x[OFFSET] - model.hitch_m * heading - x[TRAILER_OFFSET]) / model.trailer_m - heading


cdef inline void place(const YawPlane* model, double offset, double heading, double articulation, double* x) noexcept nogil:
    """The three offsets of a place in the lane."""
    x[OFFSET] = offset
    x[FRONT_OFFSET] = offset + model.front_m * heading
    x[TRAILER_OFFSET] = offset - model.hitch_m * heading - model.trailer_m * (heading + articulation)


cdef inline void rates(const YawPlane* model, double speed, double lag, double* out) noexcept nogil:
    """d/dt of the coordinates as a (12, 12) matrix of them."""
    cdef double[12] heading
    cdef double[12] articulation
    cdef int i, k
    for i in range(144):
        out[i] = 0.0
    for i in range(12):
        heading[i] = articulation[i] = 0.0
    heading[FRONT_OFFSET], heading[OFFSET] = 1.0 / model.front_m, -1.0 / model.front_m
    articulation[OFFSET], articulation[TRAILER_OFFSET] = 1.0 / model.trailer_m, -1.0 / model.trailer_m
    for i in range(12):
        articulation[i] -= (1.0 + model.hitch_m / model.trailer_m) * heading[i]
    for k in range(3):
        for i in range(3):
            out[12 * k + i] = model.forces[4 * k + i]
        for i in range(12):
            out[12 * k + i] += model.forces[4 * k + 3] * articulation[i]
        out[12 * k + ROAD_WHEEL_ANGLE] += model.steering[k]
        out[12 * k + STEERING_OFFSET] += model.steering[k]
        out[12 * k + DISTURBANCE] += model.disturbance[k]
    for i in range(12):
        out[12 * OFFSET + i] = speed * heading[i]
    out[12 * OFFSET + LATERAL_VELOCITY] += 1.0
    out[12 * OFFSET + YAW_RATE] += model.reference_m
    for i in range(12):
        out[12 * FRONT_OFFSET + i] = out[12 * TRAILER_OFFSET + i] = out[12 * OFFSET + i]
    # The heading error turns with the yaw rate and against the lane's curvature
    out[12 * FRONT_OFFSET + YAW_RATE] += model.front_m
    out[12 * FRONT_OFFSET + CURVATURE] -= model.front_m * speed
    out[12 * TRAILER_OFFSET + YAW_RATE] -= model.hitch_m + model.trailer_m
    out[12 * TRAILER_OFFSET + CURVATURE] += (model.hitch_m + model.trailer_m) * speed
    out[12 * TRAILER_OFFSET + ARTICULATION_RATE] -= model.trailer_m
    out[12 * ROAD_WHEEL_ANGLE + ROAD_WHEEL_ANGLE] = -1.0 / lag
    out[12 * ROAD_WHEEL_ANGLE + COMMAND] = 1.0 / lag


cdef inline void exponential(const double* matrix, double dt, double* out) noexcept nogil:
    """out = exp(matrix dt), (12, 12): Taylor to the eighth order of a 32nd, squared five times.

    Relative error below 1e-13 while |matrix| dt < 3, which holds from 2 m/s on for a tick.
    """
    cdef double[144] scaled
    cdef double[144] product
    cdef double scale = dt / 32.0
    cdef int i, order
    for i in range(144):
        scaled[i] = matrix[i] * scale
        out[i] = scaled[i] / 8.0
    for i in range(COORDINATES):
        out[13 * i] += 1.0
    for order in range(7, 0, -1):
        multiply_12x12(scaled, out, product)
        for i in range(144):
            out[i] = product[i] / order
        for i in range(COORDINATES):
            out[13 * i] += 1.0
    for i in range(SQUARINGS):
        multiply_12x12(out, out, product)
        for order in range(144):
            out[order] = product[order]


cdef inline void steady(const YawPlane* model, double speed, double curvature, double steering_offset, double disturbance,
                        double* heading, double* articulation, double* x) noexcept nogil:
    """Steady travel along the lane: heading error, articulation and the coordinates but for the offsets, which stay 0."""
    cdef double[9] M
    cdef double[3] wanted
    cdef double yaw_rate = speed * curvature
    cdef int k
    for k in range(3):
        M[3 * k], M[3 * k + 1], M[3 * k + 2] = model.forces[4 * k], model.forces[4 * k + 3], model.steering[k]
        wanted[k] = -model.forces[4 * k + 1] * yaw_rate - model.disturbance[k] * disturbance
    solve_3x3(M, wanted)
    for k in range(8):
        x[k] = 0.0
    x[LATERAL_VELOCITY], x[YAW_RATE] = wanted[0], yaw_rate
    x[ROAD_WHEEL_ANGLE] = x[COMMAND] = wanted[2] - steering_offset
    articulation[0] = wanted[1]
    heading[0] = -(wanted[0] + model.reference_m * yaw_rate) / speed
