#include "parallel.h"

#include <assert.h>

// Declared here because clang does not find Debian's omp.h.
int omp_get_thread_num(void);

void ir_parallel_for(size_t count, int threads, ir_task task, const void *context) {
  assert(threads >= 1);
  if ((size_t)threads > count) threads = (int)count;
  if (threads <= 1) {
    for (size_t i = 0; i < count; i++) task(context, i, 0);
    return;
  }
  size_t next = 0;
#pragma omp parallel num_threads(threads)
  {
    int thread = omp_get_thread_num();
    for (;;) {
      size_t i = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
      if (i >= count) break;
      task(context, i, thread);
    }
  }
}

int omp_get_num_procs(void);

int ir_available_processors(void) { return omp_get_num_procs(); }
