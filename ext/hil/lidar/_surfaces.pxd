# How brightly a surface answers: Lambert's cosine times the reflectivity, retro-reflectors on top, as shares of a white wall.
from libc.math cimport fabsf, floorf
from hil.lidar._bodies cimport to_body
from hil.lidar._data cimport *
from hil.lidar._wide cimport *

cdef extern from *:
    """
    #define GRAZING 0.02f         /* of asphalt's cosine at least: its stones stand up [D] */
    #define CURVED 0.1f           /* of a body's: no sheet is flat [D] */
    #define GRAIN_PER_M 8.0f      /* of asphalt's brightness; a third of that of grass */
    #define WORN_PER_S 6.7f       /* pieces of paint that go at once */
    #define WORN_PER_D 25.0f
    #define LAMP_RETRO 1.5f       /* rear reflectors of class IA, plates, contour tape (UN R3, R104) [M] */
    #define PLATE_RETRO 2.5f
    #define TAPE_RETRO 4.0f
    #define TAPE_M 0.06f
    #define HALF_PLATE_M 0.26f
    """
    const float GRAZING, CURVED, GRAIN_PER_M, WORN_PER_S, WORN_PER_D, LAMP_RETRO, PLATE_RETRO, TAPE_RETRO, TAPE_M, HALF_PLATE_M


cdef inline float chance(uint32_t a, uint32_t b) noexcept nogil:
    """0..1, of two whole numbers."""
    return (hashed(a * <uint32_t>0x9E3779B1 + b) >> 8) * <float>5.9604645e-8


cdef inline bint painted(const Line* line, float s, float d, int number) noexcept nogil:
    cdef float off = d - (line.offset_m + line.slope * (s - line.start_m)), along
    if s < line.start_m or s >= line.end_m or fabsf(off) > line.half_width_m:
        return False
    if line.period_m > 0:
        along = (s + line.phase_m) / line.period_m
        if (along - floorf(along)) * line.period_m > line.dash_m:
            return False
    return line.wear <= 0 or chance(<uint32_t><int>floorf(s * WORN_PER_S) + <uint32_t>7919 * number,
                                    <uint32_t><int>floorf(off * WORN_PER_D)) >= line.wear


cdef inline const Line* paint_at(const Window* w, float s, float d) noexcept nogil:
    """The stripe there, NULL where there is none."""
    cdef int row = <int>((s - w.s) / BIN_S_M), column = <int>((d - w.d) / BIN_D_M), k, number
    cdef const uint8_t* entry
    if s < w.s or d < w.d or row >= w.bins_s or column >= w.bins_d:
        return NULL
    entry = w.bins + IN_BIN * (row * w.bins_d + column)
    for k in range(IN_BIN):
        number = entry[k]
        if number == 0:
            return NULL
        if painted(w.lines + number - 1, s, d, number):
            return w.lines + number - 1
    return NULL


cdef inline float film(const Window* w, float s, float d) noexcept nogil:
    """Share of the road that a film of water covers there."""
    cdef int row = <int>((s - w.s) * WET_PER_S), column = <int>((d - w.d) * WET_PER_D)
    if not w.is_wet or s < w.s or d < w.d or row >= w.wet_s or column >= w.wet_d:
        return 0
    return w.wet[row * w.wet_d + column] * <float>0.00392157


cdef inline void shade_ground(const Window* w, const Profile* p, const Met* met, int lane, Column* out) noexcept nogil:
    cdef float s = met.s[lane], d = met.d[lane], cosine = met.cosine[lane], grain, wet, rough
    cdef const Line* line
    cdef bint beside = d < p.right_m or d > p.left_m
    cdef float fine = GRAIN_PER_M * <float>0.3333 if beside else GRAIN_PER_M
    cosine = 0 if cosine < 0 else (1 if cosine > 1 else cosine)
    grain = chance(<uint32_t><int>floorf(s * fine), <uint32_t><int>floorf(d * fine))
    out.instance[lane] = 0
    if beside:
        rough = <float>2 * p.roughness_m * grain                        # blades stand up from the ground
        rough /= cosine if cosine > <float>0.1 else <float>0.1
        out.range[lane] = met.range[lane] - rough
        out.label[lane] = VERGE
        out.value[lane] = p.grass * (<float>0.3 + <float>0.7 * cosine) * (<float>0.5 + grain)
        return
    line = paint_at(w, s, d)
    wet = film(w, s, d)
    if line == NULL:
        out.label[lane] = GROUND
        out.value[lane] = p.asphalt * (cosine + GRAZING) * (<float>0.8 + <float>0.4 * grain)
    else:
        out.label[lane], out.instance[lane] = MARKING, line.instance
        out.value[lane] = (line.diffuse * (cosine + GRAZING) + line.retro) * (<float>0.85 + <float>0.3 * grain)
    if wet > 0:                     # what shines on water is mirrored away
        out.value[lane] *= (<float>1 - wet) * (<float>1 - wet) + <float>0.01


cdef inline float reflectors(const Primitive* p, const float* at) noexcept nogil:
    """Lamps, plates and tape at a point of the body's surface, in its axes."""
    cdef bint end = fabsf(at[0]) > p.half[0] - <float>0.02
    cdef float from_side = p.half[1] - fabsf(at[1]), over = at[2] + p.half[2], under = p.half[2] - at[2]
    if p.detail == CAR_ENDS and end:
        if from_side < <float>0.35 and under > <float>0.05 and under < <float>0.25:
            return LAMP_RETRO
        if fabsf(at[1]) < HALF_PLATE_M and over > <float>0.2 and over < <float>0.31:
            return PLATE_RETRO
    elif p.detail == TRUCK_ENDS and end:
        if from_side < TAPE_M or over < TAPE_M or under < TAPE_M:
            return TAPE_RETRO
    elif p.detail == TAPED and not end and over < <float>2 * TAPE_M and over > TAPE_M:
        return TAPE_RETRO
    return 0


cdef inline void shade_body(const Primitive* p, const Rays* rays, const Met* met, int lane, Column* out) noexcept nogil:
    cdef float[3] v
    cdef float[3] at
    cdef float t = met.range[lane], cosine = met.cosine[lane]
    out.label[lane], out.instance[lane] = p.label, p.instance
    out.value[lane] = p.reflectivity * (CURVED + (<float>1 - CURVED) * cosine) + p.retro
    if p.detail != PLAIN and not p.own:
        v[0] = rays.from_x[lane] + t * rays.x[lane] - p.centre[0] - p.velocity[0] * rays.time_s
        v[1] = rays.from_y[lane] + t * rays.y[lane] - p.centre[1] - p.velocity[1] * rays.time_s
        v[2] = rays.from_z[lane] + t * rays.z[lane] - p.centre[2] - p.velocity[2] * rays.time_s
        to_body(p, v, at)
        out.value[lane] += reflectors(p, at)


cdef inline void shade(const Window* w, const Profile* profile, const Primitive* primitives, const Lanes* lanes,
                       const Rays* rays, const Met* met, Column* out) noexcept nogil:
    cdef int k, lane, which
    for k in range(0, 8 * lanes.blocks, 8):
        store_whole8(out.primitive + k, load_whole8(met.primitive + k))
        store8(out.range + k, load8(met.range + k))
        if not any8(less8(load8(met.range + k), all8(FAR_M))):
            continue                # of nothing nobody asks how bright it is
        for lane in range(k, k + 8):
            which = met.primitive[lane]
            if which == -1:
                shade_ground(w, profile, met, lane, out)
            elif which >= 0:
                shade_body(primitives + which, rays, met, lane, out)
            else:
                out.value[lane] = 0
