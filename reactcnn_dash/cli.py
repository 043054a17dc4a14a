"""``python -m reactcnn_dash``: serve the page, or do one thing with a store and end."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from reactcnn_dash import __version__
from reactcnn_dash.access import Access, checked, is_loopback, lets_any_site_in, new_token
from reactcnn_dash.commands import compare as compare_command
from reactcnn_dash.commands import copy as copy_command
from reactcnn_dash.commands import delete as delete_command
from reactcnn_dash.commands import fault, prune, redundancy
from reactcnn_dash.commands import move as move_command
from reactcnn_dash.commands import runs as runs_command
from reactcnn_dash.db import (
    READ_ONLY,
    NotAStore,
    StoreError,
    StoreReader,
    finish_writing,
    normalise_url,
    put_password_away,
    warnings_of,
    without_password,
)
from reactcnn_dash.errors import EXIT_CODES, FAILED, UserError, WrongUsage
from reactcnn_dash.export import command as export
from reactcnn_dash.imports import to_stay, without
from reactcnn_dash.pages.report import command as report_command
from reactcnn_dash.printing import one_line, write_error, write_out
from reactcnn_dash.usage import Parser, common

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PROGRAM = "python -m reactcnn_dash"
_ENDING_SECONDS = 5.0

DESCRIPTION = """\
Show what the collector stores, live: every filter's answer to the current image, its feature map
and the clusters of each layer. The page follows the newest run; older runs are in its list.
"""

COMMANDS = {
    "runs": runs_command,
    "compare": compare_command,
    "redundancy": redundancy,
    "report": report_command,
    "fault": fault,
    "export": export,
    "delete": delete_command,
    "copy": copy_command,
    "move": move_command,
    "prune": prune,
}
"""The subcommands with a module of their own: ``add_parser`` and ``run``."""

EPILOG = """\
examples:
  python -m reactcnn_dash --open               the store in this folder, in your browser
  python -m reactcnn_dash --store runs/vgg.db  another store
  python -m reactcnn_dash runs                 the runs of the store
  python -m reactcnn_dash compare 1 2          what changed between two runs
  python -m reactcnn_dash redundancy 3         which filters could go
  python -m reactcnn_dash report 3             run 3 as one HTML file to send
  python -m reactcnn_dash fault 1 4            where run 4 departs from run 1
  python -m reactcnn_dash upgrade              bring an older store up to this version
  python -m reactcnn_dash export 3 --to files  write run 3 as .npz, Parquet and GraphML
  python -m reactcnn_dash delete 3             delete run 3 and give its space back
  python -m reactcnn_dash copy safe.db         copy the store whole, while it is written
  python -m reactcnn_dash move a.db b.db 3 4   move runs 3 and 4 into another store
  python -m reactcnn_dash prune 3 --keep maps:1000  drop the older feature maps of run 3

The store is written by `python -m collector`; see its --help.
"""


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise ValueError(text)
    return value


def _given_as(form: str) -> Callable[[str], str]:
    """Return what argparse calls with what an option is given, see ``access.checked``."""

    def read(text: str) -> str:
        try:
            return checked(form, text)
        except WrongUsage as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def parser() -> Parser:
    """Return the command line's parser."""
    options = common(
        debug="show the traceback of an error, and log every request",
        help="file of the store, or URL: postgresql://… (default: reactcnn.db in this folder)",
    )
    result = Parser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=f"{EPILOG}\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[options],
    )
    serving = result.add_argument_group("serving")
    serving.add_argument(
        "--host", default="127.0.0.1", help="address to serve on (default: 127.0.0.1, this machine)"
    )
    serving.add_argument(
        "--port", type=_port, default=8050, help="port to serve on (default: 8050; 0: any free one)"
    )
    serving.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name by which browsers may ask, such as that of a proxy; may be repeated; "
        "* is any name, where there is a token",
    )
    serving.add_argument(
        "--url-prefix",
        default="",
        metavar="PATH",
        help="path below which a proxy shows the server, whether or not it takes the path away; "
        "{port} in it stands for the port",
    )
    serving.add_argument(
        "--trust-proxy",
        action="store_true",
        help="take host, scheme and path from the proxy's X-Forwarded-Host, -Proto and -Prefix; "
        "only where nobody but the proxy reaches the port",
    )
    serving.add_argument(
        "--trust-user-header",
        type=_given_as("header"),
        metavar="NAME",
        help="header in which the proxy, which has authenticated, says who asks: names, notes and "
        "tags then say who wrote them, and requests without it are refused",
    )
    serving.add_argument(
        "--read-only",
        action="store_true",
        help="change nothing: no names, notes, deletions and slimming, and keep no results",
    )
    serving.add_argument(
        "--frame-ancestor",
        action="append",
        type=_given_as("origin"),
        default=[],
        metavar="ORIGIN",
        help="a site whose pages may show these in a frame, such as https://lab.example, or self; "
        "may be repeated (default: none)",
    )
    serving.add_argument(
        "--until-eof",
        action="store_true",
        help="end when standard input does, for a program that starts the server",
    )
    token = serving.add_mutually_exclusive_group()
    token.add_argument(
        "--token",
        nargs="?",
        const="",
        type=lambda text: _given_as("token")(text or new_token()),
        metavar="TOKEN",
        help="want a token of every request: this one, or one made anew; it is part of the link "
        "that is printed (default: only beyond this machine)",
    )
    token.add_argument(
        "--no-token",
        action="store_true",
        help="let everybody in who reaches --host: to read, to rename and to delete",
    )
    serving.add_argument("--open", action="store_true", help="open the page in your browser")
    result.add_argument("--version", action="version", version=f"ReactCNN {__version__}")
    commands = result.add_subparsers(dest="command", metavar="COMMAND", title="other commands")
    upgrading = commands.add_parser(
        "upgrade",
        parents=[options],
        help="bring an older store to this version's schema; a backup is kept",
        description="Bring an older store to this version's schema. A backup of a SQLite store "
        "stays beside it; of one in PostgreSQL pg_dump writes one into this folder, which "
        "pg_restore brings back into an empty database.",
    )
    upgrading.add_argument(
        "--backed-up", action="store_true", help="you have a backup: do not make one"
    )
    for command in COMMANDS.values():
        command.add_parser(commands, [options])
    return result


def _upgrade(url: str, *, backed_up: bool) -> int:
    from reactcnn_dash.db.upgrade import upgrade  # noqa: PLC0415 - Alembic is needed only here

    result = upgrade(url, backed_up=backed_up)
    if result.before == result.after:
        write_out(f"The store is up to date (schema {result.after}).\n")
    else:
        write_out(f"Upgraded from schema {result.before} to {result.after}.\n")
    if result.backup is not None:
        write_out(f"The store as it was: {result.backup}\n")
    if result.made_to_shrink:
        write_out("Its file now gives back the space of runs that are deleted.\n")
    elif result.stays_large is not None:
        write_out(
            "Its file cannot give back the space of deleted runs yet; upgrade again later.\n"
            f"The reason: {result.stays_large}\n"
        )
    return 0


def _serve(url: str, options: argparse.Namespace) -> int:
    with to_stay():
        # Before Dash is imported: another file and a taken port are told at once.
        reader = StoreReader(url)
        _refuse_another_file(reader)
        from reactcnn_dash import server  # noqa: PLC0415

        sock = server.listen(options.host, options.port)
        if options.read_only:
            # For the processes that this one starts, too.
            os.environ[READ_ONLY] = "1"
        server.give_memory_back()
        # Dash's part for notebooks: the one that shows pages has a process of its own for this.
        with without("IPython"):
            from reactcnn_dash.app import create_server  # noqa: PLC0415 - --help needs no Dash
        from reactcnn_dash.jobs.runner import Workers  # noqa: PLC0415
        from reactcnn_dash.jobs.worker import leave  # noqa: PLC0415
        from reactcnn_dash.results.clusters.clustering import warm_up  # noqa: PLC0415

        jobs = Workers(warm_up)
        access = _access(options, sock.getsockname()[1])
        app = create_server(reader, url, jobs, access)
    link = server.address(sock, access)
    sys.stderr.write(f"ReactCNN shows {without_password(url)}\n  {link}   (Ctrl-C stops)\n")
    if access.token is None and not is_loopback(options.host):
        may = "read" if access.read_only else "read and delete"
        sys.stderr.write(f"Everybody who reaches this address can {may} runs.\n")
    for line in warnings_of(url):
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
    # A signal is how a server ends; most reach waitress, which returns.
    with contextlib.suppress(KeyboardInterrupt, SystemExit):
        threading.Thread(target=jobs.start, daemon=True).start()
        if options.until_eof:
            threading.Thread(target=_end_with_input, daemon=True).start()
        server.serve(app, sock, access, open_browser=link if options.open else None)
    # Changes that a page made are stored whole, or not at all, before this process ends.
    finish_writing(_ENDING_SECONDS)
    leave()


def _access(options: argparse.Namespace, port: int) -> Access:
    """Return who may ask: beyond this machine only who knows the token, unless it was waived.

    Raises:
        WrongUsage: any name would do, and no token is wanted.
    """
    token = options.token
    if token is None and not options.no_token and not is_loopback(options.host):
        token = new_token()
    if lets_any_site_in(options.allowed_host, token) and not options.no_token:
        raise WrongUsage("--allowed-host '*' lets any site in: give --token, or --no-token.")
    return Access.of(
        options.host,
        also=options.allowed_host,
        token=token,
        prefix=options.url_prefix.replace("{port}", str(port)),
        trust_proxy=options.trust_proxy,
        user_header=options.trust_user_header,
        read_only=options.read_only,
        frames=tuple(options.frame_ancestor),
    )


def _end_with_input() -> None:
    """End as by SIGTERM when whoever holds the other end of our standard input is gone."""
    while sys.stdin.buffer.read(4096):
        continue
    os.kill(os.getpid(), signal.SIGTERM)


def _refuse_another_file(reader: StoreReader) -> None:
    """Raise if what is there will never be a store; whatever may pass, the page tells and awaits.

    Raises:
        NotAStore: the file is something else.
    """
    try:
        reader.latest_run()
    except NotAStore:
        raise
    except StoreError:
        return


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code, see ``EXIT_CODES``."""
    known = parser()
    known.check_options(argv)
    options = known.parse_args(argv)
    debug = getattr(options, "debug", False)
    logging.basicConfig(
        level=logging.INFO if debug else logging.WARNING,
        format="%(asctime)s %(name)s: %(message)s",
    )
    # A waiting request is no news: the page asks again.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    try:
        with _ends_in_order():
            url = put_password_away(normalise_url(getattr(options, "store", "reactcnn.db")))
            if options.command == "upgrade":
                return _upgrade(url, backed_up=options.backed_up)
            if options.command in COMMANDS:
                return int(COMMANDS[options.command].run(url, options))
            return _serve(url, options)
    except UserError as error:
        if debug:
            raise
        # Whoever reads what is printed may have left, and there is nothing to tell.
        if str(error):
            write_error(f"{PROGRAM}: {one_line(str(error))}")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if debug:
            raise
        text = one_line(" ".join(str(error).split()))
        write_error(f"{PROGRAM}: unexpected {type(error).__name__}: {text} (--debug shows where)")
        return FAILED


@contextlib.contextmanager
def _ends_in_order() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the body as Ctrl-C does: what was begun is undone.

    A half copy is removed, a transaction taken back, and the processes that it started end too.
    """
    caught = []
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]
        # `nohup` lets a process ignore the end of its terminal: it goes on.
        caught = [one for one in numbers if one and signal.getsignal(one) is signal.SIG_DFL]
    for number in caught:
        signal.signal(number, _terminate)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


def _terminate(number: int, _frame: object) -> None:
    sys.exit(128 + number)
