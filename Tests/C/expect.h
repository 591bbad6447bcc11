/* Expectations of the test in C. */
#ifndef IRKIT_EXPECT_H
#define IRKIT_EXPECT_H

#include <irkit.h>
#include <stdio.h>

#define EXPECT(condition) \
  do { \
    if (!(condition)) { \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      failures++; \
    } \
  } while (0)

extern int failures;

/* The status of a call that must fail with these words in its reason. */
irkit_status refused(irkit_status status, char **error, const char *words);

struct calls {
  int count, end_at;
  /* The different shares that were told. */
  int shares;
  double last;
};

/* Counts the calls of a progress callback in a `struct calls`, and ends the work at one of them. */
int count_calls(void *calls, double done);

void test_restorers(const char *model);

#endif
