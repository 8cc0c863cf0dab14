"""`snellen doctor`: what it finds, and what it says when something is missing."""

import json
import types
from importlib import metadata

import pytest
import torch

from snellen import __version__
from snellen.cli import doctor as module
from snellen.cli.doctor import Finding, examine
from snellen.cli.main import main


@pytest.fixture
def found(monkeypatch):
    """Return a function that examines once more and gives the findings by name."""

    def look():
        return {finding.name: finding for finding in examine()}

    return look


def test_all_is_well_here(capsys):
    assert main(["doctor"]) == 0
    assert "Everything that snellen needs is here." in capsys.readouterr().out


def test_json_is_the_findings(capsys):
    assert main(["doctor", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["problems"] == 0
    assert all(Finding(**finding).status in ("ok", "note") for finding in content["findings"])


def test_versions_are_those_installed(found):
    findings = found()
    assert findings["snellen"].detail.startswith(__version__)
    assert findings["numpy"].detail == metadata.version("numpy")


def test_every_dependency_is_looked_at(found):
    needed = {"torch", "lightning-fabric", "pillow", "rich", "scikit-image", "safetensors"}
    assert needed <= found().keys()


def test_tools_for_development_are_not_asked_for(found):
    assert found().keys().isdisjoint({"pytest", "ruff", "mypy"})


def test_a_missing_package_says_what_to_type(found, monkeypatch, capsys):
    real = module._version
    monkeypatch.setattr(module, "_version", lambda name: None if name == "rich" else real(name))
    finding = found()["rich"]
    assert finding.status == "problem"
    assert finding.advice.startswith("pip install 'rich>=")
    assert main(["doctor", "--json"]) == 1


def test_a_package_too_old_says_what_to_type(found, monkeypatch):
    real = module._version
    monkeypatch.setattr(module, "_version", lambda name: "0.1" if name == "numpy" else real(name))
    finding = found()["numpy"]
    assert finding.status == "problem"
    assert "0.1, needed is >=" in finding.detail
    assert finding.advice.startswith("pip install 'numpy>=")


def test_a_malicious_upload_is_named(found, monkeypatch):
    real = module._version
    monkeypatch.setattr(
        module, "_version", lambda name: "2.6.2" if name == "lightning" else real(name)
    )
    finding = found()["lightning"]
    assert finding.status == "problem"
    assert "malicious" in finding.detail


def test_a_broken_torch_is_told_not_raised(found, monkeypatch):
    def broken():
        raise OSError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(module, "_devices", broken)
    finding = found()["devices"]
    assert finding.status == "problem"
    assert "libgomp" in finding.detail
    assert "torch" in finding.advice


def test_a_gpu_that_this_torch_cannot_use_is_noted(found, monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    finding = found()["cuda"]
    assert finding.status == "note"
    assert "https://pytorch.org" in finding.advice


def test_a_hidden_gpu_is_noted(found, monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES" in found()["cuda"].advice


def test_gpus_are_listed(found, monkeypatch):
    about = types.SimpleNamespace(name="H200", total_memory=141 * 2**30, major=9, minor=0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: about)
    assert found()["cuda:0"].detail == "H200, 141 GiB, sm_90"


@pytest.mark.parametrize(
    ("threads", "cores", "quota", "asked", "status", "advice"),
    [
        (2, 2, None, None, "ok", ""),
        (8, 16, None, None, "ok", ""),
        (64, 64, 2.0, None, "note", "export OMP_NUM_THREADS=2"),
        (1, 16, None, "1", "note", "unset OMP_NUM_THREADS"),
    ],
)
def test_threads_that_do_not_fit_the_cores_are_noted(
    found, monkeypatch, threads, cores, quota, asked, status, advice
):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(module, "_cores", lambda: cores)
    monkeypatch.setattr(module, "_quota", lambda: quota)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if asked is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    finding = found()["threads"]
    assert finding.status == status
    assert finding.advice.startswith(advice)


def test_a_full_disk_is_noted(found, monkeypatch):
    usage = types.SimpleNamespace(total=2**40, used=2**40, free=2**20)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage)
    assert found()["this folder"].status == "note"


def test_a_cache_that_cannot_be_written_is_noted(found, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SNELLEN_CACHE", str(tmp_path / "file" / "cache"))
    finding = found()["cache"]
    assert finding.status == "note"
    assert "SNELLEN_CACHE" in finding.advice
