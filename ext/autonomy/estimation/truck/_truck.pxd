# What is known of the combination: mass, resistance, speed, heat, friction; steering response, trailer.
from libc.stdint cimport int64_t
from autonomy.msg.messages cimport (
    Actuation, EgoState, InputFrame, TruckParameters, TruckState, VehicleParameters, VehicleState)
from autonomy.estimation.truck._articulation cimport ArticulationMemory
from autonomy.estimation.truck._brakes cimport BrakesMemory
from autonomy.estimation.truck._friction cimport FrictionMemory
from autonomy.estimation.truck._grade cimport GradeMemory
from autonomy.estimation.truck._mass cimport MassMemory
from autonomy.estimation.truck._observed cimport ObservedMemory
from autonomy.estimation.truck._shaft_speed cimport SpeedMemory
from autonomy.estimation.truck._steering cimport SteeringMemory
from autonomy.estimation.truck._trailer cimport TrailerMemory

# One struct a sub-estimator, each in the file of its name
ctypedef struct TruckMemory:
    ObservedMemory observed
    SpeedMemory speed
    MassMemory mass
    BrakesMemory brakes
    FrictionMemory friction
    ArticulationMemory articulation
    SteeringMemory steering
    TrailerMemory trailer
    GradeMemory grade
    double trailer_connected     # 1 or 0 as told and believed, NaN = never
    int64_t trailer_told_ns      # when its last sample was true
    int64_t trailer_otherwise    # samples in a row that say otherwise
    int64_t last_tick_ns

cdef void truck_reset(TruckMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle) noexcept nogil
cdef void truck_step(TruckMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle_parameters,
                     const InputFrame* frame, const VehicleState* vehicle, const EgoState* ego, TruckState* truck) noexcept nogil
cdef void truck_remember(TruckMemory* memory, const Actuation* actuation) noexcept nogil
cdef void truck_forget(TruckMemory* memory, const TruckParameters* parameters) noexcept nogil
