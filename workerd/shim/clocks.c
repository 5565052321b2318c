// Clocks and timers. Time stands still while the process runs; the driver moves it on when the process is idle.

#include "shim.h"

#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

// What the monotonic clock shows at the begin of the run. Not 0: programs take that for "no time".
#define MONOTONIC_ZERO (1000 * NS_PER_S)

static int64_t now, wall_zero;

__attribute__((constructor)) static void begin(void) {
  now = setting("REVEILLE_NOW_NS");
  wall_zero = setting("REVEILLE_WALL_ZERO_NS");
}

static bool is_wall(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }

// Clocks of processor time are the host's: nothing that the runtime tells depends on them.
static bool is_virtual(clockid_t clock) {
  return is_wall(clock) || clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE ||
         clock == CLOCK_BOOTTIME;
}

int64_t now_ns(void) { return now; }
int64_t wall_ns(void) { return wall_zero + now; }
int64_t monotonic_ns(void) { return MONOTONIC_ZERO + now; }

REPLACES int clock_gettime(clockid_t clock, struct timespec *time) {
  if (!is_virtual(clock)) return DIRECT(SYS_clock_gettime, clock, time, 0, 0);
  int64_t shown = is_wall(clock) ? wall_ns() : monotonic_ns();
  time->tv_sec = shown / NS_PER_S;
  time->tv_nsec = shown % NS_PER_S;
  return 0;
}

REPLACES int gettimeofday(struct timeval *time, void *zone) {
  (void)zone;
  time->tv_sec = wall_ns() / NS_PER_S;
  time->tv_usec = wall_ns() % NS_PER_S / 1000;
  return 0;
}

REPLACES time_t time(time_t *out) {
  time_t seconds = wall_ns() / NS_PER_S;
  if (out) *out = seconds;
  return seconds;
}

// Timers of the event loop: descriptors that become readable. The kernel's timer behind each is armed to fire at once or not at
// all, so that epoll reports it when virtual time has reached it.
#define DESCRIPTORS_MAX 1024
static struct {
  int clock;
  bool armed;
  int64_t due; // on its clock
} timers[DESCRIPTORS_MAX];
static int timers_end; // all timers are below

REPLACES int timerfd_create(clockid_t clock, int flags) {
  int fd = DIRECT(SYS_timerfd_create, clock, flags, 0, 0);
  if (fd >= 0 && fd < DESCRIPTORS_MAX) {
    timers[fd].clock = clock;
    timers[fd].armed = false;
    if (fd >= timers_end) timers_end = fd + 1;
  }
  return fd;
}

static int64_t shown_to(int fd) { return is_wall(timers[fd].clock) ? wall_ns() : monotonic_ns(); }

// One nanosecond from now, or never.
static void arm(int fd) {
  struct itimerspec setting = {{0, 0}, {0, timers[fd].due <= shown_to(fd)}};
  DIRECT(SYS_timerfd_settime, fd, 0, &setting, 0);
}

REPLACES int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old) {
  int64_t given = value->it_value.tv_sec * NS_PER_S + value->it_value.tv_nsec;
  if (fd < 0 || fd >= DESCRIPTORS_MAX) return DIRECT(SYS_timerfd_settime, fd, flags, value, old);
  timers[fd].armed = given != 0;
  if (!timers[fd].armed) return DIRECT(SYS_timerfd_settime, fd, flags, value, old);
  timers[fd].due = flags & TFD_TIMER_ABSTIME ? given : shown_to(fd) + given;
  arm(fd);
  return 0;
}

int64_t next_timer_ns(void) {
  int64_t next = INT64_MAX;
  for (int fd = 0; fd < timers_end; fd++) {
    if (!timers[fd].armed) continue;
    int64_t due = timers[fd].due - (is_wall(timers[fd].clock) ? wall_zero : MONOTONIC_ZERO);
    if (due < next) next = due;
  }
  return next;
}

void set_time(int64_t then, int64_t zero) {
  if (then == now && zero == wall_zero) return;
  if (then > now) now = then;
  wall_zero = zero;
  for (int fd = 0; fd < timers_end; fd++)
    if (timers[fd].armed) arm(fd);
}
