"""Which clusters are told: by their points, by what hangs in the air, and by what the scans before showed in the same place.

Near the sensor a thing shows many points, a drop of rain few; and nothing but drops hangs in the air with few. A small cluster of
few points is told from the second scan on that shows it in the same place over ground. A small low thing that was seen in one
place again and again is told on for a moment when it hides: between the lower rows of beams debris shows nothing but its foot.
Twin: autonomy/perception/sightings_twin.py.
"""
from libc.math cimport INFINITY, cos, fabs, sin, sqrt
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.perception._boxes cimport MOST_OBSTACLES, Obstacle, ObstacleList
from autonomy.perception._clusters cimport Cell, Cluster, ClusterGrid
from autonomy.perception._deskew cimport Twist

require(__name__, LAYOUT_HASH)

cdef double NEAREST_M = 1.0         # added to ranges
cdef double HELD_SCORE = 0.7        # left of the score from scan to scan that does not show it

cdef struct Extent:                 # of a cluster
    double x                        # m, mean of its points
    double y
    double length                   # along x and y, of its cells' means
    double width
    double range_m                  # from the sensor
    double across                   # the sight


cdef void sieve(const SightingParameters* p, const Twist* twist, double elapsed_s, const double* sensor, Sightings* sightings,
                ClusterGrid* grid) noexcept nogil:
    """Sets `is_told` of each cluster; moves what is kept in mind to now and takes up the small things of this scan.

    An elapsed time of zero or less, or longer than the hold, says that nothing is known of before: weak things are told then."""
    cdef int i, number
    cdef bint weak, sudden
    cdef Extent extent
    cdef Cluster* cluster
    move(p, twist, elapsed_s, sightings)
    for i in range(grid.cluster_count):
        cluster = &grid.clusters[i]
        sightings.of_cluster[i] = -1
        measure(grid, cluster, sensor, &extent)
        cluster.is_told = cluster.points >= needed(p, cluster, &extent)
        weak = is_weak(p, cluster, &extent)
        if cluster.is_told and (extent.length > p.small_m or extent.width > p.small_m):
            sudden = cluster.points < p.sudden_points and extent.range_m < p.loose_to_m
            if sightings.now_count < MOST_SIGHTINGS:
                sightings.now[sightings.now_count][0], sightings.now[sightings.now_count][1] = extent.x, extent.y
                sightings.now_count += 1
            else:
                sightings.overflow += 1
            if sightings.is_sequence and sudden and not was_there(p, sightings, &extent, elapsed_s):
                cluster.is_told = 0
        if (not cluster.is_told or grid.cells[grid.order[cluster.first]].edge > 0
                or not (weak or (extent.length < p.small_m and extent.width < p.small_m))
                or fabs(extent.y) > p.near_m or extent.x < -p.near_m or extent.x > p.ahead_m):
            continue
        number = recognise(p, sightings, &extent)
        sightings.of_cluster[i] = number
        if number < 0:
            sightings.overflow += 1
            cluster.is_told = not (sightings.is_sequence and weak)
        elif sightings.is_sequence and weak and sightings.seen[number].seen < p.seen_least:
            cluster.is_told = 0


cdef void move(const SightingParameters* p, const Twist* twist, double elapsed_s, Sightings* sightings) noexcept nogil:
    """What is in mind to where the vehicle stands now; the old is forgotten."""
    cdef double angle = twist.rate[2] * elapsed_s, c = cos(angle), s = sin(angle), x, y
    cdef int i, kept = 0
    cdef Sighting* one
    sightings.overflow = 0
    sightings.is_sequence = elapsed_s > 0.0 and elapsed_s < p.hold_s
    sightings.last_count = sightings.now_count
    sightings.now_count = 0
    for i in range(sightings.last_count):
        x = sightings.now[i][0] - twist.velocity[0] * elapsed_s
        y = sightings.now[i][1] - twist.velocity[1] * elapsed_s
        sightings.last[i][0] = c * x + s * y
        sightings.last[i][1] = c * y - s * x
    if not sightings.is_sequence:
        sightings.count = 0
        return
    for i in range(sightings.count):
        one = &sightings.seen[kept]
        one[0] = sightings.seen[i]
        x = one.x - twist.velocity[0] * elapsed_s
        y = one.y - twist.velocity[1] * elapsed_s
        one.x = c * x + s * y
        one.y = c * y - s * x
        x = one.box.x - twist.velocity[0] * elapsed_s
        y = one.box.y - twist.velocity[1] * elapsed_s
        one.box.x = c * x + s * y
        one.box.y = c * y - s * x
        one.box.yaw -= angle
        one.age_s += elapsed_s
        kept += one.age_s <= p.hold_s and one.x > -p.near_m
    sightings.count = kept


cdef void measure(const ClusterGrid* grid, const Cluster* cluster, const double* sensor, Extent* out) noexcept nogil:
    cdef double low_x = 1e9, high_x = -1e9, low_y = 1e9, high_y = -1e9, left = -1e9, right = 1e9, dx, dy, aside
    cdef int i
    cdef const Cell* cell
    out.x = out.y = 0.0
    for i in range(cluster.first, cluster.first + cluster.cells):
        cell = &grid.cells[grid.order[i]]
        out.x += cell.points * cell.x
        out.y += cell.points * cell.y
        low_x = cell.x if cell.x < low_x else low_x
        high_x = cell.x if cell.x > high_x else high_x
        low_y = cell.y if cell.y < low_y else low_y
        high_y = cell.y if cell.y > high_y else high_y
    out.x /= cluster.points
    out.y /= cluster.points
    out.length = high_x - low_x
    out.width = high_y - low_y
    dx = out.x - sensor[0]
    dy = out.y - sensor[1]
    out.range_m = sqrt(dx * dx + dy * dy) + NEAREST_M
    for i in range(cluster.first, cluster.first + cluster.cells):
        cell = &grid.cells[grid.order[i]]
        aside = (dx * (cell.y - out.y) - dy * (cell.x - out.x)) / out.range_m
        left = aside if aside > left else left
        right = aside if aside < right else right
    out.across = left - right


cdef double needed(const SightingParameters* p, const Cluster* cluster, const Extent* extent) noexcept nogil:
    """Points that a cluster there counts with."""
    cdef double points, beam = p.solid_beams * extent.range_m, solid, across
    points = p.scatter_points_at_1m / extent.range_m
    points = points if points < p.scatter_points_most else p.scatter_points_most
    if cluster.bottom > p.over_m or (cluster.bottom > p.board_bottom_m and cluster.top > p.board_top_m):
        return INFINITY
    if cluster.cells >= p.scatter_cells and cluster.points < points * cluster.cells:
        return INFINITY
    if cluster.bottom > p.floating_m and cluster.bottom > p.floating_share * extent.range_m:
        points = p.floating_points_at_1m / extent.range_m
        points = points if points > p.floating_points_least else p.floating_points_least
    else:
        points = p.points_at_1m / extent.range_m
        points = points if points > p.points_least else p.points_least
        points = points if points < p.points_most else p.points_most
    if cluster.points < p.solid_points:
        across = extent.across if extent.across > p.solid_least_m else p.solid_least_m
        solid = p.solid_share * (across / beam + 1.0) * ((cluster.top - cluster.bottom) / beam + 1.0)
        points = points if points > solid else solid
    return points


cdef bint is_weak(const SightingParameters* p, const Cluster* cluster, const Extent* extent) noexcept nogil:
    return cluster.points < p.weak_points or (cluster.points < p.loose_points
                                              and (cluster.top < p.hold_m or extent.range_m < p.loose_to_m)
                                              and (extent.length > p.loose_m or extent.width > p.loose_m))


cdef bint was_there(const SightingParameters* p, const Sightings* sightings, const Extent* extent,
                    double elapsed_s) noexcept nogil:
    """Whether the scan before counted something from where this can have come along the road: a heap of spray lasts no longer
    than a scan, and the truck beside it is another."""
    cdef double reach = p.same_m + p.sudden_mps * elapsed_s
    cdef int i
    for i in range(sightings.last_count):
        if fabs(sightings.last[i][0] - extent.x) < reach and fabs(sightings.last[i][1] - extent.y) < p.small_m:
            return True
    return False


cdef int recognise(const SightingParameters* p, Sightings* sightings, const Extent* extent) noexcept nogil:
    """Number of the sighting in that place that no cluster of this scan has taken yet, or of a new one; -1 without room."""
    cdef int i, best = -1
    cdef double dx, dy, squared, least = p.same_m * p.same_m
    cdef Sighting* one
    for i in range(sightings.count):
        one = &sightings.seen[i]
        dx = one.x - extent.x
        dy = one.y - extent.y
        squared = dx * dx + dy * dy
        if squared < least and one.age_s > 0.0:
            least = squared
            best = i
    if best < 0:
        if sightings.count == MOST_SIGHTINGS:
            return -1
        best = sightings.count
        sightings.count += 1
        sightings.seen[best].seen = 0
        sightings.seen[best].is_known = 0
    one = &sightings.seen[best]
    one.x = extent.x
    one.y = extent.y
    one.age_s = 0.0
    one.seen += 1
    return best


cdef void hold(const SightingParameters* p, Sightings* sightings, ObstacleList* found) noexcept nogil:
    """Takes up the boxes of what was told, and tells what hides on: without points, its score falling."""
    cdef int i, number
    cdef Sighting* one
    for i in range(found.count):
        number = sightings.of_cluster[found.obstacles[i].cluster]
        if number >= 0:
            sightings.seen[number].box = found.obstacles[i]
            sightings.seen[number].is_known = 1
    for i in range(sightings.count):
        one = &sightings.seen[i]
        if not (one.is_known and one.age_s > 0.0 and one.seen >= p.hold_seen and one.box.top < p.hold_m
                and one.box.length < p.small_m):
            continue
        if found.count == MOST_OBSTACLES:
            found.overflow += 1
            continue
        one.box.score *= HELD_SCORE
        one.box.points = 0
        one.box.cluster = -1
        found.obstacles[found.count] = one.box
        found.count += 1
