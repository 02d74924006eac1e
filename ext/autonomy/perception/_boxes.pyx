"""Oriented boxes of clusters: the direction in which most points lie close to a side, then the extents of the points.

A lidar sees one or two sides of a thing: an L. Of all directions of a rectangle around the cluster's cells the one is taken
whose sides have the cells closest, as in Zhang, Xu, Dong, Dolan, "Efficient L-shape fitting for vehicle detection using laser
scanners" (2017), with the closeness criterion; coarse steps of 6 deg, then of 1 deg. Twin: autonomy/perception/boxes_twin.py.
"""
from libc.math cimport atan2, cos, sin
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.perception._cloud cimport EDGE, NOISE, OBSTACLE, Cloud
from autonomy.perception._clusters cimport Cell, Cluster, ClusterGrid

require(__name__, LAYOUT_HASH)

cdef double PI = 3.141592653589793
cdef enum:
    COARSE = 15         # directions of 6 deg over a quarter turn
    FINE = 5            # steps of 1 deg to either side


cdef int find_boxes(const BoxParameters* parameters, const ClusterGrid* grid, Cloud* cloud, ObstacleList* found) noexcept nogil:
    """Writes the obstacles, each point's instance (number of the obstacle or -1) and label (OBSTACLE or EDGE; NOISE in clusters
    that are not told)."""
    cdef int i, k, cluster, obstacle
    cdef float x, y, along, across
    cdef float* span
    choose(parameters, grid, found)
    for k in range(cloud.above_count):
        i = cloud.above[k]
        cluster = cloud.instance[i]
        if cluster < 0:
            continue
        obstacle = found.of_cluster[cluster]
        cloud.instance[i] = obstacle
        if obstacle < 0:
            cloud.label[i] = NOISE
            continue
        cloud.label[i] = EDGE if found.obstacles[obstacle].edge else OBSTACLE
        x = cloud.x[i]
        y = cloud.y[i]
        along = found.cosine[obstacle] * x + found.sine[obstacle] * y
        across = found.cosine[obstacle] * y - found.sine[obstacle] * x
        span = found.span[obstacle]
        span[0] = along if along < span[0] else span[0]
        span[1] = along if along > span[1] else span[1]
        span[2] = across if across < span[2] else span[2]
        span[3] = across if across > span[3] else span[3]
        span[4] = cloud.z[i] if cloud.z[i] < span[4] else span[4]
        span[5] = cloud.z[i] if cloud.z[i] > span[5] else span[5]
    for i in range(found.count):
        enclose(found, i)
    return found.count


cdef void choose(const BoxParameters* parameters, const ClusterGrid* grid, ObstacleList* found) noexcept nogil:
    """A number for each cluster that is told, and its direction."""
    cdef int i, k
    cdef double yaw
    cdef const Cluster* cluster
    cdef const Cell* cell
    cdef Obstacle* obstacle
    found.count = 0
    found.overflow = 0
    for i in range(grid.cluster_count):
        cluster = &grid.clusters[i]
        cell = &grid.cells[grid.order[cluster.first]]
        found.of_cluster[i] = -1
        if not cluster.is_told:
            continue
        if found.count == MOST_OBSTACLES:
            found.overflow += 1
            continue
        k = found.count
        found.of_cluster[i] = k
        obstacle = &found.obstacles[k]
        obstacle.cluster = i
        obstacle.edge = cell.edge > 0
        obstacle.points = cluster.points
        obstacle.top = cluster.top
        obstacle.bottom = cluster.bottom
        yaw = direction(parameters, grid, cluster)
        found.cosine[k] = <float>cos(yaw)
        found.sine[k] = <float>sin(yaw)
        found.span[k][0] = found.span[k][2] = found.span[k][4] = 1e9
        found.span[k][1] = found.span[k][3] = found.span[k][5] = -1e9
        found.count += 1


cdef double direction(const BoxParameters* parameters, const ClusterGrid* grid, const Cluster* cluster) noexcept nogil:
    """Yaw of a side in rad, 0 .. pi/2."""
    cdef float[MOST_CORNERS] x
    cdef float[MOST_CORNERS] y
    cdef int count = 0, i, best = 0
    cdef int stride = (cluster.cells + MOST_CORNERS - 1) // MOST_CORNERS
    cdef double score, most = -1.0, yaw
    cdef const Cell* cell
    if cluster.cells < 3:
        return 0.0 if cluster.cells < 2 else along_two(grid, cluster)
    i = 0
    while i < cluster.cells:
        cell = &grid.cells[grid.order[cluster.first + i]]
        x[count] = cell.x
        y[count] = cell.y
        count += 1
        i += stride
    for i in range(COARSE):
        score = closeness(x, y, count, i * 0.5 * PI / COARSE, <float>parameters.closest_m)
        if score > most:
            most = score
            best = i
    yaw = best * 0.5 * PI / COARSE
    best = 0
    for i in range(-FINE, FINE + 1):
        if i != 0:
            score = closeness(x, y, count, yaw + i * PI / 180.0, <float>parameters.closest_m)
            if score > most:
                most = score
                best = i
    return yaw + best * PI / 180.0


cdef double along_two(const ClusterGrid* grid, const Cluster* cluster) noexcept nogil:
    cdef const Cell* a = &grid.cells[grid.order[cluster.first]]
    cdef const Cell* b = &grid.cells[grid.order[cluster.first + 1]]
    return atan2(b.y - a.y, b.x - a.x)


cdef double closeness(const float* x, const float* y, int count, double yaw, float closest) noexcept nogil:
    cdef float c = <float>cos(yaw), s = <float>sin(yaw), u, v, low_u = 1e9, high_u = -1e9, low_v = 1e9, high_v = -1e9, a, b
    cdef float score = 0.0
    cdef float[MOST_CORNERS] us
    cdef float[MOST_CORNERS] vs
    cdef int i
    for i in range(count):
        u = c * x[i] + s * y[i]
        v = c * y[i] - s * x[i]
        us[i] = u
        vs[i] = v
        low_u = u if u < low_u else low_u
        high_u = u if u > high_u else high_u
        low_v = v if v < low_v else low_v
        high_v = v if v > high_v else high_v
    for i in range(count):
        a = us[i] - low_u
        b = high_u - us[i]
        a = a if a < b else b
        b = vs[i] - low_v
        a = a if a < b else b
        b = high_v - vs[i]
        a = a if a < b else b
        a = a if a > closest else closest
        score += <float>1.0 / a
    return score


cdef void enclose(ObstacleList* found, int i) noexcept nogil:
    """The box from the spans; the longer side is the length."""
    cdef Obstacle* obstacle = &found.obstacles[i]
    cdef float* span = found.span[i]
    cdef double along = 0.5 * (span[0] + span[1]), across = 0.5 * (span[2] + span[3])
    cdef double c = found.cosine[i], s = found.sine[i]
    obstacle.x = c * along - s * across
    obstacle.y = s * along + c * across
    obstacle.z = 0.5 * (span[4] + span[5])
    obstacle.length = span[1] - span[0]
    obstacle.width = span[3] - span[2]
    obstacle.height = span[5] - span[4]
    obstacle.yaw = atan2(s, c)
    if obstacle.width > obstacle.length:
        obstacle.length, obstacle.width = obstacle.width, obstacle.length
        obstacle.yaw += 0.5 * PI
    if obstacle.yaw > 0.5 * PI:
        obstacle.yaw -= PI
    elif obstacle.yaw <= -0.5 * PI:
        obstacle.yaw += PI
