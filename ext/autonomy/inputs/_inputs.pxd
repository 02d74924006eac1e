# Chooses, ages and checks the vehicle's own signals.
from libc.stdint cimport int64_t, uint8_t, uint16_t
from autonomy.inputs._engagement cimport EngagementMemory
from autonomy.inputs._preference cimport PreferenceMemory
from autonomy.inputs._senders cimport PlausibilityMemory
from autonomy.msg.messages cimport (
    Actuation, EngagementParameters, InputFrame, InputsParameters, PlausibilityParameters, VehicleParameters, VehicleState)

cdef enum:
    RANKS = 4                    # sources of a kind, in order of preference

ctypedef struct Newest:          # the newest sample of one source
    double value
    int64_t valid_time_ns        # 0 = none yet
    uint16_t source
    uint8_t validity
    uint8_t[5] padding

ctypedef struct InputsMemory:
    Newest[4] speed              # by rank in the preference list
    Newest[4] steering
    Newest imu                   # value: yaw rate
    Newest engine                # value: its speed
    Newest gnss
    Newest radar
    double set_speed             # the driver's, NaN = none
    double lagging_speed         # first-order lag of the speed, whose distance to it is the acceleration
    double driver_acceleration
    int64_t last_tick_ns
    PlausibilityMemory plausibility
    PreferenceMemory preference
    EngagementMemory engagement

cdef void inputs_reset(InputsMemory* memory, const InputsParameters* parameters) noexcept nogil
cdef const InputFrame* inputs_step(InputsMemory* memory, const InputsParameters* parameters,
                                   const PlausibilityParameters* plausibility, const EngagementParameters* engagement,
                                   const VehicleParameters* vehicle_parameters, const InputFrame* frame, InputFrame* kept,
                                   VehicleState* vehicle) noexcept nogil
cdef void inputs_remember(InputsMemory* memory, const Actuation* actuation) noexcept nogil
