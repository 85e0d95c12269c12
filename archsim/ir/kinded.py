"""Specs that register under a `kind`, so that YAML can name them and anyone can add their own with one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import ModelWrapValidatorHandler, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from archsim.core.errors import NameTaken, UnknownName
from archsim.core.registry import Registry
from archsim.core.spec import Spec


class Kinded(Spec):
    """A frozen spec with a registered name.

    ``class Bank(Component, kind="bank")``. A subclass without `kind` stays abstract.
    """

    kind: ClassVar[str] = ""
    registry: ClassVar[Registry[Any]]

    def __init_subclass__(cls, kind: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)  # `kind` is ours; it is used below, once the fields are known

    @classmethod
    def __pydantic_init_subclass__(cls, kind: str = "", **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not kind:
            return
        if kind in cls.registry:
            old = cls.registry.get(kind)
            if (old.__module__, old.__qualname__) != (cls.__module__, cls.__qualname__):
                raise NameTaken(
                    f"{cls.registry.label} {kind!r} is {old.__module__}.{old.__qualname__}",
                    right=f"{cls.__module__}.{cls.__qualname__} must pick another kind",
                )
            cls.registry.replace(kind, cls)  # the same class defined again: a notebook cell run twice
        else:
            cls.registry.add(kind, cls)
        cls.kind = kind

    @model_validator(mode="wrap")
    @classmethod
    def _dispatch(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(data, Mapping) or "kind" not in data:
            return handler(data)
        kind = data["kind"]
        rest = {key: value for key, value in data.items() if key != "kind"}
        try:
            target = cls.registry.get(str(kind))
        except UnknownName as error:
            raise PydanticCustomError(
                "unknown_kind", "{what}", {"what": str(error.what), "right": error.right}
            ) from None
        if not issubclass(target, cls):
            raise PydanticCustomError(
                "wrong_kind",
                "{kind} is not a {label} that fits here",
                {"kind": repr(kind), "label": cls.registry.label},
            )
        if target is cls:
            return handler(rest)
        return target.model_validate(rest)  # type: ignore[no-any-return]

    @model_serializer(mode="wrap")
    def _with_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"kind": self.kind, **handler(self)}
