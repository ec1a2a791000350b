"""The program `pulsewire`: gathers the commands of every layer and turns our errors into one line and an exit code.

Exit codes: 0 done, 1 failed with one line that says why, 2 wrong usage.
"""

import sys
from importlib.metadata import entry_points

import typer

from models.errors import ModelError
from streams.errors import BrokerAway, PulsewireError, StoreAway
from streams.remedies import remedy

GROUP = "pulsewire.commands"


def program() -> typer.Typer:
    """The program with all its commands."""
    app = typer.Typer(
        name="pulsewire",
        help="Event-streaming analytics: Kafka in, classifiers on every event, ClickHouse and alerts out.\n\n"
        "Start with `pulsewire demo`; settings are in pulsewire.toml and PULSEWIRE_* variables.",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        layer: typer.Typer = point.load()
        app.registered_commands += layer.registered_commands
        app.registered_groups += layer.registered_groups
    return app


def main() -> None:
    """Run a command."""
    try:
        program()()
    except StoreAway as error:
        sys.exit(f"pulsewire: {error} - {remedy(error)}")
    except BrokerAway as error:
        sys.exit(f"pulsewire: {error} - start it (`pulsewire up`), or name yours in PULSEWIRE_KAFKA")
    except (PulsewireError, ModelError) as error:
        sys.exit(f"pulsewire: {error}")  # to standard error, with exit code 1
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has had enough


if __name__ == "__main__":
    main()
