# The motion of all tracks, arrays across tracks: state k of model m of track t stands at (m * STATES + k) * TRACKS + t.
#
# State: x, y (m, vehicle frame), their speeds over ground (m/s, along the vehicle's axes), acceleration along the motion, its
# part along x (m/s2), turn rate (rad/s). Covariances are upper triangles by rows: xx xy xu xv xa xw yy yu yv ya yw uu uv ua
# uw vv va vw aa aw ww.
from autonomy.linalg._vector cimport double4, load4, store4

cdef enum:
    TRACKS = 128
    STATES = 6
    PAIRS = 21
    MODELS = 2
    STEADY = 0                   # straight on, constant acceleration
    TURNING = 1                  # constant turn rate and acceleration
    X = 0
    Y = 1
    VX = 2
    VY = 3
    ACCELERATION = 4
    TURN = 5
    XX = 0
    XY = 1
    YY = 6
    VXVX = 11
    VYVY = 15
    AA = 18
    WW = 20

ctypedef struct Bank:
    double[1536] mean            # [MODELS][STATES][TRACKS]
    double[5376] cov             # [MODELS][PAIRS][TRACKS]
    double[256] probability      # [MODELS][TRACKS]
    double[768] mixed            # [STATES][TRACKS] over both models
    double[2688] mixed_cov       # [PAIRS][TRACKS]


cdef inline double* state_of(Bank* bank, int model, int state) noexcept nogil:
    return &bank.mean[(model * STATES + state) * TRACKS]


cdef inline double* covariance_of(Bank* bank, int model, int pair) noexcept nogil:
    return &bank.cov[(model * PAIRS + pair) * TRACKS]


cdef inline double mixed(const Bank* bank, int state, int track) noexcept nogil:
    return bank.mixed[state * TRACKS + track]


cdef inline double mixed_covariance(const Bank* bank, int pair, int track) noexcept nogil:
    return bank.mixed_cov[pair * TRACKS + track]


cdef inline int pair_of(int row, int column) noexcept nogil:
    """Place in the upper triangle; row <= column."""
    return row * STATES - row * (row - 1) // 2 + column - row


cdef inline void load_mean(const Bank* bank, int model, int track, double4* x) noexcept nogil:
    """Four tracks from `track` on."""
    cdef int k
    for k in range(STATES):
        x[k] = load4(&bank.mean[(model * STATES + k) * TRACKS + track])


cdef inline void store_mean(Bank* bank, int model, int track, const double4* x) noexcept nogil:
    cdef int k
    for k in range(STATES):
        store4(&bank.mean[(model * STATES + k) * TRACKS + track], x[k])


cdef inline void load_covariance(const Bank* bank, int model, int track, double4* P) noexcept nogil:
    cdef int k
    for k in range(PAIRS):
        P[k] = load4(&bank.cov[(model * PAIRS + k) * TRACKS + track])


cdef inline void store_covariance(Bank* bank, int model, int track, const double4* P) noexcept nogil:
    cdef int k
    for k in range(PAIRS):
        store4(&bank.cov[(model * PAIRS + k) * TRACKS + track], P[k])


cdef inline void copy_track(Bank* bank, int source, int to) noexcept nogil:
    cdef int k
    for k in range(MODELS * STATES):
        bank.mean[k * TRACKS + to] = bank.mean[k * TRACKS + source]
    for k in range(MODELS * PAIRS):
        bank.cov[k * TRACKS + to] = bank.cov[k * TRACKS + source]
    for k in range(MODELS):
        bank.probability[k * TRACKS + to] = bank.probability[k * TRACKS + source]
    for k in range(STATES):
        bank.mixed[k * TRACKS + to] = bank.mixed[k * TRACKS + source]
    for k in range(PAIRS):
        bank.mixed_cov[k * TRACKS + to] = bank.mixed_cov[k * TRACKS + source]
