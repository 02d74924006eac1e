# True forward speed without lag: the shaft is fast but slips under load and swings when the clutch moves, the wheel speeds are
# late, the IMU drifts. A Kalman filter of four states takes each for what it is good for.
#
#   v' = a (IMU)      shaft r / i = rho v (1 + kappa F)      wheel(t) = scale v(t - delay)
#
# rho: scale of the driven wheels; kappa: their slip per force; delay: of the wheel speeds behind their stamps. Their scale is
# the ego filter's, which learns it against satellites. A late sample is compared with what was held then;
# what it corrects is corrected for all times since. Twin: autonomy/estimation/truck/shaft_speed_twin.py.
from libc.math cimport NAN, fabs, isfinite, sqrt
from libc.stdint cimport int64_t, uint32_t
from autonomy.msg.messages cimport *
from autonomy.inputs._motion cimport velocity_known
from autonomy.linalg._kalman cimport carry_row, take_scalar
from autonomy.estimation.truck._observed cimport *
from autonomy.linalg._scalar cimport clipped

cdef enum:
    PAST = 32                    # ticks remembered: later samples than 0.3 s are not used
    PATIENCE = 40                # samples refused in a row before the filter gives in
    S = 4                        # states

cdef extern from *:
    """
    static const double FIRST_SIGMA_MPS = 0.5;
    static const double SILENT_SIGMA_MPS = 0.7;     /* a sensor that says zero may turn slower than it can tell */
    static const double STANDING_SIGMA_MPS = 0.02;
    static const double UNHEARD_S = 2.0;
    static const double LONGEST_DELAY_S = 0.15;
    """
    const double FIRST_SIGMA_MPS, SILENT_SIGMA_MPS, STANDING_SIGMA_MPS, UNHEARD_S, LONGEST_DELAY_S

ctypedef struct SpeedMemory:
    double[4] x                  # v (m/s), rho, kappa (1/N), delay (s)
    double[16] p
    double[32] past              # v as it is seen now, a ring: `newest` is that of time past_ns[newest]
    int64_t[32] past_ns
    int64_t newest
    int64_t running
    int64_t refused              # in a row
    int64_t heard_ns


cdef inline void speed_start(SpeedMemory* memory, const TruckParameters* parameters) noexcept nogil:
    cdef int i
    for i in range(S * S):
        memory.p[i] = 0.0
    memory.x[0], memory.x[1], memory.x[2], memory.x[3] = 0.0, 1.0, parameters.slip_compliance, parameters.wheel_delay_s
    memory.p[0] = FIRST_SIGMA_MPS * FIRST_SIGMA_MPS
    memory.p[5] = parameters.shaft_scale_sigma * parameters.shaft_scale_sigma
    memory.p[10] = parameters.slip_compliance_sigma * parameters.slip_compliance_sigma
    memory.p[15] = parameters.wheel_delay_sigma_s * parameters.wheel_delay_sigma_s
    memory.running = memory.refused = memory.heard_ns = 0
    for i in range(PAST):
        memory.past_ns[i] = 0


cdef inline void speed_correct(SpeedMemory* memory, const double* h, double residual, double noise, double gate) noexcept nogil:
    """One scalar measurement; corrects what is remembered of the speed as well."""
    cdef double[4] ph
    cdef double variance = carry_row(memory.p, S, h, noise, ph)
    cdef double moved
    cdef int i
    if not isfinite(variance) or not isfinite(residual):
        return
    if residual * residual > gate * gate * variance:
        memory.refused += 1
        if memory.refused > PATIENCE:
            memory.p[0] += FIRST_SIGMA_MPS * FIRST_SIGMA_MPS
            memory.refused = 0
        return
    memory.refused = 0
    moved = ph[0] / variance * residual
    take_scalar(memory.x, memory.p, S, ph, variance, residual)
    memory.x[3] = clipped(memory.x[3], 0.0, LONGEST_DELAY_S)
    for i in range(PAST):
        memory.past[i] += moved


cdef inline double speed_at(const SpeedMemory* memory, int64_t time_ns) noexcept nogil:
    """m/s at an earlier time, linear between ticks; NaN when it is too long ago."""
    cdef int k, later = memory.newest, earlier
    cdef double part
    for k in range(PAST - 1):
        earlier = (memory.newest - k - 1 + 2 * PAST) % PAST
        later = (memory.newest - k + PAST) % PAST
        if memory.past_ns[earlier] == 0:
            return NAN
        if time_ns >= memory.past_ns[earlier]:
            part = <double>(time_ns - memory.past_ns[earlier]) / <double>(memory.past_ns[later] - memory.past_ns[earlier])
            return memory.past[earlier] + part * (memory.past[later] - memory.past[earlier])
    return NAN


cdef inline void begin(SpeedMemory* memory, double speed, int64_t now_ns) noexcept nogil:
    memory.x[0], memory.running, memory.heard_ns = speed, 1, now_ns
    memory.past[memory.newest], memory.past_ns[memory.newest] = speed, now_ns


cdef inline void hear_shaft(SpeedMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle,
                            const ShaftSample* sample, double force, bint settled, int64_t now_ns) noexcept nogil:
    cdef double per_shaft = vehicle.wheel_radius_m / vehicle.driveline_ratio
    cdef double value = sample.shaft_speed * per_shaft
    cdef double sigma = (parameters.shaft_sigma_radps if settled else parameters.shaft_unsettled_sigma_radps) * per_shaft
    cdef double slip = memory.x[2] * force
    cdef double doubt
    cdef double[4] h
    cdef double v
    if sample.validity != 0 or not isfinite(value) or sample.valid_time_ns > now_ns:
        return
    if value < 0.05:
        sigma = SILENT_SIGMA_MPS
    if not memory.running:
        begin(memory, value, now_ns)
    v = speed_at(memory, sample.valid_time_ns) if sample.valid_time_ns < now_ns else memory.x[0]
    if not isfinite(v):
        return
    doubt = parameters.slip_doubt_share * slip * v
    h[0], h[1], h[2], h[3] = memory.x[1] * (1.0 + slip), v * (1.0 + slip), memory.x[1] * v * force, 0.0
    if value < 0.05 or not settled:
        h[1] = h[2] = 0.0        # nothing of this tells of scale and slip
    speed_correct(memory, h, value - memory.x[1] * v * (1.0 + slip), sigma * sigma + doubt * doubt, parameters.speed_gate)
    memory.heard_ns = now_ns


cdef inline void hear_wheel(SpeedMemory* memory, const TruckParameters* parameters, const WheelSample* sample, double scale,
                            double acceleration, int64_t now_ns) noexcept nogil:
    cdef double value = sample.vehicle_speed
    cdef double sigma = parameters.wheel_sigma_mps
    cdef double[4] h
    cdef double v
    if not isfinite(value) and isfinite(sample.front_left) and isfinite(sample.front_right):
        value = 0.5 * (sample.front_left + sample.front_right)
    if sample.validity != 0 or not isfinite(value) or sample.valid_time_ns > now_ns:
        return
    if value < 0.05:
        sigma = SILENT_SIGMA_MPS
    if not memory.running:
        begin(memory, value / scale, now_ns)
        return
    v = speed_at(memory, sample.valid_time_ns - <int64_t>(memory.x[3] * 1e9))
    if not isfinite(v):
        return
    h[0], h[1], h[2], h[3] = scale, 0.0, 0.0, -scale * acceleration
    speed_correct(memory, h, value - scale * v, sigma * sigma, parameters.speed_gate)
    memory.heard_ns = now_ns


cdef inline void speed_step(SpeedMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle,
                            const InputFrame* frame, uint32_t source, const EgoState* ego, double force, bint settled,
                            double dt) noexcept nogil:
    """`force` N of the driven wheels, NaN = not known; `source` of the wheel speed in use."""
    cdef bint known = velocity_known(ego)
    cdef double acceleration = ego.acceleration[0] if known else 0.0
    cdef double sigma = parameters.speed_acceleration_noise_mps2 if known else parameters.speed_unaided_noise_mps2
    cdef double scale = ego.speed_scale if known and ego.speed_scale > 0.5 else 1.0
    cdef int64_t now_ns = frame.tick_time_ns
    cdef double[4] h
    cdef uint32_t i
    if memory.running and since_s(memory.heard_ns, now_ns) > UNHEARD_S:
        memory.running = 0
    if memory.running:
        memory.x[0] += acceleration * dt
        memory.p[0] += sigma * sigma * dt
        memory.p[5] += parameters.shaft_scale_walk * parameters.shaft_scale_walk * dt
        memory.newest = (memory.newest + 1) % PAST
        memory.past[memory.newest] = memory.x[0]
        memory.past_ns[memory.newest] = now_ns
    else:
        memory.p[0] = FIRST_SIGMA_MPS * FIRST_SIGMA_MPS
    for i in range(frame.shaft.count):
        hear_shaft(memory, parameters, vehicle, &frame.shaft.items[i], force if isfinite(force) else 0.0,
                   settled and isfinite(force), now_ns)
    for i in range(frame.wheel.count):
        if frame.wheel.items[i].source == source:
            hear_wheel(memory, parameters, &frame.wheel.items[i], scale, acceleration, now_ns)
    if memory.running and known and ego.status & EgoState_STATUS_STANDSTILL:
        h[0], h[1], h[2], h[3] = 1.0, 0.0, 0.0, 0.0
        speed_correct(memory, h, -memory.x[0], STANDING_SIGMA_MPS * STANDING_SIGMA_MPS, parameters.speed_gate)


cdef inline void speed_tell(const SpeedMemory* memory, double scale_sigma, double force, TruckState* truck) noexcept nogil:
    """The scale of the wheel speeds is an error that all share; it is not in the covariance."""
    cdef double shared = scale_sigma * memory.x[0]
    truck.speed = memory.x[0] if memory.running else NAN
    truck.speed_sigma_mps = sqrt(memory.p[0] + shared * shared) if memory.running else NAN
    truck.shaft_scale = memory.x[1]
    truck.shaft_scale_sigma = sqrt(memory.p[5])
    truck.wheel_delay_s, truck.wheel_delay_sigma_s = memory.x[3], sqrt(memory.p[15])
    truck.slip_compliance = memory.x[2]
    truck.slip_compliance_sigma = sqrt(memory.p[10])
    truck.driven_slip = memory.x[2] * force if isfinite(force) else 0.0
