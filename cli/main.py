"""Which commands does vipctl have? One module each, imported only when it is asked for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Final

import click

from services.common.errors import UsageError, VipkeeperError

COMMANDS: Final = {
    "check": ("cli.check", "Say what is wrong with a keepalived.conf or a JSON store file."),
    "drain": ("cli.drain", "Let a real server's connections end and take it out of the table."),
    "explain": ("cli.explain", "Say why a virtual router is in its state."),
    "genhash": ("cli.genhash", "Print the MD5 of a page, for `digest`."),
    "history": ("cli.history", "List the changes of state of this node, with their causes."),
    "import": ("cli.import_conf", "Turn a keepalived.conf into keys of the configuration store."),
    "maintenance": ("cli.maintenance", "Do without this node's routers or a real server for a while."),
    "status": ("cli.status", "Show what the services of this node do."),
    "switchover": ("cli.switchover", "Hand a virtual router to a peer, now or later."),
    "up": ("cli.up", "Run the four services from one file, without etcd and systemd."),
    "watch": ("cli.watch", "Print what happens on this node as it happens."),
}


class _Lazy(click.Group):
    """A group whose help needs no command's module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(COMMANDS.items())])


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
def vipctl() -> None:
    """Look after vipkeeper: virtual IP addresses and the servers behind them."""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status; 1 for what went wrong, 2 for what was asked wrongly. Errors are one line."""
    try:
        result = vipctl.main(args=None if argv is None else list(argv), prog_name="vipctl", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as e:
        click.echo(e.format_message(), err=True)
        return 2
    except click.UsageError as e:
        e.show()
        return 2
    except click.ClickException as e:
        e.show()
        return e.exit_code
    except click.Abort:
        return 130
    except UsageError as e:
        return _fail(e, 2)
    except VipkeeperError as e:
        return _fail(e, 1)
    except BrokenPipeError:
        sys.stderr.close()  # or the interpreter complains at exit
        return 141
    return result if isinstance(result, int) else 0


def _fail(error: Exception, status: int) -> int:
    click.echo(f"vipctl: {' '.join(str(error).split())}", err=True)
    return status
