"""The filter's inner work alone, repeated in C, for autonomy/bench/ego.py: one covariance prediction and one update."""

from libc.string cimport memcpy

import time

import numpy as np

from autonomy.estimation.ego._ego cimport ego_reset
from autonomy.estimation.ego._predict cimport Motion, carry_covariance, move
from autonomy.estimation.ego._state cimport POSITION, POSITION_DELAY, ROW, STATES, VELOCITY, VELOCITY_DELAY, EgoFilter, Jacobian
from autonomy.estimation.ego._update cimport add_scaled_row, entry, inject, reduce_covariance, whiten
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH, EgoParameters

require(__name__, LAYOUT_HASH)


def predict_update(parameters, int repeats) -> float:
    """Nanoseconds per strapdown step + covariance prediction + joint update by six rows (position and velocity), 26 states."""
    cdef const unsigned char[::1] data = np.frombuffer(parameters.tobytes(), np.uint8)
    cdef EgoParameters p
    cdef EgoFilter state
    cdef Motion motion
    cdef Jacobian rows[6]
    cdef double noise[36]
    cdef double residual[6]
    cdef double whitened[168]
    cdef double innovation[12]
    cdef double correction[28]
    cdef double force[3]
    cdef double rate[3]
    cdef int i, j, k, n
    memcpy(&p, &data[0], sizeof(EgoParameters))
    ego_reset(&state, &p)
    for i in range(STATES):
        state.covariance[(ROW + 1) * i] = 1e-2
    for i in range(36):
        noise[i] = 0.0
    for i in range(6):
        noise[7 * i] = 0.1
        residual[i] = 0.01
    for i in range(3):
        force[i] = 9.8 if i == 2 else 0.1
        rate[i] = 0.01
        motion.position[i] = 0.0
        motion.velocity[i] = 10.0
        motion.orientation[1 + i] = 0.0
        rows[i].count = 0
        entry(&rows[i], POSITION + i, 1.0)
        entry(&rows[i], 22 + i, 1.0)
        entry(&rows[i], POSITION_DELAY, -10.0)
        rows[3 + i].count = 0
        entry(&rows[3 + i], VELOCITY + i, 1.0)
        entry(&rows[3 + i], VELOCITY_DELAY, -0.1)
    motion.orientation[0] = 1.0
    begin = time.perf_counter_ns()
    with nogil:
        for n in range(repeats):
            move(&motion, &state.pending, force, rate, p.gravity_mps2, 0.01, 0.01)
            carry_covariance(&state, &p)
            whiten(state.covariance, 6, rows, noise, residual, whitened, innovation)
            for k in range(ROW):
                correction[k] = 0.0
            for j in range(6):
                add_scaled_row(correction, whitened + ROW * j, innovation[j])
            reduce_covariance(state.covariance, 6, whitened)
            inject(&state, &p, correction)
    return (time.perf_counter_ns() - begin) / repeats
