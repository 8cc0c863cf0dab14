"""What a prepared target saves: plain function over prepared, in turn in one process.

    python -m benchmarks.prepared_target

Ratios above 1: so many times faster than calling the function with the target again. Three of the
definition's four blurs remain, so 4/3 is about the most that SSIM can gain there, and a masked
comparison some more, because the window's weights are kept too. Where a faster engine computes,
what is kept of the target's blurs is not used, and only its checks and conversion are saved. The
target is one picture, compared with as many pictures per call as the shape says. "with preparation"
prepares the target anew for each call: what a single comparison would lose.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks.comparison.turns import Step, in_turn, ratios
from benchmarks.record import record
from snellen.metrics import dssim, ms_dssim, prepare

SHAPES = ((1, 3, 256, 256), (16, 1, 192, 192), (1, 3, 1080, 1920), (1, 1, 64, 192, 192))
ENGINES = ("auto", "definition")
ROUNDS = 7


def times_as_fast(prepared: Step, plain: Step) -> dict[str, float]:
    """Return the spread of plain over prepared, round by round."""
    seconds = in_turn({"prepared": prepared, "plain": plain}, ROUNDS).seconds
    return ratios(seconds["plain"], seconds["prepared"])


def measure(shape: tuple[int, ...], engine: str, *, masked: bool) -> dict[str, dict[str, float]]:
    """Compare at one shape, value and value with gradient."""
    target = torch.rand(1, *shape[1:])
    preds = (target + 0.1 * torch.randn(shape)).clamp(0, 1)
    mask = torch.rand(shape[2:]) > 0.2 if masked else None
    options = {"data_range": 1.0, "mask": mask, "engine": engine}
    spread = target.expand(shape)
    functions = {"dssim": dssim} | ({"ms_dssim": ms_dssim} if min(shape[2:]) > 160 else {})

    def with_gradient(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[], object]:
        leaf = preds.clone().requires_grad_()

        def call() -> None:
            leaf.grad = None
            function(leaf).backward()

        return call

    found = {}
    for name, function in functions.items():
        prepared = prepare(target, **options)  # type: ignore[arg-type]
        ours = getattr(prepared, name)

        def plain(
            x: torch.Tensor, function: Callable[..., torch.Tensor] = function
        ) -> torch.Tensor:
            return function(x, spread, **options)

        def anew(name: str = name) -> object:
            return getattr(prepare(target, **options), name)(preds)  # type: ignore[arg-type]

        with torch.no_grad():
            found[name] = times_as_fast(lambda f=ours: f(preds), lambda f=plain: f(preds))
            found[f"{name} with preparation"] = times_as_fast(anew, lambda f=plain: f(preds))
        found[f"{name} and gradient"] = times_as_fast(with_gradient(ours), with_gradient(plain))
    return found


def main() -> None:
    """Measure every shape and keep the ratios."""
    torch.manual_seed(0)
    numbers = {
        f"{'×'.join(map(str, shape))}, {engine}{', masked' if masked else ''}": measure(
            shape, engine, masked=masked
        )
        for shape in SHAPES
        for engine in ENGINES
        for masked in (False, True)
    }
    record("prepared_target", numbers)


if __name__ == "__main__":
    main()
