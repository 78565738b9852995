"""The `emcli` group, and the one place where failures become exit statuses.

0 fine; 1 a bug; 2 usage; 3 unusable input; 4 the fit failed; 5 cannot write; a signal kills the
process by that signal itself.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import NoReturn

gc.disable()  # modules leave no garbage, and looking for it takes a tenth of the start

# Ctrl-C during the imports ends the process by the signal, without a traceback.
_python = threading.current_thread() is threading.main_thread() and (
    signal.getsignal(signal.SIGINT) is signal.default_int_handler
)
if _python:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from emcli.environment import prepare  # noqa: E402

prepare()

import click  # noqa: E402

from emcli import __version__  # noqa: E402
from emcli.cli.common import one_line  # noqa: E402
from emcli.errors import EmcliError, OutputError  # noqa: E402
from emcli.files import death  # noqa: E402

if _python:
    signal.signal(signal.SIGINT, signal.default_int_handler)
gc.freeze()
gc.enable()

_EPILOG = """\b
Start with   emcli fit FILE
Then         emcli fit FILE -o params.json -a colours.csv
Models       emcli models
Every option can also be set by a variable, EMCLI_STARTS=20 for --starts 20.
"""


#: What each command does, in a line; the rest of it is imported when it is asked for.
_COMMANDS = {
    "assign": "Colour new rows with fitted parameters.",
    "completion": "Print the completion script of a shell.",
    "fit": "Fit a mixture to a table.",
    "models": "The catalogue of models.",
    "plot": "Pictures of a fit.",
    "report": "A page about a fit.",
    "sample": "Draw rows from fitted parameters.",
    "score": "Log density of each row; outliers.",
    "show": "Fitted parameters as a table.",
}


class _Commands(Mapping[str, click.Command]):
    """The commands by name; a command is the `command` of the module of that name."""

    def __getitem__(self, name: str) -> click.Command:
        if name not in _COMMANDS:
            raise KeyError(name)
        command: click.Command = import_module(f"emcli.cli.{name}").command
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


class _Group(click.Group):
    """The commands; a file in a command's place gets the command one forgot."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and os.path.exists(args[0]):
            raise click.UsageError(f"there is no command '{args[0]}'; type 'emcli fit {args[0]}'")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Group,
    commands=_Commands(),
    epilog=_EPILOG,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", message="emcli %(version)s")
@click.pass_context
def emcli(context: click.Context) -> int:
    """Find groups in a table: fit mixtures of distributions by expectation-maximisation."""
    if context.invoked_subcommand is None:
        _say(context.get_help())
        return 2
    return 0


def main() -> NoReturn:
    """Run the command line and exit with the status the SPEC of exit codes says."""
    death.listen()
    if not os.environ.get("EMCLI_DEBUG"):
        sys.excepthook = _bug
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        status = _run(sys.argv[1:])
    except click.ClickException as error:
        _leave(2, _usage_sentence(error))
    except EmcliError as error:
        if os.environ.get("EMCLI_DEBUG") and error.__cause__:  # in a user's own code, say
            sys.excepthook(type(error), error, error.__traceback__)
        _leave(error.exit_code, str(error))
    except (KeyboardInterrupt, click.Abort):
        death.die(signal.SIGINT)
    except BrokenPipeError:
        death.die(signal.SIGPIPE)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO):
            raise
        _leave(OutputError.exit_code, f"cannot write standard output: {error.strerror}")
    _leave(status)


def _bug(kind: type[BaseException], error: BaseException, _: object) -> None:
    """What nobody caught is a bug: one line, and Python's own exit status 1."""
    _say(one_line(
        f"emcli: this is a bug in emcli ({kind.__name__}: {error}); "
        "set EMCLI_DEBUG=1 to see where, and please report it"
    ))


def _run(words: list[str]) -> int:
    """Parse and run. Click's own `main` would turn a broken pipe into exit status 1."""
    try:
        with emcli.make_context("emcli", words) as context:
            status = emcli.invoke(context)
    except click.exceptions.Exit as end:
        status = end.exit_code
    if sys.stdout is not None:
        sys.stdout.flush()
    return status if isinstance(status, int) else 0


def _usage_sentence(error: click.ClickException) -> str:
    """Click's complaint in one line, with what to type."""
    message = " ".join(error.format_message().split()).rstrip(".")
    message = message[:1].lower() + message[1:]
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "emcli"
    return message if "; type '" in message else f"{message}; see '{path} --help'"


def _say(text: str) -> None:
    if sys.stderr is not None:
        try:
            print(text, file=sys.stderr, flush=True)
        except OSError:  # nobody can be told; the exit status still is
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _leave(status: int, sentence: str = "") -> NoReturn:
    """Exit, after one line on standard error when there is something to say."""
    if sentence:
        _say("emcli: " + one_line(sentence))
    if status == OutputError.exit_code and sys.stdout is not None:
        # What could not be written is still in the buffer; Python would try again and exit 120.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    gc.freeze()  # the system takes back all memory at once, Python object by object
    sys.exit(status)
