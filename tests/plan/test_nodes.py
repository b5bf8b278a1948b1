"""What every node of a plan has from its base, and which sides joins build."""

from __future__ import annotations

import pickle

import pytest

from gpuflow.plan.join_kinds import KINDS
from gpuflow.plan.node import Node


class Leaf(Node):
    name: str


class Both(Node):
    parts: tuple[Node, ...]
    flag: bool = False
    names: tuple[str, ...] = ()


def test_children_are_found_in_fields_and_replaced():
    a, b, c = map(Leaf, "abc")
    both = Both((a, b), names=("x",))
    assert both.children == (a, b) and a.children == ()
    assert both.with_children(a, b) is both
    assert both.rebuild(names=("x",), flag=False) is not both.rebuild(flag=True)
    assert both.with_children(a, c) == Both((a, c), names=("x",)) != both
    with pytest.raises(AttributeError):
        both.flag = True


def test_nodes_are_equal_by_content_and_keep_their_hash_to_themselves():
    one, other = (Both((Leaf("a"), Leaf("b")), True) for _ in range(2))
    assert one == other and hash(one) == hash(other) and one != Leaf("a")
    again = pickle.loads(pickle.dumps(one))
    assert again == one and "_hash" in vars(one)
    assert "_hash" not in vars(pickle.loads(pickle.dumps(one)))


@pytest.mark.parametrize("kind", KINDS.values(), ids=[*KINDS])
def test_a_side_that_is_built_has_no_rows_to_keep(kind):
    assert kind.builds
    assert not any(kind.keeps(side) for side in kind.builds)
