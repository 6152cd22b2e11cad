"""Both sensors as the bus sees them, by their datasheets: registers, commands, checksums. No hardware was at hand."""

from dataclasses import dataclass, field


def crc8(word: bytes) -> int:
    """Sensirion's: polynomial 0x31 from 0xFF."""
    crc = 0xFF
    for byte in word:
        crc ^= byte
        for _ in range(8):
            crc = ((crc << 1) ^ 0x31 if crc & 0x80 else crc << 1) & 0xFF
    return crc


@dataclass
class Sht3x:
    """A transceiver as `sensirion-i2c-driver` expects it, with an SHT3x."""

    answers: bool = True
    damages: bool = False  # one bit on the wire
    API_VERSION = 1
    channel_count = None
    asked: list[bytes] = field(default_factory=list)
    address: int = 0x44
    is_open: bool = True

    def close(self) -> None:
        self.is_open = False

    def transceive(
        self, slave_address: int, tx_data: bytes | None, rx_length: int | None, **_waits: float
    ) -> tuple[int, Exception | None, bytes]:
        if slave_address != self.address or not self.answers:
            return 2, OSError("no acknowledge"), b""
        if tx_data:
            self.asked.append(tx_data)
        words = [b"\x66\x66", b"\x80\x00"]  # temperature, humidity
        told = b"".join(word + bytes([crc8(word)]) for word in words)
        return 0, None, (bytes([told[0] ^ 1]) + told[1:] if self.damages else told)[: rx_length or 0]


CALIBRATION = {  # of the example in the datasheet of its brother BMP280, section 3.12; humidity terms made simple
    0x88: 27504, 0x8A: 26435, 0x8C: -1000, 0x8E: 36477, 0x90: -10685, 0x92: 3024, 0x94: 2855, 0x96: 140, 0x98: -7,
    0x9A: 15500, 0x9C: -14600, 0x9E: 6000,
}  # fmt: skip


class Bme280:
    """An SMBus with a BME280. At its raw 519888 the datasheet's example gives 25.08 °C."""

    def __init__(self) -> None:
        self.memory = bytearray(256)
        self.memory[0xD0] = 0x60
        for register, value in CALIBRATION.items():
            self.memory[register : register + 2] = (value & 0xFFFF).to_bytes(2, "little")
        self.memory[0xA1] = 75
        self.memory[0xE1:0xE3] = (370).to_bytes(2, "little")
        self.memory[0xE4:0xE8] = bytes([20, 0, 3, 30])  # H4 = 320, H5 = 48, H6 = 30
        self.memory[0xF7:0xFF] = (415148 << 4).to_bytes(3) + (519888 << 4).to_bytes(3) + (30000).to_bytes(2)
        self.is_plugged = self.is_open = True
        self.address = 0x76

    def close(self) -> None:
        self.is_open = False

    def _check(self, address: int) -> None:
        if address != self.address or not self.is_plugged:
            raise OSError(121, "Remote I/O error")

    def read_byte_data(self, address: int, register: int) -> int:
        self._check(address)
        return self.memory[register]

    def read_word_data(self, address: int, register: int) -> int:
        self._check(address)
        return int.from_bytes(self.memory[register : register + 2], "little")

    def write_byte_data(self, address: int, register: int, value: int) -> None:
        self._check(address)
        self.memory[register] = value

    def read_i2c_block_data(self, address: int, register: int, length: int) -> list[int]:
        self._check(address)
        return list(self.memory[register : register + length])
