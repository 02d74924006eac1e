# Lateral MPC of the combination behind a dead time; longitudinal speed and gap control.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from autonomy.msg.messages cimport (
    Actuation, Control, EgoState, LaneState, LateralParameters, LongitudinalParameters, Plan, TruckState,
    VehicleParameters, VehicleState)
from autonomy.control._observer cimport Observer
from autonomy.control._longitudinal cimport LongitudinalMemory

cdef enum:
    COMMANDS = 64                # of 10 ms: a dead time up to 0.6 s

ctypedef struct ControlMemory:
    double[64] sent              # commands sent less what the steering's play took of them, a ring: newest at index newest
    double half_play             # rad
    double lag_s                 # of the steering
    double actuator              # rad, where the commands sent bring the steering, dead time apart, before the play
    double wheels                # ... and behind it
    double side                  # of the play the steering stands at: -1, 1, or 0 = not known
    double pull                  # rad, turning back that was wanted since
    double taken_over_m          # off its place when the controller took over
    double driven_s              # since
    double lasting               # m/s2 to the left, what of the side force lasts
    Observer observer
    double[64] cost_to_go        # of the MPC without bounds, end of the next one's horizon
    LongitudinalMemory longitudinal
    int64_t last_tick_ns
    uint32_t newest
    uint8_t remembers            # control_remember was called at least once
    uint8_t observing            # the observer runs
    uint8_t taking_over          # a driver steers, or the observer has begun
    uint8_t[1] padding

cdef void control_reset(ControlMemory* memory, const LateralParameters* lateral) noexcept nogil
cdef void control_step(ControlMemory* memory, const LateralParameters* lateral, const LongitudinalParameters* longitudinal,
                       const VehicleParameters* vehicle_parameters, const VehicleState* vehicle, const EgoState* ego,
                       const TruckState* truck, const LaneState* lane, const Plan* plan, Control* control) noexcept nogil
cdef void control_remember(ControlMemory* memory, const Actuation* actuation) noexcept nogil
