"""`snellen embed` as a user meets it."""

from __future__ import annotations

import csv
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import snellen
from snellen.cli.main import main
from snellen.experiments.autoencoders import network_for
from snellen.experiments.configuration import ReconstructionConfig
from snellen.experiments.reconstruction import run_reconstruction
from snellen.experiments.trained import Trained
from snellen.images import write_png
from snellen.training import checkpoint_place
from snellen.training.checkpoints import Checkpoint, write_checkpoint

PAGE = Path(__file__).parents[2] / "docs" / "embed.md"


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two losses."""
    folder = tmp_path_factory.mktemp("runs")
    np.savez(folder / "eight.npz", images=noise(8, 24, 20))
    config = ReconstructionConfig(
        data=f"npz:{folder / 'eight.npz'}",
        losses=("mse", "ssim"),
        size=16,
        widths=(4,),
        code_size=5,
        steps=2,
        batch_size=4,
        crops_per_picture=1,
        precision="fp32",
    )
    run_reconstruction(config, folder / "run", command="snellen reconstruct test")
    return folder / "run"


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for seed, name in enumerate(("b.png", "ä ö.png", "deep/=a.png")):
        write_png(folder / name, noise(20, 30, 3, seed=seed))
    return folder


def embed(capsys, *words):
    status = main(["embed", *map(str, words)])
    printed = capsys.readouterr()
    assert printed.out == ""
    return status, printed.err


def contents(path):
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def test_a_folder(run, photos, capsys, tmp_path):
    out = tmp_path / "new" / "codes.npz"
    assert embed(capsys, run, photos, "--out", out, "--loss", "ssim") == (
        0,
        f"3 codes of 5 numbers: {out}\n",
    )
    found = contents(out)
    assert {name: array.dtype.kind for name, array in found.items()} == {
        "codes": "f",
        "names": "U",
        "loss": "U",
        "seed": "i",
        "size": "i",
        "snellen": "U",
    }
    assert found["names"].tolist() == ["b.png", "ä ö.png", "deep/=a.png"]
    facts = [found[name].item() for name in ("loss", "seed", "size", "snellen")]
    assert facts == ["ssim", 0, 16, snellen.__version__]
    assert found["codes"].dtype == np.float32
    trained = snellen.load(run, loss="ssim")
    expected = trained.encode([photos / name for name in found["names"].tolist()])
    assert np.array_equal(found["codes"], expected)
    assert [path.name for path in out.parent.iterdir()] == ["codes.npz"]


def test_the_same_words_write_the_same_bytes(run, photos, capsys, tmp_path):
    for name in ("a.npz", "b.npz"):
        assert embed(capsys, run, photos, "--out", tmp_path / name, "--loss", "mse")[0] == 0
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_damaged_and_too_small_pictures_are_counted(run, photos, capsys, tmp_path):
    whole = (photos / "b.png").read_bytes()
    (photos / "cut.png").write_bytes(whole[: len(whole) // 2])
    write_png(photos / "tiny.png", noise(15, 99))
    out = tmp_path / "codes.npz"
    words = (run, photos, "--out", out, "--loss", "mse", "--batch-size", 2)
    status, said = embed(capsys, *words)
    assert status == 0
    assert said.startswith(f"3 codes of 5 numbers: {out}; skipped 2 pictures: ")
    assert "1 smaller than 16 pixels on a side (tiny.png)" in said
    assert "(cut.png)" in said
    assert said.count("\n") == 1
    assert contents(out)["names"].tolist() == ["b.png", "ä ö.png", "deep/=a.png"]


def test_where_nothing_can_be_used_nothing_is_written(run, photos, capsys, tmp_path):
    whole = (photos / "b.png").read_bytes()
    for path in photos.rglob("*.png"):
        path.write_bytes(whole[: len(whole) // 2])
    words = (run, photos, "--out", tmp_path / "codes.npz", "--loss", "mse")
    status, said = embed(capsys, *words)
    assert status == 2
    assert re.match(r"snellen: no usable picture in .*photos: skipped 3 pictures: 3 ", said)
    write_png(tmp_path / "small" / "a.png", noise(9, 9))
    status, said = embed(capsys, run, tmp_path / "small", *words[2:])
    assert status == 2
    assert "no usable picture" in said
    assert not (tmp_path / "codes.npz").exists()


def test_a_single_picture(run, photos, capsys, tmp_path):
    out = tmp_path / "codes.npz"
    words = ("--out", out, "--loss", "mse")
    status, said = embed(capsys, run, photos / "ä ö.png", *words)
    assert (status, said) == (0, f"1 code of 5 numbers: {out}\n")
    assert contents(out)["names"].tolist() == ["ä ö.png"]
    (photos / "text.png").write_text("no picture")
    status, said = embed(capsys, run, photos / "text.png", *words)
    assert status == 2
    assert "text.png: it is not an image" in said
    assert contents(out)["names"].tolist() == ["ä ö.png"]


def test_an_archive_of_pictures(run, capsys, tmp_path):
    np.savez(tmp_path / "in.npz", images=noise(3, 17, 17), names=["x", "ÿ", "日本"])
    words = ("--out", tmp_path / "codes.npz", "--loss", "mse")
    assert embed(capsys, run, f"npz:{tmp_path / 'in.npz'}", *words)[0] == 0
    assert contents(tmp_path / "codes.npz")["names"].tolist() == ["x", "ÿ", "日本"]
    status, said = embed(capsys, run, tmp_path / "in.npz", *words)
    assert status == 2
    assert f"type npz:{tmp_path / 'in.npz'}" in said


def test_a_table(run, photos, capsys, tmp_path):
    table = tmp_path / "codes.csv"
    words = (run, photos, "--out", tmp_path / "codes.npz", "--loss", "mse", "--csv", table)
    assert embed(capsys, *words)[0] == 0
    with table.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["name", "c0", "c1", "c2", "c3", "c4"]
    found = contents(tmp_path / "codes.npz")
    assert [row[0] for row in rows] == found["names"].tolist()
    written = np.array([row[1:] for row in rows], np.float32)
    assert np.array_equal(written, found["codes"])  # nine digits give every float32 back
    assert embed(capsys, *words)[0] == 0  # over its own
    table.write_text("a,b\n")
    status, said = embed(capsys, *words)
    assert status == 2
    assert "no table that this command wrote" in said
    assert table.read_text() == "a,b\n"


def test_what_tells_trainings_apart_is_in_the_file(photos, capsys, tmp_path):
    config = ReconstructionConfig(
        losses=("mse",), size=16, widths=(4,), code_size=(3, 5), folds=2, steps=2
    )
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text(config.as_yaml())
    weights = network_for(config, 5, seed=0).state_dict()
    for fold in (0, 1):
        place = tmp_path / "run" / checkpoint_place("mse", 0, code=5, fold=fold)
        write_checkpoint(place, Checkpoint(2, weights))
    words = (tmp_path / "run", photos, "--out", tmp_path / "c.npz", "--fold", 1)
    status, said = embed(capsys, *words)
    assert status == 2
    assert "several code sizes: 3, 5. Name one: --code-size 5" in said
    assert embed(capsys, *words, "--code-size", 5)[0] == 0
    found = contents(tmp_path / "c.npz")
    assert (found["code"].item(), found["fold"].item()) == (5, 1)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("codes.npy", None, "codes.npy must end in .npz"),
        ("folder.npz", "folder", "folder.npz is a folder: name a file."),
        ("mine.npz", {"images": noise(2, 2)}, "holds no codes that this command wrote"),
        ("text.npz", b"precious", "holds no codes that this command wrote"),
        ("empty.npz", b"", "holds no codes that this command wrote"),
    ],
)
def test_files_of_others_are_not_replaced(run, photos, capsys, tmp_path, name, content, words):
    out = tmp_path / name
    if content == "folder":
        out.mkdir()
    elif isinstance(content, dict):
        np.savez(out, **content)
    elif content is not None:
        out.write_bytes(content)
    before = out.read_bytes() if out.is_file() else None
    status, said = embed(capsys, run, photos, "--out", out, "--loss", "mse")
    assert status == 2
    assert words in said
    assert said.count("\n") == 1
    assert (out.read_bytes() if out.is_file() else None) == before


def test_codes_are_replaced_by_codes(run, photos, capsys, tmp_path):
    out = tmp_path / "codes.npz"
    for loss in ("mse", "ssim"):
        assert embed(capsys, run, photos, "--out", out, "--loss", loss)[0] == 0
        assert contents(out)["loss"].item() == loss


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--loss", "msse"], "no loss 'msse'. Did you mean 'mse'?"),
        ([], "several losses: mse, ssim. Name one: --loss ssim"),
        (["--loss", "mse", "--device", "toaster"], "there is no device 'toaster' here"),
        (["--loss", "mse", "--batch-size", "0"], "batch-size"),
        (["--loss", "mse", "--seed", "4"], "has no seed 4: name one of 0."),
    ],
)
def test_wrong_words_are_one_sentence(run, photos, capsys, tmp_path, words, said):
    status, error = embed(capsys, run, photos, "--out", tmp_path / "c.npz", *words)
    assert status == 2
    assert said in error
    assert error.count("\n") == 1


def test_codes_and_table_are_two_files(run, photos, capsys, tmp_path):
    out = tmp_path / "codes.npz"
    words = ["embed", str(run), str(photos), "--loss", "mse", "--out", str(out), "--csv", str(out)]
    assert main(words) == 2
    assert capsys.readouterr().err == f"snellen: --csv and --out are both {out}: name two files.\n"
    assert not out.exists()


def test_a_place_without_pictures(run, capsys, tmp_path):
    words = ("--out", tmp_path / "c.npz", "--loss", "mse")
    status, said = embed(capsys, run, tmp_path / "nowhere", *words)
    assert status == 2
    assert "no pictures at" in said


def test_ctrl_c_leaves_no_half_file(run, photos, capsys, tmp_path, monkeypatch):
    out = tmp_path / "out" / "codes.npz"

    def stopped(self, *_, **__):
        raise KeyboardInterrupt

    def half(file, **_):
        file.write(b"PK")
        raise KeyboardInterrupt

    words = (run, photos, "--out", out, "--loss", "mse")
    with monkeypatch.context() as patch:
        patch.setattr(Trained, "encode", stopped)
        assert embed(capsys, *words)[0] == 130
    assert not out.parent.exists()
    assert embed(capsys, *words)[0] == 0
    before = out.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", half)
        assert embed(capsys, *words)[0] == 130
    assert [path.name for path in out.parent.iterdir()] == ["codes.npz"]
    assert out.read_bytes() == before


def test_a_disk_that_takes_no_more_is_one_sentence(run, photos, tmp_path):
    """The limit on a file's size stands for a full disk; both end a write halfway."""
    out = tmp_path / "out" / "codes.npz"

    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))

    words = ["embed", str(run), str(photos), "--out", str(out), "--loss", "mse"]
    done = subprocess.run(
        [sys.executable, "-m", "snellen", *words],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=limited,
        timeout=120,
    )
    assert done.returncode == 2
    assert re.fullmatch(r"snellen: cannot write .*codes\.npz: .*\n", done.stderr)
    assert list(out.parent.iterdir()) == []


def test_the_python_of_the_page_runs(run, photos, capsys, tmp_path, monkeypatch):
    """On a run of one loss, as the page makes it, with codes written before."""
    monkeypatch.chdir(tmp_path)
    assert embed(capsys, run, "builtin", "--out", "codes.npz", "--loss", "ssim")[0] == 0
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "faces").symlink_to(run)
    write_png(tmp_path / "photo.jpg", noise(30, 30, 3))
    code = "\n".join(blocks).replace("ms-ssim", "ssim")
    exec(compile(code, str(PAGE), "exec"), {})
    assert "astronaut" in capsys.readouterr().out
