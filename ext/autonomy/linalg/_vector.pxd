# Four doubles at once by the compiler's vector types, without intrinsics: the order of every sum is the one written here.
#
# Cython takes `double4` for a double and writes plain C operators, which C applies to each of the four.
cdef extern from *:
    """
    typedef double double4 __attribute__((vector_size(32)));
    typedef double double4_unaligned __attribute__((vector_size(32), aligned(8)));
    typedef long long long4 __attribute__((vector_size(32)));

    static inline double4 load4(const double* from) { return *(const double4_unaligned*)from; }
    static inline void store4(double* to, double4 value) { *(double4_unaligned*)to = value; }
    static inline double4 all4(double value) { return (double4){value, value, value, value}; }
    static inline double4 smaller4(double4 a, double4 b) {
        const long4 first = a < b;
        return (double4)(((long4)a & first) | ((long4)b & ~first));
    }
    static inline double sum4(double4 a) { return (a[0] + a[1]) + (a[2] + a[3]); }
    static inline double least4(double4 a) {
        const double low = a[0] < a[1] ? a[0] : a[1], high = a[2] < a[3] ? a[2] : a[3];
        return low < high ? low : high;
    }

    /* out = a b, 8 x 8, row-major; out must not be a or b */
    static inline void multiply_8x8(const double* a, const double* b, double* out) {
        for (int i = 0; i < 8; i++) {
            double4 low = all4(a[8 * i]) * load4(b), high = all4(a[8 * i]) * load4(b + 4);
    #pragma GCC unroll 8
            for (int k = 1; k < 8; k++) {
                const double4 factor = all4(a[8 * i + k]);
                low += factor * load4(b + 8 * k);
                high += factor * load4(b + 8 * k + 4);
            }
            store4(out + 8 * i, low);
            store4(out + 8 * i + 4, high);
        }
    }

    /* out = a' b, 8 x 8 */
    static inline void multiply_transposed_8x8(const double* a, const double* b, double* out) {
        for (int i = 0; i < 8; i++) {
            double4 low = all4(a[i]) * load4(b), high = all4(a[i]) * load4(b + 4);
    #pragma GCC unroll 8
            for (int k = 1; k < 8; k++) {
                const double4 factor = all4(a[8 * k + i]);
                low += factor * load4(b + 8 * k);
                high += factor * load4(b + 8 * k + 4);
            }
            store4(out + 8 * i, low);
            store4(out + 8 * i + 4, high);
        }
    }

    /* out = a b, 12 x 12 */
    static inline void multiply_12x12(const double* a, const double* b, double* out) {
        for (int i = 0; i < 12; i++) {
            double4 low = all4(0.0), middle = low, high = low;
    #pragma GCC unroll 4
            for (int k = 0; k < 12; k++) {
                const double4 factor = all4(a[12 * i + k]);
                low += factor * load4(b + 12 * k);
                middle += factor * load4(b + 12 * k + 4);
                high += factor * load4(b + 12 * k + 8);
            }
            store4(out + 12 * i, low);
            store4(out + 12 * i + 4, middle);
            store4(out + 12 * i + 8, high);
        }
    }

    /* out = a' x, 8 x 8: rows of a weighted by x; out must not be x */
    static inline void weighted_rows_8(const double* a, const double* x, double* out) {
        double4 low = all4(x[0]) * load4(a), high = all4(x[0]) * load4(a + 4);
        double4 low_odd = all4(x[1]) * load4(a + 8), high_odd = all4(x[1]) * load4(a + 12);
    #pragma GCC unroll 3
        for (int k = 2; k < 8; k += 2) {
            low += all4(x[k]) * load4(a + 8 * k);
            high += all4(x[k]) * load4(a + 8 * k + 4);
            low_odd += all4(x[k + 1]) * load4(a + 8 * k + 8);
            high_odd += all4(x[k + 1]) * load4(a + 8 * k + 12);
        }
        store4(out, low + low_odd);
        store4(out + 4, high + high_odd);
    }

    static inline double dot_8(const double* a, const double* b) {
        return sum4(load4(a) * load4(b) + load4(a + 4) * load4(b + 4));
    }
    """
    ctypedef double double4
    double4 load4(const double* source) noexcept nogil
    void store4(double* to, double4 value) noexcept nogil
    double4 all4(double value) noexcept nogil
    double4 smaller4(double4 a, double4 b) noexcept nogil
    double sum4(double4 a) noexcept nogil
    double least4(double4 a) noexcept nogil
    void multiply_8x8(const double* a, const double* b, double* out) noexcept nogil
    void multiply_transposed_8x8(const double* a, const double* b, double* out) noexcept nogil
    void multiply_12x12(const double* a, const double* b, double* out) noexcept nogil
    void weighted_rows_8(const double* a, const double* x, double* out) noexcept nogil
    double dot_8(const double* a, const double* b) noexcept nogil
