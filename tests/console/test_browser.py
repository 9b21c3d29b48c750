"""The console in a real Chromium: live values, keys, navigation, themes, languages, and a lost connection."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (shutil.which("chromium") and shutil.which("chromedriver")), reason="needs Chromium"),
]
SERVER = """
import sys, uvicorn
from fastapi import FastAPI
from lineshaft.console import mount, Hit
class Ana:
    name = "Ana"
    grants = ()
async def find(who, words, limit):
    return [Hit(title=f"{words} {i}", address=f"/gallery?id={i}") for i in range(3)]
app = FastAPI()
mount(app, identify=lambda r: Ana(), plant="Test plant", timezone="Asia/Shanghai", search=[find], development=True)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "NICEGUI"))}
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], env=env)
    base = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{base}/gallery", timeout=5)
            break
        except httpx.TransportError:
            time.sleep(0.2)
    yield base, process
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def until(check: Callable[[], object], seconds: float = 10) -> object:
    """Wait for something to become true, and say what it was at the end."""
    deadline = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found
    return found


def texts(chrome: webdriver.Chrome, selector: str) -> list[str]:
    """What the elements say right now, read in one go."""
    script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent.trim())"
    return list(chrome.execute_script(script, selector))


def test_a_working_day_in_the_console(chrome: webdriver.Chrome, server: tuple[str, subprocess.Popen[bytes]]) -> None:
    base, process = server
    chrome.get(f"{base}/gallery")
    first = until(lambda: texts(chrome, ".ls-tile b")[:1])
    until(lambda: texts(chrome, ".ls-tile b")[:1] != first, 3)
    chrome.execute_script("window.kept = true")

    ActionChains(chrome).key_down(Keys.CONTROL).send_keys("k").key_up(Keys.CONTROL).perform()
    ActionChains(chrome).send_keys("pump").perform()
    until(lambda: len(texts(chrome, ".ls-hits a")) == 3)
    ActionChains(chrome).send_keys(Keys.ARROW_DOWN, Keys.ENTER).perform()
    until(lambda: chrome.current_url.endswith("/gallery?id=1"))
    chrome.find_element(By.CSS_SELECTOR, "a[href='/gallery/many']").click()
    until(lambda: texts(chrome, "h1") == ["Two hundred values"])
    assert chrome.title == "Two hundred values · Test plant"
    chrome.back()
    until(lambda: texts(chrome, "h1") == ["Gallery"])
    assert chrome.execute_script("return window.kept") is True

    theme = chrome.find_element(By.CSS_SELECTOR, "[data-ls=theme]")
    seen = set()
    for _ in range(3):
        theme.click()
        seen.add(chrome.execute_script("return document.documentElement.dataset.theme"))
    assert seen == {"light", "dark"}

    chrome.find_elements(By.CSS_SELECTOR, ".ls-tab")[1].click()
    trends = "return document.querySelectorAll('.ls-trend-plot [role=img] canvas').length"
    until(lambda: chrome.execute_script(trends) == 2)
    until(lambda: "bottles/min" in texts(chrome, ".ls-legend b")[0])
    chrome.find_elements(By.CSS_SELECTOR, ".ls-tab")[2].click()
    until(lambda: len(texts(chrome, ".ls-table[aria-label=Connections] tbody tr")) == 8)
    chrome.find_elements(By.CSS_SELECTOR, ".ls-table-bar input")[0].send_keys("conveyor")
    until(lambda: len(texts(chrome, ".ls-table[aria-label=Connections] tbody tr")) == 2)
    until(lambda: "Labeller" in "".join(texts(chrome, "[role=treeitem]")))

    chrome.execute_script("lineshaft.language('zh')")
    until(lambda: "搜索设备、数据、页面" in chrome.page_source)
    assert chrome.execute_script("return document.documentElement.lang") == "zh-CN"

    errors = [e for e in chrome.get_log("browser") if e["level"] == "SEVERE"]
    assert errors == []
    process.send_signal(signal.SIGKILL)
    until(lambda: chrome.find_element(By.CSS_SELECTOR, ".ls-offline").is_displayed())
