"""``snellen superres compare`` as it is typed."""

import numpy as np
import pytest
import yaml
from scipy import ndimage

from snellen.cli.main import main
from snellen.images import write_png


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    for place, seed in (("train", 0), ("judged", 1)):
        generator = np.random.default_rng(seed)
        for k in range(3):
            smooth = ndimage.gaussian_filter(generator.normal(size=(72, 76)), 1.5)
            levels = (128 + 55 * smooth / smooth.std()).clip(0, 255)
            write_png(root / place / f"{k}.png", levels.astype(np.uint8))
    return root


@pytest.fixture
def typed(folders):
    return [
        "superres", "compare", "--train", str(folders / "train"),
        "--benchmarks", str(folders / "judged"), "--losses", "mse,mae",
        "--set", "patch=60", "--set", "output_pixels=7744", "--set", "batch_size=2",
        "--set", "network_options.filters=[4, 3]",
    ]  # fmt: skip


def test_a_dry_run_says_what_would_be_done_and_trains_nothing(typed, tmp_path, capsys):
    assert main([*typed, "--out", str(tmp_path / "run"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "2 trainings of 7,744 output pixels: 2 steps of 2 patches" in said
    settings = yaml.safe_load(said[said.index("losses:") :])
    assert settings["network_options"] == {"filters": [4, 3]}
    assert list(tmp_path.iterdir()) == []


def test_a_run_prints_the_table_and_goes_on_without_its_settings(typed, tmp_path, capsys):
    out = str(tmp_path / "run")
    export = ["--set", "terms=my own", "--export-weights", str(tmp_path / "weights")]
    assert main([*typed, "--out", out, *export]) == 0
    said = capsys.readouterr().out
    assert "×4, protocol poster" in said
    assert "3 pictures" in said
    assert [line for line in said.splitlines() if "bicubic" in line]
    assert (tmp_path / "weights" / "srcnn-x4-mae.safetensors").is_file()
    assert main(["superres", "compare", "--out", out, "--resume"]) == 0


@pytest.mark.parametrize("preset", ["demo", "short", "poster"])
@pytest.mark.parametrize(("scale", "patch"), [(2, 64), (3, 66), (4, 64)])
def test_presets_fit_every_scale(typed, capsys, preset, scale, patch):
    words = [*typed[:6], "--preset", preset, "--scale", str(scale), "--losses", "mse"]
    words += ["--set", "held_out=null", "--dry-run"]
    assert main(words) == 0
    assert f"{patch}×{patch}, output" in capsys.readouterr().out


def test_lists_of_a_network_may_be_typed_with_commas(typed, capsys):
    words = [*typed, "--dry-run", "--set"]
    assert main([*words, "network_options.kernels=5,1,5"]) == 0
    assert "output 52×52" in capsys.readouterr().out
    assert main([*words, "network_options.kernels=5,a,5"]) == 2
    assert "must be whole numbers, such as 9,5,5, not 5,a,5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scale", "5"], "scale"),
        (["--protocol", "postr"], "'postr'"),
        (["--preset", "dem"], "Did you mean 'demo'"),
        (["--losses", "mse,ms-ssim", "--set", "patch=48"], "patch=60"),
        (["--train", "/nowhere"], "/nowhere"),
        (["--benchmarks", "/nowhere"], "/nowhere"),
        (["--resume"], "--out"),
        (["--export-weights", "weights"], "--set terms="),
    ],
)
def test_bad_input_is_one_sentence_and_a_status(typed, capsys, words, said):
    assert main([*typed, *words]) == 2
    found = capsys.readouterr()
    assert said in found.err
    assert found.err.count("\n") == 1
    assert found.out == ""


def test_a_folder_that_holds_something_is_left_alone(typed, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert main([*typed, "--out", str(tmp_path)]) == 2
    assert "--resume" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
