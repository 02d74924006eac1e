# Yaw plane of tractor and semitrailer: what tyres, wind and bank do, and how it depends on what is not known of them.
#
#   M (v', r', articulation rate')' = tyres + wind + bank + inertia
# Linear in forces, as autonomy/control/_yaw_plane.pxd, whose loads it uses; the articulation enters by its sine, so that turns
# at low speed hold too. Twin: autonomy/estimation/truck/combination_twin.py.
from libc.math cimport cos, sin, sqrt
from autonomy._physics cimport AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2
from autonomy.msg.messages cimport VehicleParameters
from autonomy.control._yaw_plane cimport LEAST_TRAILER_MASS_KG, axle_loads, solve_3x3, stiffness_share, trailer_cg

cdef enum:
    LATERAL_VELOCITY = 0         # m/s, of the tractor's centre of gravity
    YAW_RATE = 1
    ARTICULATION_RATE = 2
    ARTICULATION = 3
    WIND = 4                     # m/s from the right, the mean of it
    GUST = 5
    STEERING_OFFSET = 6          # rad, of the measured angle
    FRONT_TYRES = 7              # shares by which stiffness and wheelbase are other than configured
    REAR_TYRES = 8
    TRAILER_TYRES = 9
    WHEELBASE = 10
    SENSOR_OFFSET = 11           # rad, of a trailer sensor
    STATES = 12
    MOVING = 4                   # of them: the rest stands or wanders

cdef extern from *:
    """
    #define LEAST_AIR_SPEED 1.0
    """
    const double LEAST_AIR_SPEED

ctypedef struct Combination:
    double[9] M
    double[3] inertia            # of a lateral acceleration of all
    double[3] wind               # of a side force on all
    double[4] stiffness          # N/rad; 0 = no axle
    double[4] place              # m ahead of the tractor's centre of gravity
    double[4] trailer_stiffness
    double[4] trailer_place      # m behind the kingpin
    double hitch                 # m behind the tractor's centre of gravity
    double wheelbase             # of the trailer, configured
    double speed
    double air_speed             # m/s from ahead, wind included
    double side_area


cdef inline void combine(const VehicleParameters* vehicle, double mass, double speed, double headwind, double side_area,
                         Combination* made) noexcept nogil:
    """The combination at a mass (kg) and a forward speed (m/s, above zero)."""
    cdef double own = vehicle.tractor_mass_kg
    cdef double hauled = mass - own if mass - own > LEAST_TRAILER_MASS_KG else LEAST_TRAILER_MASS_KG
    cdef double arm = trailer_cg(vehicle, hauled)
    cdef double turned = hauled * vehicle.trailer_yaw_radius_m * vehicle.trailer_yaw_radius_m
    cdef double hitch = vehicle.tractor_cg_x_m + vehicle.hitch_offset_m
    cdef double share = vehicle.wind_trailer_share
    cdef double pressed = vehicle.wind_trailer_x_m
    cdef double[3] loads
    cdef double[3] configured
    cdef int i
    axle_loads(vehicle, hauled, loads)
    axle_loads(vehicle, vehicle.loaded_mass_kg - own, configured)
    made.M[0], made.M[1], made.M[2] = own + hauled, -hauled * (hitch + arm), -hauled * arm
    made.M[3], made.M[4] = made.M[1], vehicle.tractor_yaw_inertia_kgm2 + turned + (hitch + arm) * (hitch + arm) * hauled
    made.M[5] = turned + (hitch + arm) * arm * hauled
    made.M[6], made.M[7], made.M[8] = made.M[2], made.M[5], turned + arm * arm * hauled
    made.inertia[0], made.inertia[1], made.inertia[2] = -made.M[0], -made.M[1], -made.M[2]
    made.wind[0] = 1.0
    made.wind[1] = (1.0 - share) * (vehicle.wind_x_m - vehicle.tractor_cg_x_m) - share * (hitch + pressed)
    made.wind[2] = -share * pressed
    for i in range(4):
        made.stiffness[i] = vehicle.tractor_cornering_stiffness[i] \
            * stiffness_share(vehicle, loads[0 if i == 0 else 1], configured[0 if i == 0 else 1])
        made.place[i] = vehicle.tractor_axle_x_m[i] - vehicle.tractor_cg_x_m
        made.trailer_stiffness[i] = vehicle.trailer_cornering_stiffness[i] * stiffness_share(vehicle, loads[2], configured[2])
        made.trailer_place[i] = vehicle.trailer_axle_x_m[i]
    made.hitch, made.wheelbase, made.speed, made.side_area = hitch, vehicle.trailer_wheelbase_m, speed, side_area
    made.air_speed = speed + headwind if speed + headwind > LEAST_AIR_SPEED else LEAST_AIR_SPEED


cdef inline double side_force(const Combination* made, double crosswind) noexcept nogil:
    """N, to the left."""
    return 0.5 * AIR_DENSITY_KGPM3 * made.side_area * crosswind \
        * sqrt(made.air_speed * made.air_speed + crosswind * crosswind)


cdef inline void combination_rates(const Combination* made, const double* x, double angle, double bank, double* rates,
                                   double* jacobian) noexcept nogil:
    """d/dt (4,) of the moving states under a measured road wheel angle and the road's bank, and its derivatives (4, 12)."""
    cdef double[3] total
    cdef double[36] by               # (12, 3) derivatives of the forces
    cdef double u = made.speed
    cdef double v = x[LATERAL_VELOCITY], r = x[YAW_RATE], turning = x[YAW_RATE] + x[ARTICULATION_RATE]
    cdef double cosine = cos(x[ARTICULATION]), sine = sin(x[ARTICULATION])
    cdef double c = made.hitch
    cdef double aside = (v - c * r) * cosine - u * sine      # of the kingpin, along and across the trailer
    cdef double along = u * cosine + (v - c * r) * sine
    cdef double wind = x[WIND] + x[GUST]
    cdef double air = sqrt(made.air_speed * made.air_speed + wind * wind)
    cdef double pressure = 0.5 * AIR_DENSITY_KGPM3 * made.side_area
    cdef double stiff, slip, place, drift, force, lever
    cdef int i, k
    for i in range(36):
        by[i] = 0.0
    for k in range(3):
        total[k] = made.inertia[k] * (u * r + STANDARD_GRAVITY_MPS2 * bank) + made.wind[k] * pressure * air * wind
        by[3 * YAW_RATE + k] = made.inertia[k] * u
        by[3 * WIND + k] = by[3 * GUST + k] = made.wind[k] * pressure * (air + wind * wind / air)
    for i in range(4):
        place = made.place[i]
        slip = -(v + place * r) / u + (angle - x[STEERING_OFFSET] if i == 0 else 0.0)
        stiff = made.stiffness[i] * (1.0 + x[FRONT_TYRES if i == 0 else REAR_TYRES])
        for k in range(2):
            lever = 1.0 if k == 0 else place
            total[k] += stiff * slip * lever
            by[3 * LATERAL_VELOCITY + k] -= stiff / u * lever
            by[3 * YAW_RATE + k] -= stiff * place / u * lever
            by[3 * (FRONT_TYRES if i == 0 else REAR_TYRES) + k] += made.stiffness[i] * slip * lever
            if i == 0:
                by[3 * STEERING_OFFSET + k] = -stiff * lever
    for i in range(4):
        place = made.trailer_place[i] + x[WHEELBASE] * made.wheelbase
        drift = aside - place * turning
        slip = -drift / along
        stiff = made.trailer_stiffness[i] * (1.0 + x[TRAILER_TYRES])
        force = stiff * slip
        for k in range(3):
            lever = 1.0 if k == 0 else (-(c + place) if k == 1 else -place)
            total[k] += force * lever
            by[3 * LATERAL_VELOCITY + k] += stiff * lever * (-cosine + drift * sine / along) / along
            by[3 * YAW_RATE + k] += stiff * lever * (c * cosine + place - c * drift * sine / along) / along
            by[3 * ARTICULATION_RATE + k] += stiff * lever * place / along
            by[3 * ARTICULATION + k] += stiff * lever * (along + drift * aside / along) / along
            by[3 * TRAILER_TYRES + k] += made.trailer_stiffness[i] * slip * lever
            by[3 * WHEELBASE + k] += made.wheelbase * (stiff * lever * turning / along - (0.0 if k == 0 else force))
    solve_3x3(made.M, total)
    for k in range(3):
        rates[k] = total[k]
    rates[ARTICULATION] = x[ARTICULATION_RATE]
    for i in range(STATES):
        solve_3x3(made.M, &by[3 * i])
        for k in range(3):
            jacobian[STATES * k + i] = by[3 * i + k]
        jacobian[STATES * ARTICULATION + i] = 1.0 if i == ARTICULATION_RATE else 0.0


cdef inline double rolling_rate(const VehicleParameters* vehicle, double wheelbase, double angle, double speed,
                                double yaw_rate) noexcept nogil:
    """rad/s of the articulation when nothing slips: -(v/L) sin - r (1 + (hitch/L) cos)."""
    return -speed / wheelbase * sin(angle) - yaw_rate * (1.0 + vehicle.hitch_offset_m / wheelbase * cos(angle))
