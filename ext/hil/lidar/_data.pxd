# What the ray caster works on: plain memory, single precision, in the frame of the window (see hil/lidar/surface.py). Arrays over
# lanes stand first, so that eight of them lie in one line of the cache where the struct begins with one.
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t

cdef enum:
    LANES = 128            # beams of the largest sensor, from the lowest; up to a multiple of eight the last is repeated
    BLOCKS = 16            # of eight lanes
    HINGES = 3             # where the verge's slope changes
    IN_BIN = 4             # lines that may pass one bin of the road

# Labels: hil/lidar/labels.py
cdef enum Label:
    NONE, GROUND, OBSTACLE, MARKING, EDGE, NOISE, STRUCTURE, OWN, VERGE

cdef enum Shape:
    BOX, FENCE, VOLUME     # a fence is a rail on posts, a volume a cloud of drops

cdef enum Detail:
    PLAIN, CAR_ENDS, TRUCK_ENDS, TAPED    # where a body carries retro-reflectors

cdef struct Lanes:
    float[128] azimuth     # rad, left positive, against the column
    float[128] x           # unit direction where the sensor's azimuth is zero
    float[128] y
    float[128] z
    float[128] origin_x    # where the beam begins, in the same axes
    float[128] origin_y
    float[128] origin_z
    float[128] delay_s     # after the column's time
    float[128] gap         # rad to the next higher lane, infinite where that one looks elsewhere
    int blocks
    int rings
    int parallax           # whether beams begin elsewhere than in the sensor's origin
    float[16] low          # tangent of the elevation: least and largest of a block
    float[16] high
    float azimuth_low      # rad, left positive: of all lanes against the column
    float azimuth_high

cdef struct Optics:
    float reference_range_m    # at which a Lambert target of 10 % is seen every second time
    float minimum_range_m
    float maximum_range_m
    float range_sigma_m
    float divergence_rad       # half angle of the beam
    float pulse_m              # two surfaces nearer to each other than this give one return

cdef struct Weather:
    float attenuation_per_m    # extinction, one way
    float drops                # share of rays that meet a drop near the sensor
    float drops_range_m

cdef struct Primitive:         # of the window's frame, or with `own` of the vehicle's
    float[3] centre            # at the start of the turn
    float[3] velocity
    float cosine               # of its yaw
    float sine
    float grade                # rise over run along its length and its width
    float bank
    float[3] half              # m
    float reflectivity
    float retro
    float post_m               # FENCE: from post to post; VOLUME: extinction 1/m
    int32_t instance
    int32_t slot               # where its rays are counted, -1 nowhere
    uint8_t label
    uint8_t shape
    uint8_t detail
    uint8_t own

cdef struct Line:              # a stripe of paint: its middle is offset + slope (s - start)
    float start_m
    float end_m
    float offset_m
    float slope
    float half_width_m
    float period_m             # 0 = solid
    float dash_m
    float phase_m
    float diffuse
    float retro
    float wear                 # share of the paint that is gone
    int32_t instance

cdef struct Profile:           # the cross section beside the paved width
    float right_m              # offsets of its edges from the reference line
    float left_m
    float[3] from_m            # distance from the edge
    float[3] right_slope       # what the slope changes by there
    float[3] left_slope
    float roughness_m
    float asphalt              # reflectivities
    float grass

cdef struct Window:
    const float* cells         # (nx, ny, 8): d, dd/dx, dd/dy, z, dz/dx, dz/dy, s, curvature at that offset
    int nx
    int ny
    float x                    # of the grid's corner
    float y
    float per_m                # cells a metre
    float size_m               # of a cell
    const uint8_t* wet         # (wet_s, wet_d) 0..255 of film, WET_PER_S and WET_PER_D values a metre
    const uint8_t* bins        # (bins_s, bins_d, 4): numbers of lines + 1, BIN_S_M by BIN_D_M
    int is_wet                 # anywhere
    int wet_s
    int wet_d
    int bins_s
    int bins_d
    float s                    # arc length and offset at which both begin
    float d
    const Line* lines

cdef struct Column:            # what each lane of one column meets
    int[136] primitive         # as in Met; eight more, for a lane and its neighbour are read together
    float[128] range           # m, FAR_M = nothing
    float[128] value           # reflectivity times cosine, and what retro-reflectors add
    int[128] label
    int[128] instance
    float[128] share           # of the beam on that surface
    float[128] second_range    # another surface or a drop in the same beam
    float[128] second_value
    int[128] second_label
    int[128] second_instance

cdef struct Rays:              # of one column, window's frame
    float[128] from_x          # where each lane's ray begins
    float[128] from_y
    float[128] from_z
    float[128] x               # its direction
    float[128] y
    float[128] z
    float[3] origin
    float[3] motion            # m/s of the sensor
    float[9] turn              # sensor -> window, at this azimuth
    float[3] own_origin        # the same in the vehicle's frame
    float[9] own_turn
    float time_s               # since the start of the turn
    float yaw                  # of the sensor's azimuth zero
    uint32_t key               # of this column's chance
    uint32_t[2] padding

cdef struct Met:               # of one column, before it is shaded
    float[128] range
    float[128] cosine
    int[128] primitive         # -1 ground, -2 nothing, else the body's number
    float[128] s
    float[128] d

cdef extern from *:
    """
    #define FAR_M 1e9f
    #define BIN_S_M 8.0f
    #define BIN_D_M 0.5f
    #define WET_PER_S 1.0f
    #define WET_PER_D 2.0f
    """
    const float FAR_M, BIN_S_M, BIN_D_M, WET_PER_S, WET_PER_D
