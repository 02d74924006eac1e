# Lateral control: roll the state through the commands already on their way, then feedback and curvature preview.
from libc.math cimport exp
from autonomy.msg.messages cimport (
    LateralParameters, LaneState_PREVIEW_STEP_M, LateralParameters_TICK_PERIOD_S)
from autonomy.control._control cimport COMMANDS, ControlMemory

cdef enum:
    PREVIEW_POINTS = 32          # of the lane
    SPEEDS = 16
    PREVIEWS = 30                # of the gains


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


cdef inline void roll(double* x, double command, double curvature, double dt, double decay, double lag, double speed,
                      double gain, double slip) noexcept nogil:
    """Exact step of the lateral model for a command and a curvature constant over dt; `decay` = exp(-dt / lag).

    offset' = v direction,  direction' = gain angle - v curvature - slip v gain angle',  angle' = (command - angle) / lag.
    `gain` is yaw rate per angle; `slip` (rad per m/s2) turns the direction of travel outwards by slip times v times yaw rate.
    """
    cdef double excess = x[2] - command
    cdef double swept = lag * (1.0 - decay)             # integral of the decaying part over dt
    cdef double rate = gain * command - speed * curvature
    x[0] += speed * (dt * x[1] + 0.5 * dt * dt * rate
                     + gain * excess * (dt - swept) * (lag + slip * speed))
    x[1] += dt * rate + gain * excess * (swept + slip * speed * (1.0 - decay))
    x[2] = command + excess * decay


cdef inline void roll_dead_time(const ControlMemory* memory, const double* preview, double delay, double lag, double speed,
                                double gain, double slip, double bias, double* x) noexcept nogil:
    """From now to the first moment a command given now can act: through all commands sent in the last `delay` seconds."""
    cdef int whole = <int>(delay / LateralParameters_TICK_PERIOD_S + 1e-6)
    cdef double part, decay = exp(-LateralParameters_TICK_PERIOD_S / lag), driven = 0.0
    cdef int i
    if whole > COMMANDS - 2:
        whole = COMMANDS - 2
    part = delay - whole * LateralParameters_TICK_PERIOD_S
    if part > 0.0:
        roll(x, memory.sent[(memory.newest - whole) % COMMANDS] - bias, curvature_at(preview, 0.0), part, exp(-part / lag),
             lag, speed, gain, slip)
        driven = speed * part
    for i in range(whole - 1, -1, -1):
        roll(x, memory.sent[(memory.newest - i) % COMMANDS] - bias, curvature_at(preview, driven + 0.5 * speed * LateralParameters_TICK_PERIOD_S),
             LateralParameters_TICK_PERIOD_S, decay, lag, speed, gain, slip)
        driven += speed * LateralParameters_TICK_PERIOD_S


cdef inline void gains_at(const LateralParameters* parameters, double speed, double* feedback, double* preview) noexcept nogil:
    """Gains linear between the speeds of the grid, constant outside it."""
    cdef const double* grid = parameters.gain_speed_mps
    cdef int i = 0, k
    cdef double t
    while i < SPEEDS - 2 and speed >= grid[i + 1]:
        i += 1
    t = (speed - grid[i]) / (grid[i + 1] - grid[i])
    t = 0.0 if t < 0.0 else (1.0 if t > 1.0 else t)
    for k in range(3):
        feedback[k] = parameters.gain_feedback[3 * i + k] \
            + t * (parameters.gain_feedback[3 * i + 3 + k] - parameters.gain_feedback[3 * i + k])
    for k in range(PREVIEWS):
        preview[k] = parameters.gain_preview[PREVIEWS * i + k] \
            + t * (parameters.gain_preview[PREVIEWS * (i + 1) + k] - parameters.gain_preview[PREVIEWS * i + k])
