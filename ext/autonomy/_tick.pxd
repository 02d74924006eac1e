"""One decision: the steps of the stack in the order data passes through them."""

from autonomy.control._control cimport ControlMemory
from autonomy.estimation.ego._ego cimport EgoFilter
from autonomy.estimation.lane._lane cimport LaneFilter
from autonomy.estimation.tracks._tracks cimport TracksMemory
from autonomy.estimation.truck._truck cimport TruckMemory
from autonomy.inputs._inputs cimport InputsMemory
from autonomy.msg.messages cimport InputFrame, OutputFrame, Parameters
from autonomy.planning._plan cimport PlanMemory
from autonomy.safety._envelope cimport EnvelopeMemory
from autonomy.safety._faults cimport FaultsMemory

cdef struct TickState:
    InputsMemory inputs
    EgoFilter ego
    TruckMemory truck
    FaultsMemory faults
    LaneFilter lane
    TracksMemory tracks
    PlanMemory plan
    ControlMemory control
    EnvelopeMemory envelope

cdef void tick_reset(TickState* state, const Parameters* parameters) noexcept nogil
cdef void tick(TickState* state, const Parameters* parameters, const InputFrame* frame, OutputFrame* out) noexcept nogil

cdef class TickCore:
    cdef TickState* state
    cdef Parameters* parameters
