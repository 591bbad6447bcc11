"""The models that are installed."""
from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ._library import checked, encoded, ffi, lib, taken, text
from ._session import InferenceSession


@dataclass(frozen=True)
class Model:
    name: str
    path: str
    #: Other names, by what it does: `restore`, `denoise`.
    roles: tuple[str, ...] = ()

    @cached_property
    def metadata(self) -> dict[str, str]:
        """The statements of the model's file: `task`, `licence`, `training data`, …"""
        return InferenceSession(self.path).get_modelmeta().custom_metadata_map

    @property
    def task(self) -> str:
        return self.metadata.get("task", "")

    @property
    def licence(self) -> str:
        return self.metadata.get("licence", "")


def _catalogue() -> Any:
    spec = importlib.util.find_spec("irkit_models")
    places = list(spec.submodule_search_locations or ()) if spec else []
    folder = encoded(os.path.join(places[0], "models")) if places else ffi.NULL
    return ffi.gc(lib.irkit_catalogue_open(folder), lib.irkit_catalogue_close)


def models() -> dict[str, Model]:
    """The installed models by name."""
    catalogue = _catalogue()
    name, other = ffi.new("char **"), ffi.new("char **")
    roles: dict[str, list[str]] = {}
    for index in range(lib.irkit_catalogue_role_count(catalogue)):
        lib.irkit_catalogue_role(catalogue, index, other, name)
        roles.setdefault(text(name[0]), []).append(text(other[0]))
    found = {}
    for index in range(lib.irkit_catalogue_count(catalogue)):
        lib.irkit_catalogue_model(catalogue, index, name, other)
        found[text(name[0])] = Model(text(name[0]), text(other[0]), tuple(roles.get(text(name[0]), ())))
    return found


def path_of(model: Any) -> str:
    """The path of a model: a path, or the name or role (`restore`, `denoise`) of an installed one."""
    if isinstance(model, Model):
        return model.path
    place, error = ffi.new("char **"), ffi.new("char **")
    checked(lib.irkit_catalogue_find(_catalogue(), encoded(model), place, error), error)
    return taken(place[0])
