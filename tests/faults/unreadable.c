/* LD_PRELOAD: the beginning of the file with the inode $UNREADABLE lies on a bad sector of the disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_bad(int fd, long long at) {
    struct stat file;
    return at < 1024 && !fstat(fd, &file) && file.st_ino == strtoull(getenv("UNREADABLE"), NULL, 10);
}

#define READ(name, offset)                                                                     \
    ssize_t name(int fd, void *to, size_t bytes, offset at) {                                  \
        ssize_t (*real)(int, void *, size_t, offset) = dlsym(RTLD_NEXT, #name);                \
        return is_bad(fd, at) ? (errno = EIO, -1) : real(fd, to, bytes, at);                   \
    }
READ(pread, off_t)
READ(pread64, off64_t)
