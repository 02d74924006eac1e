# Delay-aware lateral LQR with curvature preview; longitudinal speed and gap control.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from autonomy.msg.messages cimport (
    Actuation, Control, EgoState, LaneState, LateralParameters, LongitudinalParameters, Plan, TruckState,
    VehicleParameters, VehicleState)
from autonomy.control._longitudinal cimport LongitudinalMemory

cdef enum:
    COMMANDS = 64                # of 10 ms: a dead time up to 0.6 s

ctypedef struct ControlMemory:
    double[64] sent              # road wheel angles sent, a ring: newest at index newest
    double angle                 # rad, road wheel angle that holds the yaw rate
    LongitudinalMemory longitudinal
    int64_t last_tick_ns
    uint32_t newest
    uint8_t remembers            # control_remember was called at least once
    uint8_t[3] padding

cdef void control_reset(ControlMemory* memory, const LateralParameters* lateral) noexcept nogil
cdef void control_step(ControlMemory* memory, const LateralParameters* lateral, const LongitudinalParameters* longitudinal,
                       const VehicleParameters* vehicle_parameters, const VehicleState* vehicle, const EgoState* ego,
                       const TruckState* truck, const LaneState* lane, const Plan* plan, Control* control) noexcept nogil
cdef void control_remember(ControlMemory* memory, const Actuation* actuation) noexcept nogil
