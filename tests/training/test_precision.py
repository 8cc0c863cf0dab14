from __future__ import annotations

import pytest
import torch
from torch import nn

from snellen.training.precision import autocast, resolve_precision, strict_float32

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("able", "wanted"),
    [({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True}, "bf16"), ({"avx2": True}, "fp32")],
)
def test_auto_takes_bfloat16_where_the_cpu_has_it(monkeypatch, able, wanted):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert resolve_precision("auto", CPU) == wanted


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_precision_that_was_asked_for_is_kept(precision):
    assert resolve_precision(precision, CPU) == precision


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_the_network_computes_in_what_was_asked_for(precision, dtype):
    with autocast(CPU, precision):
        assert nn.Linear(2, 2)(torch.rand(1, 2)).dtype == dtype


def test_settings_of_the_gpu_come_back():
    def settings():
        cudnn = torch.backends.cudnn
        return cudnn.allow_tf32, cudnn.benchmark, torch.backends.cuda.matmul.allow_tf32

    before = settings()
    with strict_float32(torch.device("cuda")):
        assert settings() == (False, True, False)
    assert settings() == before
