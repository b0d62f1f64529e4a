/* What libnvidia-ml.so.1 answers on a machine with one card: names and layouts of nvml.h, made for tests. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int gpu, memory; } utilization_t;
typedef struct {
    char legacy[16];
    unsigned int domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
} pci_t;
typedef struct { unsigned int pid; unsigned long long used; unsigned int gpu_instance, compute_instance; } process_t;

#ifndef INIT_CODE
#define INIT_CODE 0
#endif
static int card;
static const char *card_text = "x";

static int text(char *out, unsigned int size, const char *said) {
    if (size < 80) return 7;
    strcpy(out, said);
    return 0;
}
#ifndef INIT_FIRST
#define INIT_FIRST
#endif
int nvmlInit_v2(void) { INIT_FIRST; return INIT_CODE; }
int nvmlShutdown(void) { return 0; }
int nvmlSystemGetDriverVersion(char *out, unsigned int size) { return text(out, size, "550.90.07"); }
int nvmlSystemGetCudaDriverVersion_v2(int *out) { *out = 12040; return 0; }
int nvmlDeviceGetCount_v2(unsigned int *out) { *out = 1; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **out) {
    *out = &card;
    return index == 0 ? 0 : 2;
}
#define OF_CARD if (handle != &card) return 2
int nvmlDeviceGetName(void *handle, char *out, unsigned int size) { OF_CARD; return text(out, size, "NVIDIA H200"); }
int nvmlDeviceGetUUID(void *handle, char *out, unsigned int size) { OF_CARD; return text(out, size, "GPU-6f3a11"); }
int nvmlDeviceGetMemoryInfo(void *handle, memory_t *out) {
    OF_CARD;
    out->total = 150754820096ULL; out->used = 42949672960ULL; out->free = out->total - out->used;
    return 0;
}
int nvmlDeviceGetUtilizationRates(void *handle, utilization_t *out) { OF_CARD; out->gpu = 93; out->memory = 40; return 0; }
int nvmlDeviceGetTemperature(void *handle, unsigned int kind, unsigned int *out) { OF_CARD; *out = 88; return kind ? 2 : 0; }
int nvmlDeviceGetPowerUsage(void *handle, unsigned int *out) { OF_CARD; *out = 412345; return 0; }
int nvmlDeviceGetEnforcedPowerLimit(void *handle, unsigned int *out) { OF_CARD; *out = 700000; return 0; }
int nvmlDeviceGetCurrentClocksThrottleReasons(void *handle, unsigned long long *out) { OF_CARD; *out = 0x44; return 0; }
int nvmlDeviceGetTotalEccErrors(void *handle, unsigned int kind, unsigned int since, unsigned long long *out) {
    OF_CARD;
    *out = kind == 1 && since == 0 ? 5000000000ULL : 0;
    return 0;
}
int nvmlDeviceGetMigMode(void *handle, unsigned int *now, unsigned int *later) { OF_CARD; *now = 1; *later = 1; return 0; }
int nvmlDeviceGetComputeMode(void *handle, unsigned int *out) { OF_CARD; *out = 3; return 0; }
int nvmlDeviceGetPciInfo_v3(void *handle, pci_t *out) {
    OF_CARD;
    memset(out, 0, sizeof *out);
    out->domain = 0; out->bus = 0x65; out->device = 0;
    return 0;
}
int nvmlDeviceGetCurrPcieLinkWidth(void *handle, unsigned int *out) { OF_CARD; *out = 16; return 0; }
int nvmlDeviceGetMaxPcieLinkWidth(void *handle, unsigned int *out) { OF_CARD; *out = 16; return 0; }
int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned int *count, process_t *out) {
    OF_CARD;
    unsigned int room = *count;
    *count = 2;
    if (room < 2) return 7;
    memset(out, 0, 2 * sizeof *out);
    out[0].pid = 4242; out[0].used = 40802189312ULL;
    out[1].pid = 4243; out[1].used = ~0ULL;
    return 0;
}
