# One tick of motion, four tracks at once: the object moves over ground, the vehicle moves and turns under it.
#
# Constant acceleration straight on, and constant turn rate and acceleration (models: Schubert, Richter, Wanielik 2008). Both know
# the acceleration: a choice between keeping and changing speed would tell a lead that brakes gently half a second late, and two
# thirds of it. Extended Kalman filter in velocity components: no angle, no singular straight ahead.
from libc.math cimport exp
from autonomy.linalg._vector cimport all4, double4
from autonomy.msg.messages cimport TracksParameters
from autonomy.estimation.tracks._bank cimport (
    MODELS, TURNING, Bank, load_covariance, load_mean, store_covariance, store_mean)

ctypedef struct Motion:
    double dt
    double own_speed             # m/s, along x
    double own_yaw_rate
    double keep_acceleration     # share that is left after dt
    double noise_acceleration    # (m/s2)2 in dt
    double[2] keep_turn          # by model
    double[2] noise_across
    double[2] noise_turn


cdef inline void motion_of(const TracksParameters* p, double dt, double own_speed, double own_yaw_rate,
                           Motion* motion) noexcept nogil:
    motion.dt = dt
    motion.own_speed = own_speed
    motion.own_yaw_rate = own_yaw_rate
    motion.keep_acceleration = exp(-dt / p.acceleration_decay_s)
    motion.noise_acceleration = p.process_jerk * p.process_jerk * dt
    motion.keep_turn[0] = exp(-dt / p.steady_decay_s)
    motion.keep_turn[1] = exp(-dt / p.turn_decay_s)
    motion.noise_across[0] = p.process_steady * p.process_steady * dt
    motion.noise_across[1] = p.process_lateral * p.process_lateral * dt
    # Who goes straight forgets how it turned, and knows it as badly as at the beginning
    motion.noise_turn[0] = (1.0 - motion.keep_turn[0] * motion.keep_turn[0]) * p.initial_turn_sigma * p.initial_turn_sigma
    motion.noise_turn[1] = p.process_turn * p.process_turn * dt


cdef inline void predict_four(Bank* bank, const Motion* motion, int model, int track) noexcept nogil:
    cdef double4[6] s
    cdef double4[21] P
    cdef double4 g, q, du, dv, uv, uw, vu, vv, va, vw
    cdef double4 x0, x1, x2, x3, x4, x5, y0, y1, y2, y3, y4, y5, u2, u3, u4, u5, v2, v3, v4, v5
    cdef double4 dt = all4(motion.dt), r = all4(motion.own_yaw_rate), own = all4(motion.own_speed)
    cdef double4 ka = all4(motion.keep_acceleration), kw = all4(motion.keep_turn[model])
    cdef double4 one = all4(1.0), turning = all4(1.0 if model == TURNING else 0.0), rt, w, a
    load_mean(bank, model, track, s)
    load_covariance(bank, model, track, P)
    rt = r * dt
    # Accelerating keeps the direction of motion, softly none at a standstill: so much across for what is along x
    q = one / (s[2] * s[2] + one)
    g = s[2] * s[3] * q
    a = s[4]
    w = turning * s[5]
    du = dt * (a - w * s[3] + r * s[3])
    dv = dt * (a * g + w * s[2] - r * s[2])
    # d(velocity after)/d(velocity, acceleration, turn rate before)
    uv = dt * (r - w)
    uw = -turning * dt * s[3]
    vu = dt * (w - r + a * s[3] * q * (q + q - one))
    vv = one + dt * a * s[2] * q
    va = dt * g
    vw = turning * dt * s[2]
    x0 = s[0]
    s[0] = s[0] + dt * (s[2] + all4(0.5) * du - own + r * s[1])
    s[1] = s[1] + dt * (s[3] + all4(0.5) * dv - r * x0)
    s[2] = s[2] + du
    s[3] = s[3] + dv
    s[4] = ka * s[4]
    s[5] = kw * s[5]
    # Rows of F P
    x0 = P[0] + rt * P[1] + dt * P[2]
    x1 = P[1] + rt * P[6] + dt * P[7]
    x2 = P[2] + rt * P[7] + dt * P[11]
    x3 = P[3] + rt * P[8] + dt * P[12]
    x4 = P[4] + rt * P[9] + dt * P[13]
    x5 = P[5] + rt * P[10] + dt * P[14]
    y0 = P[1] - rt * P[0] + dt * P[3]
    y1 = P[6] - rt * P[1] + dt * P[8]
    y2 = P[7] - rt * P[2] + dt * P[12]
    y3 = P[8] - rt * P[3] + dt * P[15]
    y4 = P[9] - rt * P[4] + dt * P[16]
    y5 = P[10] - rt * P[5] + dt * P[17]
    u2 = P[11] + uv * P[12] + dt * P[13] + uw * P[14]
    u3 = P[12] + uv * P[15] + dt * P[16] + uw * P[17]
    u4 = P[13] + uv * P[16] + dt * P[18] + uw * P[19]
    u5 = P[14] + uv * P[17] + dt * P[19] + uw * P[20]
    v2 = vu * P[11] + vv * P[12] + va * P[13] + vw * P[14]
    v3 = vu * P[12] + vv * P[15] + va * P[16] + vw * P[17]
    v4 = vu * P[13] + vv * P[16] + va * P[18] + vw * P[19]
    v5 = vu * P[14] + vv * P[17] + va * P[19] + vw * P[20]
    # ... times F', plus noise
    P[0] = x0 + rt * x1 + dt * x2
    P[1] = x1 - rt * x0 + dt * x3
    P[2] = x2 + uv * x3 + dt * x4 + uw * x5
    P[3] = vu * x2 + vv * x3 + va * x4 + vw * x5
    P[4] = ka * x4
    P[5] = kw * x5
    P[6] = y1 - rt * y0 + dt * y3
    P[7] = y2 + uv * y3 + dt * y4 + uw * y5
    P[8] = vu * y2 + vv * y3 + va * y4 + vw * y5
    P[9] = ka * y4
    P[10] = kw * y5
    P[11] = u2 + uv * u3 + dt * u4 + uw * u5
    P[12] = vu * u2 + vv * u3 + va * u4 + vw * u5
    P[13] = ka * u4
    P[14] = kw * u5
    P[15] = vu * v2 + vv * v3 + va * v4 + vw * v5 + all4(motion.noise_across[model])
    P[16] = ka * v4
    P[17] = kw * v5
    P[18] = ka * ka * P[18] + all4(motion.noise_acceleration)
    P[19] = ka * kw * P[19]
    P[20] = kw * kw * P[20] + all4(motion.noise_turn[model])
    store_mean(bank, model, track, s)
    store_covariance(bank, model, track, P)


cdef inline void predict_all(Bank* bank, const Motion* motion, int used) noexcept nogil:
    cdef int model, track
    for track in range(0, used, 4):
        for model in range(MODELS):
            predict_four(bank, motion, model, track)
