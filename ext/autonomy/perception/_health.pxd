# What the scan says about weather and glass: see _health.pyx.
from autonomy.perception._cloud cimport Cloud

cdef enum:
    HEALTH_SECTORS = 64     # of equal steps of the diamond angle, 3.6 to 7.2 deg

cdef struct HealthParameters:
    double noise_range_m        # drops and dust are counted up to here
    double noise_share_rain     # of the points up to there that are noise
    double noise_share_spray
    double spray_height_m       # spray and dust hang lower than this
    double blocked_share        # a sector with less than this share of the median sector's points is blocked
    double blocked_range_m      # ... or whose points all lie nearer than this

cdef struct Health:
    int points                  # with a finite place
    int invalid                 # not finite
    int below                   # echoes from below the ground
    int noise                   # points that belong to nothing
    int near                    # within noise_range_m
    int near_noise              # of those, noise
    int low_noise               # of those, below spray_height_m
    int blocked_sectors         # of HEALTH_SECTORS
    int padding
    float noise_share           # near_noise / near
    float noise_intensity       # mean of the near noise
    float median_range_m        # of the sectors' mean ranges
    float rain                  # 0..1
    float spray                 # 0..1, dust too
    float blockage              # 0..1, share of the sectors

cdef void judge_health(const HealthParameters* parameters, const Cloud* cloud, Health* health) noexcept nogil
