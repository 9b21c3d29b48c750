"""What users may set for one Modbus link."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from lineshaft.edge.connectors import ConnectorSettings

MOST_REGISTERS = 125
MOST_COILS = 2000


class ModbusSettings(ConnectorSettings):
    """One TCP device or gateway, or one serial line, with every unit behind it."""

    mode: Literal["tcp", "rtu", "rtu-over-tcp"] = "tcp"
    """`tcp`: Modbus TCP; `rtu`: a serial line; `rtu-over-tcp`: serial frames through a plain socket server."""
    host: str = Field(default="", examples=["192.168.0.10"])
    """Address of the device or gateway, for `tcp` and `rtu-over-tcp`."""
    port: int = Field(default=502, ge=1, le=65535)
    device: str = Field(default="", title="Serial device")
    """Serial device for `rtu`, such as `/dev/ttyUSB0`."""
    baudrate: int = Field(default=9600, ge=50)
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1
    unit: int = Field(default=1, ge=0, le=255, title="Unit ID")
    """Unit id of addresses that name none."""
    answer_timeout_s: float = Field(default=1.0, gt=0)
    """How long one unit may take to answer one request."""
    retries: int = Field(default=1, ge=0, le=5)
    """How often a unit that answered before is asked again before it counts as silent."""
    word_order: Literal["high-first", "low-first"] = "high-first"
    """Which register of a 32 or 64 bit value comes first."""
    byte_order: Literal["big", "little"] = "big"
    """Byte order inside each register; the standard says big."""
    one_based: bool = False
    """Whether `holding:1` means the first register, as in many manuals. `4x00001` always does."""
    max_gap: int = Field(default=10, ge=0, le=MOST_REGISTERS)
    """How many unused registers may be read to join two requests."""
    max_registers: int = Field(default=MOST_REGISTERS, ge=1, le=MOST_REGISTERS)
    """Most registers in one request; lower it for devices that refuse long ones."""
    max_coils: int = Field(default=MOST_COILS, ge=1, le=MOST_COILS)
    pause_s: float | None = Field(default=None, ge=0)
    """Silence between two requests; by default none on TCP and 3.5 characters on a serial line."""
    connections: int = Field(default=1, ge=1, le=16, title="Parallel connections")
    """Sockets opened to one TCP device; more than one only where the device allows it."""
    verify_writes: bool = False
    """Read every written register back and refuse when it differs."""
    retry_max_s: float = Field(default=30.0, ge=1)
    """Longest wait before a silent unit is asked again; waits start at 1 s and double."""

    @model_validator(mode="after")
    def _fits(self) -> ModbusSettings:
        if self.mode == "rtu" and not self.device:
            raise ValueError("mode 'rtu' needs device, such as '/dev/ttyUSB0'")
        if self.mode != "rtu" and not self.host:
            raise ValueError(f"mode {self.mode!r} needs host, such as '192.168.0.10'")
        if self.mode != "tcp" and self.connections > 1:
            raise ValueError("connections above 1 are for mode 'tcp': a serial line has one master")
        if self.answer_timeout_s * 2 > self.timeout_s:
            raise ValueError(
                "timeout_s must be at least twice answer_timeout_s, so that one silent unit fits into a poll"
            )
        return self

    @property
    def place(self) -> str:
        """Where this link leads, for sentences."""
        return self.device if self.mode == "rtu" else f"{self.host}:{self.port}"

    @property
    def order(self) -> str:
        """Letters of the default order: A is the most significant byte of a 32 bit value."""
        high_first, big = self.word_order == "high-first", self.byte_order == "big"
        return {(True, True): "ABCD", (False, True): "CDAB", (True, False): "BADC", (False, False): "DCBA"}[
            high_first, big
        ]

    @property
    def quiet_s(self) -> float:
        """Silence to keep before a request (Modbus over serial line 1.02, §2.5.1.1: 3.5 characters of 11 bits)."""
        if self.pause_s is not None:
            return self.pause_s
        return max(0.00175, 3.5 * 11 / self.baudrate) if self.mode == "rtu" else 0.0
