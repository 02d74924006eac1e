# When a combination rolls over, at rest in a bend. Twin: autonomy/rollover_twin.py.
from autonomy._physics cimport STANDARD_GRAVITY_MPS2
from autonomy.msg.messages cimport VehicleParameters


cdef inline double rollover_threshold(const VehicleParameters* vehicle, double mass) noexcept nogil:
    """m/s2, g t / (2 h): the inner wheels of the unit that lies higher lift, springs and tyres taken to be stiff.

    Load is taken to lie as high as in the loaded trailer whatever its mass; a part of it is on a floor that weighs lower.
    """
    cdef double trailer = mass - vehicle.tractor_mass_kg if vehicle.has_trailer else 0.0
    cdef double height = vehicle.tractor_cg_height_m
    if trailer > 0.0 and vehicle.trailer_cg_height_m > height:
        height = vehicle.trailer_cg_height_m
    return STANDARD_GRAVITY_MPS2 * vehicle.track_width_m / (2.0 * height)
