"""The libraries themselves, called as their users call them, in float64 where they compute in it.

scikit-image, torchmetrics and pytorch-msssim come with the tests; `make test` also brings kornia
and, without the torchvision that only its other metrics need, piq. TensorFlow, and BasicSR with
OpenCV, come with `make libraries`. A test skips what is not there.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

Measure = Callable[[Tensor, Tensor, float], Tensor]


def module(name: str, how: str) -> Any:
    """Import a module; skip the test where its package is not there."""
    if importlib.util.find_spec(name.partition(".")[0]) is None:
        pytest.skip(f"{name.partition('.')[0]} is not installed: {how}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


def without_init(*names: str, how: str) -> None:
    """Make packages importable without running what their __init__ imports beside the metrics."""
    for name in names:
        if name in sys.modules:
            continue
        parent, _, child = name.rpartition(".")
        spec = importlib.util.find_spec(name)
        if spec is None:
            pytest.skip(f"{name} is not installed: {how}")
        bare = types.ModuleType(name)
        bare.__path__ = list(spec.submodule_search_locations or ())
        bare.__spec__ = spec
        sys.modules[name] = bare
        if parent:
            setattr(sys.modules[parent], child, bare)


def each(function: Callable[[Any, Any], float], x: Tensor, y: Tensor) -> Tensor:
    """Apply a function of two (C, H, W) arrays to each pair of a batch."""
    values = [function(a.numpy(), b.numpy()) for a, b in zip(x, y, strict=True)]
    return torch.tensor(values, dtype=torch.float64)


def scikit_image(**options: object) -> dict[str, Measure]:
    library = module("skimage.metrics", "pip install scikit-image")

    def ssim(x: Tensor, y: Tensor, peak: float) -> Tensor:
        def one(a: Any, b: Any) -> float:
            return float(
                library.structural_similarity(a, b, data_range=peak, channel_axis=0, **options)
            )

        return each(one, x, y)

    return {"ssim": ssim}


def scikit_image_gaussian() -> dict[str, Measure]:
    return scikit_image(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)


def torchmetrics() -> dict[str, Measure]:
    library = module("torchmetrics.functional.image", "pip install torchmetrics")
    single = library.structural_similarity_index_measure
    multi = library.multiscale_structural_similarity_index_measure
    return {
        "ssim": lambda x, y, peak: single(x, y, data_range=peak, reduction="none"),
        "ms_ssim": lambda x, y, peak: multi(x, y, data_range=peak, reduction="none"),
    }


def pytorch_msssim() -> dict[str, Measure]:
    library = module("pytorch_msssim", "pip install pytorch-msssim")

    def ssim(x: Tensor, y: Tensor, peak: float) -> Tensor:
        with warnings.catch_warnings():  # it warns of each axis that it does not blur
            warnings.simplefilter("ignore")
            value: Tensor = library.ssim(x, y, data_range=peak, size_average=False)
        return value

    return {
        "ssim": ssim,
        "ms_ssim": lambda x, y, peak: library.ms_ssim(x, y, data_range=peak, size_average=False),
    }


def piq() -> dict[str, Measure]:
    how = "make test brings it; pip install --no-deps piq"
    without_init("piq", how=how)
    single, multi = module("piq.ssim", how).ssim, module("piq.ms_ssim", how).multi_scale_ssim
    return {
        "ssim": lambda x, y, peak: single(x, y, data_range=peak, reduction="none"),
        "ms_ssim": lambda x, y, peak: multi(x, y, data_range=peak, reduction="none"),
    }


def kornia() -> dict[str, Measure]:
    library = module("kornia.metrics", "make test brings it; pip install kornia")
    return {
        "ssim": lambda x, y, peak: library.ssim(x, y, 11, max_val=float(peak)).mean(dim=(1, 2, 3))
    }


def basicsr() -> dict[str, Measure]:
    how = "make libraries"
    without_init("basicsr", "basicsr.metrics", "basicsr.utils", how=how)
    module("cv2", how)
    colour = module("basicsr.utils.color_util", how)
    sys.modules["basicsr.utils"].bgr2ycbcr = colour.bgr2ycbcr  # type: ignore[attr-defined]
    library = module("basicsr.metrics.psnr_ssim", how)

    def ssim(x: Tensor, y: Tensor, peak: float) -> Tensor:
        def one(a: Any, b: Any) -> float:
            return float(library.calculate_ssim(a, b, crop_border=0, input_order="CHW"))

        return each(one, 255 / peak * x, 255 / peak * y)  # it knows no other range

    return {"ssim": ssim}


def tensorflow() -> dict[str, Measure]:
    library = module("tensorflow", "make libraries").image

    def by(function: Any) -> Measure:
        def measure(x: Tensor, y: Tensor, peak: float) -> Tensor:
            images = [t.permute(0, 2, 3, 1).contiguous().numpy() for t in (x, y)]
            return torch.from_numpy(function(*images, max_val=peak).numpy()).double()

        return measure

    return {"ssim": by(library.ssim), "ms_ssim": by(library.ssim_multiscale)}


LIBRARIES: dict[str, Callable[[], dict[str, Measure]]] = {
    "tensorflow": tensorflow,
    "scikit-image": scikit_image,
    "scikit-image-gaussian": scikit_image_gaussian,
    "torchmetrics": torchmetrics,
    "pytorch-msssim": pytorch_msssim,
    "piq": piq,
    "kornia": kornia,
    "basicsr": basicsr,
}
