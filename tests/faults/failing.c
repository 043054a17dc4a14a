/* Lets the Nth write below a folder fail: LD_PRELOAD it, with FAIL_UNDER, FAIL_AT and FAIL_WITH.
   It counts what changes a file: writes, and truncations that make one longer. FAIL_WITH is an
   errno, or 0 for a write that stores half and then says that the disk is full. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long count;

static int fails(int fd) {
  const char *under = getenv("FAIL_UNDER"), *at = getenv("FAIL_AT");
  if (!under || !at) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = 0;
  if (strncmp(path, under, strlen(under))) return 0;
  return atomic_fetch_add(&count, 1) + 1 == atol(at);
}

static int reason(void) {
  const char *with = getenv("FAIL_WITH");
  return with ? atoi(with) : ENOSPC;
}

#define FAILING(type, name, parameters, arguments, half)                          \
  type name parameters {                                                          \
    static type(*real) parameters;                                                \
    if (!real) real = (type(*) parameters)dlsym(RTLD_NEXT, #name);                \
    if (fails(fd)) {                                                              \
      if (reason() == 0) { half; }                                                \
      errno = reason() ? reason() : ENOSPC;                                       \
      return -1;                                                                  \
    }                                                                             \
    return real arguments;                                                        \
  }

FAILING(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size),
        real(fd, data, size / 2))
FAILING(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at),
        real(fd, data, size / 2, at))
FAILING(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at),
        (fd, data, size, at), real(fd, data, size / 2, at))
FAILING(int, ftruncate, (int fd, off_t size), (fd, size), (void)0)
FAILING(int, ftruncate64, (int fd, off64_t size), (fd, size), (void)0)
FAILING(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size), (void)0)
FAILING(int, posix_fallocate, (int fd, off_t at, off_t size), (fd, at, size), (void)0)
FAILING(int, fsync, (int fd), (fd), (void)0)
FAILING(int, fdatasync, (int fd), (fd), (void)0)
