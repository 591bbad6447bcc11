#define _GNU_SOURCE
#include "parallel.h"

#include <assert.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ir_operators.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IR_POSIX_THREADS 1
#endif
#endif

// A team is one OpenMP region for all loops of a program. A loop is opened by the leader; followers
// enter it as long as it is open. The leader works too, closes the loop when no task is left, and
// waits for those inside alone: a follower that the system has put aside costs no time.
enum {
  // Pauses between two looks at the clock.
  PAUSES = 32,
  // Nanoseconds that a thread waits before it sleeps: longer than most steps that one thread does alone,
  // and many times as long as a virtual machine takes to wake a processor.
  LONG_WAIT = 1000 * 1000,
  // The same while other processes want its processor.
  SHORT_WAIT = 15 * 1000,
  // They do when the system takes processors away so often, for each thread in a window of so many
  // nanoseconds, and for some time after.
  OFTEN = 5,
  WINDOW = 100 * 1000 * 1000,
  CONTENTION = 500 * 1000 * 1000,
  // Nanoseconds between two questions whether to go on.
  ASKING = 10 * 1000 * 1000,
};

/// Set in `inside` while followers may enter.
static const unsigned OPEN = 1u << 30;

/// The question whether the work goes on, which the leader asks.
struct watch {
  bool (*goes_on)(void *context);
  void *context;
  long long asked;
  atomic_bool ended;
};

struct loop {
  size_t count;
  int threads;
  ir_task task;
  const void *context;
  atomic_size_t next;
  atomic_int entered;
};

struct team {
  struct watch *watch;
  int threads;
  /// Written by the leader while no follower is inside.
  struct loop *loop;
  /// Counts what followers have to look at: loops, and the end.
  _Alignas(64) atomic_uint generation;
  atomic_uint sleepers;
  atomic_bool ended;
  /// The number of followers in the loop, and OPEN.
  _Alignas(64) atomic_uint inside;
  atomic_bool leader_sleeps;
};

/// The team that this thread leads.
static _Thread_local struct team *led;
/// The watch over this thread's work, and whether this thread asks.
static _Thread_local struct watch *watch;
static _Thread_local bool asks;

static void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void sleep_while(atomic_uint *word, unsigned value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(atomic_uint *word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static long long time_of(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/// Whether the system often takes processors away from this process of so many working threads, for other
/// processes or at the end of a quota.
static bool is_contended(int threads, long long now) {
  static _Thread_local long switches;
  static _Thread_local long long since;
  static _Thread_local long long contended_until;
  struct rusage usage;
  if (now - since >= WINDOW && !getrusage(RUSAGE_SELF, &usage)) {
    const long taken = usage.ru_nivcsw - switches;
    if (taken * WINDOW >= OFTEN * threads * (now - since)) contended_until = now + CONTENTION;
    switches = usage.ru_nivcsw;
    since = now;
  }
  return now < contended_until;
}

/// Waits without sleeping until `word` is `value`, or until it is not; false when that takes too long.
static bool spin(int threads, atomic_uint *word, unsigned value, bool is_equal) {
  const long long start = time_of(CLOCK_MONOTONIC);
  for (bool is_patient = false;;) {
    for (int i = 0; i < PAUSES; i++) {
      if ((atomic_load(word) == value) == is_equal) return true;
      pause_briefly();
    }
    const long long now = time_of(CLOCK_MONOTONIC);
    if (now - start >= LONG_WAIT) return false;
    if (is_patient || now - start < SHORT_WAIT) continue;
    if (is_contended(threads, now)) return false;
    is_patient = true;
  }
}

bool ir_is_ended(void) {
  if (!watch) return false;
  if (asks && !atomic_load_explicit(&watch->ended, memory_order_relaxed)) {
    const long long time = time_of(CLOCK_MONOTONIC_COARSE);
    if (time - watch->asked >= ASKING) {
      watch->asked = time;
      if (!watch->goes_on(watch->context)) atomic_store(&watch->ended, true);
    }
  }
  return atomic_load_explicit(&watch->ended, memory_order_relaxed);
}

static void work(struct loop *loop, int thread) {
  while (!ir_is_ended()) {
    size_t i = atomic_fetch_add_explicit(&loop->next, 1, memory_order_relaxed);
    if (i >= loop->count) break;
    loop->task(loop->context, i, thread);
  }
}

/// The value of `generation` once it is not `seen`.
static unsigned next_generation(struct team *team, unsigned seen) {
  if (spin(team->threads, &team->generation, seen, false)) return atomic_load(&team->generation);
  unsigned now;
  atomic_fetch_add(&team->sleepers, 1);
  while ((now = atomic_load(&team->generation)) == seen) sleep_while(&team->generation, seen);
  atomic_fetch_sub(&team->sleepers, 1);
  return now;
}

static void follow(struct team *team) {
  unsigned seen = 0;
  watch = team->watch;
  for (;;) {
    seen = next_generation(team, seen);
    if (atomic_load(&team->ended)) break;
    unsigned inside = atomic_load(&team->inside);
    while ((inside & OPEN) && !atomic_compare_exchange_weak(&team->inside, &inside, inside + 1)) {}
    if (!(inside & OPEN)) continue;
    int thread = atomic_fetch_add(&team->loop->entered, 1);
    if (thread < team->loop->threads) work(team->loop, thread);
    bool is_last = atomic_fetch_sub(&team->inside, 1) == 1;
    if (is_last && atomic_load(&team->leader_sleeps)) wake(&team->inside, 1);
  }
  watch = NULL;
}

static void announce(struct team *team, int count) {
  atomic_fetch_add(&team->generation, 1);
  if (atomic_load(&team->sleepers)) wake(&team->generation, count);
}

static void share(struct team *team, struct loop *loop) {
  team->loop = loop;
  atomic_store(&team->inside, OPEN);
  announce(team, loop->threads - 1);
  work(loop, 0);
  atomic_fetch_and(&team->inside, ~OPEN);
  if (spin(team->threads, &team->inside, 0, true)) return;
  unsigned inside;
  atomic_store(&team->leader_sleeps, true);
  while ((inside = atomic_load(&team->inside))) sleep_while(&team->inside, inside);
  atomic_store(&team->leader_sleeps, false);
}

static void lead(struct team *team, void (*body)(void *context), void *context) {
  led = team;
  body(context);
  led = NULL;
  atomic_store(&team->ended, true);
  announce(team, INT_MAX);
}

#ifdef IR_POSIX_THREADS
// ThreadSanitizer follows POSIX threads; OpenMP's runtime, which it does not see into, would be all false
// alarms.
#include <pthread.h>
#include <stdlib.h>

static void *start(void *team) {
  follow(team);
  return NULL;
}

static void gather(struct team *team, int threads, void (*body)(void *context), void *context) {
  pthread_t *ids = calloc((size_t)threads, sizeof *ids);
  if (!ids) abort();
  for (int i = 1; i < threads; i++) {
    if (pthread_create(&ids[i], NULL, start, team)) abort();
  }
  lead(team, body, context);
  for (int i = 1; i < threads; i++) pthread_join(ids[i], NULL);
  free(ids);
}
#else
// Declared here because clang does not find Debian's omp.h.
int omp_get_thread_num(void);
void kmp_set_blocktime(int milliseconds);

static void gather(struct team *team, int threads, void (*body)(void *context), void *context) {
  // Between two runs threads sleep at once: the processors belong to others then.
  kmp_set_blocktime(0);
#pragma omp parallel num_threads(threads)
  {
    if (omp_get_thread_num() == 0) {
      lead(team, body, context);
    } else {
      follow(team);
    }
  }
}
#endif

static void run(int threads, void (*body)(void *context), void *context) {
  assert(threads >= 1);
  if (threads == 1 || led) {
    body(context);
    return;
  }
  struct team team = {.watch = watch, .threads = threads};
  gather(&team, threads, body, context);
}

void ir_with_threads(
  int threads, void (*body)(void *context), bool (*goes_on)(void *context), void *context) {
  if (!goes_on || watch) {
    run(threads, body, context);
    return;
  }
  struct watch own = {.goes_on = goes_on, .context = context, .asked = time_of(CLOCK_MONOTONIC_COARSE)};
  watch = &own;
  asks = true;
  run(threads, body, context);
  watch = NULL;
  asks = false;
}

static void share_alone(void *loop) { share(led, loop); }

void ir_parallel_for(size_t count, int threads, ir_task task, const void *context) {
  assert(threads >= 1);
  if ((size_t)threads > count) threads = (int)count;
  if (threads <= 1) {
    for (size_t i = 0; i < count && !ir_is_ended(); i++) task(context, i, 0);
    return;
  }
  struct loop loop = {.count = count, .threads = threads, .task = task, .context = context, .entered = 1};
  if (led) {
    share(led, &loop);
  } else {
    run(threads, share_alone, &loop);
  }
}

int omp_get_num_procs(void);

int ir_available_processors(void) { return omp_get_num_procs(); }
