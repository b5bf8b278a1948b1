"""Intrinsics of generated GPU kernels that Numba lacks: the one place for hand-written LLVM and PTX.

``view_<dtype>(address, length)``
    An array over device memory. Kernels take addresses because launching with an array argument costs 1.6 µs each
    (numba-cuda splits it into seven parameters), and with an integer a tenth of that.
``pair(array, index)``, ``put_pair(array, index, a, b)``
    Two neighbouring items by one load or store of up to 16 bytes (two, where each item has as many), past the caches
    (``.cs``: read or written once). `index` is even, and the array begins at a multiple of two items or of 16 bytes. Items must
    not change during the launch.
``item(array, index)``
    One item, loaded likewise. Neither is moved behind a branch, so that all loads of a tile are in flight before the first is
    needed.
``entry(array, index)``
    A pair that stays in the caches: entries of tables, which many threads read.
``peek(array, index)``, ``poke(array, index, value)``
    A volatile load or store: for memory that another thread may be changing, in device or shared memory. Relaxed, like the
    atomics.
``rounded_product(x, y)``, ``rounded_power(x, n)``
    ``x * y``, and ``x ** n`` for a whole number `n` above zero, of which no compiler makes a fused multiply-add
    (`codegen.products`).

    Each of the others has a plain version in Python, which replaces it if ``GPUFLOW_CUDA_INTRINSICS=plain`` is set.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from llvmlite import ir
from numba import cuda
from numba.core import cgutils, types
from numba.cuda import libdevice
from numba.cuda.extending import intrinsic, overload
from numba.np.numpy_support import from_dtype

INLINE = os.environ.get("GPUFLOW_CUDA_INTRINSICS", "inline") != "plain"
"""Whether `pair`, `entry`, `put_pair`, `peek` and `poke` are hand-written; otherwise they are ordinary loads and stores."""

DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "complex128")

_WORD = ir.IntType(64)
_REGISTER = {1: "h", 2: "h", 4: "r", 8: "l"}
"""PTX register constraints of integers by their bytes."""


def _view(name: str) -> Any:
    item = from_dtype(np.dtype(name))

    def typed(typing_context: Any, address: Any, length: Any) -> Any:
        result = types.Array(item, 1, "C")

        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address, length = arguments
            array = context.make_array(result)(context, builder)
            size = context.get_abi_sizeof(context.get_data_type(item))
            size_value = context.get_constant(types.intp, size)
            length = context.cast(builder, length, signature.args[1], types.intp)
            context.populate_array(
                array,
                data=builder.inttoptr(address, array.data.type),
                shape=cgutils.pack_array(builder, [length]),
                strides=cgutils.pack_array(builder, [size_value]),
                itemsize=size_value,
                meminfo=None,
            )
            return array._getvalue()

        return result(types.uint64, length), build

    typed.__name__ = f"view_{name}"
    return intrinsic(typed)


def _address(context: Any, builder: Any, array_type: Any, array: Any, index_type: Any, index: Any) -> Any:
    """Compute the address of one item; indices are not negative."""
    made = context.make_array(array_type)(context, builder, array)
    place = builder.gep(made.data, [context.cast(builder, index, index_type, types.uint64)])
    return builder.ptrtoint(place, _WORD)


def _stored(context: Any, item: Any) -> Any:
    """Return the LLVM type of an item in memory."""
    return ir.IntType(8) if item == types.boolean else context.get_data_type(item)


def _constraint(stored: Any) -> tuple[str, str, Any]:
    """Return (PTX type, register constraint, register type) of an item in memory."""
    if isinstance(stored, ir.DoubleType):
        return "f64", "d", stored
    if isinstance(stored, ir.FloatType):
        return "f32", "f", stored
    return f"u{stored.width}", _REGISTER[stored.width // 8], ir.IntType(max(16, stored.width))


def _shortened(builder: Any, value: Any, item: Any, stored: Any) -> Any:
    """Truncate a register's value to the item in it."""
    if item == types.boolean:
        return builder.icmp_unsigned("!=", builder.trunc(value, ir.IntType(8)), ir.IntType(8)(0))
    return builder.trunc(value, stored) if value.type != stored else value


def _widened(builder: Any, value: Any, register: Any) -> Any:
    return builder.zext(value, register) if value.type != register else value


def _load_wide(context: Any, builder: Any, text: str, address: Any) -> Any:
    """Load an item of 16 bytes, a complex number to Numba, by `text`."""
    both = ir.LiteralStructType([ir.DoubleType(), ir.DoubleType()])
    code = f"{text}.v2.f64 {{$0, $1}}, [$2];"
    halves = builder.call(ir.InlineAsm(ir.FunctionType(both, [_WORD]), code, "=d,=d,l", side_effect=True), [address])
    item = context.make_complex(builder, types.complex128)
    item.real, item.imag = (builder.extract_value(halves, k) for k in range(2))
    return item._getvalue()


def _store_wide(context: Any, builder: Any, address: Any, value: Any) -> None:
    """Store an item of 16 bytes."""
    item = context.make_complex(builder, types.complex128, value)
    shape = ir.FunctionType(ir.VoidType(), [_WORD, ir.DoubleType(), ir.DoubleType()])
    code = "st.global.cs.v2.f64 [$0], {$1, $2};"
    builder.call(ir.InlineAsm(shape, code, "l,d,d,~{memory}", side_effect=True), [address, item.real, item.imag])


def _next(builder: Any, address: Any) -> Any:
    """Compute the address of the next item of 16 bytes."""
    return builder.add(address, _WORD(16))


def _loads_of(text: str, count: int, clobbers: str = "") -> Any:
    """Make the intrinsic that loads `count` (1 or 2) neighbouring items by `text`, the PTX of the load up to its type."""

    def load(typing_context: Any, array: Any, index: Any) -> Any:
        item = array.dtype

        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address = _address(context, builder, array, arguments[0], signature.args[1], arguments[1])
            if item == types.complex128:
                values = [_load_wide(context, builder, text, a) for a in (address, _next(builder, address))[:count]]
            else:
                values = _load_narrow(context, builder, text, address, item, count, clobbers)
            return values[0] if count == 1 else context.make_tuple(builder, signature.return_type, values)

        result = item if count == 1 else types.containers.UniTuple(item, count)
        return result(array, index), build

    return intrinsic(load)


def _load_narrow(context: Any, builder: Any, text: str, address: Any, item: Any, count: int, clobbers: str) -> list[Any]:
    """Load `count` neighbouring items of up to 8 bytes by one instruction."""
    stored = _stored(context, item)
    name, letter, register = _constraint(stored)
    to, vector, kind = "$0", "", register
    if count == 2:
        to, vector, kind = "{$0, $1}", ".v2", ir.LiteralStructType([register, register])
    code, constraints = f"{text}{vector}.{name} {to}, [${count}];", f"={letter}," * count + f"l{clobbers}"
    loaded = builder.call(ir.InlineAsm(ir.FunctionType(kind, [_WORD]), code, constraints, side_effect=True), [address])
    values = [loaded] if count == 1 else [builder.extract_value(loaded, k) for k in range(count)]
    return [_shortened(builder, value, item, stored) for value in values]


@intrinsic
def _put_pair(typing_context: Any, array: Any, index: Any, a: Any, b: Any) -> Any:
    item = array.dtype

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, array, arguments[0], signature.args[1], arguments[1])
        if item == types.complex128:
            for place, kind, value in zip((address, _next(builder, address)), signature.args[2:], arguments[2:], strict=True):
                _store_wide(context, builder, place, context.cast(builder, value, kind, item))
            return context.get_dummy_value()
        name, letter, register = _constraint(_stored(context, item))
        values = [
            _widened(builder, context.cast(builder, v, k, item), register)
            for k, v in zip(signature.args[2:], arguments[2:], strict=True)
        ]
        shape = ir.FunctionType(ir.VoidType(), [_WORD, register, register])
        code = f"st.global.cs.v2.{name} [$0], {{$1, $2}};"
        builder.call(ir.InlineAsm(shape, code, f"l,{letter},{letter},~{{memory}}", side_effect=True), [address, *values])
        return context.get_dummy_value()

    return types.none(array, index, a, b), build


@intrinsic
def _poke(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    item = array.dtype

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, array, arguments[0], signature.args[1], arguments[1])
        name, letter, register = _constraint(_stored(context, item))
        value = _widened(builder, context.cast(builder, arguments[2], signature.args[2], item), register)
        shape = ir.FunctionType(ir.VoidType(), [_WORD, register])
        code = f"st.relaxed.gpu.{name} [$0], $1;"
        builder.call(ir.InlineAsm(shape, code, f"l,{letter},~{{memory}}", side_effect=True), [address, value])
        return context.get_dummy_value()

    return types.none(array, index, value), build


def _plain_pair(array: Any, index: Any) -> Any:
    return array[index], array[index + 1]


def _plain_put_pair(array: Any, index: Any, a: Any, b: Any) -> None:
    array[index] = a
    array[index + 1] = b


def _plain_load(array: Any, index: Any) -> Any:
    return array[index]


def _plain_poke(array: Any, index: Any, value: Any) -> None:
    array[index] = value


def rounded_product(x: Any, y: Any) -> Any:
    """Multiply two numbers, never fused with an addition."""
    return x * y


def rounded_power(x: Any, n: int) -> Any:
    """Raise a number to a positive integer power, its products never fused with additions."""
    return x**n


# Numba compares signatures with those of the implementations: lambdas have no annotations.
@overload(rounded_product)
def _rounded_product(x, y):  # type: ignore[no-untyped-def]
    if not (isinstance(x, types.Float) or isinstance(y, types.Float)):
        return lambda x, y: x * y
    if x == y == types.float32:
        return lambda x, y: libdevice.fmul_rn(x, y)
    return lambda x, y: libdevice.dmul_rn(x, y)


@overload(rounded_power)
def _rounded_power(x, n):  # type: ignore[no-untyped-def]
    if not isinstance(x, types.Float):
        return lambda x, n: x**n

    def power(x, n):  # type: ignore[no-untyped-def]
        product, factor = x, x  # in the order of Numba on CPUs: squares, and products for the bits that are set
        started = False
        while n > 0:
            if n & 1:
                product = rounded_product(product, factor) if started else factor
                started = True
            factor = rounded_product(factor, factor)
            n >>= 1
        return product

    return power


if INLINE:
    pair, entry, put_pair = _loads_of("ld.global.cs", 2), _loads_of("ld.global", 2), _put_pair
    item, peek, poke = _loads_of("ld.global.cs", 1), _loads_of("ld.relaxed.gpu", 1, ",~{memory}"), _poke
else:
    pair, entry, put_pair, item, peek, poke = (
        cuda.jit(device=True)(f) for f in (_plain_pair, _plain_pair, _plain_put_pair, _plain_load, _plain_load, _plain_poke)
    )
for _name in DTYPES:
    globals()[f"view_{_name}"] = _view(_name)
