"""Single numbers in memory named by its address, for compiled Numba code. No bounds are checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

__all__ = [
    "add_at_once",
    "read_at_once",
    "read_bfloat16",
    "read_float16",
    "read_float32",
    "read_float64",
    "read_uint8",
    "write_float32",
    "write_float64",
    "write_int64",
]

_BITS16 = ir.IntType(16)
_BITS32 = ir.IntType(32)
_FLOAT = ir.FloatType()
_DOUBLE = ir.DoubleType()
_WORD = ir.IntType(64)


def _reader(stored: Any, result: Any, convert: Any) -> Any:
    @intrinsic
    def read(_typing_context: Any, _address: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
            pointer = builder.inttoptr(values[0], stored.as_pointer())
            loaded = builder.load(pointer)
            loaded.align = 1
            return convert(builder, loaded)

        return result(types.int64), generate

    return read


def _writer(stored: Any, kind: Any) -> Any:
    @intrinsic
    def write(_typing_context: Any, _address: Any, _number: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
            pointer = builder.inttoptr(values[0], stored.as_pointer())
            builder.store(values[1], pointer).align = 1
            return context.get_dummy_value()

        return types.void(types.int64, kind), generate

    return write


@intrinsic
def _add_at_once(_typing_context: Any, _address: Any, _number: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        pointer = builder.inttoptr(values[0], _WORD.as_pointer())
        return builder.atomic_rmw("add", pointer, values[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


# Adds to an int64 that other threads add to as well; returns what was there before.
add_at_once: Any = _add_at_once


@intrinsic
def _read_at_once(_typing_context: Any, _address: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        pointer = builder.inttoptr(values[0], _WORD.as_pointer())
        return builder.load_atomic(pointer, "seq_cst", 8)

    return types.int64(types.int64), generate


# Reads an int64 that other threads add to.
read_at_once: Any = _read_at_once


def _from_bfloat16(builder: Any, bits: Any) -> Any:
    wide = builder.shl(builder.zext(bits, _BITS32), _BITS32(16))
    return builder.bitcast(wide, _FLOAT)


read_float32 = _reader(_FLOAT, types.float32, lambda _, number: number)
read_float64 = _reader(_DOUBLE, types.float64, lambda _, number: number)
read_float16 = _reader(
    ir.HalfType(), types.float32, lambda builder, number: builder.fpext(number, _FLOAT)
)
read_bfloat16 = _reader(_BITS16, types.float32, _from_bfloat16)
read_uint8 = _reader(
    ir.IntType(8), types.float32, lambda builder, number: builder.uitofp(number, _FLOAT)
)
write_float32 = _writer(_FLOAT, types.float32)
write_float64 = _writer(_DOUBLE, types.float64)
write_int64 = _writer(_WORD, types.int64)
