// What the parts of the shim share. The shim is preloaded into the runtime, whose event loop has one thread, and replaces calls of
// the C library: it is why this room has C in it, since nothing else can stand between a program that is not ours and its libc.
//
// It knows nothing of objects, requests or plans. It tells the driver where the process stands and does what the driver answers.

#ifndef REVEILLE_SHIM_H
#define REVEILLE_SHIM_H

#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

// A function that takes the place of the C library's; everything else is hidden.
#define REPLACES __attribute__((visibility("default")))

#define NS_PER_S 1000000000LL

// What the process is about to do at a point. The numbers are part of the protocol (src/lockstep.rs).
enum what { WRITE = 1, TRUNCATE, UNLINK, RENAME, SYNC, SYNCED, SEND };

// A system call, past everything that is replaced here; errno as the C library sets it.
long direct(long number, long a, long b, long c, long d, long e, long f);
#define DIRECT(number, a, b, c, d) direct(number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

// Whether this is the thread of the event loop. No other thread has points or is waited for.
bool is_main_thread(void);

// A number in the environment; 0 without it.
int64_t setting(const char *name);

// Virtual time, in nanoseconds: since the begin of the run, and what the two kinds of clocks show.
int64_t now_ns(void);
int64_t wall_ns(void);
int64_t monotonic_ns(void);
// Moves time on, never back; `wall_zero` is what the wall clock showed, or would have shown, at the begin of the run.
void set_time(int64_t now, int64_t wall_zero);
// When the next timer is due, in time since the begin of the run; INT64_MAX if there is none.
int64_t next_timer_ns(void);

// Whether there is a driver that this thread stands still for.
bool is_driven(void);
// The descriptor of the driver's socket; -1 without one.
int driver_descriptor(void);
// A moment at which the process can be told to stand still: the driver may look at its files, or kill it there.
void point(enum what);

// Fills `bytes` from the stream of this thread.
void fill(void *bytes, size_t length);

#endif
