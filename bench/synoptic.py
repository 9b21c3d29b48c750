"""A process picture of 300 bound items that all change twice a second, in a real Chromium.

    python bench/synoptic.py [--quick]

What travels is counted in the browser, frame by frame; the server's time is that of its process, the browser's that
of its main thread (scripts, layout, painting). Both are milliseconds of work per second.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import time

import httpx
import psutil
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from report import figure

SERVER = """
import sys, uvicorn
from fastapi import FastAPI
from lineshaft.console import mount
class Ana:
    name = "Ana"
    grants = ()
app = FastAPI()
mount(app, identify=lambda r: Ana(), development=True)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
"""
ITEMS = 300
CHANGES_PER_S = 2 * ITEMS


def main(seconds: float) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(port)])
    try:
        until_up(f"http://127.0.0.1:{port}/gallery")
        measure(f"http://127.0.0.1:{port}/gallery/picture", psutil.Process(server.pid), seconds)
    finally:
        server.terminate()
        server.wait(10)


def until_up(address: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.get(address, timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise TimeoutError(address)


def measure(address: str, server: psutil.Process, seconds: float) -> None:
    chrome = browser()
    try:
        chrome.get(address)
        time.sleep(4)
        chrome.execute_cdp_cmd("Performance.enable", {})
        chrome.get_log("performance")
        before, busy, began = spent(server), working(chrome), time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - began
        server_ms = (spent(server) - before) / passed * 1000
        browser_ms = (working(chrome) - busy) / passed * 1000
        size = received(chrome) / passed
    finally:
        chrome.quit()
    figure("synoptic_kb_per_s", size / 1000, "kB/s")
    figure("synoptic_bytes_per_change", size / CHANGES_PER_S, "bytes")
    figure("synoptic_server_ms_per_s", server_ms, "ms")
    figure("synoptic_browser_ms_per_s", browser_ms, "ms")


def browser() -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    flags = "--headless=new --no-sandbox --disable-gpu --disable-background-networking --disable-dev-shm-usage"
    for flag in [*flags.split(), "--window-size=1440,900"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    found = shutil.which("chromedriver")
    assert found, "needs Chromium and its driver"
    return webdriver.Chrome(options=options, service=Service(found))


def spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def working(chrome: webdriver.Chrome) -> float:
    """Seconds the main thread of the page has worked."""
    metrics = chrome.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration"))


def received(chrome: webdriver.Chrome) -> int:
    """Bytes of all WebSocket frames that came since the log was read last."""
    messages = (json.loads(entry["message"])["message"] for entry in chrome.get_log("performance"))
    frames = (
        m["params"]["response"]["payloadData"] for m in messages if m["method"] == "Network.webSocketFrameReceived"
    )
    return sum(len(frame.encode()) for frame in frames)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10 seconds instead of 60")
    main(10 if parser.parse_args().quick else 60)
