"""numba's options and its disk cache, decided in one place.

Why these options: ``fastmath=True`` breaks the bit tricks of the inlined exponential and logarithm
(results wrong by 100 % with no warning), so only signed zeros and contraction to fused
multiply-add are given away. Why a lock: two Python threads inside a parallel kernel abort the
process under numba's ``workqueue`` layer, so one thread at a time may enter. Why light kernels: the
threads of a kernel wait for each other at its end, which on a busy machine takes the system's turn
of some milliseconds, a hundred times what a short array takes on one thread.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

FASTMATH = {"nsz", "contract"}
SHORT = 1 << 18  # elements: a millisecond or two for one thread
_one_thread_at_a_time = threading.RLock()


def _writable(folder: Path) -> bool:
    """Whether numba could write its cache into a folder (tried, not guessed)."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _user_cache_folder() -> Path | None:
    """The user's own cache folder, or None where there is no home."""
    local = os.environ.get("LOCALAPPDATA") if os.name == "nt" else os.environ.get("XDG_CACHE_HOME")
    if local:
        return Path(local) / "rubbercarbon" / "numba"
    try:
        home = Path.home()
    except (RuntimeError, KeyError):
        return None
    return home / ".cache" / "rubbercarbon" / "numba"


def interpreted() -> bool:
    """Whether the compiler is switched off, for coverage and for debuggers."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}


def decide_cache() -> bool:
    """Choose where compiled kernels are kept; False when nowhere is safe to write.

    Order: a folder the user named (``NUMBA_CACHE_DIR``), beside the module, the user's own cache
    folder, nowhere (kernels are then compiled anew in each process, and one line on stderr says
    so). A folder that other users can write to is never used.
    """
    if interpreted():
        return False
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return _writable(Path(named))
    if _writable(Path(__file__).parent / "__pycache__"):
        return True
    folder = _user_cache_folder()
    if folder is not None and _writable(folder):
        if os.name == "posix":
            folder.chmod(0o700)
        os.environ["NUMBA_CACHE_DIR"] = str(folder)
        return True
    sys.stderr.write(
        "allometry: no folder to keep compiled code in; the first call of each run takes some "
        "seconds longer (set NUMBA_CACHE_DIR to a folder of your own to avoid it)\n"
    )
    return False


CACHE = decide_cache()

import numba  # noqa: E402  (the cache folder must be decided before numba reads its settings)
import numpy as np  # noqa: E402

prange = numba.prange
LEAN = "ALLOMETRY_LEAN_START"


def _start_lean() -> None:
    """Load numba's registries without SciPy's linear algebra, which no kernel here uses.

    It saves a tenth of a second of each command. numba functions of the same process can then not
    call linear algebra, so that only a program of its own asks for it, by an environment variable.
    """
    if not os.environ.get(LEAN) or "scipy.linalg" in sys.modules:
        return
    from numba.core.registry import cpu_target  # noqa: PLC0415

    hidden: dict[str, Any] = sys.modules  # an entry of None makes an import fail at once
    hidden["scipy.linalg"] = None
    try:
        cpu_target.target_context.refresh()
    finally:
        del hidden["scipy.linalg"]


_start_lean()


def _integers_wrap(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Interpreted: let integers wrap around in silence, as they do in compiled code."""
    if not interpreted():
        return function

    @functools.wraps(function)
    def wrapped(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with np.errstate(over="ignore", invalid="ignore"):
            return function(*args, **kwargs)

    return wrapped


def inline(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compile a scalar helper that kernels of the same file call."""
    compiled: Callable[Arguments, Result] = numba.njit(
        fastmath=FASTMATH, error_model="numpy", inline="always", cache=CACHE
    )(function)
    return compiled


def kernel(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compile an array kernel whose outer loop runs in parallel; one Python thread at a time."""
    return _guarded(function, FASTMATH)


def light_kernel(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """As `kernel`, with some nanoseconds per element of its arrays: short ones take one thread."""
    return _guarded(function, FASTMATH, light=True)


def strict_kernel(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """As `light_kernel`, rounding after each operation: sums that must have numpy's bits."""
    return _guarded(function, set(), light=True)


def serial_kernel(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compile an array kernel whose steps depend on each other."""
    compiled: Callable[Arguments, Result] = numba.njit(
        fastmath=FASTMATH, error_model="numpy", cache=CACHE
    )(function)
    return _integers_wrap(compiled)


def exact_kernel(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """As `serial_kernel`, rounding after each operation: what is multiplied first has one value."""
    compiled: Callable[Arguments, Result] = numba.njit(error_model="numpy", cache=CACHE)(function)
    return _integers_wrap(compiled)


def _guarded(
    function: Callable[Arguments, Result], fastmath: set[str], *, light: bool = False
) -> Callable[Arguments, Result]:
    options: Any = {"fastmath": fastmath or False, "parallel": True, "cache": CACHE}
    compiled: Any = _integers_wrap(numba.njit(error_model="numpy", **options)(function))

    @functools.wraps(function)
    def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with _one_thread_at_a_time:
            allowed = numba.get_num_threads() if light else 1
            if allowed == 1 or _longest(args) > SHORT:
                result: Result = compiled(*args, **kwargs)
                return result
            numba.set_num_threads(1)
            try:
                return compiled(*args, **kwargs)
            finally:
                numba.set_num_threads(allowed)

    return guarded


def _longest(arrays: tuple[Any, ...]) -> int:
    """Elements of the largest array among arguments."""
    return max(one.size for one in arrays if isinstance(one, np.ndarray))
