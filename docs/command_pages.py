"""The reference of commands, made from the annotations of the commands themselves."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from pages import save, table
from typer.models import ArgumentInfo, OptionInfo

from rubbercarbon import registry

INTRODUCTION = """Every command answers `--help`. Exit codes: 0 done; 1 done, but rows were refused
(or `--strict` met a warning); 2 cannot run."""


def write(folder: Path) -> None:
    """Write the page of commands."""
    parts = ["# Commands", INTRODUCTION]
    for name in registry.names("commands"):
        parts += _command(name.replace("_", "-"), registry.load("commands", name))
    save(folder / "commands.md", *parts)


def _command(name: str, module: ModuleType) -> Iterable[str]:
    group = getattr(module, "app", None)
    yield f"## {name}"
    yield (module.__doc__ or "").splitlines()[0]
    if group is None:
        yield from _options(module.run, name)
        return
    for command in group.registered_commands:
        part = command.name or command.callback.__name__.replace("_", "-")
        yield f"### {name} {part}"
        yield inspect.getdoc(command.callback) or ""
        yield from _options(command.callback, f"{name} {part}")


def _options(function: Callable[..., int], called: str) -> Iterable[str]:
    hints = typing.get_type_hints(function, include_extras=True)
    rows, words = [], []
    for name, parameter in inspect.signature(function).parameters.items():
        kind, *notes = typing.get_args(hints[name]) or (hints[name],)
        info = next((n for n in notes if isinstance(n, ArgumentInfo | OptionInfo)), OptionInfo())
        needed = parameter.default is inspect.Parameter.empty
        shown = (
            _argument(info, name) if isinstance(info, ArgumentInfo) else _option(info, name, kind)
        )
        if isinstance(info, ArgumentInfo):
            words.append(shown)
        default = "needed" if needed else _plain(parameter.default)
        rows.append((f"`{shown}`".replace("|", "\\|"), info.help or "–", default))
    yield "    " + " ".join(["rubbercarbon", called, *words, "[OPTIONS]"])
    yield table(["", "what", "default"], rows)


def _argument(info: ArgumentInfo, name: str) -> str:
    return info.metavar or name.upper()


def _option(info: OptionInfo, name: str, kind: Any) -> str:
    first = [info.default] if isinstance(info.default, str) else []  # of `Option("--map", ...)`
    opts = ", ".join([*first, *(info.param_decls or ())] or ["--" + name.replace("_", "-")])
    parts = [kind, *typing.get_args(kind)]
    choices = [typing.get_args(part) for part in parts if typing.get_origin(part) is typing.Literal]
    if choices:
        return f"{opts} {' | '.join(map(str, choices[0]))}"
    return f"{opts} {info.metavar}" if info.metavar else opts


def _plain(value: object) -> str:
    return "–" if value in {None, False, ""} else f"`{value}`"
