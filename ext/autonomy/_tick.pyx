"""The tick: a pure function of its input frame, its parameters and its own state. Truck, rig and desk call this one."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from autonomy.control._control cimport control_remember, control_reset, control_step
from autonomy.estimation.ego._ego cimport ego_reset, ego_step
from autonomy.estimation.lane._lane cimport lane_reset, lane_step
from autonomy.estimation.tracks._tracks cimport tracks_reset, tracks_step
from autonomy.estimation.truck._truck cimport truck_remember, truck_reset, truck_step
from autonomy.inputs._inputs cimport inputs_remember, inputs_reset, inputs_step
from autonomy.inputs._append cimport KIND_COUNT, input_of, list_capacity
from autonomy.msg.messages cimport LAYOUT_HASH, ImuInput, InputFrame, OutputFrame, Parameters
from autonomy.planning._plan cimport plan_reset, plan_step
from autonomy.safety._envelope cimport envelope_reset, envelope_step
from autonomy.safety._faults cimport faults_correct, faults_remember, faults_reset, faults_step

from autonomy.msg.definitions import load
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

INPUT_LISTS = [item.name for item in load("InputFrame").fields if item.type.endswith("Input")]


cdef void tick_reset(TickState* state, const Parameters* p) noexcept nogil:
    memset(state, 0, sizeof(TickState))
    inputs_reset(&state.inputs, &p.inputs)
    ego_reset(&state.ego, &p.ego)
    truck_reset(&state.truck, &p.truck, &p.vehicle)
    faults_reset(&state.faults, &p.faults)
    lane_reset(&state.lane, &p.lane)
    tracks_reset(&state.tracks, &p.tracks)
    plan_reset(&state.plan, &p.plan)
    control_reset(&state.control, &p.lateral)
    envelope_reset(&state.envelope, &p.envelope)


cdef void tick(TickState* state, const Parameters* p, const InputFrame* frame, OutputFrame* out) noexcept nogil:
    cdef InputFrame kept             # written only where somebody's samples are left out
    cdef const InputFrame* used
    memset(out, 0, sizeof(OutputFrame))
    out.tick_index = frame.tick_index
    out.tick_time_ns = frame.tick_time_ns
    used = inputs_step(&state.inputs, &p.inputs, &p.plausibility, &p.engagement, &p.vehicle, frame, &kept, &out.vehicle)
    faults_correct(&state.faults, &out.vehicle)
    ego_step(&state.ego, &p.ego, used, &out.vehicle, &out.ego)
    truck_step(&state.truck, &p.truck, &p.vehicle, used, &out.vehicle, &out.ego, &out.truck)
    faults_step(&state.faults, &p.faults, &p.plausibility, &p.vehicle, frame, used, &out.vehicle, &out.ego,
                &out.truck, &out.faults)
    lane_step(&state.lane, &p.lane, used, &out.ego, &out.lane)
    tracks_step(&state.tracks, &p.tracks, used, &out.ego, &out.lane, &out.tracks)
    plan_step(&state.plan, &p.plan, &p.vehicle, used, &out.vehicle, &out.ego, &out.truck, &out.faults, &out.lane, &out.tracks,
              &out.plan)
    control_step(&state.control, &p.lateral, &p.longitudinal, &p.vehicle,
                 &out.vehicle, &out.ego, &out.truck, &out.lane, &out.plan, &out.control)
    envelope_step(&state.envelope, &p.envelope, &p.longitudinal, &p.truck, &p.vehicle, used, &out.vehicle, &out.ego, &out.truck,
                  &out.faults, &out.lane, &out.tracks, &out.plan, &out.control, &out.actuation, &out.health)
    truck_remember(&state.truck, &out.actuation)
    faults_remember(&state.faults, &out.actuation)
    control_remember(&state.control, &out.actuation)
    inputs_remember(&state.inputs, &out.actuation)


cdef int require_counts_within_bounds(InputFrame* frame) except -1:
    """The steps trust the counts, so a frame from outside is checked before it reaches them."""
    cdef int kind
    cdef uint32_t count
    for kind in range(1, <int> KIND_COUNT):
        count = (<ImuInput*> input_of(frame, kind)).count  # every list message begins alike
        if count > list_capacity(kind):
            raise ValueError(f"{INPUT_LISTS[kind - 1]}: counts {count} samples, the list has room for {list_capacity(kind)}")
    return 0


cdef class TickCore:
    """State and parameters in C memory behind three calls; `autonomy.Stack` is the face to use."""

    def __cinit__(self, parameters):
        cdef Py_buffer view
        self.state = <TickState*> calloc(1, sizeof(TickState))
        self.parameters = <Parameters*> calloc(1, sizeof(Parameters))
        if self.state == NULL or self.parameters == NULL:
            raise MemoryError()
        PyObject_GetBuffer(parameters, &view, PyBUF_SIMPLE)
        try:
            if view.len != sizeof(Parameters):
                raise ValueError(f"parameters hold {view.len} bytes, this build expects {sizeof(Parameters)}")
            memcpy(self.parameters, view.buf, sizeof(Parameters))
        finally:
            PyBuffer_Release(&view)
        tick_reset(self.state, self.parameters)

    def __dealloc__(self):
        free(self.state)
        free(self.parameters)

    def tick(self, frame, out):
        """Runs one tick on buffers of InputFrame and OutputFrame size; `out` is overwritten."""
        cdef Py_buffer read, write
        PyObject_GetBuffer(frame, &read, PyBUF_SIMPLE)
        try:
            if read.len != sizeof(InputFrame):
                raise ValueError(f"the input frame holds {read.len} bytes, this build expects {sizeof(InputFrame)}")
            require_counts_within_bounds(<InputFrame*> read.buf)
            PyObject_GetBuffer(out, &write, PyBUF_WRITABLE)
            try:
                if write.len != sizeof(OutputFrame):
                    raise ValueError(f"the output frame holds {write.len} bytes, this build expects {sizeof(OutputFrame)}")
                with nogil:
                    tick(self.state, self.parameters, <const InputFrame*> read.buf, <OutputFrame*> write.buf)
            finally:
                PyBuffer_Release(&write)
        finally:
            PyBuffer_Release(&read)

    def reset(self):
        memset(self.state, 0, sizeof(TickState))
        tick_reset(self.state, self.parameters)

    def state_bytes(self) -> bytes:
        return (<char*> self.state)[:sizeof(TickState)]

    def set_state_bytes(self, bytes blob):
        if len(blob) != sizeof(TickState):
            raise ValueError(f"the state holds {len(blob)} bytes, this build expects {sizeof(TickState)}")
        memcpy(self.state, <const char*> blob, sizeof(TickState))

    @property
    def state_size(self) -> int:
        return sizeof(TickState)
