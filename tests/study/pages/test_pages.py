"""The modules of the study's pages, by node's own test runner, and their types, by TypeScript."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import snellen.study

HERE = Path(__file__).parent
PAGES = Path(snellen.study.__file__).parent / "pages"
NODE = shutil.which("node")
TSC = HERE / "node_modules" / ".bin" / "tsc"


def run(command, folder):
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )


def node_version() -> int:
    found = re.match(r"v(\d+)", run([NODE, "--version"], HERE).stdout if NODE else "")
    return int(found.group(1)) if found else 0


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Modules and tests beside each other, in a package that says what a `.js` file is."""
    if node_version() < 20:
        pytest.skip("node 20 or newer is not installed: the pages' own tests are left out")
    root = tmp_path_factory.mktemp("pages")
    (root / "package.json").write_text('{"type": "module"}')
    shutil.copytree(PAGES, root / "pages")
    (root / "tests").mkdir()
    for test in HERE.glob("*.test.js"):
        shutil.copy(test, root / "tests")
    return root


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("*.test.js")))
def test_modules(copy, name):
    done = run([NODE, "--test", f"tests/{name}"], copy)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^# pass (\d+)$|^ℹ pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed.group(1) or passed.group(2)) > 3


def test_types(tmp_path):
    """All are right; one that is wrong is found, which shows that they are looked at."""
    if not TSC.exists():
        pytest.skip("TypeScript is not installed: `npm ci` in tests/study/pages, or `make lint`")
    shutil.copytree(PAGES, tmp_path / "pages")
    with (tmp_path / "pages" / "state.js").open("a") as file:
        file.write('\nreduce(begin("nobody"), { type: "no such event" });\n')
    lines = len((tmp_path / "pages" / "state.js").read_text().splitlines())
    config = (HERE / "tsconfig.json").read_text()
    (tmp_path / "tsconfig.json").write_text(
        config.replace("../../../src/snellen/study/pages/*.js", "pages/*.js")
    )
    done = run([TSC, "--project", "."], tmp_path)
    assert done.returncode != 0
    found = re.findall(r"^(\S+)\((\d+),\d+\): error", done.stdout, re.MULTILINE)
    assert found
    assert set(found) == {("pages/state.js", str(lines))}, done.stdout


@pytest.mark.parametrize("page", ["index.html", "withdraw.html", "admin.html"])
def test_pages_load_only_what_is_there(page):
    text = (PAGES / page).read_text(encoding="utf-8")
    loaded = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert loaded
    for name in loaded:
        assert name.startswith("static/"), name
        assert (PAGES / name.removeprefix("static/")).is_file(), name
    # The policy of the server's replies forbids both.
    assert "style=" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\son[a-z]+=", text)


def test_text_is_never_put_in_as_html():
    for module in PAGES.glob("*.js"):
        text = module.read_text(encoding="utf-8")
        for forbidden in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ):
            assert forbidden not in text, f"{module.name} uses {forbidden}"
        for forbidden in ("localStorage", "document.cookie", "http://"):
            assert forbidden not in text, f"{module.name} uses {forbidden}"


def imported(module: str) -> set[str]:
    text = (PAGES / module).read_text(encoding="utf-8")
    return set(re.findall(r'^import [^;]*? from "\./([^"]+)"', text, re.MULTILINE))


def test_modules_import_only_what_is_there():
    for module in PAGES.glob("*.js"):
        for name in imported(module.name):
            assert (PAGES / name).is_file(), f"{module.name}: {name}"


def test_a_participant_waits_for_one_round_trip_only():
    """All modules are asked for at once, not when the one that imports them has come."""
    needed, new = set(), {"participant.js"}
    while new:
        needed |= new
        new = set().union(*map(imported, new)) - needed
    text = (PAGES / "index.html").read_text(encoding="utf-8")
    named = re.findall(r'(?:modulepreload" href|module" src)="static/([^"]*)"', text)
    assert sorted(named) == sorted(needed)


def test_no_registry_is_named():
    lock = (HERE / "package-lock.json").read_text()
    assert "resolved" not in lock
    assert "://" not in lock
