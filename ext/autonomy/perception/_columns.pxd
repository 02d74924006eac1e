# Loops over columns of points that the compiler makes into vector code: without branches, and told that columns do not overlap.
cdef extern from *:
    """
    #include <math.h>

    /* -O2 alone makes vector code only of loops whose length it knows; none of these options changes a value */
    #if defined(__GNUC__) && !defined(__clang__)
    #define VECTOR_LOOP __attribute__((optimize("O3", "no-math-errno", "no-trapping-math", "fp-contract=off")))
    #else
    #define VECTOR_LOOP
    #endif

    /* range in the plane, and the diamond angle in sectors from -y on counter-clockwise */
    VECTOR_LOOP static void polar(const float* restrict x, const float* restrict y, int count, float sectors,
                                  float* restrict range_m, float* restrict corner) {
        const float quarter = 0.25f * sectors;
        for (int i = 0; i < count; i++) {
            const float u = x[i], v = y[i];
            const float across = v / (fabsf(u) + fabsf(v));
            const float ahead = 1.0f + across, behind = 3.0f - across;
            range_m[i] = sqrtf(u * u + v * v);
            corner[i] = (u >= 0.0f ? ahead : behind) * quarter;
        }
    }

    /* cube of each point as one number, 0 beyond 1024 cubes across or 512 up and down */
    VECTOR_LOOP static void cubes(const float* restrict x, const float* restrict y, const float* restrict z, int count,
                                  float per_m, unsigned int* restrict key) {
        for (int i = 0; i < count; i++) {
            const float u = x[i] * per_m + 1024.0f, v = y[i] * per_m + 1024.0f, w = z[i] * per_m + 512.0f;
            const int inside = (u >= 0.0f) & (u < 2047.0f) & (v >= 0.0f) & (v < 2048.0f) & (w >= 0.0f) & (w < 1024.0f);
            const int a = (int)(inside ? u : 0.0f), b = (int)(inside ? v : 0.0f), c = (int)(inside ? w : 0.0f);
            key[i] = inside ? (((unsigned int)a << 21) | ((unsigned int)b << 10) | (unsigned int)c) + 1u : 0u;
        }
    }

    /* height above the line of each point's bin, and its label: 1 ground, 5 below, 0 above; returns how many are ground */
    VECTOR_LOOP static int above_lines(const float* restrict z, const float* restrict range_m,
                                       const unsigned short* restrict bin, const float* restrict base,
                                       const float* restrict slope, int count, float above, float share, float steep,
                                       float most, float below, float* restrict height, unsigned char* restrict label) {
        int found = 0;
        for (int i = 0; i < count; i++) {
            const float tilt = slope[bin[i]], h = z[i] - base[bin[i]] - tilt * range_m[i];
            const float wide = above + share * range_m[i] + steep * fabsf(tilt), limit = wide < most ? wide : most;
            const int is_ground = (h < limit) & (h >= below);
            height[i] = h;
            label[i] = (unsigned char)(is_ground + 5 * (h < below));
            found += is_ground;
        }
        return found;
    }
    """
    void polar(const float* x, const float* y, int count, float sectors, float* range_m, float* corner) noexcept nogil
    void cubes(const float* x, const float* y, const float* z, int count, float per_m, unsigned int* key) noexcept nogil
    int above_lines(const float* z, const float* range_m, const unsigned short* bin, const float* base, const float* slope,
                    int count, float above, float share, float steep, float most, float below, float* height,
                    unsigned char* label) noexcept nogil
