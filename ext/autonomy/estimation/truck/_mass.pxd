# Mass from what force makes of specific force: an extended Kalman filter of four states.
#
#   s = theta (F + k tau - F_air(v + w) - m_rot a) - e + noise,    F_air(u) = 1/2 rho CdA u |u|
#
# s: specific force along the road, acceleration and grade together; theta = 1 / mass, a state in which this is linear, so that a
# wide beginning does no harm; e: rolling resistance and what the IMU is off by; w: wind from ahead; tau: constant error of the
# engine's net torque, which the gear multiplies by k. They are states because they would bias the mass: e is what remains when
# the force is gone, w changes within a minute, tau with the gear, the mass does none of it. The noise is in s, so that noise of
# the acceleration does not make the truck lighter or heavier. Averages over a bin, taken only while gear, clutch and brakes
# leave the force known; a bin that is interrupted is thrown away.
#
# Beside it, each acceleration (a stretch, shifts included, ended by a pause or by its length) gives a mass of its own from the
# spread of its forces alone. Three in a row that disagree mean another trailer, and so does one that disagrees by twice as much:
# the filter begins anew. From the first bins that disagree until then the sigma told holds what they say.
# Twin: autonomy/estimation/truck/mass_twin.py.
from libc.math cimport exp, fabs, isfinite, sqrt
from libc.stdint cimport int64_t, uint32_t
from autonomy._physics cimport AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2
from autonomy.linalg._kalman cimport carry_row, take_scalar
from autonomy.linalg._scalar cimport clipped
from autonomy.msg.messages cimport TruckParameters, TruckState, VehicleParameters

cdef extern from *:
    """
    static const double PRIOR_SPREAD = 0.29;    /* standard deviation of an even distribution over its width, 1 / sqrt(12) */
    static const double HUBER = 2.5;            /* sigmas beyond which a residual counts less */
    static const double SURE = 2.0;             /* times relearn_residual: one acceleration is enough */
    static const double STRANGE_FORCES = 2.0;   /* times relearn_force_n: of a bin that shows a mass */
    static const double STRETCH_PAUSE_S = 3.0;  /* a shift is shorter, a stop longer */
    static const double STRETCH_S = 40.0;       /* of bins: wind and slope errors stay alike for so long */
    """
    const double PRIOR_SPREAD, HUBER, SURE, STRANGE_FORCES, STRETCH_PAUSE_S, STRETCH_S

cdef enum:
    M = 4                        # states
    STRANGE_BINS = 2             # in a row, before they are listened to

# What one tick tells of the forces
ctypedef struct Drive:
    double force                 # N at the driven wheels
    double per_torque            # N per N m at the crank
    double rotating_mass         # kg
    double speed                 # m/s, true
    double acceleration          # m/s2, of the speed
    double specific_force        # m/s2 along the road, gravity's part included
    int64_t usable

ctypedef struct Bin:
    double force                 # sums
    double per_torque
    double rotating_mass
    double speed
    double acceleration
    double specific_force
    double squared_force
    int64_t count
    double duration_s

# Sums over the bins of one acceleration, about its first one
ctypedef struct Stretch:
    double first_force
    double first_specific_force
    double count
    double f
    double s
    double ff
    double fs
    double pause_s               # since the last bin

ctypedef struct MassMemory:
    double[4] x                  # theta (1/kg), e (m/s2), w (m/s), tau (N m)
    double[16] p
    Bin bin
    Stretch stretch
    double standstill_s
    double since_update_s
    double doubt                 # 1/kg that theta is off by, as what disagrees with it says
    uint32_t disagreeing         # accelerations in a row
    uint32_t resets
    int64_t strange              # bins in a row
    int64_t excited


cdef inline void mass_begin(MassMemory* memory, const TruckParameters* parameters) noexcept nogil:
    """Nothing is known but what combinations weigh."""
    cdef double light = 1.0 / parameters.mass_minimum_kg
    cdef double heavy = 1.0 / parameters.mass_maximum_kg
    cdef double sigma = PRIOR_SPREAD * (light - heavy)
    cdef int i
    for i in range(M * M):
        memory.p[i] = 0.0
    memory.x[0] = 0.5 * (light + heavy)
    memory.x[1] = memory.x[2] = memory.x[3] = 0.0
    memory.p[0] = sigma * sigma
    memory.p[15] = parameters.engine_torque_sigma_nm * parameters.engine_torque_sigma_nm
    memory.p[5] = parameters.resistance_sigma_mps2 * parameters.resistance_sigma_mps2
    memory.p[10] = parameters.headwind_sigma_mps * parameters.headwind_sigma_mps
    memory.excited = 0
    memory.disagreeing = 0
    memory.doubt = 0.0
    memory.strange = 0
    drop_bin(memory)
    end_stretch(memory)


cdef inline void mass_start(MassMemory* memory, const TruckParameters* parameters,
                            const VehicleParameters* vehicle) noexcept nogil:
    mass_begin(memory, parameters)
    memory.x[1] = vehicle.rolling_resistance * STANDARD_GRAVITY_MPS2
    memory.resets = 0


cdef inline void mass_forget(MassMemory* memory, const TruckParameters* parameters) noexcept nogil:
    """Another trailer or load: the mass is learned anew; wind, engine and IMU stay what they were."""
    cdef double resistance = memory.x[1]
    cdef double wind = memory.x[2]
    cdef double torque = memory.x[3]
    cdef uint32_t resets = memory.resets + 1
    mass_begin(memory, parameters)
    memory.x[1], memory.x[2], memory.x[3], memory.resets = resistance, wind, torque, resets


cdef inline void drop_bin(MassMemory* memory) noexcept nogil:
    memory.bin.force = memory.bin.per_torque = memory.bin.rotating_mass = memory.bin.speed = memory.bin.acceleration = 0.0
    memory.bin.specific_force = memory.bin.squared_force = memory.bin.duration_s = 0.0
    memory.bin.count = 0


cdef inline void end_stretch(MassMemory* memory) noexcept nogil:
    memory.stretch.count = memory.stretch.f = memory.stretch.s = memory.stretch.ff = memory.stretch.fs = 0.0
    memory.stretch.pause_s = 0.0


cdef inline void mass_predict(MassMemory* memory, const TruckParameters* parameters, double dt) noexcept nogil:
    """Mass and resistance wander, the wind is forgotten towards none."""
    cdef double keep = exp(-dt / parameters.headwind_time_s)
    cdef double wander = parameters.mass_walk_share * memory.x[0]
    cdef int i
    memory.x[2] *= keep
    for i in range(M):
        memory.p[M * i + 2] *= keep
        memory.p[M * 2 + i] *= keep  # the diagonal twice: keep squared
    memory.p[10] += (1.0 - keep * keep) * parameters.headwind_sigma_mps * parameters.headwind_sigma_mps
    memory.p[0] += wander * wander * dt
    memory.p[5] += parameters.resistance_walk_mps2 * parameters.resistance_walk_mps2 * dt
    memory.p[15] += parameters.engine_torque_walk_nm * parameters.engine_torque_walk_nm * dt


cdef inline void doubt(MassMemory* memory, const TruckParameters* parameters, double residual, double net,
                       double variance) noexcept nogil:
    """Bins that the mass held cannot explain: what they make of it stands in the sigma until the acceleration is over."""
    if not memory.excited or fabs(net) < STRANGE_FORCES * parameters.relearn_force_n \
            or residual * residual < parameters.relearn_residual * parameters.relearn_residual * variance:
        memory.strange = 0
        return
    memory.strange += 1
    if memory.strange >= STRANGE_BINS and fabs(residual / net) > fabs(memory.doubt):
        memory.doubt = residual / net


cdef inline void mass_update(MassMemory* memory, const TruckParameters* parameters, double drag_area, double force,
                             double per_torque, double rotating, double speed, double specific_force,
                             double spread) noexcept nogil:
    """One average. `rotating` N speeds up what turns, `spread` N is the standard deviation of the force within the bin."""
    cdef double air = speed + memory.x[2]
    cdef double slope = AIR_DENSITY_KGPM3 * drag_area * fabs(air)
    cdef double net = force + per_torque * memory.x[3] - rotating - 0.5 * slope * air
    cdef double[4] h
    cdef double[4] ph
    cdef double variance, residual, noise, force_noise
    h[0], h[1], h[2], h[3] = net, -1.0, -memory.x[0] * slope, memory.x[0] * per_torque
    residual = specific_force - (memory.x[0] * net - memory.x[1])
    force_noise = memory.x[0] * (parameters.mass_force_share * fabs(force) + 0.3 * spread)
    noise = parameters.mass_noise_mps2 * parameters.mass_noise_mps2 + force_noise * force_noise
    variance = carry_row(memory.p, M, h, noise, ph)
    doubt(memory, parameters, residual, net, variance)
    if residual * residual > HUBER * HUBER * variance:
        variance = fabs(residual) * sqrt(variance) / HUBER      # Huber's weight: pulls no more than HUBER sigma
    take_scalar(memory.x, memory.p, M, ph, variance, residual)
    memory.x[0] = clipped(memory.x[0], 1.0 / parameters.mass_maximum_kg, 1.0 / parameters.mass_minimum_kg)


cdef inline void extend_stretch(Stretch* stretch, double force, double specific_force) noexcept nogil:
    if stretch.count == 0.0:
        stretch.first_force, stretch.first_specific_force = force, specific_force
    force -= stretch.first_force
    specific_force -= stretch.first_specific_force
    stretch.count += 1.0
    stretch.pause_s = 0.0
    stretch.f += force
    stretch.s += specific_force
    stretch.ff += force * force
    stretch.fs += force * specific_force


cdef inline void judge_stretch(MassMemory* memory, const TruckParameters* parameters) noexcept nogil:
    """At the end of an acceleration: whether its own slope of specific force over force is that of the mass held."""
    cdef const Stretch* stretch = &memory.stretch
    cdef double spread, slope, variance, residual, apart
    if memory.excited and stretch.count >= 6.0:
        spread = stretch.ff - stretch.f * stretch.f / stretch.count
        if spread > stretch.count * parameters.relearn_force_n * parameters.relearn_force_n:
            slope = (stretch.fs - stretch.f * stretch.s / stretch.count) / spread
            residual = slope - memory.x[0]
            # The grade may change along with the force: half of the noise is taken as one error over the whole stretch
            variance = parameters.mass_noise_mps2 * parameters.mass_noise_mps2 * (1.0 + 0.25 * stretch.count) / spread \
                + memory.p[0] + (parameters.mass_systematic_share * memory.x[0]) ** 2
            apart = fabs(residual) / (parameters.relearn_residual * sqrt(variance))
            memory.doubt = residual if apart > 1.0 else 0.0
            memory.disagreeing = 0 if apart <= 1.0 else memory.disagreeing + (
                1 if apart < SURE else <uint32_t>parameters.relearn_accelerations)
    end_stretch(memory)


cdef inline void mass_step(MassMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle,
                           const Drive* drive, double dt) noexcept nogil:
    cdef Bin* bin = &memory.bin
    cdef double n, force, rotating, air, spread
    memory.since_update_s += dt
    if isfinite(drive.speed) and fabs(drive.speed) < 0.1:
        memory.standstill_s += dt
    elif isfinite(drive.speed):
        if memory.standstill_s > parameters.relearn_standstill_s:
            mass_forget(memory, parameters)
        memory.standstill_s = 0.0
    memory.stretch.pause_s += dt
    if memory.stretch.pause_s > STRETCH_PAUSE_S or memory.stretch.count * parameters.mass_bin_s > STRETCH_S:
        judge_stretch(memory, parameters)
        if memory.disagreeing >= parameters.relearn_accelerations:
            mass_forget(memory, parameters)
            # The wrong mass has bent the others
            memory.x[1], memory.x[2], memory.x[3] = vehicle.rolling_resistance * STANDARD_GRAVITY_MPS2, 0.0, 0.0
    if not drive.usable:
        drop_bin(memory)
        return
    bin.force += drive.force
    bin.squared_force += drive.force * drive.force
    bin.per_torque += drive.per_torque
    bin.rotating_mass += drive.rotating_mass
    bin.speed += drive.speed
    bin.acceleration += drive.acceleration
    bin.specific_force += drive.specific_force
    bin.count += 1
    bin.duration_s += dt
    if bin.duration_s < parameters.mass_bin_s:
        return
    n = 1.0 / <double>bin.count
    force = bin.force * n
    rotating = bin.rotating_mass * n * bin.acceleration * n
    air = 0.5 * AIR_DENSITY_KGPM3 * vehicle.drag_area_m2 * bin.speed * n * fabs(bin.speed * n)
    spread = bin.squared_force * n - force * force
    mass_predict(memory, parameters, memory.since_update_s)
    memory.since_update_s = 0.0
    mass_update(memory, parameters, vehicle.drag_area_m2, force, bin.per_torque * n,
                rotating, bin.speed * n, bin.specific_force * n,
                sqrt(spread) if spread > 0.0 else 0.0)
    extend_stretch(&memory.stretch, force - rotating - air, bin.specific_force * n)
    if sqrt(memory.p[0]) < parameters.mass_excited_share * memory.x[0]:
        memory.excited = 1
    drop_bin(memory)


cdef inline void mass_tell(const MassMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle,
                           TruckState* truck) noexcept nogil:
    """Configured value until excited; the bounds hold whatever is coupled."""
    cdef double mass = 1.0 / memory.x[0]
    cdef double own = sqrt(memory.p[0]) * mass
    cdef double other = clipped(memory.x[0] + memory.doubt, 1.0 / parameters.mass_maximum_kg, 1.0 / parameters.mass_minimum_kg)
    cdef double apart = 0.5 * (1.0 - memory.x[0] / other)    # 1.5 times as far as it may be off lies within three sigma
    cdef double sigma = mass * sqrt(own * own + parameters.mass_systematic_share * parameters.mass_systematic_share
                                    + apart * apart)
    truck.mass_excited = 1 if memory.excited else 0
    truck.mass_resets = memory.resets
    truck.resistance_mps2 = memory.x[1]
    truck.resistance_sigma_mps2 = sqrt(memory.p[5])
    truck.headwind_mps = memory.x[2]
    truck.headwind_sigma_mps = sqrt(memory.p[10])
    truck.engine_torque_offset_nm = memory.x[3]
    truck.engine_torque_offset_sigma_nm = sqrt(memory.p[15])
    if memory.excited:
        truck.mass_kg, truck.mass_sigma_kg = mass, sigma
        truck.mass_low_kg, truck.mass_high_kg = mass - 3.0 * sigma, mass + 3.0 * sigma
    else:
        truck.mass_kg, truck.mass_sigma_kg = vehicle.mass_kg, vehicle.mass_sigma_kg
        truck.mass_low_kg, truck.mass_high_kg = vehicle.mass_kg - 3.0 * vehicle.mass_sigma_kg, \
            vehicle.mass_kg + 3.0 * vehicle.mass_sigma_kg
    if truck.mass_low_kg < parameters.mass_minimum_kg:
        truck.mass_low_kg = parameters.mass_minimum_kg if parameters.mass_minimum_kg < truck.mass_kg else truck.mass_kg
    if truck.mass_high_kg > parameters.mass_maximum_kg:
        truck.mass_high_kg = parameters.mass_maximum_kg if parameters.mass_maximum_kg > truck.mass_kg else truck.mass_kg
