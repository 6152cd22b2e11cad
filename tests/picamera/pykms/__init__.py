"""Stands in for kms++'s module, which picamera2 imports for a preview on a screen and a node never uses.

picamera2 imports it before it opens a camera, so this is where the virtual camera of libcamera 0.4 is made to answer as
a Pi's does, and picamera2 itself stays as its authors wrote it:

- it has no raw modes: asked for them, it is asked for those of the viewfinder, as a USB camera answers;
- it writes NV12 into two planes: the one plane of a buffer that picamera2 hands over is cut in two;
- it leaves a frame's status unwritten: without this picamera2 would take three of four frames for failed ones.
"""

from types import SimpleNamespace

from libcamera import Camera, FrameBuffer, FrameMetadata, StreamRole


class PixelFormat:
    RGB888 = BGR888 = XRGB8888 = XBGR8888 = YUV420 = YVU420 = NV12 = MJPEG = None


_generate_configuration = Camera.generate_configuration
_init_buffer = FrameBuffer.__init__


def _without_raw(camera, roles):
    return _generate_configuration(
        camera, [StreamRole.Viewfinder if role == StreamRole.Raw else role for role in roles]
    )


def _in_two_planes(buffer, planes, *rest):
    if len(planes) == 1:
        luma, chroma = planes[0], FrameBuffer.Plane()
        third = luma.length // 3
        chroma.fd, chroma.offset, chroma.length = luma.fd, 2 * third, luma.length - 2 * third
        luma.length = 2 * third  # the same object, since picamera2 tells buffers apart by its descriptor
        planes = [luma, chroma]
    _init_buffer(buffer, planes, *rest)


def _success(buffer):
    planes = [SimpleNamespace(bytes_used=plane.length) for plane in buffer.planes]
    return SimpleNamespace(status=FrameMetadata.Status.Success, planes=planes)


Camera.generate_configuration = _without_raw
FrameBuffer.__init__ = _in_two_planes
FrameBuffer.metadata = property(_success)
