"""Two processes on the loopback, started as torchrun does it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from snellen.errors import UserError
from snellen.training import launch_fabric, on_first_process, read_rows
from snellen.training.checkpoints import list_checkpoints, read_checkpoint

PLACE = "checkpoints/mse/seed-0"


@pytest.fixture(scope="module")
def pair(small_script, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = subprocess.run(
        [sys.executable, "-W", "error", str(small_script), "pair", str(folder), str(port)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads((folder / f"found-{rank}.json").read_text()) for rank in range(2)]
    return folder, found, done.stdout + done.stderr


def gradient(folder):
    """The gradient of the only step: AdamW's first moment is (1 − β₁) times it."""
    tensors = read_checkpoint(list_checkpoints(folder / PLACE)[-1]).optimizer
    return {key: value / 0.1 for key, value in tensors.items() if key.endswith("exp_avg")}


def test_the_gradient_is_that_of_one_process_for_shares_of_unequal_size(pair, small, tmp_path):
    folder, found, _ = pair
    assert [one["world_size"] for one in found] == [2, 2]
    small.run(tmp_path, small.autoencoder(), steps=1, batch_size=7, clip_norm=None)
    ours, theirs = gradient(folder / "gradient"), gradient(tmp_path)
    assert ours.keys() == theirs.keys()
    largest = max(value.abs().max().item() for value in theirs.values())
    assert largest > 1e-3
    for key, value in theirs.items():
        assert (ours[key] - value).abs().max().item() <= 1e-5 * largest, key


def test_an_objective_of_the_networks_own_is_shared_in_the_same_way(pair, small, tmp_path):
    folder, found, _ = pair
    alone = small.run(tmp_path, small.Own(), steps=1, batch_size=7, clip_norm=None).history[0]
    for one in found:
        for key in ("value", "objective"):
            assert one["own"][key] == pytest.approx(alone[key], rel=1e-5)
    ours, theirs = gradient(folder / "own"), gradient(tmp_path)
    largest = max(value.abs().max().item() for value in theirs.values())
    for key, value in theirs.items():
        assert (ours[key] - value).abs().max().item() <= 1e-5 * largest, key


def test_a_random_code_leaves_all_processes_with_the_same_weights(pair):
    _, (first, second), _ = pair
    assert first["variational"] == second["variational"]


def test_each_picture_is_validated_once(pair, small, tmp_path):
    folder, _, _ = pair
    alone = small.run(tmp_path, small.autoencoder(), steps=1, batch_size=7, clip_norm=None).history[
        -1
    ]
    row = read_rows(folder / "gradient" / "metrics.jsonl")[-1]
    assert row["pictures"] == 5
    assert row["value"] == pytest.approx(alone["value"], rel=1e-5)
    assert row["error"] == pytest.approx(alone["error"], rel=1e-3)


def test_all_processes_end_with_the_same_weights_and_history(pair):
    folder, (first, second), _ = pair
    assert first["weights"] == second["weights"]
    assert first["average"] == second["average"]
    assert first["history"] == second["history"]
    assert len(read_rows(folder / "whole" / "metrics.jsonl")) == len(first["history"])


def test_a_signal_to_one_stops_both_at_the_same_step_and_they_resume_exactly(pair):
    _, found, _ = pair
    for one in found:
        assert one["stopped"] == 14
        assert one["resumed"] == one["weights"]
        assert one["resumed_average"] == one["average"]
        assert one["resumed_history"] == one["history"]


def test_a_bad_loss_in_one_process_stops_both_and_names_the_files_of_both(pair):
    _, found, _ = pair
    for one in found:
        assert "not finite at step 6 of 40" in one["bad"]
        assert all(f"5-{number}.png" in one["bad"] for number in range(6))


def test_an_error_of_the_first_process_reaches_all(pair):
    _, found, _ = pair
    assert all("--resume, or name another --out" in one["exists"] for one in found)


def test_fewer_pictures_than_processes_are_validated(pair, small, tmp_path):
    _, found, _ = pair
    alone = small.run(tmp_path, steps=1, validation=small.pictures(99, 1)).history[-1]
    for one in found:
        assert one["one"]["pictures"] == 1
        assert one["one"]["value"] == pytest.approx(alone["value"], rel=0.05)  # other dropout
        assert one["one"]["error"] == pytest.approx(alone["error"], rel=0.05)


@pytest.mark.parametrize("name", ["write_pictures", "close"])
def test_a_full_disk_of_the_first_process_stops_both(pair, name):
    _, (first, second), _ = pair
    assert first[name] == "OSError: [Errno 28] No space left on device"
    assert second[name] == f"UserError: {first[name]}"


def test_an_error_of_any_kind_reaches_all(pair):
    _, (first, second), _ = pair
    assert first["any"].startswith("ZeroDivisionError: ")
    assert second["any"] == f"UserError: {first['any']}"


def test_the_group_between_cpus_is_opened_once(pair):
    _, found, _ = pair
    for one in found:
        assert one["groups"] == [True, True]
        assert one["largest"] == 8


def test_processes_wait_for_hours(pair):
    _, found, _ = pair
    assert all(one["patience"] >= 3600 for one in found)


def test_a_batch_that_is_too_small_to_share_is_refused(pair):
    _, found, _ = pair
    assert all("a batch of 1 cannot be shared by 2 processes" in one["few"] for one in found)


def test_nobody_chats(pair):
    _, _, output = pair
    assert output == ""


def test_one_process_is_the_first():
    fabric = launch_fabric("cpu")
    assert fabric.world_size == 1
    assert on_first_process(fabric, lambda: 3) == 3


def test_an_accelerator_that_is_not_there_is_told():
    with pytest.raises(UserError, match="training on 'tpux' cannot start"):
        launch_fabric("tpux")


def test_no_process_group_is_left_when_python_ends():
    """Its threads could abort the process, after everything was written."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    surroundings = {
        "RANK": "0",
        "LOCAL_RANK": "0",
        "WORLD_SIZE": "1",
        "LOCAL_WORLD_SIZE": "1",
        "GROUP_RANK": "0",
        "GROUP_WORLD_SIZE": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "test",
        "GLOO_SOCKET_IFNAME": "lo",
    }
    script = (
        "import atexit\n"
        "import torch.distributed as dist\n"
        "from snellen.training import launch_fabric\n"
        "atexit.register(lambda: print('at the end', dist.is_initialized()))\n"
        "launch_fabric('cpu')\n"
        "print('launched', dist.is_initialized())\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, **surroundings},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "launched True\nat the end False\n"), done.stderr
