from __future__ import annotations

import importlib.util
import json

import pytest
import torch
from torch import nn
from torch.nn import functional

from snellen.errors import UserError
from snellen.networks import SRCNN
from snellen.networks.export import check_export_packages, export_onnx

CARD = {"format": 1, "network": "srcnn", "scale": 4, "loss": "ms-ssim", "terms": "Größe: frei"}

needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime", "onnxscript")),
    reason="needs snellen[onnx]",
)


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def run(path, pictures):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"input": pictures.numpy()})[0])


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("export") / "x4.onnx"
    network = SRCNN(filters=(6, 4))
    difference = export_onnx(path, network, CARD)
    return path, network, difference


@needs_onnx
@pytest.mark.parametrize("size", [(40, 41), (7, 100), (1, 1)])
def test_the_file_gives_the_numbers_of_the_network_at_any_size(exported, size):
    path, network, difference = exported
    pictures = torch.rand(1, 1, *size)
    with torch.no_grad():
        wanted = network.eval()(pictures)
    torch.testing.assert_close(run(path, pictures), wanted, rtol=0, atol=1e-5)
    assert 0 <= difference <= 1e-5


@needs_onnx
def test_the_graph_is_three_convolutions_and_no_word_about_this_machine(exported):
    import onnx

    path, _, _ = exported
    model = onnx.load(path)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds == ["Pad", "Conv", "Relu", "Pad", "Conv", "Relu", "Pad", "Conv"]
    assert {item.key: json.loads(item.value) for item in model.metadata_props} == {"snellen": CARD}
    assert b".py" not in path.read_bytes()
    assert list(path.parent.iterdir()) == [path]


@needs_onnx
def test_the_network_stays_in_its_mode(exported):
    path, network, _ = exported
    export_onnx(path, network.train())
    assert network.training


class Own(nn.Module):
    """A network that upsamples inside, and then does what a test asks for."""

    upsamples_inside = True

    def __init__(self, after=lambda x: x):
        super().__init__()
        self.conv = nn.Conv2d(1, 9, 3, padding=1)
        self.after = after

    def forward(self, x):
        return self.after(functional.pixel_shuffle(self.conv(x), 3))


@needs_onnx
def test_a_network_that_upsamples_inside(tmp_path):
    network = Own()
    export_onnx(tmp_path / "own.onnx", network)
    pictures = torch.rand(1, 1, 13, 21)
    with torch.no_grad():
        wanted = network(pictures)
    torch.testing.assert_close(run(tmp_path / "own.onnx", pictures), wanted, rtol=0, atol=1e-5)


@needs_onnx
@pytest.mark.parametrize(
    ("after", "message"),
    [
        (lambda x: x[..., : 72 if x.shape[2] == 72 else 90], "cannot be exported for pictures"),
        (lambda x: x + torch.rand(()), "own.onnx was not written: .* with differences up to"),
    ],
    ids=["one-size", "not-the-same-twice"],
)
def test_what_does_not_give_the_same_numbers_gets_no_file(tmp_path, after, message):
    (tmp_path / "own.onnx").write_text("the old one")
    with pytest.raises(UserError, match=message) as error:
        export_onnx(tmp_path / "own.onnx", Own(after))
    assert "\n" not in str(error.value)
    assert (tmp_path / "own.onnx").read_text() == "the old one"
    assert len(list(tmp_path.iterdir())) == 1


@needs_onnx
def test_a_network_that_fails_at_another_size_is_one_sentence(tmp_path):
    """Divisible by 8, as the example is, and nothing else; exporting lets it through."""

    class Eighths(nn.Conv2d):
        def forward(self, x):
            if not torch.compiler.is_compiling() and x.shape[2] % 8:
                raise ValueError("sides must be multiples of 8\nand more")
            return super().forward(x)

    with pytest.raises(UserError, match=r"33×71 pixels: ValueError: sides must") as error:
        export_onnx(tmp_path / "own.onnx", Eighths(1, 1, 3, padding=1))
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named_with_what_to_type(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxscript" else found("json")
    )
    with pytest.raises(UserError, match=r"needs onnxscript, .* pip install 'snellen\[onnx\]'"):
        check_export_packages()
