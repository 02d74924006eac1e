# What the truck does now: a Kalman filter of the yaw-plane model with two slow disturbances, steering offset and side force.
#
# The road's bank is a side force from the moment the body rolls with it; what rolls it in bends is taken off.
# The road wheel angle is that of the model behind the commands sent; the yaw rate corrects it, so that neither play nor the
# steering sensor's offset enters. Because the disturbances explain what the model lacks, nothing is left standing.
from libc.math cimport fabs, isfinite
from libc.string cimport memset
from autonomy._physics cimport STANDARD_GRAVITY_MPS2
from autonomy.msg.messages cimport LateralParameters, LateralParameters_TICK_PERIOD_S
from autonomy.linalg._kalman cimport carry_row, take_scalar
from autonomy.linalg._vector cimport multiply_12x12
from autonomy.control._yaw_plane cimport *

cdef extern from *:
    """
    #define LARGEST_BANK_STEP_MPS2 0.05    /* a tick; more is a filter that began anew */
    #define TURNING_MPS2 0.3               /* [C] of lateral acceleration: leaning errs by as much as a bank */
    #define SENSOR_OFFSET_RAD 0.004        /* [M] sigma: 4.5 degrees at the steering wheel */
    """
    const double LARGEST_BANK_STEP_MPS2, TURNING_MPS2, SENSOR_OFFSET_RAD

ctypedef struct Observer:
    double[12] x
    double[144] covariance
    double time_s                    # since it began
    double bank                      # m/s2 to the left as the roll of the last tick told it
    bint bank_told


cdef inline void observer_begin(Observer* observer, const LateralParameters* parameters, const YawPlane* model, double offset,
                                double heading, double articulation, double yaw_rate, double lateral_velocity,
                                double command) noexcept nogil:
    cdef double[12] sigma
    cdef int i
    memset(observer, 0, sizeof(Observer))
    place(model, offset, heading, articulation, observer.x)
    observer.x[YAW_RATE] = yaw_rate
    observer.x[LATERAL_VELOCITY] = lateral_velocity - model.reference_m * yaw_rate
    observer.x[ROAD_WHEEL_ANGLE] = observer.x[COMMAND] = command
    memset(sigma, 0, sizeof(sigma))
    sigma[LATERAL_VELOCITY], sigma[YAW_RATE], sigma[ARTICULATION_RATE] = 0.1, 0.01, 0.01
    sigma[OFFSET] = sigma[FRONT_OFFSET] = sigma[TRAILER_OFFSET] = parameters.offset_sigma
    sigma[ROAD_WHEEL_ANGLE], sigma[STEERING_OFFSET], sigma[DISTURBANCE], sigma[ACCELERATION_BIAS] = 0.005, 0.005, 0.2, 0.2
    for i in range(COORDINATES):
        observer.covariance[13 * i] = sigma[i] * sigma[i]


cdef inline void observer_predict(Observer* observer, const LateralParameters* parameters, const YawPlane* model,
                                  const double* transition, double command, double curvature, double agility) noexcept nogil:
    """One tick under the command in effect; `agility` from 0, calm, to 1.

    An unknown side slip moves all of the combination aside, a lane that bends otherwise than told turns all of it.
    """
    cdef double[12] moved
    cdef double[144] product
    cdef double[144] transposed
    cdef double[12] noise
    cdef double aside, turning
    cdef double* turned = [-model.hitch_m - model.trailer_m, 0.0, model.front_m]
    cdef int i, k
    observer.x[COMMAND], observer.x[CURVATURE] = command, curvature
    for i in range(COORDINATES):
        moved[i] = 0.0
        for k in range(COORDINATES):
            moved[i] += transition[12 * i + k] * observer.x[k]
            transposed[12 * k + i] = transition[12 * i + k]
    for i in range(COORDINATES):
        observer.x[i] = moved[i]
    multiply_12x12(transition, observer.covariance, product)
    multiply_12x12(product, transposed, observer.covariance)
    memset(noise, 0, sizeof(noise))
    noise[LATERAL_VELOCITY] = parameters.process_lateral_velocity
    noise[YAW_RATE] = parameters.process_yaw_rate
    noise[ARTICULATION_RATE] = parameters.process_articulation_rate
    noise[ROAD_WHEEL_ANGLE] = parameters.process_road_wheel_angle
    noise[STEERING_OFFSET] = parameters.process_steering_offset \
        + agility * (parameters.process_steering_offset_agile - parameters.process_steering_offset)
    noise[DISTURBANCE] = parameters.process_lateral_disturbance
    noise[ACCELERATION_BIAS] = parameters.process_acceleration_bias
    for i in range(COORDINATES):
        observer.covariance[13 * i] += noise[i] * noise[i] * LateralParameters_TICK_PERIOD_S
    aside = parameters.process_offset * parameters.process_offset * LateralParameters_TICK_PERIOD_S
    turning = parameters.process_heading * parameters.process_heading * LateralParameters_TICK_PERIOD_S
    for i in range(3):
        for k in range(3):
            observer.covariance[12 * (TRAILER_OFFSET + i) + TRAILER_OFFSET + k] += aside + turning * turned[i] * turned[k]
    observer.time_s += LateralParameters_TICK_PERIOD_S


cdef inline void observer_follow_bank(Observer* observer, double body_roll, double roll, double speed) noexcept nogil:
    """Moves the side force as the roll angle says that the bank has changed, on straights by all of it, in bends by less; where
    it began from is left to the estimate.

    `body_roll`: rad per m/s2 of lateral acceleration.
    """
    cdef double turning = speed * observer.x[YAW_RATE]
    cdef double leaning = roll - body_roll * turning
    cdef double bank = -STANDARD_GRAVITY_MPS2 * leaning / (1.0 + STANDARD_GRAVITY_MPS2 * body_roll)
    if not isfinite(bank):
        observer.bank_told = 0
        return
    if observer.bank_told and fabs(bank - observer.bank) < LARGEST_BANK_STEP_MPS2:
        observer.x[DISTURBANCE] += (bank - observer.bank) / (1.0 + turning * turning / (TURNING_MPS2 * TURNING_MPS2))
    observer.bank, observer.bank_told = bank, 1


cdef inline void observer_update(Observer* observer, const double* row, double value, double sigma) noexcept nogil:
    """Takes a measured value of row' x."""
    cdef double[12] carried
    cdef double variance = carry_row(observer.covariance, COORDINATES, row, sigma * sigma, carried)
    cdef double residual = value
    cdef int i
    for i in range(COORDINATES):
        residual -= row[i] * observer.x[i]
    take_scalar(observer.x, observer.covariance, COORDINATES, carried, variance, residual)


cdef inline void observer_doubt_steering(Observer* observer) noexcept nogil:
    """At taking over: what held so far for the driver's angle, told by a sensor, need not hold for the actuator's."""
    observer.covariance[13 * STEERING_OFFSET] += SENSOR_OFFSET_RAD * SENSOR_OFFSET_RAD


cdef inline void observer_shift(Observer* observer, double by) noexcept nogil:
    """Another lane: all offsets move, nothing else does."""
    observer.x[OFFSET] += by
    observer.x[FRONT_OFFSET] += by
    observer.x[TRAILER_OFFSET] += by
