# Hard limits, mode and health. Can only make a command safer.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from autonomy.msg.messages cimport (
    Actuation, Control, EgoState, EnvelopeParameters, FaultState, Health, InputFrame, LaneState, LongitudinalParameters, Plan,
    TrackList, TruckParameters, TruckState, VehicleParameters, VehicleState)
from autonomy.safety._split cimport SplitMemory
from autonomy.safety._trim cimport TrimMemory

ctypedef struct EnvelopeMemory:
    double angle                 # rad, last sent
    double acceleration          # m/s2, last sent
    SplitMemory split
    TrimMemory trim
    int64_t last_tick_ns
    int64_t mode_since_ns
    uint32_t overflow
    uint8_t mode
    uint8_t invalid              # the last command was not a number
    uint8_t standby_reason       # Health STANDBY_*
    uint8_t standby_condition

cdef void envelope_reset(EnvelopeMemory* memory, const EnvelopeParameters* parameters) noexcept nogil
cdef void envelope_step(EnvelopeMemory* memory, const EnvelopeParameters* parameters,
                        const LongitudinalParameters* longitudinal, const TruckParameters* learned,
                        const VehicleParameters* vehicle_parameters, const InputFrame* frame, const VehicleState* vehicle,
                        const EgoState* ego, const TruckState* truck, const FaultState* faults, const LaneState* lane,
                        const TrackList* tracks, const Plan* plan, const Control* control, Actuation* actuation,
                        Health* health) noexcept nogil
