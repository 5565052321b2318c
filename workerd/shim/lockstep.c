// Lockstep: the process runs until its event loop has nothing to do, tells the driver so, and blocks until the driver says what
// time it is now. Meanwhile the driver has written what comes next into its sockets. Nothing is polled and nothing sleeps.
//
//   process -> driver   {kind: 0 idle, else `enum what`; now; next timer; number of the point}
//   driver -> process   {now; what the wall clock shows at time 0; the next point at which to stand still}

#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// Above what a program of one event loop opens, so that no descriptor of its own is another number than without the shim.
#define DESCRIPTOR 900

// The exit code of a process whose driver is gone.
#define ABANDONED 99

static int driver = -1;
static int64_t points, stop_at;

long direct(long number, long a, long b, long c, long d, long e, long f) {
  static long (*real)(long, ...);
  if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  return real(number, a, b, c, d, e, f);
}

bool is_main_thread(void) {
  static __thread int known; // 0 unknown, 1 main, 2 another
  if (!known) known = DIRECT(SYS_gettid, 0, 0, 0, 0) == DIRECT(SYS_getpid, 0, 0, 0, 0) ? 1 : 2;
  return known == 1;
}

int64_t setting(const char *name) {
  const char *value = getenv(name);
  return value ? strtoll(value, NULL, 10) : 0;
}

bool is_driven(void) { return driver >= 0 && is_main_thread(); }
int driver_descriptor(void) { return driver; }

// Reads or writes all of it: without a driver there is no time, and the process has no reason to be.
static void transfer(bool is_write, void *bytes, size_t length) {
  for (char *at = bytes; length;) {
    long done = DIRECT(is_write ? SYS_write : SYS_read, driver, at, length, 0);
    if (done > 0) {
      at += done;
      length -= done;
    } else if (done == 0 || errno != EINTR) {
      DIRECT(SYS_exit_group, ABANDONED, 0, 0, 0);
    }
  }
}

static void stand(int64_t kind, int64_t next) {
  int64_t told[4] = {kind, now_ns(), next, points}, answer[3];
  transfer(true, told, sizeof told);
  transfer(false, answer, sizeof answer);
  stop_at = answer[2];
  set_time(answer[0], answer[1]);
}

void point(enum what what) {
  if (!is_driven()) return;
  points++;
  if (points >= stop_at) stand(what, next_timer_ns());
}

__attribute__((constructor)) static void attach(void) {
  const char *path = getenv("REVEILLE_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (!path || strlen(path) >= sizeof address.sun_path) return;
  memcpy(address.sun_path, path, strlen(path));
  int fd = DIRECT(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0);
  if (fd < 0 || DIRECT(SYS_connect, fd, &address, sizeof address, 0) < 0) DIRECT(SYS_exit_group, ABANDONED, 0, 0, 0);
  driver = DIRECT(SYS_fcntl, fd, F_DUPFD_CLOEXEC, DESCRIPTOR, 0);
  DIRECT(SYS_close, fd, 0, 0, 0);
  stop_at = setting("REVEILLE_STOP_AT");
  // Object code that loops for ever does not outlive the driver either.
  DIRECT(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
}

static int wait(int epoll, struct epoll_event *events, int most, int timeout_ms, const sigset_t *mask) {
  if (!is_driven()) return direct(SYS_epoll_pwait, epoll, (long)events, most, timeout_ms, (long)mask, 8);
  int64_t end = timeout_ms < 0 ? INT64_MAX : now_ns() + timeout_ms * 1000000LL;
  for (;;) {
    int count = direct(SYS_epoll_pwait, epoll, (long)events, most, 0, (long)mask, 8);
    if (count != 0 || now_ns() >= end) return count;
    int64_t next = next_timer_ns();
    stand(0, end < next ? end : next);
  }
}

REPLACES int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms) {
  return wait(epoll, events, most, timeout_ms, NULL);
}

// Releases of the runtime before 2026 call this one.
REPLACES int epoll_pwait(int epoll, struct epoll_event *events, int most, int timeout_ms, const sigset_t *mask) {
  return wait(epoll, events, most, timeout_ms, mask);
}
