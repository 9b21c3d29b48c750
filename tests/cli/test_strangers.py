"""What somebody meets who does not know Lineshaft yet: one sentence, its place and the next step.

Never a traceback, never exit code 0, and nothing half-written.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from lineshaft.app.trial import Trial, platform
from lineshaft.cli import main
from lineshaft.kernel.system import port_trouble

PLANT = """
[plant]
data = "{data}"
[http]
port = 0
[bus]
port = 0
front_port = 0
websocket_port = 0
monitoring_port = 0
mqtt_port = 0
"""
NO_RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--securebits=+noroot")
"""Before a command of root: it then has the rights of the files' owner, as everybody has, and no more."""


Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


def run_apart(*words: str, folder: Path, within: tuple[str, ...] = ()) -> Done:
    """One command in a process of its own."""
    argv = [*within, sys.executable, "-m", "lineshaft.cli", *words]
    return subprocess.run(argv, cwd=folder, input="", capture_output=True, text=True, timeout=180)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """One command, in this process unless it would become another program if nothing refused it."""

    def command(*words: str, folder: Path) -> Done:
        if words[0] in {"run", "demo"}:
            return run_apart(*words, folder=folder)
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["lineshaft", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(words, int(ended.value.code or 0), *capsys.readouterr())

    return command


def refused(done: Done) -> str:
    """What a refusal says, after the manners that all refusals share."""
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stderr, done.stderr
    assert 0 < len(done.stderr.splitlines()) <= 6, done.stderr
    return " ".join(re.sub(r"[│╭╰─╮╯]", " ", done.stderr).split())


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a plant that has never run, a file and a folder that can be mistaken for each other."""
    (tmp_path / "plant.toml").write_text(PLANT.format(data=tmp_path / "data"))
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    return tmp_path


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("words", "sentence", "step"),
    [
        ("doctor --config nope.toml", "nope.toml: there is no such file.", "Name another with --config"),
        ("doctor --config folder", "folder: it cannot be read: is a directory.", "Name a file"),
        ("check --config latin.toml", "latin.toml: it is no text in UTF-8.", "Save it as TOML in UTF-8."),
        ("apply folder", "folder: it cannot be read: is a directory.", "Name a file"),
        ("export", "There is no plant in {here}/data.", "Name its configuration with --config"),
        ("import file", "Lineshaft does not run on {here}/data.", "Start it with lineshaft run"),
        ("import folder", "'folder' is a directory", "--help"),
        ("new connector mine --into file", "file/mine cannot be reached: a file stands where", "Choose another place."),
        ("demo --data file", "file/run/keeper.pid cannot be reached: a file stands where", "Choose another place."),
        ("demo --port 70000", "less than or equal to 65535", "--help"),
        ("demo --replay folder", "There is no file folder.", "Give a CSV or Parquet file"),
        ("demo --replay file", "file cannot be read", "Is it CSV with a header line, or Parquet?"),
    ],
)
def test_wrong_words_are_refused_with_their_place_and_write_nothing(
    here: Path, run: Run, words: str, sentence: str, step: str
) -> None:
    (here / "latin.toml").write_bytes('[plant]\nname = "Köln"\n'.encode("latin-1"))
    before = listing(here)
    said = refused(run(*words.split(), folder=here))
    assert sentence.format(here=here) in said
    assert step in said
    assert listing(here) == before


def test_a_file_where_the_data_folder_should_be_is_named_by_every_command(here: Path, run: Run) -> None:
    (here / "plant.toml").write_text(PLANT.format(data=here / "file"))
    examined = run("doctor", folder=here)
    assert examined.returncode == 1
    assert f"bad  data       {here}/file is a file" in examined.stdout
    assert "Traceback" not in examined.stderr
    for words in (["run"], ["apply", "plant.toml", "--yes"]):
        assert f"{here}/file" in refused(run(*words, folder=here))
    assert (here / "file").read_text() == "x"


def test_what_is_no_catalogue_is_not_touched(here: Path, run: Run) -> None:
    (here / "data").mkdir()
    catalogue = here / "data" / "catalogue.db"
    catalogue.write_bytes(b"this is no catalogue of a plant, and it is somebody's " * 20)
    for words in (["export"], ["apply", "plant.toml", "--yes"]):
        said = refused(run(*words, folder=here))
        assert f"The catalogue {catalogue} cannot be opened: file is not a database. Is it the catalogue" in said
    assert catalogue.read_bytes() == b"this is no catalogue of a plant, and it is somebody's " * 20


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which(NO_RIGHTS[0]), reason="needs a user that is not root")
def test_a_user_without_the_right_is_told_where(here: Path) -> None:
    within = NO_RIGHTS if os.geteuid() == 0 else ()
    locked = here / "locked"
    locked.mkdir(mode=0o500)
    (here / "plant.toml").write_text(PLANT.format(data=locked / "data"))
    examined = run_apart("doctor", folder=here, within=within)
    assert (examined.returncode, f"bad  data       this user may not write in {locked}" in examined.stdout) == (1, True)
    for words, place in (
        ("run", f"{locked}/data"),
        ("apply plant.toml --yes", f"{locked}/data"),
        ("demo --data locked/demo", "locked/demo"),
        ("new connector mine --into locked", "locked/mine"),
    ):
        said = refused(run_apart(*words.split(), folder=here, within=within))
        assert "This user may not open or change" in said
        assert place in said
        assert "Ask its owner for the right" in said
    assert listing(locked) == []


def test_a_port_that_cannot_be_had_is_refused_for_its_own_reason(here: Path, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert port_trouble("127.0.0.1", port) == "is in use"
        text = (here / "plant.toml").read_text()
        (here / "plant.toml").write_text(text.replace("[http]\nport = 0", f"[http]\nport = {port}"))
        said = refused(run("run", folder=here))
        assert f"Port {port} on 127.0.0.1 is in use. Choose another with http.port" in said
        examined = run("doctor", folder=here)
        assert (examined.returncode, f"bad  http       port {port} on 127.0.0.1 is in use" in examined.stdout) == (
            1,
            True,
        )
    assert port_trouble("127.0.0.1", port) == ""
    assert port_trouble("203.0.113.9", 8080) == "cannot be opened: Cannot assign requested address"
    assert port_trouble("no-such-host.invalid", 80).startswith("cannot be opened: no-such-host.invalid is no name")


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Trial]:
    async with platform(folder=tmp_path) as plant:
        yield plant


async def test_what_cannot_be_imported_is_refused_with_its_lines(running: Trial) -> None:
    folder = running.folder
    (folder / "no-times.csv").write_text("a,b\n1,2\n")
    said = refused(run_apart("import", "no-times.csv", "--below", "acme/press", folder=folder))
    assert "no-times.csv: No column of the file seems to hold the times. Name one of its columns: a, b." in said
    (folder / "half.csv").write_text("time,force\n2026-01-01 00:00:00,1.5\nyesterday,2\n")
    done = run_apart("import", "half.csv", "--below", "acme/press", folder=folder)
    assert (done.returncode, "1 rows imported, 1 refused." in done.stdout) == (1, True)
    assert "line 3: 'yesterday' is not a time" in done.stdout
