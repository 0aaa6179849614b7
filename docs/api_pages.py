"""Pages of the public names of each package, in three groups, and of the examples."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from types import ModuleType

from pages import save

import allometry
import rubbercarbon

WORDS = {
    allometry: """# allometry

The science of any tree, without tables and files: equations, heights, densities, growth, names.
`import allometry as al` loads nothing heavy; each name loads on first use.""",
    rubbercarbon: """# rubbercarbon

Inventories, stocks, change, scenarios, programmes and their files. `import rubbercarbon as rc`
loads nothing heavy. A first look:

```python
import rubbercarbon as rc

inventory = rc.read_inventory("trees.csv", plots="plots.csv")
stocks = rc.estimate_stocks(inventory)
stocks.plots, stocks.assumptions, stocks.problems
```

Tables are pandas DataFrames with units in the names of their columns: [columns](../columns.md).""",
}
EXAMPLES = Path(__file__).parents[1] / "examples"
HEADS = {"function": "Functions", "class": "Results and settings", "exception": "Errors"}


def write(folder: Path) -> None:
    """One page for each package, from its ``__all__``, and one of the examples."""
    for package, words in WORDS.items():
        save(folder / f"{package.__name__}.md", words, *_groups(package))
    save(folder / "examples.md", "# Examples", *_examples())


def _examples() -> list[str]:
    parts = ["Short scripts of the folder `examples`; a test runs each of them."]
    for path in sorted(EXAMPLES.glob("*.py")):
        words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        code = f"```{{literalinclude}} ../../examples/{path.name}\n:language: python\n```"
        parts += [f"## {path.stem.replace('_', ' ').capitalize()}", words, code]
    return parts


def _groups(package: ModuleType) -> list[str]:
    groups: dict[str, list[str]] = {kind: [] for kind in HEADS}
    for name in package.__all__:
        groups[_kind(getattr(package, name))].append(name)
    parts = []
    for kind, names in groups.items():
        lines = [f".. auto{kind}:: {package.__name__}.{name}" for name in names]
        parts += [f"## {HEADS[kind]}", "```{eval-rst}\n" + "\n".join(lines) + "\n```"]
    return parts


def _kind(member: object) -> str:
    if not inspect.isclass(member):
        return "function"
    return "exception" if issubclass(member, Exception) else "class"
