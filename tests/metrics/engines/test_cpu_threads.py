"""One result for any number of threads, from run to run, in any batch and for any caller."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from snellen.metrics.conventions import POSTER, WANG, Convention
from snellen.metrics.engines import threads

from .comparing import Measure, Outcome, gradient_error, identical, same_bits
from .pictures import pictures

AUTO = replace(WANG, levels="auto")
MEASURES: dict[str, tuple[Convention, bool]] = {
    "SSIM": (WANG, False),
    "levels": (AUTO, True),
    "levels, mean-then-product": (replace(AUTO, channel_order="mean-then-product"), True),
    "pixels": (replace(POSTER, levels="auto"), True),
    "pixels, drop": (replace(POSTER, levels="auto", odd_sizes="drop"), True),
}
# One large plane, three, a few beside whole rounds of them, many small ones.
SHAPES = [(1, 1, 1101, 333), (1, 3, 201, 403), (5, 1, 129, 190), (24, 2, 61, 67)]


@pytest.fixture(autouse=True)
def _threads_again() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def with_threads(count: int, measure: Measure, x: Tensor, y: Tensor) -> Outcome:
    torch.set_num_threads(count)
    found = measure.engine(x, y)
    assert torch.get_num_threads() == count
    return found


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("shape", SHAPES)
def test_any_number_of_threads_gives_the_same_bits(shape: tuple[int, ...], name: str) -> None:
    x, y, _ = pictures("near 1e-1", shape)
    measure = Measure(*MEASURES[name])
    expected = with_threads(1, measure, x, y)
    for count in (2, 3, 8, 2):
        assert identical(with_threads(count, measure, x, y), expected)


@pytest.mark.parametrize("count", [2, 8])
def test_several_threads_really_work(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    plain: Callable[[int, Callable[[int], None]], None] = threads.in_threads

    def counted(number: int, work: Callable[[int], None]) -> None:
        asked.append(number)
        plain(number, work)

    monkeypatch.setattr("snellen.metrics.engines.cpu.in_threads", counted)
    x, y, _ = pictures("near 1e-1", (1, 3, 500, 700))
    with_threads(count, Measure(WANG, False), x, y)
    assert max(asked) == count


@pytest.mark.parametrize("name", MEASURES)
def test_from_run_to_run_the_bits_are_the_same(name: str) -> None:
    x, y, _ = pictures("near 1e-1", (2, 3, 171, 190))
    measure = Measure(*MEASURES[name])
    expected = with_threads(3, measure, x, y)
    # Memory that was used for something else in between.
    for number in range(5):
        torch.full((2, 3, 171, 190 + number), float("nan"))
        assert identical(with_threads(3, measure, x, y), expected)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", MEASURES)
def test_a_picture_has_the_same_result_alone_and_in_a_batch(name: str, count: int) -> None:
    x, y, _ = pictures("near 1e-1", (16, 2, 97, 111))
    measure = Measure(*MEASURES[name])
    batch = with_threads(count, measure, x, y)
    assert batch.by_x is not None
    assert batch.by_y is not None
    for n in range(16):
        alone = with_threads(count, measure, x[n : n + 1], y[n : n + 1])
        assert alone.by_x is not None
        assert alone.by_y is not None
        assert same_bits(alone.complement, batch.complement[n : n + 1])
        assert same_bits(alone.by_x, batch.by_x[n : n + 1])
        assert same_bits(alone.by_y, batch.by_y[n : n + 1])


@pytest.mark.parametrize("count", [1, 4])
def test_eight_threads_call_at_once(count: int) -> None:
    torch.set_num_threads(count)
    sizes = [(1, 3, 130 + 31 * n, 420 - 17 * n) for n in range(4)] + [
        (5 + n, 2, 70 + n, 90 - n) for n in range(4)
    ]
    jobs = []
    for n, shape in enumerate(sizes):
        measure = Measure(*list(MEASURES.values())[n % len(MEASURES)])
        x, y, _ = pictures("near 1e-1", shape)
        jobs.append((measure, x, y, measure.engine(x, y)))
    truth = jobs[0][0].definition(*jobs[0][1:3])
    assert jobs[0][3].by_x is not None
    assert truth.by_x is not None
    assert gradient_error(jobs[0][3].by_x, truth.by_x) < 1e-5
    together = threading.Barrier(len(jobs))

    def call(job: tuple[Measure, Tensor, Tensor, Outcome]) -> bool:
        measure, x, y, expected = job
        # The number of threads is a thread's own; a new thread has what the process began with.
        torch.set_num_threads(count)
        together.wait(60)
        return all(identical(measure.engine(x, y), expected) for _ in range(6))

    with ThreadPoolExecutor(len(jobs)) as executor:
        assert all(executor.map(call, jobs, timeout=120))


def test_a_caller_is_told_when_a_helper_fails() -> None:
    def work(number: int) -> None:
        raise KeyError(number)

    with pytest.raises(KeyError):
        threads.in_threads(3, work)
    done: list[int] = []
    threads.in_threads(3, done.append)
    assert 0 in done


def test_a_shift_that_is_over_is_not_begun_by_late_helpers() -> None:
    release, entered = threading.Event(), threading.Barrier(2)

    def block(number: int) -> None:
        entered.wait(30)
        if number == 1:
            release.wait(30)

    holder = threading.Thread(target=threads.in_threads, args=(2, block), daemon=True)
    holder.start()
    late: list[int] = []
    for _ in range(20):
        threads.in_threads(2, late.append)
    seen = len(late)
    assert seen >= 20
    release.set()
    holder.join(30)
    assert not holder.is_alive()
    # Once a helper has come to a later shift, it has passed by those that were over.
    met = threading.Barrier(2)
    threads.in_threads(2, lambda _: met.wait(30))
    assert len(late) == seen
