"""One rounding for each product: GPU compilers are kept from fusing a product of floats with the sum it enters.

A fused multiply-add rounds once where CPUs and the row interpreter round twice, so ``x * y - z`` with ``z`` computed as
``x * y`` would not be zero. libnvvm, nvJitLink and ptxas each fuse by default, and Numba passes none of them the option not
to. What none of them touches is a product that asks for its rounding, so texts for CUDA ask for it everywhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gpuflow_kernels.body_source import parse

PRODUCT, POWER = "rounded_product", "rounded_power"
"""Names in `primitives.cuda.intrinsics`; of integers they are the plain operators."""
MOST = 64
"""The greatest exponent that is written out as products; a higher one is left to `pow`."""

_WHOLE = frozenset({"int64", "uint64", "int32", "uint32", "uint8", "range"})


def unfused(text: str) -> str:
    """Replace products in a text, and powers by small whole numbers, by calls that round them on their own.

    Products of what is plainly an integer, and those within an index, stay as they are.

    Examples
    --------
    >>> print(unfused("v = a * (b - c * d) + int64(e) * 2"))
    v = rounded_product(a, b - rounded_product(c, d)) + int64(e) * 2
    >>> print(unfused("x *= y ** 2 + p[i * 4]"))
    x = rounded_product(x, rounded_power(y, 2) + p[i * 4])
    """
    if "*" not in text:
        return text
    return _Source(text).rewritten_text().decode()


class _Source:
    """The tree and the bytes of a text, where lines begin in them (the tree counts columns in bytes), and in the statement at
    hand the names of integers."""

    def __init__(self, text: str) -> None:
        self.tree, self.data = parse(text), text.encode()
        self.whole: frozenset[str] = frozenset()
        self.starts = [0]
        for line in self.data.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def rewritten_text(self) -> bytes:
        """The text with every product replaced, statement by statement: each function has names of its own."""
        parts, at = [], 0
        functions = [n for n in self.tree.body if isinstance(n, ast.FunctionDef)]
        others = ast.Module([n for n in self.tree.body if not isinstance(n, ast.FunctionDef)], [])
        names = _whole_names(others)
        for node in self.tree.body:
            self.whole = _whole_names(node) if node in functions else names
            first, last = self.span(node)
            parts += [self.data[at:first], self.rewritten(node)]
            at = last
        return b"".join([*parts, self.data[at:]])

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def rewritten(self, node: ast.expr | ast.stmt) -> bytes:
        """The text of `node` with every product in it replaced."""
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and self.is_product(node):
            name = (PRODUCT if isinstance(node.op, ast.Mult) else POWER).encode()
            if isinstance(node, ast.BinOp):
                return b"%s(%s, %s)" % (name, self.rewritten(node.left), self.rewritten(node.right))
            target = self.data[slice(*self.span(node.target))]
            return b"%s = %s(%s, %s)" % (target, name, target, self.rewritten(node.value))
        start, end = self.span(node)
        parts, at = [], start
        for inner in sorted(self.outermost(node), key=self.span):
            first, last = self.span(inner)
            parts += [self.data[at:first], self.rewritten(inner)]
            at = last
        return b"".join([*parts, self.data[at:end]])

    def outermost(self, node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
        """The products below `node` that are in no other product, and in no index."""
        for child in [node.value] if isinstance(node, ast.Subscript) else ast.iter_child_nodes(node):
            if isinstance(child, (ast.BinOp, ast.AugAssign)) and self.is_product(child):
                yield child
            else:
                yield from self.outermost(child)

    def is_product(self, node: ast.BinOp | ast.AugAssign) -> bool:
        """Whether it may be a product of floats."""
        left, right = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.target, node.value)
        if isinstance(node.op, ast.Pow):
            exponent = right.value if isinstance(right, ast.Constant) else None
            return type(exponent) is int and 2 <= exponent <= MOST and not _is_whole(left, self.whole)
        return isinstance(node.op, ast.Mult) and not (_is_whole(left, self.whole) and _is_whole(right, self.whole))


def _whole_names(tree: ast.AST) -> frozenset[str]:
    """The variables that nothing but integers is assigned to."""
    parts = list(ast.walk(tree))
    taken = {n.arg for n in parts if isinstance(n, ast.arg)} | {
        name.id
        for n in parts
        for name in ast.walk(n)
        if isinstance(n, (ast.Tuple, ast.NamedExpr)) and isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }
    values: dict[str, list[ast.expr]] = {}
    for n in parts:
        if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name):
            values.setdefault(n.targets[0].id, []).append(n.value)
        elif isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name):
            values.setdefault(n.target.id, []).append(ast.BinOp(n.target, n.op, n.value))
        elif isinstance(n, ast.For) and isinstance(n.target, ast.Name):
            values.setdefault(n.target.id, []).append(n.iter)
    whole = frozenset(values) - taken
    while True:  # what depends on a name that is not goes after it
        kept = frozenset(name for name in whole if all(_is_whole(v, whole) for v in values[name]))
        if kept == whole:
            return whole
        whole = kept


def _is_whole(node: ast.expr, names: frozenset[str]) -> bool:
    """Whether it is plainly an integer, or a range of them."""
    match node:
        case ast.Constant(value):
            return isinstance(value, int)
        case ast.Name(name):
            return name in names
        case ast.Call(ast.Name(function)):
            return function in _WHOLE
        case ast.Attribute():
            return ast.unparse(node).startswith("cuda.")
        case ast.BinOp(left, op, right):
            bits = isinstance(op, (ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift))
            return bits or (not isinstance(op, (ast.Div, ast.Pow)) and _is_whole(left, names) and _is_whole(right, names))
        case ast.UnaryOp(_, operand):
            return _is_whole(operand, names)
        case ast.IfExp(_, yes, no):
            return _is_whole(yes, names) and _is_whole(no, names)
    return False
