"""`snellen upscale` as a user meets it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from snellen.cli.main import main
from snellen.images import read_image, write_png
from snellen.networks import build_network, build_super_resolution_network, save_weights

OPTIONS = {"filters": [6, 4], "start": "identity"}


def picture(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], str]:
    folder = tmp_path_factory.mktemp("weights")

    def file_for(scale: int) -> str:
        path = folder / f"x{scale}.safetensors"
        card = {"network": "srcnn", "options": OPTIONS, "scale": scale, "loss": "mse"}
        network = build_super_resolution_network("srcnn", scale=scale, options=OPTIONS)
        save_weights(path, network, card)
        return str(path)

    return file_for


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index, name in enumerate(("one.png", "two.png", "deep/three.png")):
        write_png(tmp_path / "in" / name, picture((20, 24, 3), seed=index))
    return tmp_path / "in"


def run(*words: object) -> int:
    return main(["upscale", *map(str, words)])


def test_a_file(folder, weights, capsys, tmp_path):
    out = tmp_path / "large.tif"
    assert run(folder / "one.png", out, "--scale", 3, "--method", weights(3)) == 0
    assert read_image(out).shape == (60, 72, 3)
    assert capsys.readouterr().err == "1 enlarged.\n"


def test_pictures_that_are_not_read_are_counted(folder, capsys, tmp_path):
    for name in ("a.heic", "deep/b.heic", "c.avif"):
        (folder / name).touch()
    assert run(folder, tmp_path / "out", "--method", "bicubic") == 0
    assert capsys.readouterr().err == (
        "3 enlarged.\nnote: passed over 1 .avif, 2 .heic, which are not read: convert them to PNG "
        "or JPEG.\n"
    )


def test_a_folder_goes_on_where_it_was(folder, weights, capsys, tmp_path):
    words = (folder, tmp_path / "out", "--method", weights(4), "--tile", 50)
    assert run(*words) == 0
    (tmp_path / "out" / "two.png").unlink()
    assert run(*words) == 0
    assert capsys.readouterr().err == "3 enlarged.\n1 enlarged, 2 skipped (done before).\n"
    assert read_image(tmp_path / "out" / "deep" / "three.png").shape == (80, 96, 3)


def test_one_bad_file_does_not_stop_a_folder(folder, capsys, tmp_path):
    (folder / "bad.png").write_bytes((folder / "one.png").read_bytes()[:90])
    (folder / "a\nb.jpg").write_bytes(b"nothing")
    assert run(folder, tmp_path / "out", "--method", "bicubic") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(r"snellen: a\x0ab.jpg: it is not an image")
    assert "bad.png" in lines[1]
    assert lines[2:] == ["3 enlarged, 2 failed."]
    made = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert sorted(p.name for p in made) == ["one.png", "three.png", "two.png"]


def test_without_an_output_the_last_line_says_where_it_is(folder, capsys):
    assert run(folder / "one.png", "--method", "bicubic") == 0
    assert run(folder / "one.png", "--method", "bicubic") == 0
    (folder / "one-x4.png").rename(folder / "four.png")
    assert run(folder, "--method", "bicubic", "--scale", 2) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"1 enlarged: {folder / 'one-x4.png'}",
        f"0 enlarged, 1 skipped (done before): {folder / 'one-x4.png'}",
        f"4 enlarged: {folder}-x2",
    ]


def test_a_slash_at_the_end_makes_a_folder(folder, tmp_path):
    assert run(folder / "one.png", f"{tmp_path}/new/", "--method", "bicubic") == 0
    assert read_image(tmp_path / "new" / "one.png").shape == (80, 96, 3)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_is_full_or_read_only_is_met_once(
    folder, capsys, tmp_path, monkeypatch, number
):
    def fails(*_):
        raise OSError(number, "no")

    monkeypatch.setattr(os, "replace", fails)
    assert run(folder, tmp_path / "out", "--method", "bicubic") == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "three.png: the " in lines[0]
    assert lines[1] == "0 enlarged, 1 failed, 2 not tried."


def test_what_is_not_kept_is_remarked_on(capsys, tmp_path):
    options = {"photometric": "rgb", "extrasamples": ["unspecified"]}
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 24, 4)), **options)
    assert run(tmp_path / "a.tif", tmp_path / "b.tif", "--method", "bicubic") == 0
    assert "a.tif: its extra channel, which is no transparency, is not" in capsys.readouterr().err


def test_what_is_there_is_overwritten_only_by_force(folder, capsys, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "one.png").write_bytes(b"mine")
    words = (folder, tmp_path / "out", "--method", "bicubic")
    assert run(*words) == 1
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "out" / "one.png").read_bytes() == b"mine"
    assert run(*words, "--force") == 0
    assert read_image(tmp_path / "out" / "one.png").shape == (80, 96, 3)


def refused(words, capsys) -> str:
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_bad_requests_are_one_sentence(folder, weights, capsys, tmp_path):
    one, out = folder / "one.png", tmp_path / "out.png"
    (tmp_path / "empty").mkdir()
    cases = {
        (one, out, "--method", weights(2)): "trained for scale 2, not 4",
        (one, out, "--method", "bicubic", "--scale", 5): "the scale is 2, 3 or 4",
        (one, out, "--method", "bicubic", "--tile", 3): "--tile 3 is too small",
        (one, out, "--method", "bicubic", "--device", "gpu"): "no device 'gpu'",
        (one, out, "--method", tmp_path / "none.safetensors"): "there is no file",
        (folder, folder, "--method", "bicubic"): "is the input folder",
        ("", out, "--method", "bicubic"): "the input is an empty name",
        (one, "", "--method", "bicubic"): "the output is an empty name",
        (folder, out, "--method", "bicubic"): "out.png has the name of a picture",
        (one, out, "--scale", "2.5"): "snellen: got 2.5; the scale is 2, 3 or 4.",
        (one, out, "--scale", "4x"): "snellen: got 4x; the scale is 2, 3 or 4.",
        (one, out, "--device", "meta"): "no device 'meta' here: choose auto",
        (tmp_path / "empty", tmp_path / "o", "--method", "bicubic"): "there is no picture in",
    }
    for words, expected in cases.items():
        assert expected in refused(words, capsys)
    assert not out.exists()


def test_weights_cut_short_or_of_another_network(folder, weights, capsys, tmp_path):
    one, out, path = folder / "one.png", tmp_path / "out.png", tmp_path / "w.safetensors"
    path.write_bytes(Path(weights(4)).read_bytes()[:-100])
    assert "is cut short" in refused((one, out, "--method", path), capsys)
    other = build_network("conv-autoencoder", size=16, channels=1, code_size=4, widths=(4, 8))
    card = {"network": "srcnn", "options": {}, "scale": 4, "loss": "mse"}
    save_weights(path, other, card)
    assert "are not of the network 'srcnn'" in refused((one, out, "--method", path), capsys)


def test_a_picture_smaller_than_the_filters(weights, capsys, tmp_path):
    write_png(tmp_path / "a.png", picture((2, 9)))
    words = (tmp_path / "a.png", tmp_path / "b.png", "--method", weights(4))
    error = refused(words, capsys)
    assert "a.png: it is 9×2 pixels" in error
    assert "at least 3×3" in error


# As a terminal starts it: what runs in the background of a script ignores Ctrl-C.
START = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from snellen.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def signalled(number: int, weights: Callable[[int], str], folder: Path) -> tuple[int, str]:
    """The status and the words of a run that gets a signal while it writes out/a.png."""
    for name in ("a.png", "b.png"):
        write_png(folder / "in" / name, picture((250, 400, 3)))
    out = folder / "out"
    command = [sys.executable, "-c", START, "upscale", str(folder / "in"), str(out)]
    command += ["--method", weights(4), "--tile", "32"]
    started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(out.glob(".tmp-*-a.png")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(started.pid, number)
    words = started.communicate()[1]
    assert not (out / "a.png").exists()
    return started.returncode, words


def test_a_kill_leaves_no_half_file_and_the_next_run_goes_on(weights, tmp_path):
    signalled(signal.SIGKILL, weights, tmp_path)
    out = tmp_path / "out"
    assert [p.name[14:] for p in out.iterdir()] == ["a.png"]
    assert run(tmp_path / "in", out, "--method", weights(4)) == 0
    assert sorted(p.name for p in out.iterdir()) == ["a.png", "b.png"]
    np.testing.assert_array_equal(read_image(out / "a.png"), read_image(out / "b.png"))


@pytest.mark.parametrize(
    ("number", "status", "name"), [(signal.SIGTERM, 143, "SIGTERM"), (signal.SIGINT, 130, "Ctrl-C")]
)
def test_a_stop_leaves_nothing_behind_and_says_how_to_go_on(
    weights, tmp_path, number, status, name
):
    found, words = signalled(number, weights, tmp_path)
    assert found == status
    assert words == (
        f"snellen: stopped by {name}, and no half file is left: type the same again, without"
        " --force, to go on.\n"
    )
    assert list((tmp_path / "out").iterdir()) == []


def test_the_handler_of_a_signal_is_put_back(folder, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    assert run(folder, tmp_path / "out", "--method", "bicubic") == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_help_does_not_import_torch():
    code = (
        "import sys; from snellen.cli.main import main; main(['upscale', '--help']);"
        " print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "False\n"
