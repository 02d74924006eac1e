# The lane's curvature ahead, from the points that the lane step tells.
from autonomy.msg.messages cimport LaneState_PREVIEW_STEP_M

cdef enum:
    PREVIEW_POINTS = 32              # of the lane

cdef extern from *:
    """
    #define TRANSITION_BASE_M 10.0       /* the lane's curvature rate is that between so far behind and ahead of a place */
    """
    const double TRANSITION_BASE_M


cdef inline double curvature_at(const double* preview, double distance) noexcept nogil:
    """1/m at a distance ahead, linear between the preview's points, constant beyond the last."""
    cdef double position = distance / LaneState_PREVIEW_STEP_M
    cdef int i
    if not position > 0.0:
        return preview[0]
    if position >= PREVIEW_POINTS - 1:
        return preview[PREVIEW_POINTS - 1]
    i = <int>position
    return preview[i] + (position - i) * (preview[i + 1] - preview[i])


cdef inline double bending(const double* preview, double distance) noexcept nogil:
    """1/m2, curvature rate of the lane at a distance ahead."""
    cdef double behind = distance - TRANSITION_BASE_M if distance > TRANSITION_BASE_M else 0.0
    cdef double ahead = distance + TRANSITION_BASE_M
    return (curvature_at(preview, ahead) - curvature_at(preview, behind)) / (ahead - behind)
