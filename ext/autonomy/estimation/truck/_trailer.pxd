# Which of the stored trailers this one is. Nothing of them is believed before what is measured anew has said the same: the
# wheelbase, by a trailer sensor, and of one row alone. Twin: trailer_twin.py.
from libc.math cimport fabs, sqrt
from libc.stdint cimport int64_t
from autonomy.msg.messages cimport *
from autonomy.estimation.truck._articulation cimport ArticulationMemory, correct, sigma_of
from autonomy.estimation.truck._combination cimport STATES, TRAILER_TYRES, WHEELBASE

cdef enum:
    STORED_TRAILERS = 4

ctypedef struct TrailerMemory:
    int64_t restored             # 1 + row; 0 = none
    int64_t asked                # the question is settled


cdef inline void trailer_forget(TrailerMemory* memory) noexcept nogil:
    memory.restored = memory.asked = 0


cdef inline double disagreement(const StoredTrailer* stored, const VehicleParameters* vehicle,
                                const ArticulationMemory* articulation) noexcept nogil:
    """Sigmas."""
    cdef double length = vehicle.trailer_wheelbase_m
    cdef double sigma = length * sigma_of(articulation, WHEELBASE)
    return fabs(stored.wheelbase_m - length * (1.0 + articulation.x[WHEELBASE])) / sqrt(
        sigma * sigma + stored.wheelbase_sigma_m * stored.wheelbase_sigma_m)


cdef inline void trailer_step(TrailerMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle,
                              ArticulationMemory* articulation) noexcept nogil:
    """Once a trailer, as soon as the wheelbase is measured so well that one row at most fits; its values then count as one more
    measurement."""
    cdef const StoredTrailer* stored
    cdef double[12] row
    cdef double[12] learned
    cdef int i, found = 0, agreeing = 0
    if memory.asked or not vehicle.has_trailer or not sigma_of(articulation, WHEELBASE) < parameters.trailer_wheelbase_known:
        return
    for i in range(STORED_TRAILERS):
        stored = &parameters.stored_trailer[i]
        if stored.wheelbase_m > 0.0 and disagreement(stored, vehicle, articulation) < parameters.stored_trailer_agreement:
            agreeing += 1
            found = i
    if agreeing > 1:
        return
    memory.asked = 1
    if agreeing == 0:
        return
    stored = &parameters.stored_trailer[found]
    for i in range(STATES):
        row[i], learned[i] = 0.0, 1.0
    row[WHEELBASE] = 1.0
    correct(articulation, row, stored.wheelbase_m / vehicle.trailer_wheelbase_m - 1.0 - articulation.x[WHEELBASE],
            stored.wheelbase_sigma_m / vehicle.trailer_wheelbase_m, learned, 1e9)
    row[WHEELBASE], row[TRAILER_TYRES] = 0.0, 1.0
    if correct(articulation, row, stored.tyre_factor - 1.0 - articulation.x[TRAILER_TYRES], stored.tyre_factor_sigma, learned,
               parameters.stored_trailer_agreement):
        memory.restored = 1 + found
