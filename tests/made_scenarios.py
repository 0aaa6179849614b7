"""Small scenarios for tests."""

from rubbercarbon.scenarios.interface import parse_scenario

RUBBER = """
[[component]]
name = "rubber"
species = "Hevea brasiliensis"
role = "rubber"
clone = "RRIM 600"
stems_per_ha = {stems}
rotation_years = {rotation}
wood = "sawn"
{more}
source = "test"
"""
HEAD = """
id = "{id}"
kind = "synthetic"
rationale = "test"
sources = ["test"]
[title]
en = "test"
"""


def scenario(name="s", *, stems=475, rotation=25, more="", extra=""):
    text = HEAD.format(id=name) + RUBBER.format(stems=stems, rotation=rotation, more=more) + extra
    return parse_scenario(text, "test.toml")


def companion(name="tree", species="Dipterocarpus alatus", **keys):
    rows = {"stems_per_ha": 100, "rotation_years": 25, "extrapolate": "true", **keys}
    body = "\n".join(f"{k} = {v}" for k, v in rows.items())
    return (
        f'\n[[component]]\nname = "{name}"\nspecies = "{species}"\nrole = "timber"\n'
        f'wood = "sawn"\nsource = "test"\n{body}\n'
    )
