"""The command line: finds the command, runs it, turns every failure into a sentence.

``--help`` and ``--version`` answer without loading the command framework, so that they are quick.
"""

from __future__ import annotations

import gc
import io
import os
import sys

from rubbercarbon import __version__, registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

CANNOT_RUN = 2
GARBAGE_THRESHOLDS = (200_000, 50, 100)
USAGE = "Usage: rubbercarbon COMMAND [OPTIONS]"


def entry() -> None:
    """Run the process's command line and leave at once.

    A short process spends a third of its time on collecting garbage while it loads libraries and
    on taking them down again; neither is of use to it, nor is linear algebra in compiled code.
    Threads that wait for others sleep, so that a busy machine gets on with these.
    """
    os.environ.setdefault("ALLOMETRY_LEAN_START", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; default: those of the process.

    Returns
    -------
    int
        0 done; 1 done, but rows were refused (or ``--strict`` met a warning); 2 cannot run.
    """
    _survive_legacy_consoles()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in {"--help", "-h", "help"}:
        sys.stdout.write(_help())
        return 0
    if words[0] in {"--version", "-V"}:
        sys.stdout.write(f"rubbercarbon {__version__}\n")
        return 0
    if words[0] not in _commands():
        return _fail(_unknown(words[0], _language(words)))
    return _run(words)


def _commands() -> dict[str, str]:
    """Modules of the commands by the words that users type."""
    return {name.replace("_", "-"): name for name in registry.names("commands")}


def _survive_legacy_consoles() -> None:
    """Characters that the console's code page lacks are replaced, not fatal."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _help() -> str:
    lines = [
        f"  {word:<17} {registry.summary('commands', name)}" for word, name in _commands().items()
    ]
    return "\n".join(
        [
            USAGE,
            "",
            "Biomass and carbon of rubber agroforestry, from the tape measure to the plot.",
            "",
            "Commands:",
            *lines,
            "",
            "  --version  the version",
            "  COMMAND --help shows the options of a command.",
            "",
            "Exit codes: 0 done; 1 done, but rows were refused; 2 cannot run.",
            "",
        ]
    )


def _unknown(word: str, language: str) -> str:
    import difflib  # noqa: PLC0415

    from rubbercarbon.messages import text  # noqa: PLC0415  (the catalogue is large)

    known = list(_commands())
    near = difflib.get_close_matches(word, known, 1)
    guess = text("failures", "command_guess", language, word=near[0]) if near else ""
    return text("failures", "no_command", language, word=word, guess=guess, known=", ".join(known))


def _fail(sentence: str) -> int:
    sys.stderr.write(f"rubbercarbon: {sentence}\n")
    return CANNOT_RUN


def _run(words: list[str]) -> int:
    """Load the one command asked for and run it; no traceback leaves here."""
    import typer  # noqa: PLC0415  (only a real command needs it)

    from allometry.errors import AllometryError  # noqa: PLC0415
    from rubbercarbon.errors import RubbercarbonError  # noqa: PLC0415

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)
    app.callback()(_callback)
    name = _commands()[words[0]]
    module = registry.load("commands", name)
    if isinstance(getattr(module, "app", None), typer.Typer):
        app.add_typer(module.app, name=words[0], help=registry.summary("commands", name))
    else:
        app.command(words[0])(module.run)
    try:
        result = app(words, prog_name="rubbercarbon", standalone_mode=False)
    except (RubbercarbonError, AllometryError) as error:
        from rubbercarbon import messages  # noqa: PLC0415  (the catalogue is large)

        return _fail(messages.spoken(error, _language(words)))
    except typer.Exit as stop:
        return int(stop.exit_code)
    except typer.Abort:
        return _fail("stopped.")
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        return 0
    except OSError as error:
        what = f"'{error.filename}': {error.strerror}" if error.filename else str(error)
        return _fail(f"{what}. Check that the folder exists and that you may write to it.")
    except Exception as error:  # noqa: BLE001  (a user never sees a traceback)
        return _fail(_unexpected(error, words[0], _language(words)))
    return result if isinstance(result, int) else 0


def _language(words: Sequence[str]) -> str:
    """The language that a command line asks for."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        asked = following if word == "--lang" else word.removeprefix("--lang=")
        if asked == "th":
            return asked
    return "en"


def _callback() -> None:
    """Biomass and carbon of rubber and rubber agroforestry."""


def _unexpected(error: Exception, command: str, language: str) -> str:
    """Wrong options with the framework's reason; anything else as a fault of ours."""
    show = getattr(error, "format_message", None)
    if show is not None:
        return _wrong_option(error, str(show()), command, language)
    if os.environ.get("RUBBERCARBON_DEBUG"):
        raise error
    return (
        f"unexpected {type(error).__name__}: {error}. This is a fault of the program: please "
        "report it (set RUBBERCARBON_DEBUG=1 to see where it happened)."
    )


def _wrong_option(error: Exception, said: str, command: str, language: str) -> str:
    from rubbercarbon.messages import text  # noqa: PLC0415  (the catalogue is large)

    name, near = getattr(error, "option_name", ""), getattr(error, "possibilities", None)
    if name and near is not None:
        guess = text("failures", "option_guess", language, names=", ".join(near)) if near else ""
        return text("failures", "no_option", language, name=name, guess=guess, command=command)
    missing = getattr(error, "param", None)
    if type(error).__name__ == "MissingParameter" and missing is not None:
        first = missing.opts[0]
        shown = first if first.startswith("-") else missing.metavar or first
        return text("failures", "option_missing", language, name=shown, command=command)
    extra = text("failures", "names_in_quotes", language) if "extra argument" in said else ""
    return text(
        "failures", "option_wrong", language, said=said.rstrip("."), quotes=extra, command=command
    )
