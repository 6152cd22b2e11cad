/* LD_PRELOAD: the file $USB_CAMERA is a USB camera to whoever asks it as V4L2 does. It gives pictures in the formats
   $USB_FORMATS ("MJPG YUYV") of the size $USB_SIZE ("1280x720") alone, each from the file $USB_PICTURE as it is then;
   it is unplugged while that file is away. Of controls it has those of exposure. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROOM (16 << 20)
static int camera = -1;
static unsigned next;
static int exposure[2];  /* how, and how long */
static char *rooms[VIDEO_MAX_FRAME];

static int fails(int why) { errno = why; return -1; }

static int opened(int fd, const char *path) {
    const char *ours = getenv("USB_CAMERA");
    char at[4096];
    if (fd >= 0 && ours && realpath(path, at) && !strcmp(at, ours)) camera = fd;
    return fd;
}

#define OPEN(name)                                                          \
    int name(const char *path, int how, ...) {                              \
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);      \
        va_list more;                                                       \
        va_start(more, how);                                                \
        int mode = va_arg(more, int);                                       \
        va_end(more);                                                       \
        return opened(real(path, how, mode), path);                         \
    }
OPEN(open)
OPEN(open64)

#define MMAP(name, offset)                                                                            \
    void *name(void *at, size_t bytes, int may, int how, int fd, offset from) {                       \
        void *(*real)(void *, size_t, int, int, int, offset) = dlsym(RTLD_NEXT, #name);               \
        if (fd < 0 || fd != camera) return real(at, bytes, may, how, fd, from);                       \
        int both = PROT_READ | PROT_WRITE;                                                            \
        return rooms[from / ROOM] = real(NULL, bytes, both, MAP_SHARED | MAP_ANONYMOUS, -1, 0);       \
    }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

static int set_format(struct v4l2_pix_format *wanted) {
    char name[5] = {0};
    memcpy(name, &wanted->pixelformat, 4);
    if (!strstr(getenv("USB_FORMATS"), name)) memcpy(&wanted->pixelformat, getenv("USB_FORMATS"), 4);
    sscanf(getenv("USB_SIZE"), "%ux%u", &wanted->width, &wanted->height);
    wanted->field = V4L2_FIELD_NONE;
    wanted->bytesperline = 2 * wanted->width;
    wanted->sizeimage = 2 * wanted->width * wanted->height;
    return 0;
}

static int give(struct v4l2_buffer *buffer) {
    int fd = open(getenv("USB_PICTURE"), O_RDONLY, 0);
    if (fd < 0) return fails(ENODEV);
    usleep(20000);
    buffer->index = next++ % 2;
    buffer->bytesused = read(fd, rooms[buffer->index], ROOM);
    buffer->length = ROOM;
    close(fd);
    return 0;
}

static int *control(unsigned id) {
    if (id == V4L2_CID_EXPOSURE_AUTO) return &exposure[0];
    return id == V4L2_CID_EXPOSURE_ABSOLUTE ? &exposure[1] : NULL;
}

static int answer(unsigned long what, void *told) {
    switch (what) {
    case VIDIOC_QUERYCAP:
        memset(told, 0, sizeof(struct v4l2_capability));
        ((struct v4l2_capability *)told)->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    case VIDIOC_G_FMT:
    case VIDIOC_TRY_FMT:
    case VIDIOC_S_FMT: return set_format(&((struct v4l2_format *)told)->fmt.pix);
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM:
        ((struct v4l2_streamparm *)told)->parm.capture.timeperframe = (struct v4l2_fract){1, 5};
        return 0;
    case VIDIOC_REQBUFS:
        if (((struct v4l2_requestbuffers *)told)->count) ((struct v4l2_requestbuffers *)told)->count = 2;
        return 0;
    case VIDIOC_QUERYBUF:
        ((struct v4l2_buffer *)told)->length = ROOM;
        ((struct v4l2_buffer *)told)->m.offset = ((struct v4l2_buffer *)told)->index * ROOM;
        return 0;
    case VIDIOC_QUERYCTRL: return control(((struct v4l2_queryctrl *)told)->id) ? 0 : fails(EINVAL);
    case VIDIOC_S_CTRL: return *control(((struct v4l2_control *)told)->id) = ((struct v4l2_control *)told)->value, 0;
    case VIDIOC_G_CTRL: return ((struct v4l2_control *)told)->value = *control(((struct v4l2_control *)told)->id), 0;
    case VIDIOC_QBUF:
    case VIDIOC_STREAMON:
    case VIDIOC_STREAMOFF: return 0;
    case VIDIOC_DQBUF: return give(told);
    default: return fails(EINVAL);
    }
}

int ioctl(int fd, unsigned long what, ...) {
    va_list more;
    va_start(more, what);
    void *told = va_arg(more, void *);
    va_end(more);
    if (fd < 0 || fd != camera) {
        int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
        return real(fd, what, told);
    }
    return answer(what & 0xffffffff, told);
}
