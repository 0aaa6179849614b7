"""Species names as people write them → accepted names."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from allometry.catalogue.loader import read_csv

if TYPE_CHECKING:
    import pandas as pd

ACCEPT_SCORE = 90.0
ACCEPT_MARGIN = 5.0
LEAST_SCORE = 50.0  # of a candidate that is worth showing
LONGEST_NAME = 200  # letters; beyond it a text is no name
GENUS_SCORE = 85.0  # a likely genus alone is never accepted
_ZERO_WIDTH = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
# a tone mark typed before its vowel, and SARA AM typed as a ring and SARA AA, look the same
_TONE_BEFORE_VOWEL = re.compile("([\u0e48-\u0e4c])([\u0e31\u0e34-\u0e39])")
_RING_AND_AA = re.compile("\u0e4d([\u0e48-\u0e4c]?)\u0e32|([\u0e48-\u0e4c])\u0e4d\u0e32")
_THAI = re.compile("[\u0e01-\u0e5b]")
_BRACKETED = re.compile(r"[(\[（].*?[)\]）]")
_TAIL = re.compile(r"\s*[a-z]*[\s.-]*\d+\s*$")  # a clone: RRIM 600
_UNKNOWN_EPITHET = {"sp", "sp.", "spp", "spp.", "spec", "spec.", "indet", "indet."}


@dataclass(frozen=True, slots=True)
class Species:
    """One row of the species table."""

    name: str
    genus: str
    family: str
    growth_form: str


@dataclass(frozen=True, slots=True)
class Match:
    """What a name was taken for.

    Attributes
    ----------
    name : str
        As written.
    species : str
        Accepted name, ``Genus sp.`` for a genus, empty if nothing was found.
    kind : str
        ``exact``, ``synonym``, ``thai``, ``thai_unverified``, ``local``, ``genus``, ``fuzzy`` or
        ``none``.
    score : float
        100 for all kinds but ``fuzzy``; 0 for ``none``.
    genus, family, growth_form : str
        Empty where unknown.
    candidates : tuple of str
        The nearest accepted names when nothing was found or the choice was not clear.
    """

    name: str
    species: str
    kind: str
    score: float
    genus: str = ""
    family: str = ""
    growth_form: str = ""
    candidates: tuple[str, ...] = ()


@dataclass(slots=True)
class _Index:
    """Normalised name → (accepted name, kind of match)."""

    species: dict[str, Species] = field(default_factory=dict)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)
    genera: dict[str, list[Species]] = field(default_factory=dict)


def _with_am(match: re.Match[str]) -> str:
    return (match.group(1) or match.group(2) or "") + "\u0e33"


def normalise(name: str) -> str:
    """A name without differences of spelling that carry no meaning.

    Case, repeated blanks, zero-width characters, composed and decomposed Thai vowels and the
    doubled SARA E that looks like SARA AE.
    """
    text = _ZERO_WIDTH.sub("", unicodedata.normalize("NFC", name))
    text = _RING_AND_AA.sub(_with_am, text.replace("เเ", "แ")).replace("_", " ")
    text = _TONE_BEFORE_VOWEL.sub(r"\2\1", text)
    return " ".join(text.casefold().split())


@functools.cache
def _index() -> _Index:
    index = _Index()
    for row in read_csv("species.csv"):
        name = row["species"]
        record = Species(name, name.split()[0], row["family"], row["growth_form"])
        index.species[name] = record
        index.genera.setdefault(normalise(record.genus), []).append(record)
        index.names[normalise(name)] = (name, "exact")
        for synonym in _split(row["synonyms"]):
            index.names.setdefault(normalise(synonym), (name, "synonym"))
        for local in _split(row["local_names"]):
            index.names.setdefault(normalise(local.partition(":")[2]), (name, "local"))
        states = _split(row["thai_names_status"])
        for thai, status in zip(_split(row["thai_names"]), states, strict=True):
            kind = "thai" if status == "seen" else "thai_unverified"
            index.names.setdefault(normalise(thai), (name, kind))
    return index


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def species_table() -> dict[str, Species]:
    """All accepted names with genus, family and growth form."""
    return _index().species


@functools.cache
def thai_name(species: str) -> str:
    """First Thai name of an accepted species, one whose source was seen before others; or empty."""
    row = next((row for row in read_csv("species.csv") if row["species"] == species), None)
    if row is None:
        return ""
    names, states = _split(row["thai_names"]), _split(row["thai_names_status"])
    seen = [name for name, status in zip(names, states, strict=True) if status == "seen"]
    return (seen or names or [""])[0]


@functools.lru_cache(maxsize=100_000)
def match_one(name: str) -> Match:
    """Match a single name; see `match_names`."""
    index = _index()
    key = normalise(name)
    words = key.split()
    if not words or len(key) > LONGEST_NAME:
        return Match(name, "", "none", 0.0)
    for candidate in (key, " ".join(words[:2]), *_plainer(key)):
        if candidate in index.names:
            accepted, kind = index.names[candidate]
            return _found(name, index.species[accepted], kind, 100.0)
    only_genus = len(words) == 1 or words[1] in _UNKNOWN_EPITHET
    if words[0] in index.genera and only_genus:
        return _genus(name, index.genera[words[0]])
    ranked = _ranked(" ".join(words[:2]) if key.isascii() else key)
    clear = len(ranked) < 2 or ranked[0][1] - ranked[1][1] >= ACCEPT_MARGIN
    if ranked and ranked[0][1] >= ACCEPT_SCORE and clear:
        return _found(name, index.species[ranked[0][0]], "fuzzy", ranked[0][1])
    candidates = tuple(accepted for accepted, _ in ranked[:3])
    if words[0] in index.genera:
        return _genus(name, index.genera[words[0]], candidates)
    return Match(name, "", "none", 0.0, candidates=candidates)


def _plainer(key: str) -> list[str]:
    """A Thai name without what people add: a clone or remark behind it, the word tree before it."""
    if not _THAI.match(key):
        return []
    bare = _TAIL.sub("", _BRACKETED.sub("", key)).strip()
    return [bare, *(bare.removeprefix(word) for word in ("ต้น", "ไม้") if bare.startswith(word))]


def _found(name: str, record: Species, kind: str, score: float) -> Match:
    return Match(name, record.name, kind, score, record.genus, record.family, record.growth_form)


def _genus(name: str, members: list[Species], candidates: tuple[str, ...] = ()) -> Match:
    """A genus; its growth form is given only where all its species share one."""
    forms = {member.growth_form for member in members}
    form = forms.pop() if len(forms) == 1 else ""
    first = members[0]
    return Match(
        name, f"{first.genus} sp.", "genus", 100.0, first.genus, first.family, form, candidates
    )


def _ranked(key: str) -> list[tuple[str, float]]:
    """Accepted names by likeness, each once with its best score."""
    from rapidfuzz import fuzz, process  # noqa: PLC0415  (only misspelt names need it)

    index = _index()
    best: dict[str, float] = {}
    for spelling, score, _ in process.extract(key, list(index.names), scorer=fuzz.ratio, limit=8):
        accepted = index.names[spelling][0]
        best[accepted] = max(best.get(accepted, 0.0), float(score))
    if " " not in key:
        for genus, score, _ in process.extract(key, list(index.genera), scorer=fuzz.ratio, limit=3):
            for record in index.genera[genus][:3]:
                likeness = min(float(score), GENUS_SCORE)
                best[record.name] = max(best.get(record.name, 0.0), likeness)
    likely = [(accepted, score) for accepted, score in best.items() if score >= LEAST_SCORE]
    return sorted(likely, key=lambda pair: (-pair[1], pair[0]))


def listed(names: str | Iterable[str | None]) -> list[str]:
    """One name or several as a list; missing ones as empty text."""
    several = [names] if isinstance(names, str) else list(names)
    return ["" if name is None or isinstance(name, float) else str(name) for name in several]


def match_names(names: str | Iterable[str | None]) -> pd.DataFrame:
    """Accepted species of names in Latin, Thai or Indonesian, misspelt or not.

    Parameters
    ----------
    names : str or iterable of str
        As typed; None and empty texts match nothing.

    Returns
    -------
    pandas.DataFrame
        One row per name, in order: name, species, kind, score [0-100], genus, family, growth_form,
        candidates. ``kind`` is ``exact``, ``synonym``, ``thai``, ``thai_unverified`` (a Thai name
        whose source was not seen), ``local``, ``genus``, ``fuzzy`` (likeness of at least 90 and 5
        above the next) or ``none``.

    Examples
    --------
    >>> import allometry as al
    >>> al.match_names(["Hevea brasilensis", "ตะเคียนทอง"])["species"].tolist()
    ['Hevea brasiliensis', 'Hopea odorata']
    """
    import pandas as pd  # noqa: PLC0415

    matches = [match_one(name) for name in listed(names)]
    columns = ("name", "species", "kind", "score", "genus", "family", "growth_form", "candidates")
    return pd.DataFrame(
        {column: [getattr(match, column) for match in matches] for column in columns}
    )
