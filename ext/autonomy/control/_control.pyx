"""Road wheel angle and acceleration from the plan, before any limit.

Lateral: dead time is not a disturbance but known commands. An observer (_observer.pxd) of the yaw-plane model of tractor and
trailer (_yaw_plane.pxd) is rolled exactly through the commands sent during the dead time (_dead_time.pxd); only the lag stays a
state of the MPC (_lateral_problem.pxd), whose end cost is the cost-to-go of the one before: without active bounds it is an LQR
with preview. When the solver's budget runs out, the command is that LQR's, clipped.
Longitudinal: the plan's acceleration, jerk-limited, less the acceleration that acts without being asked for.
Twins: autonomy/control/lateral_twin.py, autonomy/control/control_twin.py.
"""
import numpy as np
from libc.math cimport isfinite
from libc.string cimport memset
from autonomy.msg.messages cimport *
from autonomy.control._lateral cimport FALLBACK_STOP, steer, steering_lag
from autonomy.control._play cimport compensated_play, through_play
from autonomy.control._yaw_plane cimport *
from autonomy.control._longitudinal cimport drive, longitudinal_remember
from autonomy.inputs._clock cimport elapsed_s
from autonomy.inputs._face cimport pointer
from autonomy.inputs._motion cimport known_speed
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)


cdef void control_reset(ControlMemory* memory, const LateralParameters* lateral) noexcept nogil:
    memset(memory, 0, sizeof(ControlMemory))


cdef void control_remember(ControlMemory* memory, const Actuation* actuation) noexcept nogil:
    """Keeps what was really sent, limits and all; called after the envelope."""
    cdef double command = actuation.road_wheel_angle_rad if isfinite(actuation.road_wheel_angle_rad) else 0.0
    memory.newest = (memory.newest + 1) % COMMANDS
    memory.sent[memory.newest] = through_play(memory, command)
    if actuation.mode == 0:
        # The driver's hands take the play out where they want
        memory.side = memory.pull = 0.0
        memory.taking_over = 1
        memory.actuator = memory.wheels = memory.sent[memory.newest] = command
    longitudinal_remember(&memory.longitudinal, actuation)
    memory.remembers = 1


cdef void control_step(ControlMemory* memory, const LateralParameters* lateral, const LongitudinalParameters* longitudinal,
                       const VehicleParameters* vehicle_parameters, const VehicleState* vehicle, const EgoState* ego,
                       const TruckState* truck, const LaneState* lane, const Plan* plan, Control* control) noexcept nogil:
    cdef double dt = elapsed_s(vehicle.time_ns, memory.last_tick_ns)
    cdef double speed = known_speed(vehicle, ego)
    memset(control, 0, sizeof(Control))
    memory.half_play, memory.lag_s = 0.5 * compensated_play(vehicle_parameters, truck), steering_lag(truck)
    control.time_ns = vehicle.time_ns
    if isfinite(speed):
        steer(memory, lateral, vehicle_parameters, ego, truck, lane, plan, speed, dt, control)
    if isfinite(speed) or plan.behaviour == FALLBACK_STOP:
        drive(&memory.longitudinal, longitudinal, plan, speed if isfinite(speed) else 0.0, dt, control)
    memory.last_tick_ns = vehicle.time_ns


cdef class ControlStep:
    """The step alone, for tests; messages are 0-d arrays of their dtypes."""
    cdef ControlMemory memory
    cdef LateralParameters lateral
    cdef LongitudinalParameters longitudinal
    cdef VehicleParameters vehicle_parameters

    def __init__(self, lateral, longitudinal, vehicle_parameters):
        self.lateral = (<LateralParameters*>pointer(lateral))[0]
        self.longitudinal = (<LongitudinalParameters*>pointer(longitudinal))[0]
        self.vehicle_parameters = (<VehicleParameters*>pointer(vehicle_parameters))[0]
        control_reset(&self.memory, &self.lateral)

    def step(self, vehicle, ego, truck, lane, plan):
        result = np.zeros((), dtype("Control"))
        control_step(&self.memory, &self.lateral, &self.longitudinal, &self.vehicle_parameters,
                     <const VehicleState*>pointer(vehicle), <const EgoState*>pointer(ego), <const TruckState*>pointer(truck),
                     <const LaneState*>pointer(lane), <const Plan*>pointer(plan), <Control*>pointer(result))
        return result

    def remember(self, actuation):
        control_remember(&self.memory, <const Actuation*>pointer(actuation))


def yaw_plane_matrices(vehicle_parameters, double mass, double speed, double lag, double dt, double wind_share=0.0,
                       tyres=(1.0, 1.0, 1.0)):
    """For the test of the model: rates and their exponential over dt, both (12, 12)."""
    cdef YawPlane model
    cdef double[3] factors = tyres
    continuous, discrete = np.zeros((12, 12)), np.zeros((12, 12))
    yaw_plane(<const VehicleParameters*>pointer(vehicle_parameters), mass, speed, wind_share, factors, &model)
    rates(&model, speed, lag, <double*>pointer(continuous))
    exponential(<const double*>pointer(continuous), dt, <double*>pointer(discrete))
    return continuous, discrete
