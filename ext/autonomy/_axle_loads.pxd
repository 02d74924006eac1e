# What of the weight lies on which axles, at rest on the level, and what the driven ones may be braked with. Twin: axle_loads.py.
from libc.math cimport fmax
from autonomy._physics cimport STANDARD_GRAVITY_MPS2
from autonomy.msg.messages cimport TruckState, VehicleParameters

cdef enum:
    FRONT = 0
    DRIVEN = 1
    TRAILER = 2
    GROUPS = 3


cdef inline void axle_shares(const VehicleParameters* vehicle, double mass, double* share) noexcept nogil:
    """Share (GROUPS,) of the weight that one axle of each group carries at rest. Load lies where it does at loaded_mass_kg."""
    cdef double trailer = mass - vehicle.tractor_mass_kg if vehicle.has_trailer else 0.0
    cdef double most = vehicle.loaded_mass_kg - vehicle.tractor_mass_kg - vehicle.trailer_tare_mass_kg
    cdef double load, load_place, place, kingpin, front
    cdef double tractor = mass
    cdef int rear = 0, behind = 0, i
    for i in range(4):
        rear += i > 0 and vehicle.tractor_cornering_stiffness[i] > 0.0
        behind += vehicle.trailer_cornering_stiffness[i] > 0.0
    kingpin = 0.0
    share[TRAILER] = 0.0
    if trailer > 0.0 and behind > 0:
        tractor = vehicle.tractor_mass_kg
        load = trailer - vehicle.trailer_tare_mass_kg
        load_place = vehicle.trailer_cg_x_m
        if most > 1.0:
            load_place = (vehicle.trailer_cg_x_m * (vehicle.trailer_tare_mass_kg + most)
                          - vehicle.trailer_tare_mass_kg * vehicle.trailer_tare_cg_x_m) / most
        place = (vehicle.trailer_tare_mass_kg * vehicle.trailer_tare_cg_x_m + load * load_place) / trailer \
            if load > 0.0 else vehicle.trailer_tare_cg_x_m
        kingpin = trailer * (1.0 - place / vehicle.trailer_wheelbase_m)
        share[TRAILER] = (trailer - kingpin) / (mass * behind)
    front = (tractor * vehicle.tractor_cg_x_m - kingpin * vehicle.hitch_offset_m) / vehicle.wheelbase_m
    share[FRONT] = front / mass
    share[DRIVEN] = (tractor + kingpin - front) / (mass * (rear if rear > 0 else 1))


cdef inline double driven_most(const VehicleParameters* vehicle, const TruckState* truck, double mass) noexcept nogil:
    """N that may brake the driven axles alone: an empty tractor would lose its rear to a retarder that a loaded one can use."""
    cdef double[GROUPS] share
    cdef double friction = fmax(truck.friction - truck.friction_sigma, truck.friction_low)
    axle_shares(vehicle, mass, share)
    return fmax(vehicle.driven_friction_share * friction * share[DRIVEN] * vehicle.driven_axles, 0.0) \
        * mass * STANDARD_GRAVITY_MPS2
