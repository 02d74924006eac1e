# Loops over columns of points that the compiler makes into vector code: without branches, and told that columns do not overlap.
cdef extern from *:
    """
    #include <math.h>
    #include <string.h>

    /* -O2 alone makes vector code only of loops whose length it knows; none of these options changes a value */
    #if defined(__GNUC__) && !defined(__clang__)
    #define VECTOR_LOOP __attribute__((optimize("O3", "no-math-errno", "no-trapping-math", "fp-contract=off")))
    #else
    #define VECTOR_LOOP
    #endif

    /* range in the plane, the diamond angle in sectors from -y on counter-clockwise, and the spot: sector and quarter metre of
       the range. What is of no use (out of reach, on the vehicle itself, not finite) is in the quarter behind the last. */
    struct reach { float near_m, far_m, front_m, rear_m, side_m, highest_m; };
    enum { QUARTERS = 1024 };  /* a power of two, as sectors are */

    VECTOR_LOOP static void polar(const float* restrict x, const float* restrict y, const float* restrict z, int count,
                                  int sectors, const struct reach* restrict of, float* restrict range_m,
                                  float* restrict corner, int* restrict spot) {
        const float quarter = 0.25f * (float)sectors;
        const float near_m = of->near_m, far_m = of->far_m, front = of->front_m, rear = of->rear_m, side = of->side_m;
        const float highest = of->highest_m;
        for (int i = 0; i < count; i++) {
            const float u = x[i], v = y[i];
            const float across = v / (fabsf(u) + fabsf(v));
            const float ahead = 1.0f + across, behind = 3.0f - across;
            const float r = sqrtf(u * u + v * v), at = (u >= 0.0f ? ahead : behind) * quarter;
            const float quarters = r * 4.0f, last = (float)(QUARTERS - 1), known = at >= 0.0f ? at : 0.0f;
            const int own = (u < front) & (u > rear) & (fabsf(v) < side);
            const int inside = (r >= near_m) & (r < far_m) & (fabsf(z[i]) < highest) & !own;
            const int place = (int)(quarters < last ? quarters : last);
            range_m[i] = r;
            corner[i] = at;
            spot[i] = ((int)known & (sectors - 1)) * 2 * QUARTERS + (inside ? place : QUARTERS);
        }
    }

    /* The bin of each spot, and of each bin z and range of the lowest point, the first of equals, without a branch that would be
       guessed wrong. `reach_of` tells the bin along a sector, `reaches` and more for none; `lowest` holds pairs. */
    static inline void lowest_of(const float* restrict z, const float* restrict range_m, const int* restrict spot, int count,
                                 const int* restrict reach_of, int reaches, int nowhere, unsigned short* restrict bin,
                                 float* restrict lowest) {
        for (int i = 0; i < count; i++) {
            const unsigned int where = (unsigned int)spot[i], sector = where / (2 * QUARTERS);
            const int reach = reach_of[where % (2 * QUARTERS)], place = (int)sector * reaches + reach;
            const int at = reach < reaches ? place : nowhere;
            float mine[2] = {z[i], range_m[i]};
            float* theirs = lowest + 2 * at;
            unsigned long long a, b, mask;
            bin[i] = (unsigned short)at;
            memcpy(&a, mine, 8);
            memcpy(&b, theirs, 8);
            mask = -(unsigned long long)(mine[0] < theirs[0]);
            b ^= (a ^ b) & mask;
            memcpy(theirs, &b, 8);
        }
    }

    /* x, y, z by a pose (rotation by rows, position), in place */
    VECTOR_LOOP static void transform(float* restrict x, float* restrict y, float* restrict z, int count,
                                      const float* restrict pose) {
        const float a = pose[0], b = pose[1], c = pose[2], d = pose[3], e = pose[4], f = pose[5], g = pose[6], h = pose[7];
        const float k = pose[8], p = pose[9], q = pose[10], r = pose[11];
        for (int i = 0; i < count; i++) {
            const float u = x[i], v = y[i], w = z[i];
            x[i] = a * u + b * v + c * w + p;
            y[i] = d * u + e * v + f * w + q;
            z[i] = g * u + h * v + k * w + r;
        }
    }

    /* number of the pose of each time, in place: the nearest of `last` + 1 that are evenly apart */
    VECTOR_LOOP static void nearest_pose(int* restrict time_ns, int count, int first_ns, float per_ns, int last) {
        const float first = (float)first_ns;
        for (int i = 0; i < count; i++) {
            const int step = (int)(((float)time_ns[i] - first) * per_ns + 0.5f);
            time_ns[i] = step < last ? step : last;
        }
    }

    /* Sums of the normal equations of a plane z = p[0] + p[1] x + p[2] y under Tukey's weights: w, wx, wy, wz, wxx, wxy, wxz,
       wyy, wyz. Four at once, each added up by itself; the count is a multiple of that. */
    enum { PLANE_SUMS = 9 };
    VECTOR_LOOP static void plane_sums(const float* restrict x, const float* restrict y, const float* restrict z, int count,
                                       const double* restrict p, double width, double* restrict sums) {
        double lanes[PLANE_SUMS][4] = {{0.0}};
        for (int i = 0; i < count; i += 4) {
            for (int k = 0; k < 4; k++) {
                const double u = x[i + k], v = y[i + k], h = z[i + k];
                const double residual = (h - p[0] - p[1] * u - p[2] * v) / width, square = 1.0 - residual * residual;
                const double w = square > 0.0 ? square * square : 0.0;
                lanes[0][k] += w;
                lanes[1][k] += w * u;
                lanes[2][k] += w * v;
                lanes[3][k] += w * h;
                lanes[4][k] += w * u * u;
                lanes[5][k] += w * u * v;
                lanes[6][k] += w * u * h;
                lanes[7][k] += w * v * v;
                lanes[8][k] += w * v * h;
            }
        }
        for (int j = 0; j < PLANE_SUMS; j++)
            sums[j] = (lanes[j][0] + lanes[j][1]) + (lanes[j][2] + lanes[j][3]);
    }

    /* strip of each point of one label on the ground, -1 of the others and of those beside the grid: a strip is a tenth of a
       metre across, in a slab of a metre along */
    VECTOR_LOOP static void strips_of(const float* restrict x, const float* restrict y, const unsigned char* restrict label,
                                      int count, int wanted, float behind_m, int slabs, int strips, int* restrict place) {
        const float most_x = (float)slabs, most_y = (float)strips, middle = (float)(strips / 2);
        for (int i = 0; i < count; i++) {
            const float u = x[i] + behind_m, v = y[i] * 10.0f + middle;
            const int inside = (label[i] == wanted) & (u >= 0.0f) & (u < most_x) & (v >= 0.0f) & (v < most_y);
            place[i] = inside ? (int)(inside ? u : 0.0f) * strips + (int)(inside ? v : 0.0f) : -1;
        }
    }

    /* cell of each point of one label below the clearance, -1 of the others and of those beside the grid; returns how many of
       these lie beside it */
    VECTOR_LOOP static int cells_of(const float* restrict x, const float* restrict y, const float* restrict height,
                                    const unsigned char* restrict label, int count, int wanted, float clearance, float per_m,
                                    float behind, int columns, int rows, int* restrict place) {
        const float most_x = (float)columns, most_y = (float)rows, left = 0.5f * (float)rows;
        int beside = 0;
        for (int i = 0; i < count; i++) {
            const float u = x[i] * per_m + behind, v = y[i] * per_m + left;
            const int is_meant = (label[i] == wanted) & (height[i] < clearance);
            const int inside = is_meant & (u >= 0.0f) & (u < most_x) & (v >= 0.0f) & (v < most_y);
            place[i] = inside ? (int)(inside ? v : 0.0f) * columns + (int)(inside ? u : 0.0f) : -1;
            beside += is_meant & !inside;
        }
        return beside;
    }

    /* numbers of the points that have a place, at most so many; returns how many those are. No branch: it would be guessed wrong
       too often. */
    static inline int listed(const int* restrict place, int count, int most, int* restrict list) {
        int found = 0;
        for (int i = 0; i < count && found < most; i++) {
            list[found] = i;
            found += place[i] >= 0;
        }
        return found;
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
    ctypedef struct Reach "struct reach":
        float near_m
        float far_m
        float front_m           # of the vehicle itself
        float rear_m
        float side_m
        float highest_m

    enum: QUARTERS
    void polar(const float* x, const float* y, const float* z, int count, int sectors, const Reach* of, float* range_m,
               float* corner, int* spot) noexcept nogil
    void lowest_of(const float* z, const float* range_m, const int* spot, int count, const int* reach_of, int reaches,
                   int nowhere, unsigned short* bin, float* lowest) noexcept nogil
    void strips_of(const float* x, const float* y, const unsigned char* label, int count, int wanted, float behind_m, int slabs,
                   int strips, int* place) noexcept nogil
    int cells_of(const float* x, const float* y, const float* height, const unsigned char* label, int count, int wanted,
                 float clearance, float per_m, float behind, int columns, int rows, int* place) noexcept nogil
    int listed(const int* place, int count, int most, int* list) noexcept nogil
    void transform(float* x, float* y, float* z, int count, const float* pose) noexcept nogil
    void nearest_pose(int* time_ns, int count, int first_ns, float per_ns, int last) noexcept nogil
    enum: PLANE_SUMS
    void plane_sums(const float* x, const float* y, const float* z, int count, const double* plane, double width,
                    double* sums) noexcept nogil
    void cubes(const float* x, const float* y, const float* z, int count, float per_m, unsigned int* key) noexcept nogil
    int above_lines(const float* z, const float* range_m, const unsigned short* bin, const float* base, const float* slope,
                    int count, float above, float share, float steep, float most, float below, float* height,
                    unsigned char* label) noexcept nogil
