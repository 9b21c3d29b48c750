"""Modbus TCP, RTU and RTU-over-TCP: every function code that moves data, many values per request.

address.py    what a tag's address says: `3!holding:100:float32`
tags.py       what a tag must be; its scale undone
codec.py      bytes of registers to numbers in columns, and back
planner.py    few requests for many tags; remembers what a device refuses
units.py      which units answer; the silent ones are asked less and less
wire.py       one link, one request at a time: the only file that knows pymodbus
reader.py     fetches a plan's blocks, splits what is refused
writer.py     sets coils, registers and bits
browser.py    units, tables, registers and all their decodings
connector.py  the contract of the shelf, put together from these

machines.py   the physics of the demo's meters, compressor and tank
responder.py  answers Modbus requests on TCP or a serial line, as well or as badly as told
fake.py       the demo's machines and the replay of recordings, served
"""

from .codec import Decoding, decodings
from .connector import ModbusConnector

CONNECTOR = ModbusConnector

__all__ = ["CONNECTOR", "Decoding", "ModbusConnector", "decodings"]
