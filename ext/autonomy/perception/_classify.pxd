# What a box is: see _classify.pyx.
from autonomy.perception._boxes cimport Obstacle

cdef enum Classification:
    UNKNOWN = 0
    CAR = 1
    TRUCK = 2           # a tractor with its trailer is one
    MOTORCYCLE = 3
    PEDESTRIAN = 4
    DEBRIS = 5
    STRUCTURE = 6       # wall, rail, pole, sign, bush

cdef struct ClassParameters:
    double clearance_m
    double vehicle_length_most
    double vehicle_width_most
    double truck_height_least
    double truck_side_least     # the longer side seen of a truck
    double car_length_most
    double car_height_least
    double car_side_least        # the longer side seen of a car
    double car_length
    double car_width
    double person_height_least
    double person_height_most
    double person_side_most
    double motorcycle_length_least
    double motorcycle_length_most
    double motorcycle_width_most
    double debris_height_most
    double debris_side_most
    double pole_side_most
    double rail_length_least
    double rail_width_most
    double hanging_m             # what begins above is a sign or a branch

cdef void classify(const ClassParameters* parameters, Obstacle* obstacle) noexcept nogil
