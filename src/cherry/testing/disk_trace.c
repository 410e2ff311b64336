/* Writes down what a program does to the files below one folder: loaded into it with LD_PRELOAD by `cherry.testing.power`.
 *
 * DISK_TRACE_ROOT is the folder, DISK_TRACE_FILE takes the records, see `struct record`. Only what changes files is recorded, in the
 * order in which it happened. Files are told apart by their inode. Everything is then done as if we were not there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

struct record {
    char what; /* N name, W write, T truncate, S sync, R rename, L link, U unlink, M make folder, D remove folder */
    char unused[7];
    uint64_t inode;
    uint64_t offset;
    uint32_t path_length, other_length, data_length, unused2;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_length;
static int out = -1;

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("DISK_TRACE_ROOT"), *file = getenv("DISK_TRACE_FILE");
    if (!folder || !file || !realpath(folder, root)) return;
    root_length = strlen(root);
    out = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int inside(const char *path) {
    return out >= 0 && strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == 0);
}

static void put(const void *data, size_t length) {
    const char *place = data;
    while (length > 0) {
        long done = syscall(SYS_write, out, place, length);
        if (done <= 0) abort();
        place += done;
        length -= done;
    }
}

static void note(char what, uint64_t inode, uint64_t offset, const char *path, const char *other, const void *data, size_t length) {
    struct record record;
    memset(&record, 0, sizeof record);
    record.what = what;
    record.inode = inode;
    record.offset = offset;
    record.path_length = strlen(path);
    record.other_length = strlen(other);
    record.data_length = length;
    put(&record, sizeof record);
    put(path, record.path_length);
    put(other, record.other_length);
    put(data, length);
}

/* The absolute path of a name below a folder's descriptor; 0 when it does not fit. */
static int absolute(int folder, const char *name, char *path) {
    char link[64], base[PATH_MAX];
    ssize_t length;
    if (name[0] == '/') return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
    if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return 0;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        length = readlink(link, base, sizeof base - 1);
        if (length < 0) return 0;
        base[length] = 0;
    }
    return snprintf(path, PATH_MAX, "%s/%s", base, name) < PATH_MAX;
}

static int path_of(int file, char *path) {
    char link[64];
    ssize_t length;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return inside(path);
}

static uint64_t inode_of(int file) {
    struct stat status;
    return fstat(file, &status) == 0 ? status.st_ino : 0;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int opened(int file, int folder, const char *name, int flags) {
    char path[PATH_MAX];
    int kept = errno;
    if (file >= 0 && (flags & (O_CREAT | O_TRUNC)) && !(flags & O_DIRECTORY) && absolute(folder, name, path) && inside(path)) {
        pthread_mutex_lock(&lock);
        if (flags & O_CREAT) note('N', inode_of(file), 0, path, "", "", 0);
        if (flags & O_TRUNC) note('T', inode_of(file), 0, path, "", "", 0);
        pthread_mutex_unlock(&lock);
    }
    errno = kept;
    return file;
}

#define MODE(flags) ({ mode_t mode = 0; if ((flags) & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); } mode; })

int open(const char *name, int flags, ...) { mode_t mode = MODE(flags); return opened(NEXT(open)(name, flags, mode), AT_FDCWD, name, flags); }
int open64(const char *name, int flags, ...) { mode_t mode = MODE(flags); return opened(NEXT(open64)(name, flags, mode), AT_FDCWD, name, flags); }
int openat(int folder, const char *name, int flags, ...) { mode_t mode = MODE(flags); return opened(NEXT(openat)(folder, name, flags, mode), folder, name, flags); }
int openat64(int folder, const char *name, int flags, ...) { mode_t mode = MODE(flags); return opened(NEXT(openat64)(folder, name, flags, mode), folder, name, flags); }

#define TRACED(file) char path[PATH_MAX]; int traced = path_of(file, path); if (traced) pthread_mutex_lock(&lock)
#define DONE if (traced) { int kept = errno; pthread_mutex_unlock(&lock); errno = kept; }

ssize_t write(int file, const void *data, size_t length) {
    TRACED(file);
    off_t offset = traced ? ((fcntl(file, F_GETFL) & O_APPEND) ? lseek(file, 0, SEEK_END) : lseek(file, 0, SEEK_CUR)) : 0;
    ssize_t done = NEXT(write)(file, data, length);
    if (traced && done > 0) note('W', inode_of(file), offset, path, "", data, done);
    DONE
    return done;
}

ssize_t pwrite(int file, const void *data, size_t length, off_t offset) {
    TRACED(file);
    ssize_t done = NEXT(pwrite)(file, data, length, offset);
    if (traced && done > 0) note('W', inode_of(file), offset, path, "", data, done);
    DONE
    return done;
}

ssize_t pwrite64(int file, const void *data, size_t length, off64_t offset) {
    TRACED(file);
    ssize_t done = NEXT(pwrite64)(file, data, length, offset);
    if (traced && done > 0) note('W', inode_of(file), offset, path, "", data, done);
    DONE
    return done;
}

int ftruncate(int file, off_t length) {
    TRACED(file);
    int done = NEXT(ftruncate)(file, length);
    if (traced && done == 0) note('T', inode_of(file), length, path, "", "", 0);
    DONE
    return done;
}

int ftruncate64(int file, off64_t length) {
    TRACED(file);
    int done = NEXT(ftruncate64)(file, length);
    if (traced && done == 0) note('T', inode_of(file), length, path, "", "", 0);
    DONE
    return done;
}

int fsync(int file) {
    TRACED(file);
    int done = NEXT(fsync)(file);
    if (traced && done == 0) note('S', inode_of(file), 0, path, "", "", 0);
    DONE
    return done;
}

int fdatasync(int file) {
    TRACED(file);
    int done = NEXT(fdatasync)(file);
    if (traced && done == 0) note('S', inode_of(file), 0, path, "", "", 0);
    DONE
    return done;
}

static int named(int done, char what, int folder, const char *name, int other_folder, const char *other_name) {
    char path[PATH_MAX], other[PATH_MAX] = "";
    int kept = errno;
    if (done == 0 && absolute(folder, name, path) && (!other_name || absolute(other_folder, other_name, other)) && (inside(path) || inside(other))) {
        pthread_mutex_lock(&lock);
        note(what, 0, 0, path, other, "", 0);
        pthread_mutex_unlock(&lock);
    }
    errno = kept;
    return done;
}

int rename(const char *old, const char *new) { return named(NEXT(rename)(old, new), 'R', AT_FDCWD, old, AT_FDCWD, new); }
int renameat(int folder, const char *old, int other, const char *new) { return named(NEXT(renameat)(folder, old, other, new), 'R', folder, old, other, new); }
int link(const char *old, const char *new) { return named(NEXT(link)(old, new), 'L', AT_FDCWD, old, AT_FDCWD, new); }
int linkat(int folder, const char *old, int other, const char *new, int flags) { return named(NEXT(linkat)(folder, old, other, new, flags), 'L', folder, old, other, new); }
int unlink(const char *name) { return named(NEXT(unlink)(name), 'U', AT_FDCWD, name, 0, NULL); }
int unlinkat(int folder, const char *name, int flags) { return named(NEXT(unlinkat)(folder, name, flags), (flags & AT_REMOVEDIR) ? 'D' : 'U', folder, name, 0, NULL); }
int mkdir(const char *name, mode_t mode) { return named(NEXT(mkdir)(name, mode), 'M', AT_FDCWD, name, 0, NULL); }
int mkdirat(int folder, const char *name, mode_t mode) { return named(NEXT(mkdirat)(folder, name, mode), 'M', folder, name, 0, NULL); }
int rmdir(const char *name) { return named(NEXT(rmdir)(name), 'D', AT_FDCWD, name, 0, NULL); }
