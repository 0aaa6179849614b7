"""The species table: list it, or see what a name is taken for."""

from __future__ import annotations

from typing import Annotated

import typer

from rubbercarbon import console
from rubbercarbon.commands import interface as shared

app = typer.Typer(no_args_is_help=True)
WOODY = ("tree", "mangrove", "shrub", "coffee", "cacao", "tea")  # others have no wood density
Form = Annotated[str | None, typer.Option("--form", help="Only one growth form, for example palm.")]


@app.command("list")
def list_species(form: Form = None, as_json: shared.Json = False) -> int:
    """All accepted species with Thai names, growth form and wood density."""
    import pandas as pd  # noqa: PLC0415

    from allometry.catalogue.loader import read_csv  # noqa: PLC0415
    from allometry.density import find_density  # noqa: PLC0415

    rows = []
    for row in read_csv("species.csv"):
        if form not in {None, row["growth_form"]}:
            continue
        name = row["species"]
        density = find_density(name, name.split()[0], row["family"])
        woody = row["growth_form"] in WOODY
        rows.append(
            {
                "species": name,
                "thai_names": row["thai_names"],
                "family": row["family"],
                "growth_form": row["growth_form"],
                "wood_density_g_cm3": f"{density.value:.3f}" if woody else "",
                "density_level": density.level if woody else "",
            }
        )
    if as_json:
        console.json_records(pd.DataFrame(rows))
        return 0
    console.table(
        f"{len(rows)} species",
        list(rows[0]) if rows else ["species"],
        [list(row.values()) for row in rows],
    )
    return 0


@app.command()
def match(
    names: Annotated[list[str], typer.Argument(metavar="NAME...")], as_json: shared.Json = False
) -> int:
    """What names in Latin, Thai or Indonesian are taken for; 1 when one is unknown."""
    import allometry  # noqa: PLC0415

    frame = allometry.match_names(names)
    if as_json:
        console.json_records(frame)
    else:
        frame["candidates"] = [", ".join(each) for each in frame["candidates"]]
        columns = ["name", "species", "kind", "score", "growth_form", "candidates"]
        rows = [[str(row[name]) for name in columns] for _, row in frame.iterrows()]
        console.table("", columns, rows)
    return int((frame["kind"] == "none").any())
