"""Closed lists of a site's dossier, and the spellings of them that sheets hold.

One place for each list: its codes, and what people write for them in Thai and English. Labels for
reports are texts (``[land_document]`` and the like in ``texts/``). The Thai names of land documents
are those of the manual for GAP and organic certificates of the Ministry of Agriculture and
Cooperatives (explanation of land documents, March 2021, opening lines seen).
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Literal, get_args

from rubbercarbon import messages

Answer = Literal["yes", "no", "unknown"]
Selection = Literal["random", "systematic", "purposive", "census", "unknown"]
LandDocument = Literal[
    "chanote", "ns3k", "ns3", "ns2", "spk401", "nk3", "ksn5", "sk1", "pbt5", "kts", "stk", "lease",
    "none", "other", "unknown",
]  # fmt: skip
LandZone = Literal["private", "agricultural_reform", "forest_land", "state", "unknown"]
OperatorType = Literal[
    "smallholder", "community", "cooperative", "state", "company", "school", "research", "other",
    "unknown",
]  # fmt: skip
CODES: dict[str, tuple[str, ...]] = {
    "answer": get_args(Answer),
    "plot_selection": get_args(Selection),
    "land_document": get_args(LandDocument),
    "land_zone": get_args(LandZone),
    "operator_type": get_args(OperatorType),
}
LISTED_DOCUMENTS = tuple(
    code for code in CODES["land_document"] if code not in {"other", "unknown"}
)
_UNKNOWN = ("ไม่ทราบ", "ไม่ระบุ", "ไม่มีข้อมูล", "not known", "n/a", "na", "-", "?")
# ส.ป.ก. 4-01 has been turned into โฉนดเพื่อการเกษตร since December 2023: it is no title deed
SPELLINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "answer": {
        "yes": ("y", "true", "1", "ใช่", "มี", "เป็น"),
        "no": ("n", "false", "0", "ไม่", "ไม่ใช่", "ไม่มี", "ไม่เป็น"),
        "unknown": ("ไม่ทราบ", "ไม่ระบุ", "not known", "?"),
    },
    "plot_selection": {
        "random": ("สุ่ม", "สุ่มอย่างง่าย"),
        "systematic": ("เป็นระบบ", "สุ่มอย่างเป็นระบบ", "ระบบ", "grid"),
        "purposive": ("เจาะจง", "เลือกเจาะจง", "แบบเจาะจง"),
        "census": ("ทั้งสวน", "ทั้งแปลง", "วัดทุกต้น", "สำมะโน"),
        "unknown": _UNKNOWN,
    },
    "land_document": {
        "chanote": ("โฉนด", "โฉนดที่ดิน", "น.ส.4", "น.ส.4 จ", "ns4", "title deed", "nor sor 4"),
        "ns3k": ("น.ส.3 ก", "nor sor 3 gor"),
        "ns3": ("น.ส.3", "น.ส.3 ข", "nor sor 3"),
        "ns2": ("น.ส.2", "ใบจอง", "nor sor 2"),
        "spk401": ("ส.ป.ก.", "ส.ป.ก. 4-01", "โฉนดเพื่อการเกษตร", "โฉนดเพื่อเกษตรกรรม", "sor por kor",
                   "sor por kor 4-01", "alro"),
        "nk3": ("น.ค.3", "นิคมสร้างตนเอง"),
        "ksn5": ("ก.ส.น.5", "กสน.5", "นิคมสหกรณ์"),
        "sk1": ("ส.ค.1",),
        "pbt5": ("ภ.บ.ท.5", "ภบท.5", "ภ.บ.ท.", "por bor tor 5"),
        "kts": ("คทช.", "โครงการ คทช."),
        "stk": ("ส.ท.ก.",),
        "lease": ("เช่า", "สัญญาเช่า", "ที่ดินเช่า"),
        "none": ("ไม่มี", "ไม่มีเอกสาร", "ไม่มีเอกสารสิทธิ์", "ไม่มีเอกสารสิทธิ", "no document"),
        "other": ("อื่นๆ", "อื่น ๆ"),
        "unknown": _UNKNOWN,
    },
    "land_zone": {
        "private": ("เอกชน", "ที่ดินเอกชน", "private land"),
        "agricultural_reform": ("เขตปฏิรูปที่ดิน", "ปฏิรูปที่ดิน", "ส.ป.ก.", "land reform"),
        "forest_land": ("ป่าสงวน", "ป่าสงวนแห่งชาติ", "เขตป่า", "คทช.", "forest"),
        "state": ("ที่ดินของรัฐ", "ที่รัฐ", "ราชพัสดุ", "state land"),
        "unknown": _UNKNOWN,
    },
    "operator_type": {
        "smallholder": ("เกษตรกร", "เกษตรกรรายย่อย", "รายย่อย", "farmer", "เกษตรกรรุ่นใหม่",
                        "new generation farmer", "young smart farmer", "ยังสมาร์ทฟาร์มเมอร์"),
        "community": ("ชุมชน", "วิสาหกิจชุมชน", "กลุ่มเกษตรกร", "community enterprise"),
        "cooperative": ("สหกรณ์", "สหกรณ์การเกษตร", "co-op"),
        "state": ("หน่วยงานรัฐ", "ราชการ", "รัฐ", "government"),
        "company": ("บริษัท", "เอกชน", "private company"),
        "school": ("โรงเรียน", "สถานศึกษา", "วิทยาลัย"),
        "research": ("มหาวิทยาลัย", "สถานีวิจัย", "ศูนย์วิจัย", "วิจัย", "university"),
        "other": ("อื่นๆ", "อื่น ๆ"),
        "unknown": _UNKNOWN,
    },
}  # fmt: skip
NEW_GENERATION = ("เกษตรกรรุ่นใหม่", "new generation farmer", "young smart farmer", "ยังสมาร์ทฟาร์มเมอร์")
SHORTEST_BEGINNING = 3
WHOLE = ("none", "other", "unknown")  # never found by the beginning of a text

_SIGNS = {"Po", "Ps", "Pe", "Pd", "Pc", "Cf"}  # punctuation and invisible characters


def plain(text: object) -> str:
    """What is compared: no case, blanks, dots, brackets or dashes; digits of any script as 0-9.

    Examples
    --------
    >>> plain("ส.ป.ก. ๔-๐๑")
    'สปก401'
    """
    folded = unicodedata.normalize("NFC", "" if text is None else str(text)).casefold()
    kept = (
        str(unicodedata.decimal(sign)) if sign.isdecimal() else sign
        for sign in folded
        if not sign.isspace() and unicodedata.category(sign) not in _SIGNS
    )
    return "".join(kept)


@functools.cache
def _known(kind: str) -> dict[str, str]:
    """Spelling → code, longest first."""
    found = {plain(code): code for code in CODES[kind]}
    for code in CODES[kind]:
        for spelling in SPELLINGS[kind].get(code, ()):
            if plain(spelling):
                found.setdefault(plain(spelling), code)
        for language in messages.LANGUAGES:
            found.setdefault(plain(label(kind, code, language)), code)
    return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))


def code_of(kind: str, text: object) -> str | None:
    """The code that a spelling stands for.

    Parameters
    ----------
    kind : {'answer', 'plot_selection', 'land_document', 'land_zone', 'operator_type'}
    text : object
        As written; a land document may have its number behind it.

    Returns
    -------
    str or None
        ``unknown`` for an empty text, None for one that is not known.

    Examples
    --------
    >>> code_of("land_document", "น.ส. 3 ก. เลขที่ 512"), code_of("land_document", "โฉนดเพื่อการเกษตร")
    ('ns3k', 'spk401')
    >>> code_of("answer", "ใช่"), code_of("operator_type", ""), code_of("land_document", "ใบเสร็จ")
    ('yes', 'unknown', None)
    """
    if isinstance(text, bool):
        text = "yes" if text else "no"
    wanted, known = plain(text), _known(kind)
    if not wanted:
        return "unknown"
    if wanted in known:
        return known[wanted]
    if kind != "land_document":
        return None
    return next(
        (
            code for spelling, code in known.items()
            if len(spelling) >= SHORTEST_BEGINNING and code not in WHOLE
            and wanted.startswith(spelling)
            and _numbered(wanted[len(spelling):])
        ),
        None,
    )  # fmt: skip


def _numbered(rest: str) -> bool:
    """Whether what follows a document's name is its number and nothing that changes it."""
    return re.fullmatch(r"[กขคจ]?(เลขที่|no)?\d*", rest) is not None


def is_new_generation(text: object) -> bool:
    """Whether a type of operator says that it is a new-generation farmer."""
    return plain(text) in {plain(word) for word in NEW_GENERATION}


def label(kind: str, code: str, language: str = "en") -> str:
    """What a report calls a code.

    Examples
    --------
    >>> label("land_document", "spk401", "en")
    'Sor Por Kor 4-01 (agricultural land reform)'
    """
    return messages.text(kind, code, language)
