"""What a box is, by its extents: car, truck, motorcycle, pedestrian, debris or structure, and how sure that is.

A car of which only one face is seen is completed, away from the sensor, to a car's length and width: what follows it tracks its
middle. Twin: autonomy/perception/classify_twin.py.
"""
from libc.math cimport cos, exp, fabs, sin
from libc.string cimport memset
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.perception._boxes cimport Obstacle

require(__name__, LAYOUT_HASH)

cdef double POINTS_SURE = 12.0      # points at which two thirds of the evidence are there
cdef double TRUCK_WIDTH_LEAST = 1.8   # m, of what is as high as a bridge and still a truck
cdef double HALF_TURN = 3.141592653589793


cdef void classify(const ClassParameters* parameters, Obstacle* obstacle) noexcept nogil:
    """Writes classification and score, and a car's completed box."""
    obstacle.classification = kind_of(parameters, obstacle)
    obstacle.score = 1.0 - exp(-obstacle.points / POINTS_SURE)
    if obstacle.classification == UNKNOWN:
        obstacle.score *= 0.5
    elif obstacle.classification == CAR:
        complete(parameters, obstacle)


cdef int kind_of(const ClassParameters* p, const Obstacle* o) noexcept nogil:
    cdef double length = o.length, width = o.width, top = o.top
    if o.edge or o.bottom > p.hanging_m or length > p.vehicle_length_most or width > p.vehicle_width_most:
        return STRUCTURE
    if length > p.rail_length_least and width < p.rail_width_most and top < p.truck_height_least:
        return STRUCTURE
    if length < p.pole_side_most and top > p.person_height_most:
        return STRUCTURE
    if top > p.clearance_m - 0.1 and (width < TRUCK_WIDTH_LEAST or length < p.car_length_most):
        return STRUCTURE
    if top >= p.truck_height_least:
        return TRUCK if length > p.truck_side_least else STRUCTURE
    if length > p.car_length_most:
        return TRUCK if top > p.car_height_least else STRUCTURE
    if top < p.debris_height_most:
        return DEBRIS if length < p.debris_side_most else STRUCTURE
    if length <= p.person_side_most and top >= p.person_height_least and top <= p.person_height_most:
        return PEDESTRIAN
    if (length >= p.motorcycle_length_least and length <= p.motorcycle_length_most and width <= p.motorcycle_width_most
            and fabs(o.yaw) < 0.25 * HALF_TURN and top <= p.person_height_most):
        return MOTORCYCLE
    if length >= p.car_side_least and top >= p.car_height_least:
        return CAR
    return UNKNOWN


cdef void complete(const ClassParameters* p, Obstacle* o) noexcept nogil:
    """To the least of a car: the side that is too short grows away from the sensor. A lone short face is a width, and so is a
    short side across the sight, with some of the roof behind it."""
    cdef double grow, c = cos(o.yaw), s = sin(o.yaw), swapped
    cdef bint is_across = fabs(c * o.x + s * o.y) < fabs(c * o.y - s * o.x)
    if o.length < 0.6 * p.car_length and (is_across or o.width < 0.5 * p.car_width):
        swapped = o.length
        o.length = o.width
        o.width = swapped
        o.yaw += 0.5 * HALF_TURN if o.yaw <= 0.0 else -0.5 * HALF_TURN
    c = cos(o.yaw)
    s = sin(o.yaw)
    if o.length < p.car_length:
        grow = 0.5 * (p.car_length - o.length)
        grow = grow if c * o.x + s * o.y > 0.0 else -grow
        o.x += grow * c
        o.y += grow * s
        o.length = p.car_length
    if o.width < p.car_width:
        grow = 0.5 * (p.car_width - o.width)
        grow = grow if c * o.y - s * o.x > 0.0 else -grow
        o.x -= grow * s
        o.y += grow * c
        o.width = p.car_width


def classified(parameters, dict box):
    """For tests. `box`: x, y, yaw, length, width, top, bottom, points, edge; returns it with classification and score,
    completed."""
    cdef ClassParameters given = parameters
    cdef Obstacle obstacle
    memset(&obstacle, 0, sizeof(Obstacle))
    obstacle.x, obstacle.y, obstacle.yaw = box["x"], box["y"], box["yaw"]
    obstacle.length, obstacle.width = box["length"], box["width"]
    obstacle.top, obstacle.bottom, obstacle.points, obstacle.edge = box["top"], box["bottom"], box["points"], box["edge"]
    classify(&given, &obstacle)
    return dict(obstacle)
