"""Small sub-estimators of the truck step alone, for the tests that hold them to their twins.

`parameters`, `vehicle`: 0-d arrays of dtype("TruckParameters") and dtype("VehicleParameters"). `told`: {number of a SignalSample:
(value, time in ns)}.
"""
import numpy as np
from libc.stdint cimport int64_t
from libc.string cimport memset
from autonomy.msg.messages cimport *
from autonomy.estimation.truck._articulation cimport ArticulationMemory
from autonomy.estimation.truck._friction cimport FrictionMemory, friction_step, friction_tell
from autonomy.estimation.truck._observed cimport ObservedMemory
from autonomy.estimation.truck._traction cimport Traction, find_traction
from autonomy.estimation.truck._trailer cimport TrailerMemory, trailer_step
from autonomy.inputs._face cimport pointer
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)


cdef void hear(ObservedMemory* observed, told):
    memset(observed, 0, sizeof(ObservedMemory))
    for number, (value, time_ns) in told.items():
        observed.signal[<int>number].value = value
        observed.signal[<int>number].time_ns = time_ns


cdef class FrictionKernel:
    cdef FrictionMemory memory
    cdef TruckParameters parameters
    cdef VehicleParameters vehicle

    def __cinit__(self, parameters, vehicle):
        memset(&self.memory, 0, sizeof(FrictionMemory))
        self.parameters = (<TruckParameters*>pointer(parameters))[0]
        self.vehicle = (<VehicleParameters*>pointer(vehicle))[0]

    def step(self, int64_t now_ns, told, double mass, double speed, double force, double brake_force, double lateral,
             double excess):
        """TruckState with the fields that are the friction's."""
        cdef ObservedMemory observed
        result = np.zeros((), dtype("TruckState"))
        cdef TruckState* truck = <TruckState*>pointer(result)
        truck.mass_kg, truck.speed = mass, speed
        hear(&observed, told)
        friction_step(&self.memory, &self.parameters, &self.vehicle, &observed, truck, force, brake_force, lateral, excess,
                      now_ns)
        friction_tell(&self.memory, &self.parameters, &observed, now_ns, truck)
        return result


def traction(parameters, vehicle, told, shaft, int64_t unsettled_ns, double shaft_scale, int64_t now_ns):
    """{name: value} of the force at the driven wheels; `shaft`: (rad/s, time in ns)."""
    cdef ObservedMemory observed
    cdef Traction found
    hear(&observed, told)
    observed.shaft.value, observed.shaft.time_ns = shaft
    observed.unsettled_ns = unsettled_ns
    find_traction(&observed, <TruckParameters*>pointer(parameters), <VehicleParameters*>pointer(vehicle), shaft_scale, now_ns,
                  &found)
    return found


def restore_trailer(parameters, vehicle, x, p):
    """(1 + row of the stored trailer that this one is, 0 = none; whether the question is settled; state (12,); covariance
    (12, 12)) of the yaw plane's filter behind it."""
    cdef ArticulationMemory articulation
    cdef TrailerMemory memory
    cdef int i
    memset(&articulation, 0, sizeof(ArticulationMemory))
    memset(&memory, 0, sizeof(TrailerMemory))
    for i in range(12):
        articulation.x[i] = x[i]
    for i in range(144):
        articulation.p[i] = p[i // 12, i % 12]
    trailer_step(&memory, <TruckParameters*>pointer(parameters), <VehicleParameters*>pointer(vehicle), &articulation)
    return (memory.restored, memory.asked != 0, np.array([articulation.x[i] for i in range(12)]),
            np.array([articulation.p[i] for i in range(144)]).reshape(12, 12))
