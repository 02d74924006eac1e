# Which clusters are told, by this scan and those before: see _sightings.pyx.
from autonomy.perception._boxes cimport Obstacle, ObstacleList
from autonomy.perception._clusters cimport MOST_CLUSTERS, ClusterGrid
from autonomy.perception._deskew cimport Twist

cdef enum:
    MOST_SIGHTINGS = 512

cdef struct SightingParameters:
    double points_at_1m         # of a cluster that counts, falls with the distance from the sensor
    double points_least
    double points_most
    double over_m               # what begins higher is over the road
    double board_bottom_m       # so is what begins higher than this
    double board_top_m          # ... and ends higher than this: a board behind a crest, whose ground is guessed
    double floating_m           # what begins higher above the ground hangs in the air
    double floating_share       # ... of its distance, where that is more: rows of beams lie so far apart
    double floating_points_at_1m    # ... and counts with more points only: drops hang there
    double floating_points_least
    double solid_points         # with fewer it must fill what it takes up, or it is spray
    double solid_share          # of the beams that meet a solid of its width and height
    double solid_beams          # rad between them
    double solid_least_m        # taken for its width at least
    double scatter_cells        # a cluster of so many cells and more
    double scatter_points_at_1m # ... with fewer points a cell, falling with the distance, is a cloud of drops
    double scatter_points_most
    double weak_points          # a small thing with fewer must have been seen before
    double loose_points         # so must what has fewer than this
    double loose_m              # ... and is longer than this, when lower than `hold_m`
    double loose_to_m           # ... or nearer than this
    double sudden_points        # what is longer than `small_m`, nearer than `loose_to_m` and has fewer was there a scan ago
    double sudden_mps           # ... somewhere that it can have come from with this speed
    double small_m              # a thing no longer and wider than this is small
    double same_m               # it is the same where it was, give or take this
    double seen_least           # scans that a weak one is seen in before it is told
    double hold_m               # lower small things are held while they hide between two rows of beams
    double hold_seen            # ... once so many scans showed them in the same place
    double hold_s               # ... for so long
    double near_m               # to either side and behind: farther things are not kept in mind
    double ahead_m

cdef struct Sighting:
    double x                    # m, in the vehicle's frame of now
    double y
    double age_s                # since it was seen
    int seen                    # scans
    int is_known                # whether `box` was ever told
    Obstacle box

cdef struct Sightings:
    int count
    int overflow                # small things that found no room
    int is_sequence             # whether there was a scan before
    int[MOST_CLUSTERS] of_cluster    # number of the sighting, -1 none
    Sighting[MOST_SIGHTINGS] seen
    int last_count              # larger things that the scan before counted, where they would be now if they stood
    int now_count               # ... and this one
    double[MOST_SIGHTINGS][2] last
    double[MOST_SIGHTINGS][2] now

cdef void sieve(const SightingParameters* parameters, const Twist* twist, double elapsed_s, const double* sensor,
                Sightings* sightings, ClusterGrid* grid) noexcept nogil
cdef void hold(const SightingParameters* parameters, Sightings* sightings, ObstacleList* found) noexcept nogil
