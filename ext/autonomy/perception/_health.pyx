"""Health of a scan: rain, spray or dust, and blocked glass, from what belongs to nothing and from where nothing comes back.

Drops and dust give single weak echoes near the sensor; spray hangs low behind wheels, rain everywhere. A sector of the turn
that returns far fewer points than the others, or only very near ones, is blocked. Twin: autonomy/perception/health_twin.py.
"""
from libc.math cimport fabsf
from libc.string cimport memset
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.perception._cloud cimport NOISE, Cloud
from autonomy.perception._ground cimport SECTORS

require(__name__, LAYOUT_HASH)


cdef void judge_health(const HealthParameters* parameters, const Cloud* cloud, Health* health) noexcept nogil:
    cdef float[HEALTH_SECTORS] ranges
    cdef float[4][HEALTH_SECTORS] sums      # of every fourth point: neighbours are in one sector, and would wait for each other
    cdef int[HEALTH_SECTORS] points
    cdef float range_m, near = <float>parameters.noise_range_m, low = <float>parameters.spray_height_m
    cdef double intensity = 0.0, share
    cdef int i, sector, seen = 0, seen_near = 0
    memset(health, 0, sizeof(Health))
    memset(sums, 0, sizeof(sums))
    memset(points, 0, sizeof(points))
    for i in range(cloud.count):
        range_m = cloud.range_m[i]
        if not (range_m < 1e6 and fabsf(cloud.z[i]) < 1e6) or range_m == 0.0:
            health.invalid += 1
            continue
        seen += 1
        sector = <int>(cloud.corner[i] * <float>(<double>HEALTH_SECTORS / SECTORS))
        sector = sector if sector < HEALTH_SECTORS else 0
        points[sector] += 1
        sums[i & 3][sector] += range_m
        seen_near += range_m < near
        if cloud.label[i] == NOISE:
            if cloud.height[i] < 0.0:
                health.below += 1
                continue
            health.noise += 1
            if range_m < near:
                health.near_noise += 1
                health.low_noise += cloud.height[i] < low
                intensity += cloud.intensity[i]
    health.points, health.near = seen, seen_near
    if health.points == 0:
        health.blocked_sectors = HEALTH_SECTORS
        health.blockage = 1.0
        return
    share = <double>health.near_noise / health.near if health.near > 0 else 0.0
    health.noise_share = <float>share
    health.noise_intensity = <float>(intensity / health.near_noise) if health.near_noise > 0 else 0.0
    health.rain = grade(share, parameters.noise_share_rain)
    health.spray = grade(share, parameters.noise_share_spray) if 2 * health.low_noise > health.near_noise else 0.0
    for i in range(HEALTH_SECTORS):
        ranges[i] = (sums[0][i] + sums[1][i]) + (sums[2][i] + sums[3][i])
        ranges[i] = ranges[i] / points[i] if points[i] > 0 else 0.0
    blocked(parameters, ranges, points, health)


cdef inline float grade(double share, double full) noexcept nogil:
    return <float>(share / full if share < full else 1.0)


cdef void blocked(const HealthParameters* parameters, const float* ranges, const int* points, Health* health) noexcept nogil:
    """Against the median sector."""
    cdef float[HEALTH_SECTORS] sorted_ranges
    cdef float[HEALTH_SECTORS] counts
    cdef int i
    for i in range(HEALTH_SECTORS):
        sorted_ranges[i] = ranges[i]
        counts[i] = points[i]
    sort(sorted_ranges)
    sort(counts)
    health.median_range_m = sorted_ranges[HEALTH_SECTORS // 2]
    for i in range(HEALTH_SECTORS):
        if points[i] < parameters.blocked_share * counts[HEALTH_SECTORS // 2] or ranges[i] < parameters.blocked_range_m:
            health.blocked_sectors += 1
    health.blockage = <float>health.blocked_sectors / HEALTH_SECTORS


cdef void sort(float* values) noexcept nogil:
    """Insertion sort of HEALTH_SECTORS values."""
    cdef int i, k
    cdef float value
    for i in range(1, HEALTH_SECTORS):
        value = values[i]
        k = i
        while k > 0 and values[k - 1] > value:
            values[k] = values[k - 1]
            k -= 1
        values[k] = value
