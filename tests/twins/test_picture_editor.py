"""The editor of process pictures in a real Chromium, over a real catalogue: drag, bind, take back, save, be late."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
import asyncio, sys, uvicorn
from pathlib import Path
from fastapi import FastAPI
from lineshaft.console import mount
from lineshaft.kernel import http
from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Grant, Guard, Role, Who, WhoKind
from lineshaft.telemetry import Live
from lineshaft.twins import Draft, Level, Pictures, Twins
from lineshaft.twins.api import pictures_router
import lineshaft.twins.pages

def person(name):
    return Who(id=name, name=name, kind=WhoKind.USER, grants=(Grant(role=Role.ENGINEER, subtree="acme"),), origin="t")

async def main():
    db = Database.at(Path(sys.argv[2]))
    await db.open(["lineshaft.security", "lineshaft.twins"])
    guard = Guard(db)
    twins = Twins(db, guard, Live(None, guard))
    pictures = Pictures(db, guard, twins.now)
    await twins.create(person("ada"), Draft(path=PlantPath("acme/hall/tank"), level=Level.ASSET, type="tank"),
                       with_parents=True)
    app = FastAPI()
    http.install(app)
    app.include_router(pictures_router(pictures), prefix="/api/v1")
    @app.middleware("http")
    async def sign_in(request, call_next):
        request.state.who = person(request.headers.get("x-who", "ada"))
        return await call_next(request)
    mount(app, identify=lambda r: person("ada"), services={"twins": twins, "pictures": pictures}, plant="Test plant")
    config = uvicorn.Config(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
    await uvicorn.Server(config).serve()

asyncio.run(main())
"""
ITEMS = [
    {"id": "a", "symbol": "tank", "x": 200, "y": 200, "w": 80, "h": 120},
    {"id": "b", "symbol": "pump", "x": 500, "y": 240, "w": 60, "h": 60},
    {"id": "p", "symbol": "pipe", "start": {"item": "a", "port": 4}, "end": {"item": "b", "port": 0}},
]
Picture = dict[str, Any]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "NICEGUI"))}
    folder: Path = tmp_path_factory.mktemp("editor")
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port), str(folder)], env=env)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                client.get("/api/v1/pictures")
                break
            except httpx.TransportError:
                time.sleep(0.2)
        yield client
    process.send_signal(signal.SIGTERM)
    process.wait(20)


def until(check: Callable[[], object], seconds: float = 15) -> object:
    deadline = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found
    return found


@pytest.fixture
def opened(api: httpx.Client, chrome: webdriver.Chrome) -> str:
    """A picture of a tank, a pump and the pipe between them, open in the editor."""
    body = {"title": {"en": "Tank farm"}, "place": "acme/hall", "width": 1000, "height": 600, "items": ITEMS}
    id_ = str(api.post("/api/v1/pictures", json=body).raise_for_status().json()["id"])
    chrome.get(f"{api.base_url}/synoptics/{id_}/edit")
    until(lambda: chrome.find_elements(By.CSS_SELECTOR, ".ls-syn.is-ready [data-id=a]"))
    return id_


def now(api: httpx.Client, id_: str) -> Picture:
    return dict(api.get(f"/api/v1/pictures/{id_}").json())


def item(shown: Picture, id_: str) -> Picture:
    return next(i for i in shown["items"] if i["id"] == id_)


def grip(chrome: webdriver.Chrome, id_: str) -> Any:
    return chrome.find_element(By.CSS_SELECTOR, f"[data-id='{id_}'] .sy-hit")


def drag(chrome: webdriver.Chrome, what: Any, right: int, down: int) -> None:
    chain = ActionChains(chrome, duration=60).move_to_element(what).click_and_hold()
    chain.move_by_offset(right // 2, down // 2).move_by_offset(right - right // 2, down - down // 2).release().perform()


def keys(chrome: webdriver.Chrome, *pressed: str) -> None:
    chain = ActionChains(chrome)
    for key in pressed[:-1]:
        chain.key_down(key)
    chain.send_keys(pressed[-1])
    for key in pressed[:-1]:
        chain.key_up(key)
    chain.perform()


def press(chrome: webdriver.Chrome, label: str) -> None:
    script = """return [...document.querySelectorAll('button')].find(
        (b) => (b.getAttribute('aria-label') || b.textContent.trim()).includes(arguments[0]) && b.offsetParent)"""
    until(lambda: chrome.execute_script(script, label))
    chrome.execute_script(script, label).click()


def save(chrome: webdriver.Chrome, api: httpx.Client, id_: str, version: int) -> Picture:
    keys(chrome, Keys.CONTROL, "s")
    until(lambda: now(api, id_)["version"] == version)
    return now(api, id_)


def corner(chrome: webdriver.Chrome) -> str:
    return str(chrome.find_element(By.CSS_SELECTOR, "[data-id=p] .sy-line").get_attribute("d"))


def test_what_is_dragged_snaps_to_the_grid_takes_its_pipes_along_and_is_saved(
    chrome: webdriver.Chrome, api: httpx.Client, opened: str
) -> None:
    before = corner(chrome)
    drag(chrome, grip(chrome, "a"), 43, 61)
    moved = corner(chrome)
    assert moved != before, "the pipe follows"
    keys(chrome, Keys.CONTROL, "z")
    assert corner(chrome) == before, "taken back"
    keys(chrome, Keys.CONTROL, Keys.SHIFT, "z")
    assert corner(chrome) == moved
    saved = save(chrome, api, opened, 2)
    tank = item(saved, "a")
    assert (tank["x"], tank["y"]) != (200, 200)
    assert (tank["x"] % 10, tank["y"] % 10) == (0, 0)
    assert item(saved, "p")["start"] == {"item": "a", "port": 4, "x": 0.0, "y": 0.0}
    assert item(saved, "b")["x"] == 500


def test_symbols_are_placed_sized_turned_duplicated_lined_up_and_removed(
    chrome: webdriver.Chrome, api: httpx.Client, opened: str
) -> None:
    chrome.execute_script("document.querySelector('[data-symbol=reactor]').click()")
    until(lambda: chrome.find_elements(By.CSS_SELECTOR, "[data-handle=se]"))
    drag(chrome, chrome.find_element(By.CSS_SELECTOR, "[data-handle=se]"), 40, 40)
    turn = chrome.find_element(By.CSS_SELECTOR, "[data-handle=turn]")
    drag(chrome, turn, 200, 80)
    saved = save(chrome, api, opened, 2)
    made = next(i for i in saved["items"] if i["symbol"] == "reactor")
    assert made["w"] > 80
    assert made["h"] / made["w"] == pytest.approx(130 / 80, rel=0.01), "it keeps its proportions"
    assert made["turn"] % 15 == 0
    assert made["turn"] != 0
    keys(chrome, Keys.CONTROL, "d")
    keys(chrome, Keys.CONTROL, "a")
    press(chrome, "Align top")
    saved = save(chrome, api, opened, 3)
    assert len({i["y"] for i in saved["items"] if i["symbol"] != "pipe"}) == 1
    assert [i["symbol"] for i in saved["items"]].count("reactor") == 2
    keys(chrome, Keys.DELETE)
    assert save(chrome, api, opened, 4)["items"] == []
    keys(chrome, Keys.CONTROL, "z")
    assert len(save(chrome, api, opened, 5)["items"]) == 5


DROP = """
const [selector, path, unit] = arguments;
const at = document.querySelector(selector).getBoundingClientRect();
const told = new DataTransfer();
const property = {path, label: 'Level', property: true, kind: 'number', unit};
told.setData('application/x-lineshaft-property', JSON.stringify(property));
document.querySelector(selector).dispatchEvent(new DragEvent('drop', {
  bubbles: true, cancelable: true, dataTransfer: told,
  clientX: at.left + at.width / 2, clientY: at.top + at.height / 2,
}));
"""


def test_a_property_of_the_plant_is_found_in_the_tree_and_bound_by_dropping(
    chrome: webdriver.Chrome, api: httpx.Client, opened: str
) -> None:
    press(chrome, "Plant")
    opening = "document.querySelectorAll('.ls-syn-node:not([open]) > summary').forEach((s) => s.click())"
    shown = "return document.querySelector('.ls-syn-plant').textContent"
    until(lambda: chrome.execute_script(opening) or "Inlet valve" in chrome.execute_script(shown))
    chrome.execute_script(DROP, "[data-id=a] .sy-hit", "acme/hall/tank/level", "%")
    until(lambda: "tank/level" in chrome.find_element(By.CSS_SELECTOR, ".ls-syn-right").text)
    saved = save(chrome, api, opened, 2)
    assert item(saved, "a")["bindings"]["level"]["path"] == "acme/hall/tank/level"


def test_the_second_of_two_engineers_puts_both_together_and_loses_nothing(
    chrome: webdriver.Chrome, api: httpx.Client, opened: str
) -> None:
    theirs = now(api, opened)
    item(theirs, "b")["label"] = "Feed pump"
    api.put(f"/api/v1/pictures/{opened}", json=theirs, headers={"x-who": "eli"}).raise_for_status()
    drag(chrome, grip(chrome, "a"), 0, 80)
    keys(chrome, Keys.CONTROL, "s")
    until(lambda: "eli saved version 2 of this picture; you changed version 1." in chrome.page_source)
    press(chrome, "Put both together")
    until(lambda: "Feed pump" in chrome.find_element(By.CSS_SELECTOR, ".ls-syn-svg").text)
    chrome.find_element(By.CSS_SELECTOR, ".ls-syn-tools .ls-primary").click()
    until(lambda: now(api, opened)["version"] == 3)
    both = now(api, opened)
    assert item(both, "b")["label"] == "Feed pump"
    assert item(both, "a")["y"] > 200


def test_what_was_not_saved_is_offered_again_after_the_page_was_left(
    chrome: webdriver.Chrome, api: httpx.Client, opened: str
) -> None:
    drag(chrome, grip(chrome, "b"), 70, 0)
    until(
        lambda: chrome.execute_script("return Object.keys(localStorage).some((k) => k.includes(arguments[0]))", opened)
    )
    chrome.execute_script("window.onbeforeunload = null; lineshaft.leave('about:blank')")
    try:
        chrome.switch_to.alert.accept()
    except Exception:
        time.sleep(0.2)
    chrome.get(f"{api.base_url}/synoptics/{opened}/edit")
    press(chrome, "Take them up")
    assert item(save(chrome, api, opened, 2), "b")["x"] > 500
    assert [e for e in chrome.get_log("browser") if e["level"] == "SEVERE"] == []
