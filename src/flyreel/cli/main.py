"""The entry point: the verbs, and the one place where an error becomes a line and an exit code.

Exit 0 done, 1 the run finished with failures it names, 2 wrong usage or input, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import typer

from flyreel import __version__
from flyreel.cli import (
    ask,
    audit,
    build,
    cost,
    demo,
    doctor,
    evaluate,
    export,
    fetch,
    generate,
    history,
    importing,
    keyframes,
    leaderboard,
    refine,
    report,
    split,
    stats,
    templates,
    toybox,
    train,
)
from flyreel.errors import FlyreelError, Stopped

app = typer.Typer(
    name="flyreel",
    help="Video questions that cannot be answered without watching.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("audit")(audit.audit)
app.command("generate")(generate.generate)
app.command("build")(build.build)
app.command("templates")(templates.templates)
app.command("refine")(refine.refine)
app.command("history")(history.history)
app.command("rollback")(history.rollback)
app.command("evaluate")(evaluate.evaluate)
app.command("ask")(ask.ask)
app.add_typer(leaderboard.leaderboard, name="leaderboard")
app.command("split")(split.split)
app.command("stats")(stats.stats)
app.command("import")(importing.import_)
app.command("export")(export.export)
app.command("fetch")(fetch.fetch)
app.command("keyframes")(keyframes.keyframes)
app.command("toybox")(toybox.toybox)
app.command("train")(train.train)
app.command("report")(report.report)
app.command("cost")(cost.cost)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)


@app.callback(invoke_without_command=True)
def about(version: bool = typer.Option(False, "--version", help="Print the version and end.", is_eager=True)) -> None:
    if version:
        print(f"flyreel {__version__}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    try:
        code = typer.main.get_command(app).main(args=arguments, prog_name="flyreel", standalone_mode=False)
        sys.stdout.flush()
        if code == Stopped.exit_code:  # some versions of the option parser turn Ctrl-C into this, others raise
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except FlyreelError as error:
        return say(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return say("stopped. Run the same command to start over; nothing half-written is left.", Stopped.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains while it shuts down
        return 1
    except MemoryError:
        return say("out of memory", 1)
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of the option parser, whichever version of it
            return _usage(error)
        if os.environ.get("FLYREEL_DEBUG"):
            raise
        name = type(error).__name__
        return say(f"{name}: {error}. This is a bug in flyreel; FLYREEL_DEBUG=1 shows where", 1)


def _usage(error: Any) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "flyreel"
    message = str(error.format_message()).rstrip(".")
    if not message:  # no arguments at all: the help is already on the screen
        return 2
    return say(f"{message}. See: {command} --help", 2)


def say(message: str, code: int) -> int:
    line = " ".join(message.split())
    prefix = "" if line.startswith("stopped") else "flyreel: "
    print(f"{prefix}{line}", file=sys.stderr)
    return code
