"""The state of a CAN controller, followed by its error frames."""

from libc.stdint cimport uint8_t

from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH, CanFrame

require(__name__, LAYOUT_HASH)

STATES = ("error active", "error warning", "error passive", "bus off")


cdef class ControllerState:
    """`state` of STATES, and how often it was told. `overflows`: the controller's own buffer was full."""

    def __init__(self, str state="error active"):
        self.state = state

    def hear(self, frames) -> None:
        """Rows of CanFrame: error frames, and any other tells that a controller is on the bus."""
        cdef const uint8_t[::1] rows
        cdef Py_ssize_t n
        if not len(frames):
            return
        rows = frames.view("u1").reshape(-1)
        for n in range(rows.shape[0] // <Py_ssize_t> sizeof(CanFrame)):
            hear_frame(self, &(<const CanFrame*> &rows[0])[n])

    @property
    def state(self) -> str:
        return STATES[self.code]

    @state.setter
    def state(self, str state):
        self.code = STATES.index(state)
