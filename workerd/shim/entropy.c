// Entropy: one stream for the thread of the event loop and one for each kind of other thread, all from the driver's seed. Without
// it V8 would hash, shuffle and number otherwise in every process.

#include "shim.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

// xorshift64; never of state 0.
void fill(void *bytes, size_t length) {
  static __thread uint64_t state;
  if (!state) {
    uint64_t seed = (uint64_t)setting("REVEILLE_SEED") * 0x9E3779B97F4A7C15ULL + (is_main_thread() ? 1 : 77);
    state = seed ? seed : 1;
  }
  for (unsigned char *at = bytes; length--; at++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    *at = state >> 32;
  }
}

REPLACES ssize_t getrandom(void *bytes, size_t length, unsigned flags) {
  (void)flags;
  fill(bytes, length);
  return length;
}

REPLACES int getentropy(void *bytes, size_t length) {
  fill(bytes, length);
  return 0;
}

// BoringSSL asks the kernel past getrandom.
REPLACES long syscall(long number, ...) {
  va_list list;
  long given[6];
  va_start(list, number);
  for (int i = 0; i < 6; i++) given[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_getrandom) {
    fill((void *)given[0], given[1]);
    return given[1];
  }
  return direct(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

// V8 seeds Math.random from /dev/urandom: whoever opens that gets a file of so many bytes of the stream.
#define URANDOM_BYTES 65536

static int urandom(const char *path) {
  if (strcmp(path, "/dev/urandom") != 0) return -1;
  char bytes[URANDOM_BYTES];
  fill(bytes, sizeof bytes);
  int fd = DIRECT(SYS_memfd_create, "urandom", 1, 0, 0);
  DIRECT(SYS_pwrite64, fd, bytes, sizeof bytes, 0);
  return fd;
}

REPLACES FILE *fopen(const char *path, const char *mode) {
  static FILE *(*real)(const char *, const char *);
  if (!real) real = (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, "fopen");
  int fd = urandom(path);
  return fd >= 0 ? fdopen(fd, "r") : real(path, mode);
}

static int opened(int folder, const char *path, int flags, int mode) {
  int fd = urandom(path);
  return fd >= 0 ? fd : (int)DIRECT(SYS_openat, folder, path, flags, mode);
}

// The mode is there only with O_CREAT; read without it, it is passed on to where nobody looks at it.
#define OPENS(name, folder, ...)                                                                                           \
  REPLACES int name(__VA_ARGS__ const char *path, int flags, ...) {                                                        \
    va_list list;                                                                                                          \
    va_start(list, flags);                                                                                                 \
    int mode = va_arg(list, int);                                                                                          \
    va_end(list);                                                                                                          \
    return opened(folder, path, flags, mode);                                                                              \
  }
#define OF_FOLDER int folder,
OPENS(open, AT_FDCWD, )
OPENS(open64, AT_FDCWD, )
OPENS(openat, folder, OF_FOLDER)
OPENS(openat64, folder, OF_FOLDER)
