# What engine, gearbox and brakes told last, and whether the driveline is settled.
from libc.math cimport NAN, fabs, isfinite
from libc.stdint cimport int64_t, uint32_t
from autonomy.msg.messages cimport *

cdef enum:
    SIGNALS = 32                 # numbers of SignalSample that are kept
    OPEN = 0                     # ShaftSample.driveline_engaged
    SHIFTING = 1                 # ShaftSample.shift_in_progress

cdef extern from *:
    """
    static const double LARGEST_VALUE = 1e9;   /* in SI no signal of a truck is as large [D] */
    """
    const double LARGEST_VALUE

ctypedef struct Heard:
    double value
    int64_t time_ns              # 0 = never

# What was sent in the last tick
ctypedef struct Sent:
    double engine_torque
    double retarder_torque
    double brake_deceleration
    int64_t driving              # the stack's commands were in force

ctypedef struct ObservedMemory:
    Heard[32] signal
    Heard shaft                  # rad/s
    Sent sent
    int64_t unsettled_ns         # when the clutch was last open, a shift or a slipping clutch seen
    int64_t braked_ns            # when brake, retarder or engine brake last worked
    int64_t foundation_ns        # when the foundation brake did


cdef inline double heard(const ObservedMemory* memory, int signal, int64_t now_ns, double timeout_s) noexcept nogil:
    """The value, NaN when it was never told or too long ago."""
    cdef const Heard* last = &memory.signal[signal]
    if last.time_ns == 0 or 1e-9 * <double>(now_ns - last.time_ns) > timeout_s:
        return NAN
    return last.value


cdef inline double since_s(int64_t then_ns, int64_t now_ns) noexcept nogil:
    """s; long ago where it never was."""
    return 1e9 if then_ns == 0 else 1e-9 * <double>(now_ns - then_ns)


cdef inline void observe(ObservedMemory* memory, const TruckParameters* parameters, const InputFrame* frame) noexcept nogil:
    cdef int64_t now_ns = frame.tick_time_ns
    cdef const SignalSample* signal
    cdef const ShaftSample* shaft
    cdef uint32_t i
    for i in range(frame.signal.count):
        signal = &frame.signal.items[i]
        if signal.validity == 0 and signal.signal < SIGNALS and fabs(signal.value) < LARGEST_VALUE \
                and signal.valid_time_ns <= now_ns and signal.valid_time_ns >= memory.signal[signal.signal].time_ns:
            memory.signal[signal.signal].value = signal.value
            memory.signal[signal.signal].time_ns = signal.valid_time_ns
    for i in range(frame.shaft.count):
        shaft = &frame.shaft.items[i]
        if shaft.validity != 0 or shaft.valid_time_ns > now_ns:
            continue
        if shaft.driveline_engaged == OPEN or shaft.shift_in_progress == SHIFTING \
                or shaft.clutch_slip > parameters.clutch_slip_maximum:
            memory.unsettled_ns = now_ns
        if isfinite(shaft.shaft_speed) and shaft.valid_time_ns >= memory.shaft.time_ns:
            memory.shaft.value = shaft.shaft_speed
            memory.shaft.time_ns = shaft.valid_time_ns
    if braking(memory, now_ns):
        memory.braked_ns = now_ns
    if foundation_braking(memory, now_ns):
        memory.foundation_ns = now_ns


cdef inline bint foundation_braking(const ObservedMemory* memory, int64_t now_ns) noexcept nogil:
    """By pedal, switch or our own command. NaN compares false: a brake that tells nothing is not on."""
    return (heard(memory, SignalSample_BRAKE_PEDAL, now_ns, 0.5) > 0.01
            or heard(memory, SignalSample_BRAKE_SWITCH, now_ns, 0.5) > 0.5
            or (memory.sent.driving != 0 and memory.sent.brake_deceleration > 0.02))


cdef inline bint braking(const ObservedMemory* memory, int64_t now_ns) noexcept nogil:
    """Foundation brake, retarder or engine brake: forces that are told too coarsely to learn from."""
    return (foundation_braking(memory, now_ns)
            or heard(memory, SignalSample_RETARDER_TORQUE, now_ns, 1.0) < -60.0
            or heard(memory, SignalSample_ENGINE_BRAKE_TORQUE, now_ns, 1.0) < -60.0
            or (memory.sent.driving != 0 and memory.sent.retarder_torque < -30.0))


cdef inline double retarder_power(const ObservedMemory* memory, const VehicleParameters* vehicle, int64_t now_ns) noexcept nogil:
    """W, >= 0: by the torque it tells, else by the torque it was asked for, which it gives later but no less."""
    cdef double torque = heard(memory, SignalSample_RETARDER_TORQUE, now_ns, 1.0)
    if not isfinite(torque):
        torque = memory.sent.retarder_torque if memory.sent.driving else 0.0
    if since_s(memory.shaft.time_ns, now_ns) > 0.5 or not torque < 0.0 or not memory.shaft.value > 0.0:
        return 0.0
    return -torque * memory.shaft.value


cdef inline void remember_sent(ObservedMemory* memory, const Actuation* actuation) noexcept nogil:
    memory.sent.driving = actuation.mode == 1 or actuation.mode == 2
    memory.sent.engine_torque = actuation.engine_torque_nm if isfinite(actuation.engine_torque_nm) else 0.0
    memory.sent.retarder_torque = actuation.retarder_torque_nm if isfinite(actuation.retarder_torque_nm) else 0.0
    memory.sent.brake_deceleration = actuation.brake_deceleration_mps2 if isfinite(actuation.brake_deceleration_mps2) else 0.0
