# Which faults of the table are in force, and what they ask for.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from autonomy.msg.messages cimport (
    Actuation, EgoState, FaultParameters, FaultState, InputFrame, PlausibilityParameters, TruckState, VehicleParameters,
    VehicleState)
from autonomy.safety._fault_hearing cimport RowHearing
from autonomy.safety._fault_response cimport ResponseMemory

cdef enum:
    ROWS = 24

ctypedef struct RowMemory:
    RowHearing heard
    double stood_at              # rad, what the yaw rate said when the value last changed
    int64_t passed_ns            # since when the value is beyond the threshold, 0 = it is not
    int64_t told_ns              # since when it is told, 0 = it is not
    int64_t gone_ns              # of a told one: since when the value is within again, 0 = it is not

ctypedef struct FaultsMemory:
    RowMemory[24] row
    ResponseMemory response
    double trailer_connected     # as told last, NaN = never
    int64_t hand_over_ns         # since when the driver is asked to take over, 0 = he is not
    int64_t last_tick_ns
    uint8_t yaw_rate_told        # the inertial unit is known to be wrong
    uint8_t stopping             # he did not: until he takes over
    uint8_t[6] padding

cdef void faults_reset(FaultsMemory* memory, const FaultParameters* parameters) noexcept nogil
cdef void faults_step(FaultsMemory* memory, const FaultParameters* parameters, const PlausibilityParameters* plausibility,
                      const VehicleParameters* vehicle_parameters, const InputFrame* frame, const InputFrame* used,
                      const VehicleState* vehicle, const EgoState* ego, const TruckState* truck, FaultState* state) noexcept nogil
cdef void faults_correct(const FaultsMemory* memory, VehicleState* vehicle) noexcept nogil
cdef void faults_remember(FaultsMemory* memory, const Actuation* actuation) noexcept nogil
