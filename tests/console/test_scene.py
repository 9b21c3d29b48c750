"""Three dimensions in a real Chromium: parts are drawn, painted and picked, and a browser without WebGL says so."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.actions.action_builder import ActionBuilder

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (shutil.which("chromium") and shutil.which("chromedriver")), reason="needs Chromium"),
]
SERVER = """
import json, struct, sys, uvicorn
from fastapi import FastAPI, Response
from lineshaft.console import Body, mount, page, paragraph, scene
class Ana:
    name = "Ana"
    grants = ()
def model():
    corners = b"".join(struct.pack("<3f", *c) for c in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
    numbers = corners + struct.pack("<12H", 0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3)
    text = json.dumps({
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0, 1]}],
        "nodes": [{"name": "Main drive", "mesh": 0}, {"name": "Frame", "mesh": 0, "translation": [3, 0, 0]}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorFactor": [1, 0, 0, 1]}}],
        "buffers": [{"byteLength": 72}],
        "bufferViews": [{"buffer": 0, "byteLength": 48}, {"buffer": 0, "byteOffset": 48, "byteLength": 24}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3", "min": [0, 0, 0],
                       "max": [1, 1, 1]}, {"bufferView": 1, "componentType": 5123, "count": 12, "type": "SCALAR"}],
    }).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", 72, 0x4E4942) + numbers
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body
@page("/solids", title="Solids")
def solids(view):
    said = paragraph("nothing")
    drawn = scene([Body(id="a", label="Tank", form="tank"), Body(id="b", label="Belt", form="belt", x=6)],
                  flows=[("a", "b")], on_pick=said.set, label="Line")
    drawn.paint({"a": "running", "b": "alarm"})
@page("/model", title="Model")
def drawing(view):
    said = paragraph("nothing")
    drawn = scene(model="/drawing.glb", on_pick=said.set, label="Machine")
    drawn.paint({"Main drive": "lost"})
@page("/broken", title="Broken")
def broken(view):
    scene(model="/nowhere.glb", label="Machine")
app = FastAPI()
@app.get("/drawing.glb")
def content():
    return Response(model(), media_type="model/gltf-binary")
mount(app, identify=lambda r: Ana())
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
"""
DRAWING = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "NICEGUI"))}
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], env=env)
    until(lambda: _answers(f"http://127.0.0.1:{port}/solids"), 60)
    yield f"http://127.0.0.1:{port}"
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def browser(*flags: str) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    usual = ["--headless=new", "--no-sandbox", "--disable-background-networking", "--disable-dev-shm-usage"]
    for flag in [*usual, *flags, "--window-size=1200,900"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_page_load_timeout(60)
    try:
        yield driver
    finally:
        driver.quit()


def until(check: Callable[[], object], seconds: float = 30) -> Any:
    """Wait for something to become true, and say what it was at the end."""
    deadline = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found
    return found


def texts(chrome: webdriver.Chrome, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].filter((e) => e.style.display !== 'none')"
    return list(chrome.execute_script(f"{script}.map((e) => e.textContent.trim())", selector))


COMPONENT = "Object.values(mounted_app.$refs).map((r) => [r].flat()[0]).find((r) => r?.where)"


def click(chrome: webdriver.Chrome, part: str) -> None:
    """Press a part where it is drawn."""
    x, y = chrome.execute_script(f"return {COMPONENT}.where(arguments[0])", part)
    hand = ActionBuilder(chrome)
    hand.pointer_action.move_to_location(round(x), round(y))
    hand.pointer_action.click()
    hand.perform()


def said(chrome: webdriver.Chrome) -> str:
    return texts(chrome, "p.ls-text")[0]


def test_parts_are_drawn_in_greys_named_and_picked(base: str) -> None:
    with browser(*DRAWING) as chrome:
        chrome.get(f"{base}/solids")
        until(lambda: texts(chrome, ".ls-scene-label") == ["Tank", "Belt · Alarm"])
        click(chrome, "a")
        until(lambda: said(chrome) == "a")
        chrome.get(f"{base}/model")
        until(lambda: texts(chrome, ".ls-scene-label") == ["Main drive · Lost"])
        unlit = "let n = 0; {0}.world.traverse((m) => m.isMesh && !m.geometry.attributes.normal && n++); return n"
        assert chrome.execute_script(unlit.format(COMPONENT)) == 0, "bodies without normals would be black"
        click(chrome, "Frame")
        until(lambda: said(chrome) == "Frame")
        until(lambda: "Frame" in texts(chrome, ".ls-scene-label"))
        assert [e for e in chrome.get_log("browser") if e["level"] == "SEVERE"] == []
        chrome.get(f"{base}/broken")
        until(lambda: "The model could not be shown." in " ".join(texts(chrome, ".ls-scene-word")))


def test_a_browser_without_webgl_says_so_and_stays_usable(base: str) -> None:
    with browser("--disable-3d-apis") as chrome:
        chrome.get(f"{base}/solids")
        until(lambda: "cannot draw in three dimensions" in " ".join(texts(chrome, ".ls-scene-word")))
        assert said(chrome) == "nothing"
