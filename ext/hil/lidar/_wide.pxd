# Eight floats or integers at once by the compiler's vector types, without intrinsics: the same bits on every machine of a family.
#
# Cython takes `float8` for a float and `whole8` for an int and writes plain C operators, which C applies to each of the eight.
# Division is a function, because Cython would convert a scalar before it, and so are comparisons, because Cython would take their
# result for a truth value. A mask is a `whole8` of 0 and -1.
cdef extern from *:
    """
    typedef float float8 __attribute__((vector_size(32)));
    typedef float float8_unaligned __attribute__((vector_size(32), aligned(4)));
    typedef int whole8 __attribute__((vector_size(32)));
    typedef int whole8_unaligned __attribute__((vector_size(32), aligned(4)));
    typedef unsigned int word8 __attribute__((vector_size(32)));

    static inline float8 load8(const float* from) { return *(const float8_unaligned*)from; }
    static inline void store8(float* to, float8 value) { *(float8_unaligned*)to = value; }
    static inline whole8 load_whole8(const int* from) { return *(const whole8_unaligned*)from; }
    static inline void store_whole8(int* to, whole8 value) { *(whole8_unaligned*)to = value; }
    static inline float8 all8(float a) { return (float8){a, a, a, a, a, a, a, a}; }
    static inline whole8 all_whole8(int a) { return (whole8){a, a, a, a, a, a, a, a}; }
    static inline whole8 less8(float8 a, float8 b) { return a < b; }
    static inline whole8 unlike8(whole8 a, whole8 b) { return a != b; }
    static inline whole8 both8(whole8 a, whole8 b) { return a & b; }
    static inline whole8 either8(whole8 a, whole8 b) { return a | b; }
    static inline whole8 not8(whole8 a) { return ~a; }
    static inline float8 choose8(whole8 mask, float8 a, float8 b) {
        float8 r;
        for (int i = 0; i < 8; i++) r[i] = mask[i] ? a[i] : b[i];
        return r;
    }
    static inline whole8 choose_whole8(whole8 mask, whole8 a, whole8 b) { return (a & mask) | (b & ~mask); }
    static inline float8 smaller8(float8 a, float8 b) {
        float8 r;
        for (int i = 0; i < 8; i++) r[i] = a[i] < b[i] ? a[i] : b[i];
        return r;
    }
    static inline float8 larger8(float8 a, float8 b) {
        float8 r;
        for (int i = 0; i < 8; i++) r[i] = a[i] > b[i] ? a[i] : b[i];
        return r;
    }
    static inline float8 divide8(float8 a, float8 b) { return a / b; }
    static inline float8 size8(float8 a) { return (float8)((whole8)a & 0x7fffffff); }
    static inline void store_bytes8(unsigned char* to, whole8 value) {
        for (int i = 0; i < 8; i++) to[i] = (unsigned char)value[i];
    }

    /* Where a ray from o along d comes into -half .. half and leaves it; in both the same quotients, taken once */
    static inline float8 enter8(float8 d, float8 o, float half) {
        const float8 inverse = 1.0f / d, middle = -o * inverse, reach = half * size8(inverse);
        return middle - reach;
    }
    static inline float8 leave8(float8 d, float8 o, float half) {
        const float8 inverse = 1.0f / d, middle = -o * inverse, reach = half * size8(inverse);
        return middle + reach;
    }
    static inline whole8 truncate8(float8 a) { return __builtin_convertvector(a, whole8); }
    static inline float8 floats8(whole8 a) { return __builtin_convertvector(a, float8); }
    static inline whole8 clip8(whole8 a, int high) {  /* to 0 .. high */
        whole8 r;
        for (int i = 0; i < 8; i++) { int b = a[i] > 0 ? a[i] : 0; r[i] = b < high ? b : high; }
        return r;
    }
    static inline float pick8(float8 a, int i) { return a[i]; }
    static inline int any8(whole8 mask) {
        typedef long long long4 __attribute__((vector_size(32)));
        const long4 a = (long4)mask;
        return ((a[0] | a[2]) | (a[1] | a[3])) != 0;
    }
    static inline int count8(whole8 mask) {
        int sum = 0;
        for (int i = 0; i < 8; i++) sum -= mask[i];
        return sum;
    }

    /* Eight rows of eight floats, each row aligned to 32 bytes, as eight columns */
    static inline void columns8(const float* table, whole8 row, float8* out) {
        const whole8 low = {0, 8, 1, 9, 4, 12, 5, 13}, high = {2, 10, 3, 11, 6, 14, 7, 15};
        const whole8 first = {0, 1, 8, 9, 4, 5, 12, 13}, second = {2, 3, 10, 11, 6, 7, 14, 15};
        const whole8 front = {0, 1, 2, 3, 8, 9, 10, 11}, back = {4, 5, 6, 7, 12, 13, 14, 15};
        float8 r[8], a[8], b[8];
    #pragma GCC unroll 8
        for (int i = 0; i < 8; i++) r[i] = *(const float8*)(table + 8 * (long)row[i]);
    #pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            a[2 * i] = __builtin_shuffle(r[2 * i], r[2 * i + 1], low);
            a[2 * i + 1] = __builtin_shuffle(r[2 * i], r[2 * i + 1], high);
        }
    #pragma GCC unroll 2
        for (int i = 0; i < 2; i++) {
            b[4 * i] = __builtin_shuffle(a[4 * i], a[4 * i + 2], first);
            b[4 * i + 1] = __builtin_shuffle(a[4 * i], a[4 * i + 2], second);
            b[4 * i + 2] = __builtin_shuffle(a[4 * i + 1], a[4 * i + 3], first);
            b[4 * i + 3] = __builtin_shuffle(a[4 * i + 1], a[4 * i + 3], second);
        }
    #pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            out[i] = __builtin_shuffle(b[i], b[i + 4], front);
            out[i + 4] = __builtin_shuffle(b[i], b[i + 4], back);
        }
    }

    /* A number that nobody foresees from a counter, 32 bits: the integer hash "lowbias32" (Wellons 2018, public domain) */
    static inline word8 hashed8(word8 x) {
        x ^= x >> 16;
        x *= 0x7feb352dU;
        x ^= x >> 15;
        x *= 0x846ca68bU;
        return x ^ (x >> 16);
    }
    static inline unsigned int hashed(unsigned int x) {
        x ^= x >> 16;
        x *= 0x7feb352dU;
        x ^= x >> 15;
        x *= 0x846ca68bU;
        return x ^ (x >> 16);
    }
    static inline word8 counter8(unsigned int from) {
        return (word8){0, 1, 2, 3, 4, 5, 6, 7} + from;
    }
    static inline float8 share8(word8 h) {  /* 0 .. 1 */
        return __builtin_convertvector((whole8)(h >> 8), float8) * 5.9604645e-8f;
    }
    /* Sum of four bytes, as near to a normal deviate as a lidar's noise: mean 0, deviation 1, never beyond 3.45 */
    static inline float8 normal8(word8 h) {
        const word8 sum = (h & 255) + ((h >> 8) & 255) + ((h >> 16) & 255) + (h >> 24);
        return (__builtin_convertvector((whole8)sum, float8) - 510.0f) * (1.0f / 147.80f);
    }
    /* Sum of two bytes: a triangle, mean 0, deviation 1; of the low and of the high half of h */
    static inline float8 low_triangle8(word8 h) {
        const word8 sum = (h & 255) + ((h >> 8) & 255);
        return (__builtin_convertvector((whole8)sum, float8) - 255.0f) * (1.0f / 104.51f);
    }
    static inline float8 high_triangle8(word8 h) {
        const word8 sum = ((h >> 16) & 255) + (h >> 24);
        return (__builtin_convertvector((whole8)sum, float8) - 255.0f) * (1.0f / 104.51f);
    }
    """
    ctypedef float float8
    ctypedef int whole8
    ctypedef unsigned int word8
    float8 load8(const float*) noexcept nogil
    void store8(float*, float8) noexcept nogil
    whole8 load_whole8(const int*) noexcept nogil
    void store_bytes8(unsigned char*, whole8) noexcept nogil
    void store_whole8(int*, whole8) noexcept nogil
    float8 all8(float) noexcept nogil
    whole8 all_whole8(int) noexcept nogil
    whole8 less8(float8, float8) noexcept nogil
    whole8 unlike8(whole8, whole8) noexcept nogil
    whole8 both8(whole8, whole8) noexcept nogil
    whole8 either8(whole8, whole8) noexcept nogil
    whole8 not8(whole8) noexcept nogil
    float8 choose8(whole8, float8, float8) noexcept nogil
    whole8 choose_whole8(whole8, whole8, whole8) noexcept nogil
    float8 smaller8(float8, float8) noexcept nogil
    float8 larger8(float8, float8) noexcept nogil
    float8 divide8(float8, float8) noexcept nogil
    float8 enter8(float8, float8, float) noexcept nogil
    float8 leave8(float8, float8, float) noexcept nogil
    float8 size8(float8) noexcept nogil
    whole8 truncate8(float8) noexcept nogil
    float8 floats8(whole8) noexcept nogil
    whole8 clip8(whole8, int) noexcept nogil
    float pick8(float8, int) noexcept nogil
    int any8(whole8) noexcept nogil
    int count8(whole8) noexcept nogil
    void columns8(const float*, whole8, float8*) noexcept nogil
    word8 hashed8(word8) noexcept nogil
    unsigned int hashed(unsigned int) noexcept nogil
    word8 counter8(unsigned int) noexcept nogil
    float8 share8(word8) noexcept nogil
    float8 normal8(word8) noexcept nogil
    float8 low_triangle8(word8) noexcept nogil
    float8 high_triangle8(word8) noexcept nogil
