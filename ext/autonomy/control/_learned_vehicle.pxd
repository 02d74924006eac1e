# The vehicle as the drive has shown it: what the vehicle's file tells, the trailer's axles where they were learned to be.
from autonomy.linalg._scalar cimport clipped
from autonomy.msg.messages cimport TruckState, VehicleParameters

cdef extern from *:
    """
    #define SHORTEST_TRAILER 0.6       /* of the wheelbase told: bogies slide by up to 3 m */
    #define LONGEST_TRAILER 1.4
    """
    const double SHORTEST_TRAILER
    const double LONGEST_TRAILER


cdef inline double learned_vehicle(const VehicleParameters* told, const TruckState* truck,
                                   VehicleParameters* vehicle) noexcept nogil:
    """Writes `vehicle`; m that its trailer's axles may be off at two sigma. The body stays: a bogie slides below it."""
    cdef double moved
    cdef int i
    vehicle[0] = told[0]
    if not (told.has_trailer and truck.trailer_wheelbase_known):
        return 0.0
    moved = clipped(truck.trailer_wheelbase_m, SHORTEST_TRAILER * told.trailer_wheelbase_m,
                    LONGEST_TRAILER * told.trailer_wheelbase_m) - told.trailer_wheelbase_m
    # Its masses come nearer as it gets shorter: the fifth wheel keeps its share of the load
    vehicle.trailer_cg_x_m *= 1.0 + moved / told.trailer_wheelbase_m
    vehicle.trailer_tare_cg_x_m *= 1.0 + moved / told.trailer_wheelbase_m
    vehicle.trailer_wheelbase_m += moved
    for i in range(4):
        vehicle.trailer_axle_x_m[i] += moved
    return 2.0 * truck.trailer_wheelbase_sigma_m
