# Which detection of a scan belongs to which track: gate, clusters of what shares candidates, in each the best assignment; where
# that is hardly better than another one and the cluster is small, all of them by their probability (joint probabilistic data
# association, Fortmann, Bar-Shalom, Scheffe 1983).
#
# Cost of a pair: minus the log of how much likelier it is than a missed track and a false detection; a track that hardly
# exists is hardly detected (integrated association, Musicki, Evans 2004).
from libc.math cimport exp, isfinite, log
from autonomy.msg.messages cimport TracksParameters
from autonomy.estimation.tracks._assignment cimport FORBIDDEN, SIDE, assign
from autonomy.estimation.tracks._detection cimport Detection
from autonomy.estimation.tracks._sight cimport Sight, rate_known, rate_noise, rate_seen

cdef enum:
    PAIRS_AT_MOST = 1024         # gated ones of a scan
    JOINT_TRACKS = 4             # larger clusters are assigned at once: 7^4 hypotheses are enough
    JOINT_DETECTIONS = 6

cdef extern from *:
    """
    static const double RATE_DENSITY = 1.0 / 60.0;  /* s/m: false range rates lie anywhere between -40 and 20 m/s [D] */
    static const double LOG_TWO_PI = 1.8378770664093453;
    """
    const double RATE_DENSITY
    const double LOG_TWO_PI

ctypedef struct Pair:
    double cost
    double weight                # probability that the detection is the track's
    int track
    int detection

ctypedef struct Pairs:
    Pair[1024] items
    int count
    int lost                     # found no room
    int[128] of_track            # how many
    int[128] of_detection
    int[128] root                # of a track's cluster
    int[128] holder              # of a detection: a track of its cluster


cdef inline void gate(const TracksParameters* parameters, const Sight* sights, const char* followed, int used,
                      const Detection* scan, int count, const double* chance, double clutter, Pairs* pairs) noexcept nogil:
    """`chance` of each track: that it is there and detected."""
    cdef double bound = parameters.gate, dx, dy, nu, sxx, syy, determinant, distance, variance, reach_x, reach_y, free, rated
    cdef const Sight* sight
    cdef const Detection* item
    cdef Pair* pair
    cdef int i, j
    pairs.count = pairs.lost = 0
    for j in range(count):
        pairs.of_detection[j] = 0
        pairs.holder[j] = -1
    for i in range(used):
        pairs.of_track[i] = 0
        pairs.root[i] = i
        if not followed[i]:
            continue
        sight = &sights[i]
        free = LOG_TWO_PI - log(chance[i] / (clutter * (1.0 - chance[i])))
        rated = free + 0.5 * LOG_TWO_PI + log(RATE_DENSITY)
        reach_x, reach_y = bound * (sight.xx + sight.most_xx), bound * (sight.yy + sight.most_yy)
        for j in range(count):
            item = &scan[j]
            dx = item.x - sight.x
            if dx * dx > reach_x:
                continue
            dy = item.y - sight.y
            if dy * dy > reach_y:
                continue
            sxx = sight.xx + item.xx + item.reflection * sight.wander_xx
            syy = sight.yy + item.yy + item.reflection * sight.wander_yy
            determinant = sxx * syy - sight.xy * sight.xy
            distance = (syy * dx * dx - 2.0 * sight.xy * dx * dy + sxx * dy * dy) / determinant
            if distance > bound:
                continue
            if isfinite(item.rate):
                variance = rate_known(sight, item) + rate_noise(sight, item)
                nu = item.rate - rate_seen(sight, item)
                distance += nu * nu / variance
                determinant *= variance
                if distance > bound:
                    continue
            if pairs.count == PAIRS_AT_MOST:
                pairs.lost += 1
                continue
            pair = &pairs.items[pairs.count]
            pair.track, pair.detection, pair.weight = i, j, 0.0
            pair.cost = 0.5 * (distance + log(determinant)) + (rated if isfinite(item.rate) else free)
            pairs.count += 1
            pairs.of_track[i] += 1
            pairs.of_detection[j] += 1


cdef inline int root_of(Pairs* pairs, int track) noexcept nogil:
    while pairs.root[track] != track:
        pairs.root[track] = pairs.root[pairs.root[track]]
        track = pairs.root[track]
    return track


cdef inline void cluster(Pairs* pairs) noexcept nogil:
    """Tracks that share a detection get one root, the smallest of them."""
    cdef int k, a, b
    for k in range(pairs.count):
        if pairs.of_detection[pairs.items[k].detection] == 1:
            continue
        a = root_of(pairs, pairs.items[k].track)
        if pairs.holder[pairs.items[k].detection] < 0:
            pairs.holder[pairs.items[k].detection] = a
            continue
        b = root_of(pairs, pairs.holder[pairs.items[k].detection])
        if a < b:
            pairs.root[b] = a
        else:
            pairs.root[a] = b


cdef inline void joint(Pairs* pairs, const int* members, int count, const int* row, int rows, const int* column) noexcept nogil:
    """Weights by the sum over all joint events; `members`: the cluster's pairs in order of their tracks."""
    cdef double[32] total
    cdef double[32] ratio
    cdef int[5] begin            # of each row's pairs
    cdef int[4] chosen           # place in a row's pairs; its end = none
    cdef double[5] product
    cdef double whole = 0.0
    cdef int taken = 0, k, r = 0, bit
    begin[0] = 0
    for k in range(count):
        ratio[k] = exp(-pairs.items[members[k]].cost)
        total[k] = 0.0
        while row[pairs.items[members[k]].track] != r:
            r += 1
            begin[r] = k
    while r < rows:
        r += 1
        begin[r] = count
    # Depth first: every row takes each of its free detections in turn, then none
    r = 0
    product[0] = 1.0
    chosen[0] = begin[0] - 1
    while r >= 0:
        k = chosen[r]
        if k >= begin[r] and k < begin[r + 1]:
            taken &= ~(1 << column[pairs.items[members[k]].detection])
        k += 1
        while k < begin[r + 1] and taken & (1 << column[pairs.items[members[k]].detection]):
            k += 1
        chosen[r] = k
        if k > begin[r + 1]:
            r -= 1
            continue
        product[r + 1] = product[r]
        if k < begin[r + 1]:
            bit = 1 << column[pairs.items[members[k]].detection]
            taken |= bit
            product[r + 1] = product[r] * ratio[k]
        if r + 1 < rows:
            r += 1
            chosen[r] = begin[r] - 1
            continue
        whole += product[rows]
        for k in range(rows):
            if chosen[k] < begin[k + 1]:
                total[chosen[k]] += product[rows]
    for k in range(count):
        pairs.items[members[k]].weight = total[k] / whole


cdef inline bint ambiguous(const Pairs* pairs, const int* members, int count, double margin) noexcept nogil:
    """Whether some assignment of the cluster is hardly better than another of the same track or detection, or than none."""
    cdef const Pair* held
    cdef const Pair* other
    cdef int a, b
    cdef bint bound
    for a in range(count):
        held = &pairs.items[members[a]]
        if held.weight == 0.0:
            # Left alone, though hardly worse than nothing
            bound = held.cost >= margin
            for b in range(count):
                other = &pairs.items[members[b]]
                bound = bound or (other.weight > 0.0 and (other.track == held.track or other.detection == held.detection))
            if not bound:
                return True
            continue
        if held.cost > -margin:
            return True
        for b in range(count):
            other = &pairs.items[members[b]]
            if a != b and (other.track == held.track or other.detection == held.detection) \
                    and other.cost < held.cost + margin:
                return True
    return False


cdef inline void solve_cluster(Pairs* pairs, const int* members, int count, double margin) noexcept nogil:
    cdef double[16384] cost
    cdef int[128] row            # of a track
    cdef int[128] column         # of a detection
    cdef int[128] row_of
    cdef int rows = 0, columns = 0, k, i, j, last = -1
    cdef Pair* pair
    if count < 1:
        return
    for k in range(count):
        column[pairs.items[members[k]].detection] = -1
    for k in range(count):
        pair = &pairs.items[members[k]]
        if pair.track != last:
            last = pair.track
            row[last] = rows
            rows += 1
        if column[pair.detection] < 0:
            column[pair.detection] = columns
            columns += 1
    for i in range(rows):
        for j in range(columns):
            cost[i * SIDE + j] = FORBIDDEN
    for k in range(count):
        pair = &pairs.items[members[k]]
        cost[row[pair.track] * SIDE + column[pair.detection]] = pair.cost
    assign(cost, rows, columns, row_of)
    for k in range(count):
        pair = &pairs.items[members[k]]
        pair.weight = 1.0 if row_of[column[pair.detection]] == row[pair.track] else 0.0
    if rows <= JOINT_TRACKS and columns <= JOINT_DETECTIONS and ambiguous(pairs, members, count, margin):
        joint(pairs, members, count, row, rows, column)


cdef inline void solve(Pairs* pairs, double ambiguous_ratio) noexcept nogil:
    """Weights of all gated pairs."""
    cdef int[1024] members
    cdef int[1024] root
    cdef double margin = log(ambiguous_ratio)
    cdef int k, n, count
    cluster(pairs)
    for k in range(pairs.count):
        root[k] = root_of(pairs, pairs.items[k].track)
    for k in range(pairs.count):
        if root[k] < 0:
            continue
        if pairs.of_track[pairs.items[k].track] == 1 and pairs.of_detection[pairs.items[k].detection] == 1:
            # Alone with each other: share what clutter or a miss leaves
            pairs.items[k].weight = 1.0 if pairs.items[k].cost < (-margin if margin > 0.0 else 0.0) \
                else 1.0 / (1.0 + exp(pairs.items[k].cost))
            continue
        count = 0
        for n in range(k, pairs.count):
            if root[n] == root[k] and n != k:
                members[count + 1] = n
                count += 1
        members[0] = k
        count += 1
        for n in range(1, count):
            root[members[n]] = -1
        solve_cluster(pairs, members, count, margin)
