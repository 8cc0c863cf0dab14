"""LLVM vectors for Numba: the few instructions from which the row operations are built.

Numba leaves it to LLVM to find vectors in a loop, which it does for some loops and not for others.
The row operations of :mod:`snellen.metrics.engines.rows` say what they want instead: 16 numbers of
float32 at a time, on any machine (LLVM makes two, four or eight registers of them where one holds
fewer). Memory is named by addresses; every caller checks its bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.extending import intrinsic

__all__ = ["LANES", "Emitter", "Value", "row_operation"]

LANES = 16
FLOAT_BYTES = 4
# Whether one register holds 16 numbers; without it shuffles across registers cost more than loads.
WIDE_REGISTERS = bool(binding.get_host_cpu_features().get("avx512f", False))

Value = Any  # a value of the program that is being built

_FLOAT = ir.FloatType()
_WORD = ir.IntType(64)
_INDEX = ir.IntType(32)
_VECTOR = ir.VectorType(_FLOAT, LANES)


def row_operation(build: Callable[..., None]) -> Any:
    """Make a function that compiled Numba code calls as ``operation(taps, (word, word, …))``.

    `build` is called once for each number of taps, with an :class:`Emitter`, that number and the
    words: addresses, counts and strides, all int64. The taps themselves are not used: their number
    is part of their type, and so a constant.
    """

    @intrinsic
    def operation(_typing_context: Any, taps: Any, words: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, values: Sequence[Value]) -> Value:
            build(Emitter(builder), taps.count, *cgutils.unpack_tuple(builder, values[1]))
            return context.get_dummy_value()

        return types.void(taps, types.UniTuple(types.int64, words.count)), generate

    return operation


class Emitter:
    """Emits instructions on vectors of 16 numbers; addresses are in bytes, offsets in numbers."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    @contextmanager
    def columns(self, count: Value, *, inside: bool = False) -> Iterator[Value]:
        """Loop over columns, 16 at a time.

        The last step goes past `count` where that is no multiple of 16. With `inside` it begins
        earlier instead and does some columns twice, so that nothing beyond the row is touched;
        that needs 16 columns or more.
        """
        builder = self.builder
        loop = cgutils.for_range_slice(builder, _WORD(0), count, _WORD(LANES), _WORD)
        with loop as (start, _):
            if not inside:
                yield start
                return
            last = builder.sub(count, _WORD(LANES))
            yield builder.select(builder.icmp_signed(">", start, last), last, start)

    @contextmanager
    def loop(self, count: Value) -> Iterator[Value]:
        """Loop over 0, 1, …, count - 1."""
        with cgutils.for_range(self.builder, count, intp=_WORD) as loop:
            yield loop.index

    def word(self, number: int) -> Value:
        """Return a number known now as int64."""
        return _WORD(number)

    def twice(self, word: Value) -> Value:
        """2·word."""
        return self.builder.shl(word, _WORD(1))

    def row(self, address: Value, stride: Value, index: Value) -> Value:
        """Address of row `index`, rows lying `stride` numbers apart."""
        offset = self.builder.mul(self.builder.mul(stride, index), _WORD(FLOAT_BYTES))
        return self.builder.add(address, offset)

    def rows(self, address: Value, stride: Value, count: int) -> list[Value]:
        """Addresses of `count` rows, `stride` numbers apart."""
        builder = self.builder
        step = builder.mul(stride, _WORD(FLOAT_BYTES))
        rows = [address]
        for _ in range(count - 1):
            rows.append(builder.add(rows[-1], step))
        return rows

    def _pointer(self, address: Value, column: Value, offset: int, kind: Any) -> Value:
        builder = self.builder
        index = builder.mul(builder.add(column, _WORD(offset)), _WORD(FLOAT_BYTES))
        return builder.inttoptr(builder.add(address, index), kind.as_pointer())

    def load(self, address: Value, column: Value, offset: int = 0) -> Value:
        """Return 16 numbers from `column + offset` of the row at `address`."""
        loaded = self.builder.load(self._pointer(address, column, offset, _VECTOR))
        loaded.align = FLOAT_BYTES
        return loaded

    def shifted_loads(self, address: Value, column: Value, count: int) -> list[Value]:
        """Return the vectors that begin at `column`, `column` + 1, …: `count` of them.

        Most lie across two cache lines, which takes two loads. Where a register holds all 16
        numbers every other one is put together from its neighbours, which uses another unit.
        """
        first, second = self.load(address, column), self.load(address, column, LANES)
        return [
            self.pick(first, second, range(k, k + LANES))
            if WIDE_REGISTERS and k % 2 == 1 and k < LANES
            else self.load(address, column, k)
            for k in range(count)
        ]

    def store(self, value: Value, address: Value, column: Value, offset: int = 0) -> None:
        """Write 16 numbers to `column + offset` of the row at `address`."""
        stored = self.builder.store(value, self._pointer(address, column, offset, _VECTOR))
        stored.align = FLOAT_BYTES

    def fetch(self, address: Value, column: Value, *, for_writing: bool) -> None:
        """Bring the cache line of a number near, without waiting for it; any address will do."""
        pointer = self._pointer(address, column, 0, ir.IntType(8))
        kind = ir.FunctionType(ir.VoidType(), (pointer.type, _INDEX, _INDEX, _INDEX))
        name = "llvm.prefetch.p0"
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        self.builder.call(function, (pointer, _INDEX(int(for_writing)), _INDEX(3), _INDEX(1)))

    def spread(self, address: Value, index: int) -> Value:
        """Return 16 times the number at `index`."""
        number = self.builder.load(self._pointer(address, _WORD(index), 0, _FLOAT))
        empty = ir.Constant(_VECTOR, ir.Undefined)
        first = self.builder.insert_element(empty, number, _INDEX(0))
        return self.pick(first, empty, [0] * LANES)

    def weights(self, address: Value, count: int) -> list[Value]:
        """Return each of `count` numbers 16 times."""
        return [self.spread(address, k) for k in range(count)]

    def pick(self, first: Value, second: Value, lanes: Sequence[int]) -> Value:
        """Choose 16 of the 32 numbers of two vectors."""
        chosen = ir.Constant(ir.VectorType(_INDEX, LANES), list(lanes))
        return self.builder.shuffle_vector(first, second, chosen)

    def flag(self, word: Value) -> Value:
        """Return a condition that holds in all lanes where `word` is not 0."""
        return self.builder.icmp_signed("!=", word, _WORD(0))

    def constant(self, number: float) -> Value:
        """Return 16 times a number that is known now."""
        return ir.Constant(_VECTOR, [number] * LANES)

    def add(self, x: Value, y: Value) -> Value:
        """X + y."""
        return self.builder.fadd(x, y)

    def subtract(self, x: Value, y: Value) -> Value:
        """X - y."""
        return self.builder.fsub(x, y)

    def multiply(self, x: Value, y: Value) -> Value:
        """X · y."""
        return self.builder.fmul(x, y)

    def divide(self, x: Value, y: Value) -> Value:
        """X / y."""
        return self.builder.fdiv(x, y)

    def negative(self, x: Value) -> Value:
        """-x."""
        return self.builder.fneg(x)

    def multiply_add(self, x: Value, y: Value, z: Value) -> Value:
        """X · y + z, in one instruction where the machine has one."""
        kind = ir.FunctionType(_VECTOR, (_VECTOR,) * 3)
        name = f"llvm.fmuladd.v{LANES}f32"
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, (x, y, z))

    def weighted_sum(self, rows: Sequence[Value], weights: Sequence[Value]) -> Value:
        """Σ weight · row."""
        total = self.multiply(rows[0], weights[0])
        for row, weight in zip(rows[1:], weights[1:], strict=True):
            total = self.multiply_add(row, weight, total)
        return total

    def is_below(self, x: Value, y: Value) -> Value:
        """X < y; false where either is NaN."""
        return self.builder.fcmp_ordered("<", x, y)

    def where(self, condition: Value, x: Value, y: Value) -> Value:
        """X where the condition holds, else y."""
        return self.builder.select(condition, x, y)
