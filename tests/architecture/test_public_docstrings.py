"""Docstrings of public names say what goes in, what comes out, and what may go wrong."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest

import allometry
import rubbercarbon

PUBLIC = {
    f"{package.__name__}.{name}": getattr(package, name)
    for package in (allometry, rubbercarbon)
    for name in package.__all__
}
FUNCTIONS = {name: one for name, one in PUBLIC.items() if inspect.isfunction(one)}
SECTIONS = re.compile(r"^(\w[\w ]+)\n-+$", re.MULTILINE)


def _sections(function):
    parts = SECTIONS.split(inspect.getdoc(function))
    return dict(zip(parts[1::2], parts[2::2], strict=True)), parts[0]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_is_described(name):
    sections, _ = _sections(FUNCTIONS[name])
    entries = re.split(r"^(?=\S)", sections["Parameters"], flags=re.MULTILINE)
    described = {
        word.strip(" *"): len(entry.strip().splitlines()) > 1 or "{" in entry
        for entry in entries
        for word in entry.split(" : ")[0].split("\n")[0].split(",")
        if word.strip()
    }
    parameters = set(inspect.signature(FUNCTIONS[name]).parameters)
    assert parameters == set(described)
    assert all(described.values()), [word for word, said in described.items() if not said]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_and_errors_are_named(name):
    sections, _ = _sections(FUNCTIONS[name])
    if inspect.signature(FUNCTIONS[name]).return_annotation != "None":
        assert sections["Returns"].strip()
    assert set(sections) & {"Raises", "Notes", "Examples"}


HOMES = [
    importlib.import_module(name)
    for name in ("allometry.errors", "rubbercarbon.errors", "rubbercarbon.engines.interface")
]
NAMED = re.compile(r"^(\w+)$", re.MULTILINE)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors_that_are_named_exist(name):
    sections, _ = _sections(FUNCTIONS[name])
    for error in NAMED.findall(sections.get("Raises", "")):
        assert any(hasattr(home, error) for home in HOMES), error


def _is_bare_error(member):
    return issubclass(member, Exception) and "__init__" not in vars(member)


CLASSES = [name for name, one in PUBLIC.items() if inspect.isclass(one) and not _is_bare_error(one)]


@pytest.mark.parametrize("name", CLASSES)
def test_classes_say_what_they_hold(name):
    sections, _ = _sections(PUBLIC[name])
    assert set(sections) & {"Attributes", "Parameters"}
