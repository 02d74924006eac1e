# What a CAN controller tells of itself by error frames: linux/can/error.h.
from autonomy.msg.messages cimport CanFrame, CanFrame_FLAG_ERROR

cdef extern from "linux/can/error.h" nogil:
    int CAN_ERR_CRTL, CAN_ERR_BUSOFF, CAN_ERR_RESTARTED
    int CAN_ERR_CRTL_RX_OVERFLOW, CAN_ERR_CRTL_TX_OVERFLOW, CAN_ERR_CRTL_RX_WARNING, CAN_ERR_CRTL_TX_WARNING
    int CAN_ERR_CRTL_RX_PASSIVE, CAN_ERR_CRTL_TX_PASSIVE, CAN_ERR_CRTL_ACTIVE

cdef enum:
    ERROR_ACTIVE, ERROR_WARNING, ERROR_PASSIVE, BUS_OFF

cdef class ControllerState:
    cdef int code               # of STATES
    cdef readonly int bus_offs, restarts, overflows, error_frames


cdef inline void hear_any(ControllerState controller) noexcept nogil:
    """A frame that is no error tells that the controller is on the bus again."""
    if controller.code == BUS_OFF:
        controller.code = ERROR_ACTIVE


cdef inline void hear_frame(ControllerState controller, const CanFrame *frame) noexcept nogil:
    cdef int told = frame.data[1]
    if not frame.flags & CanFrame_FLAG_ERROR:
        hear_any(controller)
        return
    controller.error_frames += 1
    if frame.id & CAN_ERR_CRTL:
        controller.overflows += told & (CAN_ERR_CRTL_RX_OVERFLOW | CAN_ERR_CRTL_TX_OVERFLOW) != 0
        if told & CAN_ERR_CRTL_ACTIVE:
            controller.code = ERROR_ACTIVE
        if told & (CAN_ERR_CRTL_RX_WARNING | CAN_ERR_CRTL_TX_WARNING):
            controller.code = ERROR_WARNING
        if told & (CAN_ERR_CRTL_RX_PASSIVE | CAN_ERR_CRTL_TX_PASSIVE):
            controller.code = ERROR_PASSIVE
    if frame.id & CAN_ERR_BUSOFF:
        controller.code, controller.bus_offs = BUS_OFF, controller.bus_offs + 1
    if frame.id & CAN_ERR_RESTARTED:
        controller.code, controller.restarts = ERROR_ACTIVE, controller.restarts + 1
