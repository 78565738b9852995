"""`frozen`, `immutable` and `mutable` are dataclasses, only cheaper to declare."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import pytest

from emcli.frozen import frozen, immutable, mutable
from emcli.frozen import replace as replaced


@frozen
class Cheap:
    """A point."""

    x: int
    y: int = 2
    note: str = field(default="", repr=False)


@dataclass(frozen=True)
class Standard:
    """A point."""

    x: int
    y: int = 2
    note: str = field(default="", repr=False)


BOTH = pytest.mark.parametrize("kind", [Cheap, Standard])


@BOTH
def test_values_come_by_place_by_name_or_by_default(kind: Any) -> None:
    assert kind(1, y=3) == kind(1, 3) != kind(1)
    assert vars(kind(y=3, x=1)) == {"x": 1, "y": 3, "note": ""}
    assert list(vars(kind(y=3, x=1))) == ["x", "y", "note"] == [f.name for f in fields(kind)]
    assert replace(kind(1), y=4) == replaced(kind(1), y=4) == kind(1, 4)
    assert hash(kind(1)) == hash(kind(1, 2))
    assert repr(kind(1)) == f"{kind.__name__}(x=1, y=2)"
    assert pickle.loads(pickle.dumps(kind(1))) == kind(1)


@BOTH
@pytest.mark.parametrize(("given", "named"), [((), {}), ((1, 2, "", 4), {}), ((1,), {"z": 0})])
def test_what_does_not_fit_is_refused(kind: Any, given: Any, named: Any) -> None:
    with pytest.raises(TypeError):
        kind(*given, **named)


def test_what_was_worked_out_of_one_is_not_taken_for_another() -> None:
    @dataclass(frozen=True)
    class Number:
        x: int

        @cached_property
        def double(self) -> int:
            return 2 * self.x

    one = Number(1)
    assert one.double == 2
    assert replaced(one, x=3).double == 6 and one.double == 2


@BOTH
def test_nothing_can_be_changed(kind: Any) -> None:
    point = kind(1)
    with pytest.raises(FrozenInstanceError):
        point.x = 2
    with pytest.raises(FrozenInstanceError):
        del point.x


@immutable
class Based:
    """What is told apart by itself, with a field that only has a name."""

    x: int
    quiet: int = field(default=0, kw_only=True)
    kept: list[int] = field(default_factory=list)


@immutable
class Grown(Based):
    """One field more, before the one that only has a name."""

    y: int = 1
    twice: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "twice", 2 * self.y)


@mutable
class Changing:
    """What may change."""

    x: int
    seen: list[int] = field(default_factory=list)


def test_fields_by_name_alone_those_worked_out_and_those_made_anew() -> None:
    assert vars(Grown(1, [2], 3, quiet=4)) == {"x": 1, "quiet": 4, "kept": [2], "y": 3, "twice": 6}
    assert Based(1).kept == [] and Based(1).kept is not Based(1).kept
    assert Based(1) != Based(1) and len({Based(1), Based(1)}) == 2
    for wrong in (lambda: Based(1, [], 4), lambda: Based(1, x=1), lambda: Grown(1, twice=3)):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(FrozenInstanceError):
        Based(1).x = 2  # type: ignore[misc]


def test_what_may_change_does() -> None:
    one = Changing(1)
    one.x = 2
    one.seen.append(3)
    assert repr(one) == "Changing(x=2, seen=[3])" and Changing(2).seen == []


def test_a_standard_dataclass_may_inherit() -> None:
    @dataclass(frozen=True, eq=False)
    class Other(Grown):
        z: int = 5

    assert (Other(1).z, Other(1, z=2).z, Other(1).twice) == (5, 2, 2)
    with pytest.raises(FrozenInstanceError):
        Other(1).z = 2  # type: ignore[misc]
