/* A disk with errors: loaded with LD_PRELOAD. While DISK_FAULTS holds a file `read`, `write` or `sync`, that is refused with EIO for
 * every file of a database (`cherry.db` and what lies beside it). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fails(int fd, const char *what) {
    char path[PATH_MAX], link[64];
    const char *faults = getenv("DISK_FAULTS");
    int kept = errno, found = 0;
    if (faults && snprintf(path, sizeof path, "%s/%s", faults, what) > 0 && access(path, F_OK) == 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof path - 1);
        path[length > 0 ? length : 0] = 0;
        found = strstr(path, "/cherry.db") != NULL;
    }
    errno = found ? EIO : kept;
    return found;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
ssize_t read(int fd, void *to, size_t count) { return fails(fd, "read") ? -1 : REAL(read)(fd, to, count); }
ssize_t pread(int fd, void *to, size_t count, off_t at) { return fails(fd, "read") ? -1 : REAL(pread)(fd, to, count, at); }
ssize_t pread64(int fd, void *to, size_t count, off64_t at) { return fails(fd, "read") ? -1 : REAL(pread64)(fd, to, count, at); }
ssize_t write(int fd, const void *from, size_t count) { return fails(fd, "write") ? -1 : REAL(write)(fd, from, count); }
ssize_t pwrite(int fd, const void *from, size_t count, off_t at) { return fails(fd, "write") ? -1 : REAL(pwrite)(fd, from, count, at); }
ssize_t pwrite64(int fd, const void *from, size_t count, off64_t at) { return fails(fd, "write") ? -1 : REAL(pwrite64)(fd, from, count, at); }
int fsync(int fd) { return fails(fd, "sync") ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return fails(fd, "sync") ? -1 : REAL(fdatasync)(fd); }
