/* OpenBLAS's sgemm on the shapes that "M N K" lines on standard input name: y [M, N] = x [M, K] W^T, W [N, K].
   Answers each line with the seconds of one call, after warm-up calls that do not count; the other half of sgemm.sh. */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static float *values(long count) {
    float *v = aligned_alloc(64, (size_t)((count * 4 + 63) / 64 * 64));
    if (v == NULL) {
        exit(1);
    }
    for (long i = 0; i < count; i++) {
        v[i] = 2.0f * (float)rand() / (float)RAND_MAX - 1.0f;
    }
    return v;
}

int main(void) {
    int m = 0, n = 0, k = 0, newM, newN, newK;
    float *x = NULL, *w = NULL, *y = NULL;
    while (scanf("%d %d %d", &newM, &newN, &newK) == 3) {
        if (newM != m || newN != n || newK != k) {
            m = newM, n = newN, k = newK;
            free(x), free(w), free(y);
            x = values((long)m * k), w = values((long)n * k), y = values((long)m * n);
        }
        const double warmUp = 0.025; /* as on the other side, GemmCompare.cs */
        double turn = now(), start;
        do {
            start = now();
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1.0f, x, k, w, k, 0.0f, y, n);
        } while (start - turn < warmUp);
        printf("%.9f\n", now() - start);
        fflush(stdout);
    }
    return 0;
}
