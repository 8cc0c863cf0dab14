"""`snellen score` as a user meets it: words in, text, files and a status out."""

import csv
import errno
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import structural_similarity

from snellen import metrics
from snellen.cli.main import main
from snellen.images.files import read_image, write_png


def photograph(height=176, width=192, channels=3, seed=0):
    """Return a smooth random picture, uint8: waves that SSIM finds structure in."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    planes = [
        sum(
            rng.uniform(10, 30) * np.sin(rows * rng.uniform(0, 0.6) + columns * rng.uniform(0, 0.5))
            for _ in range(4)
        )
        for _ in range(channels)
    ]
    picture = np.clip(128 + np.stack(planes, axis=-1), 0, 255).astype(np.uint8)
    return picture if channels > 1 else picture[..., 0]


def noisy(picture, sigma=12, seed=1):
    noise = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return np.clip(picture + noise, 0, np.iinfo(picture.dtype).max).astype(picture.dtype)


@pytest.fixture
def pair(tmp_path):
    """Return the paths of an original and a noisy copy, in colour."""
    original = photograph()
    write_png(tmp_path / "original.png", original)
    write_png(tmp_path / "noisy.png", noisy(original))
    return str(tmp_path / "original.png"), str(tmp_path / "noisy.png")


@pytest.fixture
def folders(tmp_path):
    """Return two folders with three pairs, one of them in a folder of its own."""
    for index, name in enumerate(["one.png", "two.png", "deep/three.png"]):
        original = photograph(seed=index)
        write_png(tmp_path / "ref" / name, original)
        write_png(tmp_path / "dist" / name, noisy(original, 5 * (index + 1)))
    return tmp_path / "ref", tmp_path / "dist"


def run_json(capsys, *words, status=0):
    assert main(["score", *map(str, words), "--json", "-"]) == status
    return json.loads(capsys.readouterr().out)


def values_of(content):
    return {pair["name"]: pair["values"] for pair in content["pairs"]}


def test_psnr_is_that_of_its_formula(pair, capsys):
    first, second = (read_image(path).astype(float) for path in pair)
    expected = 10 * math.log10(255**2 / np.mean((first - second) ** 2))
    values = run_json(capsys, *pair, "--metrics", "psnr")["pairs"][0]["values"]
    assert values["psnr"] == pytest.approx(expected, rel=1e-12)


def test_mse_and_mae_are_in_levels_of_the_file(pair, capsys):
    first, second = (read_image(path).astype(float) for path in pair)
    values = run_json(capsys, *pair, "--metrics", "mse,mae")["pairs"][0]["values"]
    assert values["mse"] == pytest.approx(np.mean((first - second) ** 2), rel=1e-12)
    assert values["mae"] == pytest.approx(np.mean(np.abs(first - second)), rel=1e-12)


def test_ssim_in_colour_is_the_mean_of_the_channels_as_in_scikit_image(pair, capsys):
    first, second = (read_image(path) for path in pair)
    # scikit-image's mean leaves out 5 pixels at the border: the valid windows of 11 taps.
    expected = structural_similarity(
        first,
        second,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
    )
    values = run_json(capsys, *pair, "--metrics", "ssim")["pairs"][0]["values"]
    assert values["ssim"] == pytest.approx(expected, abs=1e-7)


def test_gray_measures_the_luma(pair, capsys):
    first, second = (np.asarray(Image.open(path).convert("L")).astype(float) for path in pair)
    values = run_json(capsys, *pair, "--metrics", "mae", "--gray")["pairs"][0]["values"]
    # Two rounded lumas may each be one level from Pillow's.
    assert values["mae"] == pytest.approx(np.mean(np.abs(first - second)), abs=0.05)


@pytest.mark.parametrize("name", ["ssim", "ms-ssim", "dssim", "ms-dssim"])
def test_measuring_by_channel_changes_no_number(pair, capsys, name):
    target, preds = (
        torch.from_numpy(read_image(path).astype(float)).permute(2, 0, 1)[None] for path in pair
    )
    measure = getattr(metrics, name.replace("-", "_"))
    values = run_json(capsys, *pair, "--metrics", name)["pairs"][0]["values"]
    assert values[name] == pytest.approx(float(measure(preds, target, data_range=255)), rel=1e-12)


def test_convention_is_used(pair, capsys):
    by_wang = run_json(capsys, *pair, "--metrics", "ssim")["pairs"][0]["values"]
    by_poster = run_json(capsys, *pair, "--metrics", "ssim", "--convention", "poster")
    assert by_poster["pairs"][0]["values"] != by_wang
    assert by_poster["convention"]["border"] == "replicate"


def test_sixteen_bit_is_measured_on_its_own_range(tmp_path, capsys):
    eight = photograph(channels=1)
    for name, picture in (("a", eight), ("b", noisy(eight))):
        write_png(tmp_path / f"{name}8.png", picture)
        write_png(tmp_path / f"{name}16.png", picture.astype(np.uint16) * 257)
    shallow = run_json(capsys, tmp_path / "a8.png", tmp_path / "b8.png")["pairs"][0]
    deep = run_json(capsys, tmp_path / "a16.png", tmp_path / "b16.png")["pairs"][0]
    assert (shallow["data_range"], deep["data_range"]) == (255, 65535)
    assert deep["values"] == pytest.approx(shallow["values"], rel=1e-9)


def test_identical_pictures_are_perfect_and_json_stays_valid(pair, capsys):
    content = run_json(capsys, pair[0], pair[0], "--metrics", "psnr,ssim,ms-ssim,mse,dssim")
    assert content["pairs"][0]["values"] == {
        "psnr": "inf",
        "ssim": 1.0,
        "ms-ssim": 1.0,
        "mse": 0.0,
        "dssim": 0.0,
    }
    assert content["mean"]["psnr"] == "inf"


def test_folders_are_paired_by_their_paths_inside(folders, capsys):
    content = run_json(capsys, *folders, "--metrics", "psnr")
    assert sorted(values_of(content)) == ["deep/three.png", "one.png", "two.png"]


def test_mean_is_over_the_pairs(folders, capsys):
    content = run_json(capsys, *folders, "--metrics", "psnr,ssim")
    for name in ("psnr", "ssim"):
        expected = np.mean([values[name] for values in values_of(content).values()])
        assert content["mean"][name] == pytest.approx(expected, rel=1e-12)


def test_table_shows_each_pair_and_the_mean(folders, capsys):
    assert main(["score", *map(str, folders)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "psnr ↑" in lines[0]
    assert "ms-ssim ↑" in lines[0]
    assert [line.split("│")[0].strip() for line in lines[2:5]] == [
        "deep/three.png",
        "one.png",
        "two.png",
    ]
    assert lines[-1].startswith("mean of 3")


def test_json_to_stdout_stands_alone(folders, capsys):
    assert main(["score", *map(str, folders), "--json", "-"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["measured"] == 3
    assert told.err == ""


def test_json_file_is_beside_the_table(pair, tmp_path, capsys):
    target = tmp_path / "out" / "scores.json"
    assert main(["score", *pair, "--json", str(target)]) == 0
    assert "psnr" in capsys.readouterr().out
    assert json.loads(target.read_text())["measured"] == 1


def test_csv_has_a_row_for_each_pair_in_full_precision(folders, tmp_path, capsys):
    content = run_json(capsys, *folders, "--csv", tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["name"]: float(row["ssim"]) for row in rows} == {
        name: values["ssim"] for name, values in values_of(content).items()
    }


def test_json_and_csv_cannot_both_go_to_stdout(pair, capsys):
    assert main(["score", *pair, "--json", "-", "--csv", "-"]) == 2
    assert "--json" in capsys.readouterr().err


def test_a_failed_pair_is_status_1_after_all_others(folders, capsys):
    reference, distorted = folders
    (distorted / "one.png").write_text("not a picture")
    content = run_json(capsys, reference, distorted, status=1)
    assert (content["measured"], content["failed"]) == (2, 1)
    failed = next(pair for pair in content["pairs"] if pair["problems"])
    assert failed["name"] == "one.png"
    assert "not an image" in failed["problems"][0]


def test_failed_pairs_are_named_on_stderr_and_left_out_of_the_mean(folders, capsys):
    (folders[1] / "one.png").write_text("not a picture")
    assert main(["score", *map(str, folders)]) == 1
    told = capsys.readouterr()
    assert told.err.startswith("snellen: one.png: cannot read")
    assert "1 of 3 pairs failed" in told.err
    assert "mean of 2 of 3" in told.out


@pytest.mark.parametrize("side", [0, 1])
def test_a_picture_without_partner_is_a_failure(folders, capsys, side):
    (folders[side] / "two.png").unlink()
    content = run_json(capsys, *folders, status=1)
    failed = next(pair for pair in content["pairs"] if pair["problems"])
    assert failed["name"] == "two.png"
    assert str(folders[side]) in failed["problems"][0]
    assert content["measured"] == 2


def test_folders_with_nothing_in_common_fail_and_say_so(tmp_path, capsys):
    write_png(tmp_path / "a" / "one.png", photograph(32, 32))
    write_png(tmp_path / "b" / "two.png", photograph(32, 32))
    assert main(["score", str(tmp_path / "a"), str(tmp_path / "b")]) == 1
    assert "2 of 2 pairs failed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (photograph(170, 192), "the sizes differ"),
        (photograph(channels=1), "the channels differ"),
        (photograph().astype(np.uint16) * 257, "the bit depths differ"),
    ],
)
def test_pairs_that_do_not_match_fail_and_say_why(pair, tmp_path, capsys, other, sentence):
    write_png(tmp_path / "other.png", other)
    assert main(["score", pair[0], str(tmp_path / "other.png")]) == 1
    told = capsys.readouterr().err
    assert sentence in told
    assert "Traceback" not in told


def test_gray_makes_colour_and_gray_comparable(pair, tmp_path, capsys):
    write_png(tmp_path / "gray.png", photograph(channels=1))
    words = [pair[0], tmp_path / "gray.png", "--metrics", "psnr", "--gray"]
    assert run_json(capsys, *words)["pairs"][0]["channels"] == 1


@pytest.fixture
def small_pair(tmp_path):
    original = photograph(96, 96)
    write_png(tmp_path / "small.png", original)
    write_png(tmp_path / "small-noisy.png", noisy(original))
    return str(tmp_path / "small.png"), str(tmp_path / "small-noisy.png")


def test_small_pictures_name_the_option_and_keep_the_other_metrics(small_pair, capsys):
    content = run_json(capsys, *small_pair, status=1)
    only = content["pairs"][0]
    assert sorted(only["values"]) == ["psnr", "ssim"]
    assert "161" in only["problems"][0]
    assert "--levels auto (4 levels fit)" in only["problems"][0]


def test_levels_auto_measures_them_and_tells_the_number(small_pair, capsys):
    content = run_json(capsys, *small_pair, "--levels", "auto")
    assert content["pairs"][0]["levels"] == 4
    assert 0 < content["pairs"][0]["values"]["ms-ssim"] < 1


def test_the_table_notes_fewer_levels(small_pair, capsys):
    assert main(["score", *small_pair, "--levels", "auto"]) == 0
    assert "4 levels" in capsys.readouterr().err


def test_mixed_numbers_of_levels_are_not_comparable(folders, tmp_path, capsys):
    write_png(folders[0] / "small.png", photograph(96, 96))
    write_png(folders[1] / "small.png", noisy(photograph(96, 96)))
    assert main(["score", *map(str, folders), "--levels", "auto"]) == 0
    assert "not comparable" in capsys.readouterr().err


def test_ms_ssim_on_one_level_is_refused(tmp_path, capsys):
    write_png(tmp_path / "tiny.png", photograph(16, 16))
    words = [tmp_path / "tiny.png", tmp_path / "tiny.png", "--metrics", "ms-ssim"]
    problems = run_json(capsys, *words, "--levels", "auto", status=1)["pairs"][0]["problems"]
    assert "16×16" in problems[0]
    assert "leave it out" in problems[0]


def test_pictures_smaller_than_the_window_fail_only_for_ssim(tmp_path, capsys):
    write_png(tmp_path / "tiny.png", photograph(8, 9))
    words = [tmp_path / "tiny.png", tmp_path / "tiny.png", "--metrics", "mse,ssim"]
    only = run_json(capsys, *words, status=1)["pairs"][0]
    assert only["values"] == {"mse": 0.0}
    assert "9×8" in only["problems"][0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--metrics", "ms-sim"], "Did you mean 'ms-ssim'?"),
        (["--metrics", ","], "--metrics is empty"),
        (["--metrics", "ssim,ssim"], "ssim twice"),
        (["--metrics", "no_such_module:f"], "No module named 'no_such_module'"),
        (["--metrics", "math:sqroot"], "Did you mean 'sqrt'?"),
        (["--metrics", "math:pi"], "is not a function"),
        (["--convention", "wong"], "Did you mean 'wang'?"),
        (["--levels", "many"], "'many'"),
        (["--levels", "1"], "use --metrics ssim"),
        (["--levels", "9"], "at most 5 levels"),
        (["--map", "out.jpg"], ".png"),
    ],
)
def test_bad_options_are_one_sentence_and_status_2(pair, capsys, words, sentence):
    assert main(["score", *pair, *words]) == 2
    told = capsys.readouterr()
    assert told.err.startswith("snellen: ")
    assert sentence in told.err
    assert told.out == ""


def test_a_path_that_is_not_there_is_status_2(pair, capsys):
    assert main(["score", pair[0], "nowhere.png"]) == 2
    assert "nowhere.png" in capsys.readouterr().err


def test_a_file_against_a_folder_is_status_2(pair, tmp_path, capsys):
    assert main(["score", pair[0], str(tmp_path)]) == 2
    assert "two files, or two folders" in capsys.readouterr().err


def test_a_folder_without_pictures_is_status_2(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["score", str(tmp_path / "empty"), str(tmp_path / "empty")]) == 2
    assert "no picture in" in capsys.readouterr().err


def test_a_single_huge_picture_is_refused(pair, tmp_path, capsys):
    Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
    assert main(["score", pair[0], str(tmp_path / "huge.png")]) == 1
    assert "20000×20000" in capsys.readouterr().err


def test_a_truncated_jpeg_fails_its_pair(pair, tmp_path, capsys):
    Image.fromarray(photograph()).save(tmp_path / "whole.jpg")
    whole = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    assert main(["score", pair[0], str(tmp_path / "cut.jpg")]) == 1
    assert "truncated" in capsys.readouterr().err


def test_an_output_over_an_input_is_refused(pair, capsys):
    before = read_image(pair[0])
    assert main(["score", *pair, "--map", pair[0]]) == 2
    assert "would overwrite" in capsys.readouterr().err
    assert np.array_equal(read_image(pair[0]), before)


def test_an_output_that_cannot_be_written_is_one_sentence(pair, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["score", *pair, "--json", str(tmp_path / "file" / "scores.json")]) == 2
    assert "cannot write" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the file system is read-only")],
)
def test_a_place_that_takes_nothing_is_told_after_the_table(
    pair, tmp_path, capsys, monkeypatch, number, sentence
):
    def refuse(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("snellen.files.os.fsync", refuse)
    assert main(["score", *pair, "--csv", str(tmp_path / "scores.csv")]) == 2
    told = capsys.readouterr()
    assert "psnr" in told.out
    assert sentence in told.err
    assert not (tmp_path / "scores.csv").exists()


def test_map_holds_255_times_ssim(pair, tmp_path, capsys):
    target = tmp_path / "map.png"
    assert main(["score", *pair, "--gray", "--metrics", "ssim", "--map", str(target)]) == 0
    picture = read_image(target)
    first, second = (np.asarray(Image.open(path).convert("L")) for path in pair)
    _, expected = structural_similarity(
        first,
        second,
        gaussian_weights=True,
        use_sample_covariance=False,
        data_range=255,
        full=True,
    )
    assert picture.shape == (166, 182)
    assert picture.dtype == np.uint8
    near = np.abs(picture - 255 * np.clip(expected[5:-5, 5:-5], 0, 1))
    assert np.median(near) <= 0.5


def test_map_tells_its_range(pair, tmp_path, capsys):
    assert main(["score", *pair, "--map", str(tmp_path / "map.png")]) == 0
    assert "black is 0" in capsys.readouterr().err


def test_map_of_folders_is_refused(folders, tmp_path, capsys):
    assert main(["score", *map(str, folders), "--map", str(tmp_path / "map.png")]) == 2
    assert "two files" in capsys.readouterr().err
    assert not (tmp_path / "map.png").exists()


CUSTOM = """
def largest(preds, target):
    print("a word on stdout")
    return (preds - target).abs().max()

def range_of(preds, target, data_range=None):
    return data_range

def kind(preds, target):
    return float(str(preds.dtype) == "torch.float32" and tuple(preds.shape) == (1, 3, 176, 192))

def broken(preds, target):
    raise RuntimeError("no luck")

def nothing(preds, target):
    return float("nan")
"""


@pytest.fixture
def custom(tmp_path, monkeypatch):
    """Put a module of metrics into the folder that the command is called from."""
    (tmp_path / "mine_for_score.py").write_text(CUSTOM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    yield lambda name: f"mine_for_score:{name}"
    sys.modules.pop("mine_for_score", None)


def test_a_metric_of_the_users_gets_pictures_in_0_to_1(pair, custom, capsys):
    first, second = (read_image(path).astype(float) for path in pair)
    name = custom("largest")
    values = run_json(capsys, *pair, "--metrics", name)["pairs"][0]["values"]
    assert values[name] == pytest.approx(np.abs(first - second).max() / 255, rel=1e-6)


def test_a_metric_of_the_users_is_told_the_range_if_it_asks(pair, custom, capsys):
    name = custom("range_of")
    assert run_json(capsys, *pair, "--metrics", name)["mean"] == {name: 1.0}


def test_a_metric_of_the_users_gets_float32_in_nchw(pair, custom, capsys):
    name = custom("kind")
    assert run_json(capsys, *pair, "--metrics", name)["mean"] == {name: 1.0}


def test_a_metric_that_fails_fails_the_pair_but_no_other_metric(pair, custom, capsys):
    only = run_json(capsys, *pair, "--metrics", f"{custom('broken')},psnr", status=1)["pairs"][0]
    assert list(only["values"]) == ["psnr"]
    assert only["problems"] == [f"{custom('broken')} failed (RuntimeError: no luck)."]


def test_a_nan_is_a_failure_and_no_number(pair, custom, capsys):
    content = run_json(capsys, *pair, "--metrics", custom("nothing"), status=1)
    assert content["pairs"][0]["values"] == {}
    assert "gave NaN" in content["pairs"][0]["problems"][0]
    assert content["mean"] == {}


def test_the_installed_command_finds_metrics_in_the_current_folder(pair, custom, tmp_path):
    words = ["score", *pair, "--metrics", custom("largest"), "--json", "-"]
    code = "import sys; from snellen.cli.main import main; sys.path.remove(''); sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["measured"] == 1
    assert "a word on stdout" in done.stderr


def test_tensorflows_checkerboards(snellen_data, capsys):
    boards = snellen_data / "ssim_known_values" / "tensorflow_checkerboards"
    first, second = boards / "checkerboard1.png", boards / "checkerboard2.png"
    mean = run_json(capsys, first, second, "--metrics", "ssim,ms-ssim")["mean"]
    assert mean["ssim"] == pytest.approx(0.230880, abs=1e-4)
    assert mean["ms-ssim"] == pytest.approx(0.091016, abs=1e-4)


def test_tensorflows_cats(snellen_data, capsys):
    cats = snellen_data / "ssim_known_values" / "tensorflow_psnr_cats"
    mean = run_json(capsys, cats / "cat_q20.jpg", cats / "cat_q72.jpg", "--metrics", "psnr")["mean"]
    assert mean["psnr"] == pytest.approx(30.321, abs=2e-3)
