/*
 * Lets libcamera's "virtual" camera and picamera2 run on a machine without a camera, /dev/dma_heap and /dev/udmabuf.
 * Built and preloaded by run.sh. What it changes, and nothing else:
 *
 *   open("/dev/dma_heap/NAME")        a real heap where there is one, else a stand-in
 *   ioctl(stand-in, DMA_HEAP_ALLOC)   a memfd of the asked size instead of a dma-buf
 *   ioctl(fd, DMA_BUF_SYNC|SET_NAME)  success where the kernel says ENOTTY: a memfd is always coherent
 *   open/stat/access(virtual.yaml)    the file named by VCAM_YAML; libcamera has no setting for its place
 *   mmap of a buffer for writing      waits for the next 1/VCAM_FPS s, since the virtual camera has no pace of its own,
 *                                     and for as long as the file VCAM_STALL exists: a camera that hangs
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <dlfcn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEAP_DIR "/dev/dma_heap/"
#define VIRTUAL_YAML "/libcamera/pipeline/virtual/virtual.yaml"
#define SLOTS 256

struct heap_alloc {
	uint64_t len;
	uint32_t fd;
	uint32_t fd_flags;
	uint64_t heap_flags;
};

#define HEAP_ALLOC _IOWR('H', 0, struct heap_alloc)
#define BUF_SYNC _IOW('b', 0, uint64_t)
#define BUF_SET_NAME_A _IOW('b', 1, uint32_t)
#define BUF_SET_NAME_B _IOW('b', 1, uint64_t)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ino_t heaps[SLOTS];   /* the stand-ins for heaps, known by inode so that dup() and fork() keep working */
static ino_t buffers[SLOTS]; /* the memory handed out */
static unsigned heap_count, buffer_count;
static off_t largest;        /* the main stream is the largest: frames are counted by it */

static void *real(const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	if (!symbol)
		abort();
	return symbol;
}

#define REAL(name) ((__typeof__(&name))real(#name))

static int status(int fd, struct stat *st)
{
	return REAL(fstat)(fd, st);
}

static void remember(ino_t *list, unsigned *count, int fd)
{
	struct stat st;

	if (status(fd, &st))
		return;
	pthread_mutex_lock(&lock);
	list[(*count)++ % SLOTS] = st.st_ino;
	pthread_mutex_unlock(&lock);
}

static int knows(const ino_t *list, int fd, off_t *size)
{
	struct stat st;
	int found = 0;

	if (fd < 0 || status(fd, &st))
		return 0;
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < SLOTS && !found; i++)
		found = list[i] && list[i] == st.st_ino;
	pthread_mutex_unlock(&lock);
	if (size)
		*size = st.st_size;
	return found;
}

static int is_heap(const char *path)
{
	return path && !strncmp(path, HEAP_DIR, strlen(HEAP_DIR));
}

static const char *redirect(const char *path)
{
	const char *yaml = getenv("VCAM_YAML");
	size_t length = path ? strlen(path) : 0, tail = strlen(VIRTUAL_YAML);

	if (yaml && *yaml && length >= tail && !strcmp(path + length - tail, VIRTUAL_YAML))
		return yaml;
	return path;
}

static int heap_instead(int fd, const char *path)
{
	if (fd >= 0 || !is_heap(path))
		return fd;
	fd = memfd_create("fakeheap", MFD_CLOEXEC);
	if (fd >= 0)
		remember(heaps, &heap_count, fd);
	return fd;
}

static mode_t mode_of(int flags, va_list arguments)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                                                     \
	int name(const char *path, int flags, ...)                                     \
	{                                                                              \
		va_list arguments;                                                     \
		va_start(arguments, flags);                                            \
		mode_t mode = mode_of(flags, arguments);                               \
		va_end(arguments);                                                     \
		return heap_instead(REAL(name)(redirect(path), flags, mode), path);    \
	}

#define OPENAT(name)                                                                       \
	int name(int dir, const char *path, int flags, ...)                                \
	{                                                                                  \
		va_list arguments;                                                         \
		va_start(arguments, flags);                                                \
		mode_t mode = mode_of(flags, arguments);                                   \
		va_end(arguments);                                                         \
		return heap_instead(REAL(name)(dir, redirect(path), flags, mode), path);   \
	}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int stat(const char *path, struct stat *st)
{
	return REAL(stat)(redirect(path), st);
}

int stat64(const char *path, struct stat64 *st)
{
	return REAL(stat64)(redirect(path), st);
}

int access(const char *path, int mode)
{
	return REAL(access)(redirect(path), mode);
}

static int allocate(struct heap_alloc *wanted)
{
	int fd = memfd_create("fakeheap-buffer", wanted->fd_flags & O_CLOEXEC ? MFD_CLOEXEC : 0);

	if (fd < 0)
		return -1;
	if (ftruncate(fd, wanted->len)) {
		close(fd);
		return -1;
	}
	remember(buffers, &buffer_count, fd);
	pthread_mutex_lock(&lock);
	if ((off_t)wanted->len > largest)
		largest = wanted->len;
	pthread_mutex_unlock(&lock);
	wanted->fd = fd;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	int answer;

	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);

	request &= 0xffffffffUL; /* some callers pass it as a sign-extended int */
	if (request == HEAP_ALLOC && knows(heaps, fd, NULL))
		return allocate(argument);
	answer = REAL(ioctl)(fd, request, argument);
	if (answer < 0 && errno == ENOTTY &&
	    (request == BUF_SYNC || request == BUF_SET_NAME_A || request == BUF_SET_NAME_B) && knows(buffers, fd, NULL))
		return 0;
	return answer;
}

/* libcamera's frame generator maps the buffer it is about to fill for writing alone, the whole once; readers do not. */
static void wait_for_the_sensor(size_t length, int protection, int flags, int fd)
{
	static struct timespec next;
	const char *fps = getenv("VCAM_FPS"), *stall = getenv("VCAM_STALL");
	double rate = fps ? atof(fps) : 0;
	struct timespec now;
	off_t size;

	if (protection != PROT_WRITE || !(flags & MAP_SHARED) || !knows(buffers, fd, &size))
		return;
	if (size < largest || (off_t)length < size)
		return;
	while (stall && *stall && !REAL(access)(stall, F_OK))
		usleep(20000);
	if (rate <= 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec > next.tv_sec || (now.tv_sec == next.tv_sec && now.tv_nsec > next.tv_nsec))
		next = now;
	else
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	next.tv_nsec += (long)(1e9 / rate) % 1000000000L;
	next.tv_sec += (time_t)(1 / rate) + next.tv_nsec / 1000000000L;
	next.tv_nsec %= 1000000000L;
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	wait_for_the_sensor(length, protection, flags, fd);
	return REAL(mmap)(address, length, protection, flags, fd, offset);
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset)
{
	wait_for_the_sensor(length, protection, flags, fd);
	return REAL(mmap64)(address, length, protection, flags, fd, offset);
}
