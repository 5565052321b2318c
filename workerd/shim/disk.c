// Points: the moments at which a crash leaves something else behind than the moment before. They are before each write, truncation,
// removal and renaming of a file, before a sync takes effect and after it, and before bytes go out to a socket.

#include "shim.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static ssize_t put(int fd, const void *bytes, size_t length, off_t at) {
  point(WRITE);
  return DIRECT(SYS_pwrite64, fd, bytes, length, at);
}
REPLACES ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return put(fd, bytes, length, at); }
REPLACES ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) { return put(fd, bytes, length, at); }

static int cut(int fd, off_t length) {
  point(TRUNCATE);
  return DIRECT(SYS_ftruncate, fd, length, 0, 0);
}
REPLACES int ftruncate(int fd, off_t length) { return cut(fd, length); }
REPLACES int ftruncate64(int fd, off_t length) { return cut(fd, length); }

// A process that dies keeps what the kernel has, synced or not: the call itself has nothing to do.
static int sync_file(void) {
  point(SYNC);
  point(SYNCED);
  return 0;
}
REPLACES int fsync(int fd) { return (void)fd, sync_file(); }
REPLACES int fdatasync(int fd) { return (void)fd, sync_file(); }

// What is not there is not removed: no point.
static void before_removal(int folder, const char *path) {
  struct stat about;
  if (fstatat(folder, path, &about, AT_SYMLINK_NOFOLLOW) == 0) point(UNLINK);
}
REPLACES int unlink(const char *path) {
  before_removal(AT_FDCWD, path);
  return DIRECT(SYS_unlinkat, AT_FDCWD, path, 0, 0);
}
REPLACES int unlinkat(int folder, const char *path, int flags) {
  before_removal(folder, path);
  return DIRECT(SYS_unlinkat, folder, path, flags, 0);
}
REPLACES int rename(const char *from, const char *to) {
  point(RENAME);
  return direct(SYS_renameat2, AT_FDCWD, (long)from, AT_FDCWD, (long)to, 0, 0);
}
REPLACES int renameat(int from_folder, const char *from, int to_folder, const char *to) {
  point(RENAME);
  return direct(SYS_renameat2, from_folder, (long)from, to_folder, (long)to, 0, 0);
}

static void before_send(int fd) {
  struct stat about;
  if (is_driven() && fd != driver_descriptor() && fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode)) point(SEND);
}
REPLACES ssize_t write(int fd, const void *bytes, size_t length) {
  before_send(fd);
  return DIRECT(SYS_write, fd, bytes, length, 0);
}
REPLACES ssize_t writev(int fd, const struct iovec *parts, int count) {
  before_send(fd);
  return DIRECT(SYS_writev, fd, parts, count, 0);
}
REPLACES ssize_t send(int fd, const void *bytes, size_t length, int flags) {
  before_send(fd);
  return direct(SYS_sendto, fd, (long)bytes, length, flags, 0, 0);
}
REPLACES ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  before_send(fd);
  return DIRECT(SYS_sendmsg, fd, message, flags, 0);
}
