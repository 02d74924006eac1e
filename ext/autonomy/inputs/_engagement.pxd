# Who drives: the driver's switches, pedal and wheel, and the vehicle's own conditions. Header only.
#
# A press of the switch (released before, and heard so) asks for control in that tick; an override, the other switch or an
# ending condition gives control back until the next press. Whether a request is granted the envelope decides.
# Twin: autonomy/inputs/engagement_twin.py.
from libc.math cimport fabs, isfinite
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memset
from autonomy.msg.messages cimport *

cdef enum:
    CONDITIONS = 8
    SWITCH_UNKNOWN = 2

ctypedef struct EngagementMemory:
    double[8] value              # by row of [engagement] condition
    int64_t[8] heard_ns          # 0 = never
    int64_t[8] holds_ns          # since when it holds, 0 = it does not
    int64_t switch_ns            # when ENGAGE_SWITCH was heard last
    uint8_t switch               # 0 released, 1 pressed, SWITCH_UNKNOWN
    uint8_t taken_back           # by the driver, until engage falls or the driver asks again
    uint8_t reason               # VehicleState OVERRIDE_*
    uint8_t refusal              # 1 + row of the condition that holds, an ending one first; 0 = none
    uint8_t indicators
    uint8_t mode                 # Actuation.mode of the tick before
    uint8_t[2] padding


cdef inline void engagement_reset(EngagementMemory* memory) noexcept nogil:
    memset(memory, 0, sizeof(EngagementMemory))
    memory.switch = SWITCH_UNKNOWN


cdef inline uint8_t condition_holds(const EngagementCondition* condition, double value, int64_t heard_ns,
                                    int64_t now_ns) noexcept nogil:
    if heard_ns == 0 or <double>(now_ns - heard_ns) * 1e-9 > condition.timeout_s:
        return condition.required
    if condition.comparison == EngagementCondition_COMPARISON_ABOVE:
        return value > condition.limit
    return value < condition.limit


cdef inline void engagement_step(EngagementMemory* memory, const EngagementParameters* parameters,
                                 const InputsParameters* inputs, const InputFrame* frame, VehicleState* vehicle) noexcept nogil:
    cdef int64_t now_ns = frame.tick_time_ns
    cdef uint32_t i
    cdef int row
    cdef uint8_t pressed, asks = 0, acts = VehicleState_OVERRIDE_NONE, ending = 0
    cdef const DriverSample* sample
    cdef const SignalSample* signal
    if memory.switch_ns and <double>(now_ns - memory.switch_ns) * 1e-9 > parameters.switch_timeout_s:
        memory.switch = SWITCH_UNKNOWN
    for i in range(frame.driver.count):
        sample = &frame.driver.items[i]
        if sample.validity != 0:
            continue
        memory.indicators = sample.indicators
        if isfinite(sample.brake_pedal) and sample.brake_pedal > inputs.override_brake_pedal:
            acts = VehicleState_OVERRIDE_BRAKE
        if isfinite(sample.steering_torque) and fabs(sample.steering_torque) > inputs.override_torque_nm:
            acts = VehicleState_OVERRIDE_STEERING
        if sample.engage == 2:
            acts = VehicleState_OVERRIDE_SWITCH
        elif sample.engage == 1:
            asks = 1
    for i in range(frame.signal.count):
        signal = &frame.signal.items[i]
        if signal.validity != 0 or not isfinite(signal.value) or signal.valid_time_ns > now_ns:
            continue
        pressed = signal.value > 0.5
        if signal.signal == SignalSample_DISENGAGE_SWITCH and pressed:
            acts = VehicleState_OVERRIDE_SWITCH
        elif signal.signal == SignalSample_ENGAGE_SWITCH:
            if pressed and memory.switch == 0:
                asks = 1
            memory.switch = pressed
            memory.switch_ns = now_ns
        for row in range(CONDITIONS):
            if parameters.condition[row].comparison != EngagementCondition_COMPARISON_NONE \
                    and parameters.condition[row].signal == signal.signal and signal.valid_time_ns >= memory.heard_ns[row]:
                memory.value[row] = signal.value
                memory.heard_ns[row] = signal.valid_time_ns
    memory.refusal = 0
    for row in range(CONDITIONS):
        if parameters.condition[row].comparison == EngagementCondition_COMPARISON_NONE:
            continue
        if not condition_holds(&parameters.condition[row], memory.value[row], memory.heard_ns[row], now_ns):
            memory.holds_ns[row] = 0
            continue
        if memory.holds_ns[row] == 0:
            memory.holds_ns[row] = now_ns
        if <double>(now_ns - memory.holds_ns[row]) * 1e-9 < parameters.condition[row].after_s:
            continue
        if parameters.condition[row].action == EngagementCondition_ACTION_END and not ending:
            ending = memory.refusal = <uint8_t>(1 + row)
        elif memory.refusal == 0:
            memory.refusal = <uint8_t>(1 + row)
    if acts != VehicleState_OVERRIDE_NONE or ending:
        if not memory.taken_back or acts != VehicleState_OVERRIDE_NONE:
            memory.reason = acts if acts != VehicleState_OVERRIDE_NONE else VehicleState_OVERRIDE_CONDITION
        memory.taken_back = 1
    elif asks and not memory.refusal:
        memory.taken_back = 0
    if frame.engage == 0 and not ending:
        memory.taken_back = 0
    if not memory.taken_back:
        memory.reason = VehicleState_OVERRIDE_NONE
    vehicle.driver_override = memory.taken_back
    vehicle.override_reason = memory.reason
    vehicle.refusal = memory.refusal
    vehicle.driver_request = 1 if parameters.by_driver and asks else 0
    vehicle.awaits_driver = 1 if parameters.by_driver and not asks else 0
    vehicle.driver_drives = 1 if memory.taken_back or (vehicle.awaits_driver and memory.mode == 0) else 0
    vehicle.indicators = memory.indicators
