# Chooses, ages and checks the vehicle's own signals.
from libc.stdint cimport int64_t, uint8_t, uint16_t
from autonomy.msg.messages cimport InputFrame, InputsParameters, VehicleParameters, VehicleState

cdef enum:
    RANKS = 4                    # sources of a kind, in order of preference

ctypedef struct Newest:          # the newest sample of one source
    double value
    int64_t valid_time_ns        # 0 = none yet
    uint8_t validity
    uint8_t[7] padding

ctypedef struct InputsMemory:
    Newest[4] speed              # by rank in the preference list
    Newest[4] steering
    Newest imu                   # value: yaw rate
    Newest gnss
    Newest radar
    double set_speed             # the driver's, NaN = none
    double lagging_speed         # first-order lag of the speed, whose distance to it is the acceleration
    double driver_acceleration
    int64_t last_tick_ns
    uint8_t taken_back           # by the driver, until engage falls or the driver asks again
    uint8_t indicators
    uint8_t[6] padding

cdef void inputs_reset(InputsMemory* memory, const InputsParameters* parameters) noexcept nogil
cdef void inputs_step(InputsMemory* memory, const InputsParameters* parameters, const VehicleParameters* vehicle_parameters,
                      const InputFrame* frame, VehicleState* vehicle) noexcept nogil
