# What the truck shall do, and the stop it can begin at any moment.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from autonomy.planning._cruise_profile cimport CruiseMemory
from autonomy.planning._descent cimport SlopeMemory
from autonomy.msg.messages cimport (
    EgoState, FaultState, InputFrame, LaneState, Plan, PlanParameters, TrackList, TruckState, VehicleParameters, VehicleState)

ctypedef struct PlanMemory:
    double[32] fallback_curvature  # the last stop path that could be laid, every FALLBACK_STEP_M from where it began
    double sight_reach           # m of it, as far as the sight decides
    double direction             # rad, of travel, to the left of the lane, low-passed
    double fallback_travelled    # m driven along it since; 0 = the lane is seen
    double fallback_seen         # m of it along which the lane was seen
    double fallback_reach        # m of it on which the combination surely stays in its lane
    CruiseMemory cruise
    SlopeMemory slope
    double lead_speed            # m/s, low-passed: by what it is behind, the lead's standstill is foretold
    double steering_bias         # rad, road wheel angle measured in excess of the one the yaw rate tells
    int64_t last_tick_ns
    uint32_t lead_track_id
    uint8_t fallback_known
    uint8_t stopping             # latched until engage falls
    uint8_t following
    uint8_t reason               # of the stop
    uint8_t emergency            # of the last tick
    uint8_t[7] padding

cdef void plan_reset(PlanMemory* memory, const PlanParameters* parameters) noexcept nogil
cdef void plan_step(PlanMemory* memory, const PlanParameters* parameters, const VehicleParameters* vehicle_parameters,
                    const InputFrame* frame, const VehicleState* vehicle, const EgoState* ego, const TruckState* truck,
                    const FaultState* faults, const LaneState* lane, const TrackList* tracks, Plan* plan) noexcept nogil
