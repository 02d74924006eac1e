# What is known of the combination: configured mass, steering response, kinematic trailer.
from libc.stdint cimport int64_t
from autonomy.msg.messages cimport EgoState, TruckState, VehicleParameters, VehicleState

ctypedef struct TruckMemory:
    double articulation_angle    # rad, trailer yaw minus tractor yaw
    int64_t last_tick_ns

cdef void truck_reset(TruckMemory* memory, const VehicleParameters* parameters) noexcept nogil
cdef void truck_step(TruckMemory* memory, const VehicleParameters* parameters, const VehicleState* vehicle,
                     const EgoState* ego, TruckState* truck) noexcept nogil
