# Interacting multiple models (Blom, Bar-Shalom 1988) of two: who goes straight on, and who turns. Four tracks at once.
from libc.math cimport exp, sqrt
from autonomy.linalg._vector cimport all4, double4, load4, store4
from autonomy.msg.messages cimport TracksParameters
from autonomy.estimation.tracks._bank cimport (
    PAIRS, STATES, STEADY, TRACKS, TURNING, Bank, load_covariance, load_mean, store_covariance, store_mean)
from autonomy.estimation.tracks._update cimport Measurements


cdef inline void weigh(Bank* bank, const Measurements* m, int t) noexcept nogil:
    """Probabilities of both models after one track's measurement."""
    cdef double steady = bank.probability[t], share = m.share[t], nearest, first, second, mean
    if share <= 0.0:
        return
    nearest = m.distance[t] if m.distance[t] < m.distance[TRACKS + t] else m.distance[TRACKS + t]
    first = exp(-0.5 * (m.distance[t] - nearest)) / sqrt(m.determinant[t])
    second = exp(-0.5 * (m.distance[TRACKS + t] - nearest)) / sqrt(m.determinant[TRACKS + t])
    mean = steady * first + (1.0 - steady) * second
    steady *= 1.0 - share + share * first / mean
    # Never quite certain: what both models exclude must be able to come back
    steady = 0.001 if steady < 0.001 else 0.999 if steady > 0.999 else steady
    bank.probability[t] = steady
    bank.probability[TRACKS + t] = 1.0 - steady


cdef inline void weighted_sum(const double4* x, const double4* P, const double4* y, const double4* Q, double4 share,
                              double4* mean, double4* cov) noexcept nogil:
    """Mean and covariance of `share` of (x, P) and the rest of (y, Q)."""
    cdef double4 rest = all4(1.0) - share, both = share * rest
    cdef double4[6] d
    cdef int i, j, k = 0
    for i in range(STATES):
        d[i] = x[i] - y[i]
        mean[i] = share * x[i] + rest * y[i]
    for i in range(STATES):
        for j in range(i, STATES):
            cov[k] = share * P[k] + rest * Q[k] + both * d[i] * d[j]
            k += 1


cdef inline void mix_four(Bank* bank, double4 begin, double4 end, int t) noexcept nogil:
    """What each model goes on with; `begin`, `end`: probabilities of beginning and of ending a manoeuvre since the last time."""
    cdef double4[6] x
    cdef double4[21] P
    cdef double4[6] y
    cdef double4[21] Q
    cdef double4[6] mean
    cdef double4[21] cov
    cdef double4 steady = load4(&bank.probability[t]), turning = load4(&bank.probability[TRACKS + t])
    cdef double4 one = all4(1.0), stays, comes, next_steady, next_turning
    load_mean(bank, STEADY, t, x)
    load_covariance(bank, STEADY, t, P)
    load_mean(bank, TURNING, t, y)
    load_covariance(bank, TURNING, t, Q)
    stays = (one - begin) * steady
    comes = begin * steady
    next_steady = stays + end * turning
    next_turning = comes + (one - end) * turning
    weighted_sum(x, P, y, Q, stays / next_steady, mean, cov)
    store_mean(bank, STEADY, t, mean)
    store_covariance(bank, STEADY, t, cov)
    weighted_sum(x, P, y, Q, comes / next_turning, mean, cov)
    store_mean(bank, TURNING, t, mean)
    store_covariance(bank, TURNING, t, cov)
    store4(&bank.probability[t], next_steady)
    store4(&bank.probability[TRACKS + t], next_turning)


cdef inline void mix_all(Bank* bank, const TracksParameters* p, double elapsed, int used) noexcept nogil:
    cdef double4 begin = all4(1.0 - exp(-elapsed * p.begin_rate)), end = all4(1.0 - exp(-elapsed * p.end_rate))
    cdef int t
    for t in range(0, used, 4):
        mix_four(bank, begin, end, t)


cdef inline void combine_all(Bank* bank, int used) noexcept nogil:
    """Mean and covariance over both models."""
    cdef double4[6] x
    cdef double4[21] P
    cdef double4[6] y
    cdef double4[21] Q
    cdef double4[6] mean
    cdef double4[21] cov
    cdef int t, k
    for t in range(0, used, 4):
        load_mean(bank, STEADY, t, x)
        load_covariance(bank, STEADY, t, P)
        load_mean(bank, TURNING, t, y)
        load_covariance(bank, TURNING, t, Q)
        weighted_sum(x, P, y, Q, load4(&bank.probability[t]), mean, cov)
        for k in range(STATES):
            store4(&bank.mixed[k * TRACKS + t], mean[k])
        for k in range(PAIRS):
            store4(&bank.mixed_cov[k * TRACKS + t], cov[k])
