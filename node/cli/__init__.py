"""`consilience`: the commands people type. Data goes to stdout, everything else to stderr.

A command costs less than 150 ms of CPU, so modules are imported when their command runs, and nothing here
imports libp2p, torch or numpy: what computes (`up`, `verify`, `novelty`) does so in the daemon or in a child.
Exit codes: 0 ok, 1 failed, 2 usage, 3 daemon not running, 4 auth, 5 not found, 6 time-out, 7 check failed,
130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from leaderboard.errors import ConsilienceError

from ..errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, HintedError, Misuse, exit_code
from .group import cli
from .output import report_error

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _check_text(words)
        code = cli.main(args=words, prog_name="consilience", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = EXIT_INTERRUPTED
    except click.ClickException as error:
        if "--json" in words:
            _report_misuse(error)
        else:
            error.show()
        code = error.exit_code
    except ConsilienceError as error:
        report_error(error, as_json="--json" in words)
        code = exit_code(error)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        report_error(
            HintedError(what, "check the path, its permissions and the free space"), as_json="--json" in words
        )
        code = EXIT_FAILED
    return code if isinstance(code, int) else EXIT_OK


def _report_misuse(error: click.ClickException) -> None:
    """The same as click says of wrong usage, for a program."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"see `{context.command_path} --help`" if context is not None else ""
    report_error(HintedError(error.format_message(), hint), as_json=True)


def _check_text(words: Sequence[str]) -> None:
    """Bytes that are no text reach us as halves of characters, which nothing further on can write down."""
    for number, word in enumerate(words, 1):
        try:
            word.encode()
        except UnicodeEncodeError:
            raise Misuse(f"argument {number} is not UTF-8", "is the terminal's encoding UTF-8?") from None
