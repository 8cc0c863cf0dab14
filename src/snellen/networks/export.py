"""Networks as ONNX files, each checked against PyTorch before it gets its name."""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snellen.errors import UserError
from snellen.files import atomic_path, shown

__all__ = ["check_export_packages", "export_onnx"]

PACKAGES = ("onnx", "onnxruntime", "onnxscript")
OPSET = 18  # the one that torch.onnx writes without converting; ONNX Runtime reads it since 1.14
EXAMPLE = (24, 32)
CHECKED = ((33, 71), (50, 19))  # height, width
TOLERANCE = 1e-5  # of the largest value


def check_export_packages() -> None:
    """Refuse to go on without the packages of the extra ``onnx``.

    Raises:
        UserError: one of them is missing; the message says what to type.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"the export needs {', '.join(missing)}, not installed here: "
            "type pip install 'snellen[onnx]'."
        )


def export_onnx(
    path: str | PathLike[str], network: nn.Module, card: Mapping[str, Any] | None = None
) -> float:
    """Write `network` as an ONNX file for pictures of any height and width.

    Its input is called ``input`` and its output ``output``, both (1, 1, H, W) in float32: what the
    network takes and returns. Its metadata hold the card, as the JSON of the key ``snellen``. ONNX
    Runtime runs the file at two sizes before it gets its name.

    Args:
        path: the file to write; what is there is replaced.
        network: the network; exported in evaluation mode, on the CPU.
        card: what `read_weights` returns beside the network.

    Returns:
        The largest difference from PyTorch.

    Raises:
        UserError: packages of the extra ``onnx`` are missing, the network cannot be exported, the
            file gives other numbers than PyTorch, or the place cannot be written.
    """
    check_export_packages()
    training = network.training
    try:
        content = _onnx_bytes(network.eval(), dict(card or {}))
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
            return _largest_difference(temporary, network, shown(path))
    finally:
        network.train(training)


def _onnx_bytes(network: nn.Module, card: dict[str, Any]) -> bytes:
    import onnx

    sides = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    try:
        with _quiet():
            program = torch.onnx.export(
                network,
                (torch.zeros(1, 1, *EXAMPLE),),
                input_names=["input"],
                output_names=["output"],
                dynamic_shapes=(sides,),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # the network's own code runs here
        cause = error.__cause__ or error
        first = next(iter(str(cause).strip().splitlines()), "")
        raise UserError(
            f"this network cannot be exported for pictures of any size: {type(cause).__name__}: "
            f"{first}"
        ) from error
    if program is None:
        raise TypeError("torch.onnx.export gave no program")
    proto = program.model_proto
    # They hold where on this machine the code of each node stands.
    for part in (*proto.graph.node, *proto.graph.input, *proto.graph.output):
        del part.metadata_props[:]
    if card:
        text = json.dumps(card, ensure_ascii=False, allow_nan=False)
        onnx.helper.set_model_props(proto, {"snellen": text})
    return bytes(proto.SerializeToString())


def _largest_difference(path: Path, network: nn.Module, name: str) -> float:
    """Run the file and the network on the same noise."""
    worst = 0.0
    generator = torch.Generator().manual_seed(0)
    for size in CHECKED:
        pictures = torch.rand(1, 1, *size, generator=generator)
        try:
            with torch.no_grad():
                wanted = network(pictures).numpy()
        except Exception as error:  # the network's own code runs here
            first = next(iter(str(error).strip().splitlines()), "")
            raise UserError(
                f"{name} was not written: the network fails on pictures of {size[0]}×{size[1]} "
                f"pixels: {type(error).__name__}: {first}"
            ) from error
        found = _run(path, pictures, name)
        difference = np.inf
        if found.shape == wanted.shape:
            difference = float(np.abs(found - wanted).max())
        if not difference <= TOLERANCE * max(1.0, float(np.abs(wanted).max())):
            raise UserError(
                f"{name} was not written: on pictures of {size[0]}×{size[1]} pixels it returns "
                f"{found.shape} and PyTorch {wanted.shape}, with differences up to "
                f"{difference:.1g}. This network cannot be exported."
            )
        worst = max(worst, difference)
    return worst


def _run(path: Path, pictures: Tensor, name: str) -> NDArray[np.float32]:
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)  # errors alone
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        output: NDArray[np.float32] = session.run(None, {"input": pictures.numpy()})[0]
    except Exception as error:  # its exceptions have no common class
        first = next(iter(str(error).strip().splitlines()), "")
        raise UserError(f"{name} was not written: ONNX Runtime cannot run it: {first}") from error
    return output


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep PyTorch's own warnings and listings of graphs inside; failures come as exceptions."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
