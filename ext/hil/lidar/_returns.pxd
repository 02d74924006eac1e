# What the receiver makes of what the beams met: whether it sees it, how far and how bright, which of two it tells.
from libc.string cimport memset
from hil.lidar._data cimport *
from hil.lidar._wide cimport *

cdef extern from *:
    """
    #define FADING 0.25f              /* spread of the threshold, as a share of it [D] */
    #define BRIGHTNESS_SPREAD 0.06f   /* of intensity, beside its rounding [D] */
    #define WHITE 100.0f              /* intensity of a white wall; what is above are retro-reflectors (maker's manuals) [V] */
    #define BRIGHTEST 255.0f
    """
    const float FADING, BRIGHTNESS_SPREAD, WHITE, BRIGHTEST

cdef struct Returns:
    float* range              # (columns, rings, kept)
    float* intensity          # whole numbers
    uint8_t* label
    int32_t* instance
    int kept                  # 1 strongest, 2 last and strongest


cdef inline float8 transmitted(float8 x) noexcept nogil:
    """exp(-x) to half a percent for 0 <= x <= 2.5, and never negative."""
    return divide8(all8(1.0), all8(1.0) + x * (all8(1.0) + x * (all8(0.5) + x * (all8(<float>0.16666667) + x * (
        all8(<float>0.041666667) + x * (all8(<float>0.008333333) + x * all8(<float>0.001388889)))))))


cdef inline void receive(const Optics* optics, const Weather* weather, float8 distance, float8 value, const float* window,
                         word8 h, word8 g, float8* told, float8* intensity, float8* power) noexcept nogil:
    """Told range (0 = not seen), intensity and power over the threshold of eight surfaces."""
    cdef float8 threshold, bright, dazzling, sigma
    cdef whole8 seen
    if window != NULL:
        value = value * load8(window) * load8(window)
    power[0] = divide8(value * (<float>10 * optics.reference_range_m * optics.reference_range_m), distance * distance)
    if weather.attenuation_per_m > 0:
        power[0] = power[0] * transmitted(smaller8(distance, all8(FAR_M)) * (<float>2 * weather.attenuation_per_m))
    threshold = <float>1.0 + FADING * low_triangle8(g)
    seen = both8(both8(less8(threshold, power[0]), less8(distance, all8(optics.maximum_range_m))),
                 less8(all8(optics.minimum_range_m), distance))
    bright = value * (<float>1.0 + BRIGHTNESS_SPREAD * high_triangle8(g))
    dazzling = BRIGHTEST - divide8(all8(BRIGHTEST - WHITE), larger8(bright, all8(1.0)))
    intensity[0] = choose8(less8(bright, all8(1.0)), WHITE * bright, dazzling)
    intensity[0] = larger8(intensity[0], all8(0.0)) + <float>0.5
    sigma = optics.range_sigma_m * (<float>1.0 + smaller8(divide8(all8(1.0), power[0]), all8(1.0)))
    told[0] = choose8(seen, distance + sigma * normal8(h), all8(0.0))


cdef inline void keep(Returns* out, long at, float distance, float intensity, int label, int instance) noexcept nogil:
    cdef bint seen = distance > 0
    out.range[at] = distance
    out.intensity[at] = <int>intensity if seen else 0
    out.label[at] = label if seen else NONE
    out.instance[at] = instance if seen else 0


cdef inline void keep_none(Returns* out, long at) noexcept nogil:
    memset(out.range + at, 0, 8 * out.kept * sizeof(float))
    memset(out.intensity + at, 0, 8 * out.kept * sizeof(float))
    memset(out.label + at, 0, 8 * out.kept)
    memset(out.instance + at, 0, 8 * out.kept * sizeof(int32_t))


cdef inline void keep_eight(Returns* out, long at, float8 distance, float8 intensity, const Column* column,
                            int k) noexcept nogil:
    cdef whole8 seen = less8(all8(0.0), distance)
    store8(out.range + at, distance)
    store8(out.intensity + at, floats8(both8(seen, truncate8(intensity))))
    store_bytes8(out.label + at, both8(seen, load_whole8(column.label + k)))
    store_whole8(<int*>(out.instance + at), both8(seen, load_whole8(column.instance + k)))


cdef inline void finish(const Lanes* lanes, const Optics* optics, const Weather* weather, const Column* column,
                        const float* window, long number, uint32_t key, Returns* out) noexcept nogil:
    """A column's returns into the output; `window` is the share of light that passes the sensor's window at each lane."""
    cdef float8 first, bright, power, second, second_bright, second_power, nearest
    cdef int k, i, lane
    cdef long at
    cdef word8 h, g
    cdef bint swap
    for k in range(0, 8 * lanes.blocks, 8):
        nearest = smaller8(load8(column.range + k), load8(column.second_range + k))
        if k + 8 <= lanes.rings and not any8(less8(nearest, all8(optics.maximum_range_m))):
            keep_none(out, (number * lanes.rings + k) * out.kept)
            continue
        h = hashed8(counter8(key + <uint32_t>k))
        g = hashed8(counter8(key + <uint32_t>(k + 1024)))
        receive(optics, weather, load8(column.range + k), load8(column.value + k) * load8(column.share + k),
                window + k if window != NULL else NULL, h, g, &first, &bright, &power)
        if any8(less8(load8(column.second_range + k), all8(FAR_M))):
            receive(optics, weather, load8(column.second_range + k), load8(column.second_value + k),
                    window + k if window != NULL else NULL, hashed8(h), hashed8(g), &second, &second_bright, &second_power)
        elif out.kept == 1 and k + 8 <= lanes.rings:
            keep_eight(out, number * lanes.rings + k, first, bright, column, k)
            continue
        else:
            second = all8(0.0)
        for i in range(8):
            lane = k + i
            if lane >= lanes.rings:
                return
            at = (number * lanes.rings + lane) * out.kept
            swap = pick8(second, i) > 0 and (pick8(first, i) <= 0 or pick8(second_power, i) > pick8(power, i))
            if swap:
                keep(out, at + out.kept - 1, pick8(second, i), pick8(second_bright, i), column.second_label[lane],
                     column.second_instance[lane])
            else:
                keep(out, at + out.kept - 1, pick8(first, i), pick8(bright, i), column.label[lane], column.instance[lane])
            if out.kept == 2:
                if pick8(second, i) > pick8(first, i):
                    keep(out, at, pick8(second, i), pick8(second_bright, i), column.second_label[lane],
                         column.second_instance[lane])
                else:
                    keep(out, at, pick8(first, i), pick8(bright, i), column.label[lane], column.instance[lane])
