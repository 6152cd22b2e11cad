"""A bad network between a client and a broker on this machine: a TCP proxy in the test's own process."""

import asyncio
import collections
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Self

import pytest

PUBLISH, PUBACK = 3, 4
RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close() sends RST


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


by_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="IPv6 is switched off on this machine")


class Packets:
    """Cuts a byte stream into MQTT packets: type in the first byte, then the length in 1 to 4 bytes of 7 bits each."""

    def __init__(self) -> None:
        self.buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Whole packets, with their types."""
        self.buffer += data
        while (end := self._end()) and len(self.buffer) >= end:
            packet = bytes(self.buffer[:end])
            del self.buffer[:end]
            yield packet[0] >> 4, packet

    def _end(self) -> int | None:
        length = 0
        for place, byte in enumerate(self.buffer[1:5]):
            length |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return 2 + place + length
        return None


class Network:
    """Faults are set while it runs.

    `delay_s` and `bytes_a_second` each way; `hold`: nothing passes, nothing is lost; `blackhole`: accepts and swallows;
    `refuse`: new connections are reset; `drop`: MQTT packets of these types from the server are left out (plain TCP);
    `cut_after_bytes`: reset in the middle of what goes up; `most_packet_bytes`: reset at a longer MQTT packet;
    `cut()`: every connection is reset now.
    """

    def __init__(self, port: int) -> None:
        self.target = "127.0.0.1", port
        self.delay_s = 0.0
        self.bytes_a_second: float | None = None
        self.hold = self.blackhole = self.refuse = False
        self.drop: frozenset[int] = frozenset()
        self._cutting = False
        self.cut_after_bytes: int | None = None  # reset when so many more bytes went up
        self.most_packet_bytes: int | None = None
        self.bytes_up = self.bytes_down = self.connections = 0
        self.dropped: collections.Counter[int] = collections.Counter()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._done = asyncio.Event()
        self._ready = threading.Event()
        # a small receive buffer, so that a slow or held network is felt by the sender within kilobytes
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.bind(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(60)
        assert not self._thread.is_alive()

    def cut(self) -> None:
        """Reset every connection."""
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (self._reset(), done.set()))
        assert done.wait(60)

    def _reset(self) -> None:
        self._cutting = False
        for writer in list(self._writers):
            if not writer.transport.is_closing():  # else its socket may be closed, which takes no option
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = self._loop.create_task(self._connection(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(accept, sock=self._listener, limit=4096)
        self._ready.set()
        await self._done.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        other: asyncio.StreamWriter | None = None
        pumps: list[asyncio.Task[None]] = []
        try:
            if self.refuse:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return
            if self.blackhole:  # the client's TCP handshake succeeded, and that is all that ever happens
                while await reader.read(4096):
                    pass
                return
            from_server, other = await asyncio.open_connection(*self.target, limit=4096)
            self._writers.add(other)
            pumps = [
                asyncio.ensure_future(self._pump(reader, other, up=True)),
                asyncio.ensure_future(self._pump(from_server, writer, up=False)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in filter(None, (writer, other)):
                self._writers.discard(end)
                if self.refuse:
                    end.transport.abort()
                else:
                    end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        """Reads at the network's rate, and hands on each piece when its delay is over, in order."""
        pieces: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue(maxsize=64)
        packets = Packets()
        delivery = asyncio.ensure_future(self._deliver(pieces, writer))
        try:
            while data := await reader.read(512 if self.bytes_a_second else 4096):
                data = self._passed_up(packets, data) if up else self._passed_down(packets, data)
                if self.bytes_a_second:
                    await asyncio.sleep(len(data) / self.bytes_a_second)
                await pieces.put((time.monotonic() + self.delay_s, data))
            await pieces.put(None)
            await delivery
        finally:
            delivery.cancel()
            await asyncio.gather(delivery, return_exceptions=True)

    async def _deliver(self, pieces: "asyncio.Queue[tuple[float, bytes] | None]", writer: asyncio.StreamWriter) -> None:
        while (piece := await pieces.get()) is not None:
            due_s, data = piece
            await asyncio.sleep(max(0, due_s - time.monotonic()))
            while self.hold:
                await asyncio.sleep(0.01)
            if not self.blackhole:
                writer.write(data)
                await writer.drain()

    def _passed_up(self, packets: Packets, data: bytes) -> bytes:
        self.bytes_up += len(data)
        most_bytes = self.most_packet_bytes
        if most_bytes is not None and any(len(packet) > most_bytes for _, packet in packets.feed(data)):
            self._cutting = True
            self._loop.call_later(0.001, self._reset)
        if self._cutting:  # nothing passes after the cut, or the far end would read a stream with a hole
            return b""
        if self.cut_after_bytes is None:
            return data
        passed, self.cut_after_bytes = data[: self.cut_after_bytes], self.cut_after_bytes - len(data)
        if self.cut_after_bytes <= 0:
            self.cut_after_bytes, self._cutting = None, True
            self._loop.call_later(0.001, self._reset)
        return passed

    def _passed_down(self, packets: Packets, data: bytes) -> bytes:
        """`drop` takes effect at a packet's first byte: set it while the connection is quiet."""
        self.bytes_down += len(data)
        if not self.drop and not packets.buffer:
            return data
        kept = bytearray()
        for kind, packet in packets.feed(data):
            if kind in self.drop:
                self.dropped[kind] += 1
            else:
                kept += packet
        return bytes(kept)
