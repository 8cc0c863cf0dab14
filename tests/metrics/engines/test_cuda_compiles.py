"""What only a compiler tells: the interpreter forgives types that Triton refuses. Needs no GPU."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("triton", reason="Triton has no build for this platform")

# In a process of its own, because here the kernels may have been given to the interpreter. The
# launches are recorded, and each is compiled for Hopper as it would be on its first call there.
PROGRAM = textwrap.dedent(
    """
    import sys
    from dataclasses import replace

    import torch
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from snellen.metrics import WANG
    from snellen.metrics.engines import cuda, cuda_kernels
    from snellen.metrics.engines.plan import make_plan

    TYPES = {torch.float32: "*fp32", torch.float16: "*fp16", torch.bfloat16: "*bf16",
             torch.uint8: "*u8"}
    OPTIONS = ("num_warps", "num_stages", "enable_fp_fusion")
    launches = {}

    class Recorder:
        def __getattr__(self, name):
            return Launcher(getattr(cuda_kernels, name))

    class Launcher:
        def __init__(self, kernel):
            self.kernel = kernel

        def __getitem__(self, grid):
            assert all(size > 0 for size in grid)
            return self.launch

        def launch(self, *args, **kwargs):
            options = {k: kwargs.pop(k) for k in OPTIONS if k in kwargs}
            values = dict(zip(self.kernel.arg_names, args)) | kwargs
            signature, constants, attributes = {}, {}, {}
            for at, parameter in enumerate(self.kernel.params):
                name, value = parameter.name, values[parameter.name]
                free = not parameter.do_not_specialize
                one = free and type(value) is int and value == 1
                if parameter.is_constexpr or value is None or one:
                    signature[name] = "constexpr"
                    constants[name] = value
                elif isinstance(value, torch.Tensor):
                    signature[name] = TYPES[value.dtype]
                    if value.data_ptr() % 16 == 0:
                        attributes[(at,)] = [["tt.divisibility", 16]]
                elif isinstance(value, int):
                    signature[name] = "i32"
                    if free and value % 16 == 0:
                        attributes[(at,)] = [["tt.divisibility", 16]]
                else:
                    signature[name] = "fp32"
            source = ASTSource(self.kernel, signature, constants, attributes)
            key = repr((self.kernel.arg_names, signature, constants))
            launches.setdefault(key, (source, options))

    cuda._kernels = Recorder
    tiny = replace(WANG, window_size=3, levels=2, exponents="ones")
    for shape, dtype, wanted, multiscale, changes in (
        ((1, 1, 9, 16), torch.float32, "x", False, {}),
        ((2, 3, 9, 11), torch.bfloat16, "xy", True, {"border": "reflect", "negative": "signed"}),
        ((1, 2, 8, 9), torch.float16, "y", True,
         {"border": "zeros", "odd_sizes": "drop", "reading": "pixels", "negative": "smooth"}),
        ((2, 2, 8, 9), torch.uint8, "", True, {"channel_order": "mean-then-product"}),
    ):
        x = torch.zeros(shape, dtype=dtype)
        plan = make_plan(replace(tiny, **changes), shape[2:], 1.0, multiscale=multiscale)
        cuda.similarity(x, x, plan, need_x="x" in wanted, need_y="y" in wanted)
    for source, options in launches.values():
        triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
        print(source.fn.__name__)
    """
)


def test_every_kernel_compiles_for_hopper(tmp_path: pytest.TempPathFactory) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    environment["TRITON_CACHE_DIR"] = str(tmp_path)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert set(done.stdout.split()) == {
        "combine",
        "edge_weights",
        "halve_upstream",
        "level",
        "product_of_maps",
        "product_of_means",
    }


def test_importing_the_engine_does_not_import_triton() -> None:
    program = """
import sys
from snellen.metrics.engines import cuda
cuda.is_available()
sys.exit("triton" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
