# Measured place and range rate into the tracks, four at once, each at the time it was measured.
#
# A measurement of age T is held against the state moved back by T: place less T times the relative velocity, velocity less T
# times the acceleration; the rows of H hold the same. With probabilistic association (Bar-Shalom, Li 1995, section 3.4) the mean
# of the measurements counts with `share`, the probability that one of them was the track's; their spread keeps the covariance up.
from autonomy.linalg._vector cimport all4, double4, load4, store4
from autonomy.estimation.tracks._bank cimport (
    MODELS, STATES, TRACKS, Bank, load_covariance, load_mean, store_covariance, store_mean)

cdef enum:
    SPREADS = 6

ctypedef struct Measurements:
    # Arrays across tracks; share 0 where a track was not measured
    double[128] share
    double[128] age              # s
    double[128] x                # m, of the track's own point
    double[128] y
    double[128] range_rate
    double[128] xx               # (m)2, covariance of the measured place
    double[128] xy
    double[128] yy
    double[128] rate_variance    # very large where no range rate was measured
    double[128] sight_x          # direction along which the range rate was measured
    double[128] sight_y
    double[128] own_rate         # m/s, of the sensor itself along the sight when it measured
    double[768] spread           # xx xy xr yy yr rr of the measurements about their mean
    double[256] distance         # [MODELS], out: innovation squared over its covariance
    double[256] determinant      # [MODELS], out: of that covariance


cdef inline void clear_measurements(Measurements* m, int used) noexcept nogil:
    cdef int i, k
    for i in range(0, used + 3):
        if i >= TRACKS:
            break
        m.share[i] = m.age[i] = m.x[i] = m.y[i] = m.range_rate[i] = m.xy[i] = 0.0
        m.sight_x[i] = m.sight_y[i] = m.own_rate[i] = 0.0
        m.xx[i] = m.yy[i] = m.rate_variance[i] = 1.0
        for k in range(SPREADS):
            m.spread[k * TRACKS + i] = 0.0


cdef inline void update_four(Bank* bank, Measurements* m, int model, int t, double own_speed, double own_yaw_rate) noexcept nogil:
    cdef double4[6] s
    cdef double4[21] P
    cdef double4[6] w0
    cdef double4[6] w1
    cdef double4[6] w2
    cdef double4[6] t0
    cdef double4[6] t1
    cdef double4[6] t2
    cdef double4 age = load4(&m.age[t]), share = load4(&m.share[t]), own = all4(own_speed), r = all4(own_yaw_rate)
    cdef double4 lx = load4(&m.sight_x[t]), ly = load4(&m.sight_y[t])
    cdef double4 ha, n0, n1, n2, d0, d1, d2, l10, l20, l21, one = all4(1.0)
    cdef double4 s01, s02, s11, s12, s22, g00, g01, g02, g11, g12, g22, c0, c1, c2, c3, c4, c5, i0, i1, i2
    cdef int i, j, k
    load_mean(bank, model, t, s)
    load_covariance(bank, model, t, P)
    ha = -age * (lx + ly * s[2] * s[3] / (s[2] * s[2] + one))
    n0 = load4(&m.x[t]) - (s[0] - age * (s[2] - own + r * s[1]))
    n1 = load4(&m.y[t]) - (s[1] - age * (s[3] - r * s[0]))
    n2 = load4(&m.range_rate[t]) - (lx * s[2] + ly * s[3] + ha * s[4] - load4(&m.own_rate[t]))
    # P H' : columns of x - age vx, y - age vy, range rate
    w0[0] = P[0] - age * P[2]
    w0[1] = P[1] - age * P[7]
    w0[2] = P[2] - age * P[11]
    w0[3] = P[3] - age * P[12]
    w0[4] = P[4] - age * P[13]
    w0[5] = P[5] - age * P[14]
    w1[0] = P[1] - age * P[3]
    w1[1] = P[6] - age * P[8]
    w1[2] = P[7] - age * P[12]
    w1[3] = P[8] - age * P[15]
    w1[4] = P[9] - age * P[16]
    w1[5] = P[10] - age * P[17]
    w2[0] = lx * P[2] + ly * P[3] + ha * P[4]
    w2[1] = lx * P[7] + ly * P[8] + ha * P[9]
    w2[2] = lx * P[11] + ly * P[12] + ha * P[13]
    w2[3] = lx * P[12] + ly * P[15] + ha * P[16]
    w2[4] = lx * P[13] + ly * P[16] + ha * P[18]
    w2[5] = lx * P[14] + ly * P[17] + ha * P[19]
    d0 = w0[0] - age * w0[2] + load4(&m.xx[t])
    s01 = w0[1] - age * w0[3] + load4(&m.xy[t])
    s11 = w1[1] - age * w1[3] + load4(&m.yy[t])
    s02 = w2[0] - age * w2[2]
    s12 = w2[1] - age * w2[3]
    s22 = lx * w2[2] + ly * w2[3] + ha * w2[4] + load4(&m.rate_variance[t])
    # S = L D L'; everything below in the coordinates of L^-1
    l10 = s01 / d0
    l20 = s02 / d0
    d1 = s11 - l10 * s01
    l21 = (s12 - l20 * s01) / d1
    d2 = s22 - l20 * s02 - l21 * l21 * d1
    n1 = n1 - l10 * n0
    n2 = n2 - l20 * n0 - l21 * n1
    for k in range(STATES):
        w1[k] = w1[k] - l10 * w0[k]
        w2[k] = w2[k] - l20 * w0[k] - l21 * w1[k]
    i0 = one / d0
    i1 = one / d1
    i2 = one / d2
    # Spread of the measurements in these coordinates: L^-1 C L^-T
    c0 = load4(&m.spread[t])
    c1 = load4(&m.spread[TRACKS + t]) - l10 * c0
    c2 = load4(&m.spread[2 * TRACKS + t])
    c3 = load4(&m.spread[3 * TRACKS + t]) - l10 * (load4(&m.spread[TRACKS + t]) + c1)
    c4 = load4(&m.spread[4 * TRACKS + t]) - l10 * c2
    c2 = c2 - l20 * c0 - l21 * c1
    c5 = load4(&m.spread[5 * TRACKS + t])
    c4 = c4 - l20 * c1 - l21 * c3
    c5 = c5 - l20 * (load4(&m.spread[2 * TRACKS + t]) + c2) \
        - l21 * (load4(&m.spread[4 * TRACKS + t]) - l10 * load4(&m.spread[2 * TRACKS + t]) + c4)
    # P falls by K G K' with G = share D - share (C + (1 - share) n n')
    g00 = share * i0 * (one - i0 * (c0 + (one - share) * n0 * n0))
    g01 = -share * i0 * i1 * (c1 + (one - share) * n0 * n1)
    g02 = -share * i0 * i2 * (c2 + (one - share) * n0 * n2)
    g11 = share * i1 * (one - i1 * (c3 + (one - share) * n1 * n1))
    g12 = -share * i1 * i2 * (c4 + (one - share) * n1 * n2)
    g22 = share * i2 * (one - i2 * (c5 + (one - share) * n2 * n2))
    for k in range(STATES):
        t0[k] = g00 * w0[k] + g01 * w1[k] + g02 * w2[k]
        t1[k] = g01 * w0[k] + g11 * w1[k] + g12 * w2[k]
        t2[k] = g02 * w0[k] + g12 * w1[k] + g22 * w2[k]
        s[k] = s[k] + share * (n0 * i0 * w0[k] + n1 * i1 * w1[k] + n2 * i2 * w2[k])
    k = 0
    for i in range(STATES):
        for j in range(i, STATES):
            P[k] = P[k] - (t0[i] * w0[j] + t1[i] * w1[j] + t2[i] * w2[j])
            k += 1
    store_mean(bank, model, t, s)
    store_covariance(bank, model, t, P)
    store4(&m.distance[model * TRACKS + t], n0 * n0 * i0 + n1 * n1 * i1 + n2 * n2 * i2)
    store4(&m.determinant[model * TRACKS + t], d0 * d1 * d2)


cdef inline void update_all(Bank* bank, Measurements* m, int used, double own_speed, double own_yaw_rate) noexcept nogil:
    """Both models of all tracks that were measured; distance and determinant of each are left in `m`."""
    cdef int model, t
    for t in range(0, used, 4):
        if m.share[t] == 0.0 and m.share[t + 1] == 0.0 and m.share[t + 2] == 0.0 and m.share[t + 3] == 0.0:
            continue
        for model in range(MODELS):
            update_four(bank, m, model, t, own_speed, own_yaw_rate)
