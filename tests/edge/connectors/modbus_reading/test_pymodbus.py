"""An independent peer: pymodbus as a server."""

from __future__ import annotations

import numpy as np
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from .conftest import CONFIG, GOOD, connected, read


async def test_pymodbus_as_a_server_is_read_and_written() -> None:
    holding = [
        SimData(0, values=[1.5, -2.25], datatype=DataType.FLOAT32),
        SimData(10, values=7, datatype=DataType.INT16),
    ]
    bits = [SimData(0, values=[True, False, True] + [False] * 13, datatype=DataType.BITS)]
    inputs = [SimData(0, values=[500, 501], datatype=DataType.UINT16)]
    device = SimDevice(1, simdata=(bits, bits, holding, inputs))
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    await server.listen()
    port = server.transport.sockets[0].getsockname()[1]
    texts = ["holding:0:float32", "holding:2:float32", "holding:10:int16", "holding:11", "coil:2", "input:1"]
    try:
        async with connected(port, texts) as connector:
            readings = await read(connector)
            assert readings.quality.tolist() == [GOOD, GOOD, GOOD, CONFIG, GOOD, GOOD]
            np.testing.assert_array_equal(readings.number, [1.5, -2.25, 7, np.nan, 1, 501])
            await connector.write(connector.tags[0], 88.5)
            await connector.write(connector.tags[2], -9)
            await connector.write(connector.tags[4], False)
            np.testing.assert_array_equal((await read(connector)).number, [88.5, -2.25, -9, np.nan, 0, 501])
    finally:
        await server.shutdown()
