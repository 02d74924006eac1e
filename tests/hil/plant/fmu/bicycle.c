/* A bicycle model as an FMI 2.0 co-simulation slave, for the test of the adapter: reals only, one instance after the other. */
#include <math.h>
#include <stdlib.h>

typedef void *Component;
typedef unsigned int Reference;
typedef int Status;

enum { ANGLE, ACCELERATION, GRADE, X, Y, YAW, SPEED, X_START, Y_START, YAW_START, SPEED_START, COUNT };
#define WHEELBASE 3.8
#ifndef FAILS_AT_S
#define FAILS_AT_S 0.0 /* never; below 0: as it is initialised */
#endif

const char *fmi2GetTypesPlatform(void) { return "default"; }
const char *fmi2GetVersion(void) { return "2.0"; }

Component fmi2Instantiate(const char *name, int type, const char *guid, const char *resources, const void *callbacks, int visible,
                          int logging) {
    (void)name, (void)type, (void)guid, (void)resources, (void)callbacks, (void)visible, (void)logging;
    return calloc(COUNT, sizeof(double));
}
void fmi2FreeInstance(Component c) { free(c); }
Status fmi2SetDebugLogging(Component c, int on, size_t n, const char *const *categories) {
    (void)c, (void)on, (void)n, (void)categories;
    return 0;
}
Status fmi2SetupExperiment(Component c, int defined, double tolerance, double start, int has_stop, double stop) {
    (void)c, (void)defined, (void)tolerance, (void)start, (void)has_stop, (void)stop;
    return 0;
}
Status fmi2EnterInitializationMode(Component c) { (void)c; return 0; }
Status fmi2ExitInitializationMode(Component c) {
    double *v = c;
    for (int k = 0; k < 4; k++) v[X + k] = v[X_START + k];
    return FAILS_AT_S < 0.0 ? 3 : 0;
}
Status fmi2Terminate(Component c) { (void)c; return 0; }
Status fmi2Reset(Component c) { (void)c; return 0; }
Status fmi2SetReal(Component c, const Reference *which, size_t n, const double *values) {
    for (size_t k = 0; k < n; k++) ((double *)c)[which[k]] = values[k];
    return 0;
}
Status fmi2GetReal(Component c, const Reference *which, size_t n, double *values) {
    for (size_t k = 0; k < n; k++) values[k] = ((double *)c)[which[k]];
    return 0;
}
Status fmi2DoStep(Component c, double time, double step, int no_set_state) {
    double *v = c;
    (void)no_set_state;
    if (FAILS_AT_S > 0.0 && time > FAILS_AT_S - 1e-9) return 3; /* error */
    v[SPEED] += (v[ACCELERATION] - 9.80665 * sin(v[GRADE])) * step;
    v[YAW] += v[SPEED] * tan(v[ANGLE]) / WHEELBASE * step;
    v[X] += v[SPEED] * cos(v[YAW]) * step;
    v[Y] += v[SPEED] * sin(v[YAW]) * step;
    return 0;
}

/* What the standard wants a library to have, and nobody calls here. */
#define UNUSED(name) Status name(void) { return 3; }
UNUSED(fmi2GetInteger) UNUSED(fmi2GetBoolean) UNUSED(fmi2GetString)
UNUSED(fmi2SetInteger) UNUSED(fmi2SetBoolean) UNUSED(fmi2SetString)
UNUSED(fmi2GetFMUstate) UNUSED(fmi2SetFMUstate) UNUSED(fmi2FreeFMUstate)
UNUSED(fmi2SerializedFMUstateSize) UNUSED(fmi2SerializeFMUstate) UNUSED(fmi2DeSerializeFMUstate)
UNUSED(fmi2GetDirectionalDerivative) UNUSED(fmi2SetRealInputDerivatives) UNUSED(fmi2GetRealOutputDerivatives)
UNUSED(fmi2CancelStep) UNUSED(fmi2GetStatus) UNUSED(fmi2GetRealStatus) UNUSED(fmi2GetIntegerStatus)
UNUSED(fmi2GetBooleanStatus) UNUSED(fmi2GetStringStatus)
