#include "parallel.h"

#include <assert.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IR_POSIX_THREADS 1
#endif
#endif

struct loop {
  size_t count, next;
  ir_task task;
  const void *context;
};

static void work(struct loop *loop, int thread) {
  for (;;) {
    size_t i = __atomic_fetch_add(&loop->next, 1, __ATOMIC_RELAXED);
    if (i >= loop->count) break;
    loop->task(loop->context, i, thread);
  }
}

#ifdef IR_POSIX_THREADS
// ThreadSanitizer follows POSIX threads; OpenMP's runtime, which it does not see into, would be all false alarms.
#include <pthread.h>
#include <stdlib.h>

struct worker {
  struct loop *loop;
  int thread;
  pthread_t id;
};

static void *start(void *argument) {
  struct worker *worker = argument;
  work(worker->loop, worker->thread);
  return NULL;
}

static void work_on(struct loop *loop, int threads) {
  struct worker *workers = calloc((size_t)threads, sizeof *workers);
  if (!workers) abort();
  for (int i = 1; i < threads; i++) {
    workers[i] = (struct worker){ .loop = loop, .thread = i };
    if (pthread_create(&workers[i].id, NULL, start, &workers[i])) abort();
  }
  work(loop, 0);
  for (int i = 1; i < threads; i++) pthread_join(workers[i].id, NULL);
  free(workers);
}
#else
// Declared here because clang does not find Debian's omp.h.
int omp_get_thread_num(void);

static void work_on(struct loop *loop, int threads) {
#pragma omp parallel num_threads(threads)
  work(loop, omp_get_thread_num());
}
#endif

void ir_parallel_for(size_t count, int threads, ir_task task, const void *context) {
  assert(threads >= 1);
  if ((size_t)threads > count) threads = (int)count;
  if (threads <= 1) {
    for (size_t i = 0; i < count; i++) task(context, i, 0);
    return;
  }
  struct loop loop = { .count = count, .task = task, .context = context };
  work_on(&loop, threads);
}

int omp_get_num_procs(void);

int ir_available_processors(void) { return omp_get_num_procs(); }
