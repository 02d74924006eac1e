# The ego filter's memory: state, covariance and the samples that wait for the horizon. Plain data, no pointers.
from libc.stdint cimport int64_t, uint32_t

from autonomy.msg.messages cimport AidStatus

# Error states, in the order of the covariance's rows. Attitude errors turn about ENU axes: R_true = exp(error) R.
cdef enum:
    POSITION = 0             # ENU, m
    VELOCITY = 3             # ENU, m/s
    ATTITUDE = 6             # rad
    GYRO_BIAS = 9            # rad/s, IMU axes
    ACCELEROMETER_BIAS = 12  # m/s2, IMU axes
    SPEED_SCALE = 15         # wheel speed = scale x true speed
    MOUNTING = 16            # rad, pitch and yaw of the IMU axes in the vehicle
    POSITION_DELAY = 18      # s, GNSS position
    VELOCITY_DELAY = 19      # s, GNSS velocity
    WHEEL_DELAY = 20         # s
    AXLE_X = 21              # m, drive axle forward of the IMU
    GNSS_ERROR = 22          # ENU, slow error of the fixes over the accuracy they claim
    SLIP = 25                # rad per m/s2, side slip of the drive axle
    STATES = 26
    ROW = 28                 # row length in memory: a multiple of four doubles

cdef enum:
    IMU_RING = 128           # 0.3 s at 400 Hz
    WHEEL_RING = 64
    GNSS_RING = 16
    ODOMETRY_RING = 16
    EVENTS_PER_TICK = 64     # bound of the work of one tick
    AIDS = 8
    MEAN_WINDOW_NS = 100000000

cdef enum Phase:
    WAITING = 0              # no attitude yet
    RUNNING = 1


cdef struct ImuEntry:
    int64_t time_ns
    double force[3]          # m/s2, IMU axes
    double rate[3]           # rad/s, IMU axes


cdef struct WheelEntry:
    int64_t time_ns
    double speed             # m/s
    double step              # m/s, the finest the source has shown itself to tell


cdef struct GnssEntry:
    int64_t time_ns
    double lla[3]            # deg, deg, m
    double position[3]       # m, Earth-centred
    double axes[9]           # east, north, up at the fix, Earth-centred
    double velocity[3]       # m/s, along `axes`
    double speed             # m/s over ground
    double position_sigma    # m; NaN when the receiver does not say
    double altitude_sigma
    double speed_sigma
    double course_sigma      # rad
    uint32_t has_altitude
    uint32_t has_velocity    # 2 = horizontal, 3 = with the vertical, 1 = from positions, to start by alone, 0 = none


cdef struct OdometryEntry:
    int64_t time_ns          # middle of the time between the scans
    double velocity[2]       # m/s, forward and to the left, of the reference point in vehicle axes
    double velocity_sigma[2]
    double rate              # rad/s, about the vehicle's z axis
    double rate_sigma


# What the IMU measured over a stretch of time, in ENU axes: enough to carry the covariance over it in one piece.
cdef struct Increment:
    double duration          # s
    double noise_duration    # s, longer inside gaps
    double rotation[9]       # integral of R dt
    double velocity[3]       # integral of R f dt, without gravity


cdef struct EgoFilter:
    double position[3]
    double velocity[3]
    double orientation[4]
    double gyro_bias[3]
    double accelerometer_bias[3]
    double speed_scale
    double mounting[2]
    double delay[3]          # position, velocity, wheel
    double axle_x
    double gnss_error[3]
    double slip
    double covariance[728]   # STATES x ROW
    double vehicle_axes[9]   # from IMU axes to vehicle axes, from `mounting`
    double rate[3]           # rad/s, IMU axes, bias removed, at the horizon
    double acceleration[3]   # m/s2, ENU, at the horizon
    double mean_rate[3]      # the same two without vibration: means over MEAN_WINDOW_NS to either side
    double mean_acceleration[3]
    Increment pending        # not yet in the covariance
    int64_t horizon_ns
    int64_t last_tick_ns
    double origin_lla[3]     # deg, deg, m
    double origin_ecef[3]
    double origin_axes[9]    # east, north, up of the origin, Earth-centred
    ImuEntry imu[128]
    WheelEntry wheel[64]
    GnssEntry gnss[16]
    OdometryEntry odometry[16]
    AidStatus aids[8]
    int64_t first_imu_ns
    int64_t wheel_group_ns   # time of the first sample of the group that is being averaged
    int64_t last_wheel_ns    # end of the last group
    int64_t last_scan_ns     # end of the newest motion between scans
    int64_t next_non_holonomic_ns
    int64_t next_standstill_ns
    int64_t moving_ns        # last time the wheels or the gyro showed motion
    int64_t rejected_since_ns[8]
    int64_t chord_ns         # fix that the next chord of positions begins at; 0 = none
    double chord_position[3] # m, earth-centred
    double wheel_group_age   # s, sum over the group of sample time less wheel_group_ns
    double wheel_group_speed # m/s, sum over the group
    double wheel_speed       # m/s, the last group the horizon has passed
    double wheel_sample      # m/s, the newest sample
    double gyro_step         # rad/s, smallest change between two samples so far: the resolution of the gyro
    double wheel_step        # m/s, smallest change between two samples so far: the resolution of the source
    uint32_t zero_rates      # updates with zero rate in this rest
    uint32_t imu_head        # entries pushed
    uint32_t imu_next        # first entry after the horizon
    uint32_t wheel_head
    uint32_t wheel_next
    uint32_t gnss_head
    uint32_t gnss_next_position
    uint32_t gnss_next_velocity
    uint32_t odometry_head
    uint32_t odometry_next
    uint32_t phase
    uint32_t has_origin
    uint32_t yaw_aligned
    uint32_t has_wheel
    uint32_t wheel_group
    uint32_t resets
    uint32_t imu_gaps
    uint32_t late_measurements
    uint32_t diverged
    uint32_t tells_accuracy  # the receiver states the accuracy of its positions
    uint32_t has_delays      # the receiver's own time stamps have been looked at


# One row of a measurement's Jacobian: only its entries that are not zero.
cdef struct Jacobian:
    int count
    int index[16]
    double value[16]
