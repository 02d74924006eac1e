"""Ego motion: 3-D error-state Kalman filter on a delayed horizon, predicted to the tick's time.

States and their order: _state.pxd; the mathematics in NumPy: autonomy/estimation/ego/ego_twin.py. Method: error-state filter
with global attitude error (Sola 2017, arXiv:1711.02508, chapter 7), delays as states of the measurements they belong to.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

import numpy as np

from autonomy.estimation.ego._alignment cimport ALIGNED, align_to_fix, set_origin, start_local, turn_to_fix
from autonomy.estimation.ego._buffer cimport take_samples
from autonomy.estimation.ego._frame cimport update_vehicle_axes
from autonomy.estimation.ego._horizon cimport advance_horizon
from autonomy.estimation.ego._output cimport predict_output, write_estimates, write_status
from autonomy.estimation.ego._recovery cimport is_sound, start_over
from autonomy.estimation.ego._state cimport AIDS, GNSS_RING, IMU_RING, ROW, RUNNING, STATES, EgoFilter, GnssEntry
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH, AidStatus_REASON_NEVER_SEEN, EgoParameters, EgoState, InputFrame, VehicleState

require(__name__, LAYOUT_HASH)


cdef void ego_reset(EgoFilter* state, const EgoParameters* parameters) noexcept nogil:
    """All means at their priors, nothing known of motion; the next samples start the alignment."""
    cdef int i
    memset(state, 0, sizeof(EgoFilter))
    state.orientation[0] = 1.0
    state.speed_scale = parameters.speed_scale
    state.mounting[0] = parameters.mounting[0]
    state.mounting[1] = parameters.mounting[1]
    state.delay[0] = parameters.gnss_position_delay_s
    state.delay[1] = parameters.gnss_velocity_delay_s
    state.delay[2] = parameters.wheel_delay_s
    state.axle_x = parameters.axle_x_m
    state.slip = parameters.slip
    for i in range(AIDS):
        state.aids[i].fault = AidStatus_REASON_NEVER_SEEN
    update_vehicle_axes(state)


cdef inline void restart_after_loss(EgoFilter* state, const EgoParameters* parameters, int64_t tick_ns) noexcept nogil:
    """No IMU for too long, or the clock jumped: what the rings hold belongs to another time."""
    cdef int64_t newest
    if state.imu_head == 0:
        return
    newest = state.imu[(state.imu_head - 1) % IMU_RING].time_ns
    if tick_ns - newest > <int64_t>(parameters.imu_lost_s * 1e9) or tick_ns < state.last_tick_ns - 1000000000:
        state.imu_head = 0
        state.imu_next = 0
        state.gnss_head = 0
        state.gnss_next_position = 0
        state.gnss_next_velocity = 0
        state.wheel_head = 0
        state.wheel_next = 0
        state.odometry_head = 0
        state.odometry_next = 0
        state.last_scan_ns = 0
        state.has_wheel = 0
        state.wheel_group = 0
        state.last_wheel_ns = 0
        if state.phase == RUNNING:
            start_over(state)


cdef inline void align(EgoFilter* state, const EgoParameters* parameters, int64_t tick_ns) noexcept nogil:
    """Starts the filter, or gives it a yaw, as soon as a fix allows it that was true no earlier than the horizon."""
    cdef const GnssEntry* fix
    cdef int64_t horizon_ns = tick_ns - <int64_t>(parameters.horizon_delay_s * 1e9)
    if state.gnss_head > 0:
        fix = &state.gnss[(state.gnss_head - 1) % GNSS_RING]
        # A standing vehicle starts once with unknown yaw; a moving fix gives it
        if (fix.time_ns - <int64_t>(state.delay[0] * 1e9) >= horizon_ns and fix.has_velocity
                and (state.phase != RUNNING or fix.speed > parameters.gnss_course_speed_mps)):
            if not state.has_origin:
                set_origin(state, fix)
            if state.phase == RUNNING:
                turn_to_fix(state, parameters, fix)
            else:
                align_to_fix(state, parameters, fix, tick_ns)
            return
    if (state.phase != RUNNING and not state.has_origin and state.imu_head > 0
            and tick_ns - state.first_imu_ns > <int64_t>(parameters.start_wait_s * 1e9)):
        start_local(state, parameters, tick_ns)


cdef void ego_step(EgoFilter* state, const EgoParameters* parameters, const InputFrame* frame, const VehicleState* vehicle,
                   EgoState* out) noexcept nogil:
    cdef int64_t tick_ns = frame.tick_time_ns
    restart_after_loss(state, parameters, tick_ns)
    take_samples(state, parameters, frame, vehicle)
    if state.phase != RUNNING or state.yaw_aligned != ALIGNED:
        align(state, parameters, tick_ns)
    if state.phase == RUNNING:
        advance_horizon(state, parameters, tick_ns)
        if not is_sound(state):
            # Nothing of it can be trusted, so nothing of it is kept but the count
            recover(state, parameters)
    state.last_tick_ns = tick_ns
    memset(out, 0, sizeof(EgoState))
    out.time_ns = tick_ns
    out.horizon_time_ns = state.horizon_ns
    out.orientation[0] = 1.0
    write_estimates(state, out)
    if state.phase == RUNNING:
        predict_output(state, parameters, tick_ns, out)
    write_status(state, parameters, tick_ns, out)


cdef inline void recover(EgoFilter* state, const EgoParameters* parameters) noexcept nogil:
    cdef unsigned int resets = state.resets + 1
    cdef unsigned int gaps = state.imu_gaps
    cdef unsigned int late = state.late_measurements
    ego_reset(state, parameters)
    state.resets = resets
    state.imu_gaps = gaps
    state.late_measurements = late
    state.diverged = 1


cdef class EgoKernel:
    """The compiled step with its memory; autonomy/estimation/ego/ego.py is its face."""
    cdef EgoFilter state
    cdef EgoParameters parameters

    def __cinit__(self, parameters):
        cdef const unsigned char[::1] data = np.frombuffer(parameters.tobytes(), np.uint8)
        if data.shape[0] != sizeof(EgoParameters):
            raise ValueError(f"parameters have {data.shape[0]} bytes, dtype('EgoParameters') has {sizeof(EgoParameters)}")
        memcpy(&self.parameters, &data[0], sizeof(EgoParameters))
        ego_reset(&self.state, &self.parameters)

    def step(self, const unsigned char[::1] frame, unsigned char[::1] out):
        """One tick: bytes of an InputFrame in, bytes of an EgoState out."""
        if frame.shape[0] != sizeof(InputFrame) or out.shape[0] != sizeof(EgoState):
            raise ValueError("frame or output has not the size of its message")
        with nogil:
            ego_step(&self.state, &self.parameters, <const InputFrame*>&frame[0], NULL, <EgoState*>&out[0])

    def snapshot(self) -> bytes:
        return (<const char*>&self.state)[:sizeof(EgoFilter)]

    def restore(self, bytes blob):
        if len(blob) != sizeof(EgoFilter):
            raise ValueError(f"snapshot of {len(blob)} bytes does not fit the filter's {sizeof(EgoFilter)}")
        memcpy(&self.state, <const char*>blob, sizeof(EgoFilter))

    def reset(self):
        ego_reset(&self.state, &self.parameters)

    @property
    def covariance(self):
        """STATES x STATES at the horizon."""
        matrix = np.empty((STATES, STATES))
        for i in range(STATES):
            for j in range(STATES):
                matrix[i, j] = self.state.covariance[ROW * i + j]
        return matrix
