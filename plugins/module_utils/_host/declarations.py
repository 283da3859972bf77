# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What declares types on hosts: ``dataclass``, ``field``, ``replace``, ``NamedTuple`` and ``Any``, as they are known.

Type checkers are told that these are the standard library's. A look at a host imports these light ones instead: to
import ``dataclasses`` and ``typing`` takes a quarter of its time, and each class of theirs as much as fifty lines.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping

#: As ``typing.TYPE_CHECKING``, which type checkers know by its name.
TYPE_CHECKING = False

__all__ = ["TYPE_CHECKING", "Any", "NamedTuple", "dataclass", "field", "fields_of", "replace"]

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
    from typing import Any, NamedTuple
else:
    Any = object


class Field:
    """What is declared of a field besides its name and type. Without a ``default`` it is required."""

    def __init__(
        self,
        default: Any = ...,
        default_factory: Callable[[], Any] | None = None,
        repr: bool = True,  # noqa: A002 as dataclasses have it
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.default = default
        self.default_factory = default_factory
        self.is_shown = repr
        self.metadata = metadata or {}


def fields_of(kind: Any) -> Mapping[str, Field]:
    """The fields of a class of :func:`dataclass` or of an object of one, by their names; none of anything else."""
    return getattr(kind, "_declared_fields", {})


class _StandardFields:
    """The fields as the standard library's own ``dataclasses`` wants them, for who uses its functions."""

    def __get__(self, _instance: object, kind: Any) -> Any:
        import dataclasses

        standard: Any = dataclasses.make_dataclass(kind.__name__, list(kind._declared_fields))
        kind.__dataclass_fields__ = standard.__dataclass_fields__  # takes this one's place
        return standard.__dataclass_fields__


class _Frozen:
    """What all classes of :func:`dataclass` have in common: their objects' values are in ``__dict__``, in order."""

    _declared_fields: dict[str, Field] = {}
    __dataclass_fields__ = _StandardFields()

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = self._declared_fields
        given = {**dict(zip(fields, values)), **named}
        if len(given) != len(values) + len(named) or not given.keys() <= fields.keys():
            raise TypeError(f"{type(self).__name__} has no such fields, or was given one twice")
        for name, declared in fields.items():
            value = given.get(name, declared.default)
            if value is ... and declared.default_factory:
                value = declared.default_factory()
            if value is ...:
                raise TypeError(f"{type(self).__name__} lacks {name}")
            self.__dict__[name] = value
        self.__post_init__()

    def __post_init__(self) -> None:
        """For a class that has to check its values."""

    def __setattr__(self, name: str, _value: Any) -> None:
        raise AttributeError(f"{name} cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{name} cannot be removed")

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name, each in self._declared_fields.items() if each.is_shown)
        return f"{type(self).__name__}({', '.join(shown)})"


def _dataclass(frozen: bool) -> Callable[[Any], Any]:
    """As ``dataclasses.dataclass``, of frozen classes that inherit nothing."""

    def decorated(kind: Any) -> Any:
        namespace = {name: each for name, each in kind.__dict__.items() if name not in ("__dict__", "__weakref__")}
        declared = {name: namespace.pop(name, ...) for name in kind.__annotations__}
        if kind.__bases__ != (object,):
            raise TypeError(f"{kind.__name__} inherits from another class, which is not provided for")
        if any(isinstance(each, (list, dict, set)) for each in declared.values()):
            raise ValueError(f"{kind.__name__} has a default that its objects would share: use default_factory")
        fields = {name: each if isinstance(each, Field) else Field(each) for name, each in declared.items()}
        return type(kind.__name__, (_Frozen,), {**namespace, "_declared_fields": fields})

    if not frozen:
        raise TypeError("only frozen classes are declared on hosts")
    return decorated


def _replace(value: Any, **changes: Any) -> Any:
    """As ``dataclasses.replace``."""
    return type(value)(**{**value.__dict__, **changes})


class _NamedTuples(type):
    """Makes a named tuple of each class that names ``NamedTuple`` as its base, with the class's own methods."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
        if not bases:
            return super().__new__(cls, name, bases, namespace)
        fields = namespace["__annotations__"]
        defaults = [namespace.pop(each) for each in fields if each in namespace]
        plain = namedtuple(name, fields, defaults=defaults, module=namespace["__module__"])  # type: ignore[misc]
        return type(name, (plain,), {"__slots__": (), **namespace})


class _NamedTuple(metaclass=_NamedTuples):
    """As ``typing.NamedTuple``."""


if not TYPE_CHECKING:
    dataclass, field, replace, NamedTuple = _dataclass, Field, _replace, _NamedTuple
