/* Between a program and the file system, for LD_PRELOAD: counts the calls that change files below one directory, and lets
 * one of them go wrong: the process is killed before it, it writes only a part, or it fails.
 *
 *   SHIM_DIR   calls on files whose path begins with this are counted
 *   SHIM_LOG   file that gets a line per counted call: number, name, length, path
 *   SHIM_ONLY  "fsync": count only calls of this name ("write" and "pwrite" are both "write", fdatasync is "fsync")
 *   SHIM_AT    number of the call that goes wrong, from 1 on
 *   SHIM_DO    "kill": SIGKILL before it.  "tear:N": write N bytes of it, then SIGKILL (N may be "half", "most", "all").
 *              "fail:E": it returns error E.  "full:E": it writes half, and whatever comes after but removing fails with E.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long calls; /* DuckDB writes from several threads */

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

static int is_watched(const char *path) {
    const char *directory = getenv("SHIM_DIR");
    return directory && strncmp(path, directory, strlen(directory)) == 0;
}

static const char *path_of(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return path;
}

/* The whole path of a name in an open directory. */
static const char *path_in(int directory, const char *name, char *path) {
    if (directory == AT_FDCWD || name[0] == '/') return name;
    path_of(directory, path);
    size_t length = strlen(path);
    snprintf(path + length, PATH_MAX - length, "/%s", name);
    return path;
}

static void note(long number, const char *name, size_t length, const char *path) {
    char line[PATH_MAX + 128];
    const char *log = getenv("SHIM_LOG");
    if (!log) return;
    int count = snprintf(line, sizeof line, "%ld %s %zu %s\n", number, name, length, path);
    int descriptor = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    syscall(SYS_write, descriptor, line, count);
    syscall(SYS_close, descriptor);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    pause();
}

/* What is to happen to this call: 0 let it be, 1 write `part` bytes and die, 2 write `part` bytes, -1 fail with errno. */
static int fate(const char *name, const char *path, size_t length, size_t *part) {
    const char *only = getenv("SHIM_ONLY"), *at = getenv("SHIM_AT"), *what = getenv("SHIM_DO");
    if (!is_watched(path) || (only && strcmp(only, name))) return 0;
    long number = atomic_fetch_add(&calls, 1) + 1, chosen = at ? atol(at) : 0;
    note(number, name, length, path);
    if (!what || !chosen || number < chosen) return 0;
    const char *argument = strchr(what, ':') ? strchr(what, ':') + 1 : "";
    if (!strncmp(what, "full", 4)) {
        if (!strcmp(name, "unlink")) return 0; /* removing needs no space */
        *part = length / 2;
        if (number == chosen && *part) return 2;
        errno = atoi(argument);
        return -1;
    }
    if (number != chosen) return 0;
    if (!strncmp(what, "fail", 4)) {
        errno = atoi(argument);
        return -1;
    }
    if (!strncmp(what, "tear", 4)) {
        *part = !strcmp(argument, "half") ? length / 2 : !strcmp(argument, "most") ? length - (length > 0)
              : !strcmp(argument, "all") ? length : (size_t) atol(argument);
        if (*part > length) *part = length;
        return 1;
    }
    die();
    return 0;
}

#define WRITING(declaration, name, path, length, real, partial)         \
    declaration {                                                         \
        char buffer[PATH_MAX];                                            \
        size_t part = 0;                                                  \
        (void) buffer;                                                    \
        int todo = fate(name, path, length, &part);                       \
        if (todo < 0) return -1;                                          \
        if (todo == 0) return real;                                       \
        ssize_t written = part ? partial : 0;                             \
        if (todo == 1) die();                                             \
        return written;                                                   \
    }

WRITING(ssize_t write(int fd, const void *data, size_t size), "write", path_of(fd, buffer), size,
        REAL(write)(fd, data, size), REAL(write)(fd, data, part))
WRITING(ssize_t pwrite(int fd, const void *data, size_t size, off_t at), "write", path_of(fd, buffer), size,
        REAL(pwrite)(fd, data, size, at), REAL(pwrite)(fd, data, part, at))
WRITING(ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at), "write", path_of(fd, buffer), size,
        REAL(pwrite64)(fd, data, size, at), REAL(pwrite64)(fd, data, part, at))
WRITING(ssize_t copy_file_range(int from, off64_t *here, int to, off64_t *there, size_t size, unsigned flags), "write",
        path_of(to, buffer), size, REAL(copy_file_range)(from, here, to, there, size, flags),
        REAL(copy_file_range)(from, here, to, there, part, flags))

#define CHANGING(declaration, name, path, real)                           \
    declaration {                                                         \
        char buffer[PATH_MAX];                                            \
        size_t part = 0;                                                  \
        (void) buffer;                                                    \
        int todo = fate(name, path, 0, &part);                            \
        if (todo < 0) return -1;                                          \
        if (todo == 1) die();                                             \
        return real;                                                      \
    }

CHANGING(int fsync(int fd), "fsync", path_of(fd, buffer), REAL(fsync)(fd))
CHANGING(int fdatasync(int fd), "fsync", path_of(fd, buffer), REAL(fdatasync)(fd))
CHANGING(int ftruncate(int fd, off_t size), "truncate", path_of(fd, buffer), REAL(ftruncate)(fd, size))
CHANGING(int ftruncate64(int fd, off64_t size), "truncate", path_of(fd, buffer), REAL(ftruncate64)(fd, size))
CHANGING(int rename(const char *old, const char *new), "rename", new, REAL(rename)(old, new))
CHANGING(int renameat(int from, const char *old, int to, const char *new), "rename", path_in(to, new, buffer),
         REAL(renameat)(from, old, to, new))
CHANGING(int unlink(const char *path), "unlink", path, REAL(unlink)(path))
CHANGING(int unlinkat(int fd, const char *path, int flags), "unlink", path_in(fd, path, buffer), REAL(unlinkat)(fd, path, flags))
CHANGING(int mkdir(const char *path, mode_t mode), "mkdir", path, REAL(mkdir)(path, mode))
