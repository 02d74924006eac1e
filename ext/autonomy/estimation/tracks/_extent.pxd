# How long, how wide and how turned a body is, from boxes that show all of it or only the face towards the sensor.
from libc.math cimport M_PI, fabs, isfinite, remainder
from autonomy.estimation.tracks._detection cimport Detection
from autonomy.estimation.tracks._tracks cimport Slot

cdef extern from *:
    """
    static const double GROW = 0.3;  /* share taken of a box that is longer than known: a box shows at most what is there [D] */
    static const double SHRINK = 0.02;  /* ... shorter: most often a part is hidden [D] */
    static const double TURN = 0.2;  /* [D] */
    static const double LEAST_TELLING = 0.8;  /* m, shorter boxes have no direction [D] */
    """
    const double GROW
    const double SHRINK
    const double TURN
    const double LEAST_TELLING


cdef inline void take_extent(Slot* slot, const Detection* box, double longest) noexcept nogil:
    cdef double length = box.length, width = box.width
    if not isfinite(length) or not isfinite(width):
        return
    if length > longest:
        length = longest
    if slot.boxes == 0:
        slot.length, slot.width, slot.yaw = length, width, box.yaw
    else:
        slot.length += (GROW if length > slot.length else SHRINK) * (length - slot.length)
        slot.width += (GROW if width > slot.width else SHRINK) * (width - slot.width) * 0.5
        if isfinite(box.yaw) and length > LEAST_TELLING:
            slot.yaw += TURN * remainder(box.yaw - slot.yaw, M_PI)
    slot.boxes += 1
    if box.classification != 0:
        slot.classification = box.classification


cdef inline void take_piece(Slot* slot, double rear_x, const Detection* box, double longest) noexcept nogil:
    """The body reaches as far as a piece of it."""
    cdef double reach = box.x + box.length - rear_x
    if isfinite(reach) and slot.boxes > 0 and reach > slot.length:
        slot.length += GROW * ((reach if reach < longest else longest) - slot.length)


cdef inline bint within_body(const Slot* slot, double rear_x, double middle_y, const Detection* item) noexcept nogil:
    """Whether a detection lies on a body that reaches forward from its rear."""
    cdef double reach = 0.5 * item.width if isfinite(item.width) else 0.0
    return item.x > rear_x - 1.0 and item.x < rear_x + slot.length + 0.5 \
        and fabs(item.y - middle_y) < 0.5 * slot.width + 0.4 + (0.3 if reach > 0.0 else 0.0)
