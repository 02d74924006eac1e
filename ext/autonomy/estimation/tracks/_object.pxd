# Ready-made tracks of an outside tracker: taken as they are, moved on to now; what they do not tell is filtered.
from libc.math cimport fabs
from libc.stdint cimport int64_t
from autonomy.msg.messages cimport ObjectSample, TracksParameters
from autonomy.estimation.tracks._bank cimport (
    ACCELERATION, MODELS, TRACKS, VX, VXVX, VY, VYVY, X, Y, Bank, covariance_of, state_of)
from autonomy.estimation.tracks._detection cimport FASTEST_MPS, known_or, seen_at
from autonomy.estimation.tracks._slots cimport allot, find_object, place
from autonomy.estimation.tracks._tracks cimport KIND_OBJECT, Slot, TracksMemory
from autonomy.estimation.tracks._update cimport Measurements, clear_measurements, update_all


cdef inline void hold_model(Bank* bank, int track) noexcept nogil:
    """Nothing that it tells decides between the models: it may turn."""
    bank.probability[track], bank.probability[TRACKS + track] = 0.0, 1.0


cdef inline void filter_across(TracksMemory* memory, const TracksParameters* p, int i, double y, double age, double own_speed,
                               double own_yaw_rate, Measurements* m) noexcept nogil:
    """Only where it is was told: the speed across comes from its moving."""
    clear_measurements(m, <int>memory.used)
    m.share[i], m.age[i], m.y[i], m.yy[i], m.xx[i] = 1.0, age, y, p.y_sigma * p.y_sigma, 1e12
    update_all(&memory.bank, m, <int>memory.used, own_speed, own_yaw_rate)


cdef inline void use_object(TracksMemory* memory, const TracksParameters* p, const ObjectSample* item, double own_speed,
                            double own_yaw_rate, int64_t now_ns, Measurements* work) noexcept nogil:
    cdef double age = <double>(now_ns - item.valid_time_ns) * 1e-9, known = p.object_speed_sigma * p.object_speed_sigma
    cdef Slot* slot
    cdef Bank* bank = &memory.bank
    cdef int i, model
    if item.validity != 0 or not seen_at(item.x, item.y) or not fabs(item.velocity_x) < FASTEST_MPS \
            or age < 0.0 or age > p.delete_after_s:
        return
    i = find_object(memory, item.source, item.object_id)
    if i < 0:
        i = allot(memory, p, KIND_OBJECT, item.source, now_ns)
        if i < 0:
            return
        memory.slots[i].target_id = item.object_id
        place(bank, p, i, item.x, item.y, item.velocity_x, p.x_sigma * p.x_sigma, p.y_sigma * p.y_sigma, known)
    elif item.valid_time_ns <= memory.slots[i].update_time_ns:
        return
    hold_model(bank, i)
    if not fabs(item.velocity_y) < FASTEST_MPS:
        filter_across(memory, p, i, item.y, age, own_speed, own_yaw_rate, work)
    for model in range(MODELS):
        state_of(bank, model, X)[i] = item.x + (item.velocity_x - own_speed) * age
        state_of(bank, model, VX)[i] = item.velocity_x
        covariance_of(bank, model, VXVX)[i] = known
        if fabs(item.acceleration_x) < FASTEST_MPS:
            state_of(bank, model, ACCELERATION)[i] = item.acceleration_x
        if fabs(item.velocity_y) < FASTEST_MPS:
            state_of(bank, model, Y)[i] = item.y + (item.velocity_y - own_yaw_rate * item.x) * age
            state_of(bank, model, VY)[i] = item.velocity_y
            covariance_of(bank, model, VYVY)[i] = known
    slot = &memory.slots[i]
    slot.update_time_ns = item.valid_time_ns
    slot.hits += 1
    slot.existence = item.existence if 0.0 <= item.existence <= 1.0 else 1.0
    slot.classification = item.classification
    if known_or(item.length, 0.0) > 0.0 and known_or(item.width, 0.0) > 0.0:
        slot.length, slot.width, slot.yaw, slot.boxes = item.length, item.width, item.yaw, 1
    slot.fastest = fabs(item.velocity_x) if fabs(item.velocity_x) > slot.fastest else slot.fastest
