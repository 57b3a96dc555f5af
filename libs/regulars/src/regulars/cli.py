"""The operator's commands: each is a function here; what it does stands in its own module."""

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter, validators
from rich.console import Console
from rich.table import Table

from regulars import operating, rebuilding
from regulars.stack.errors import Refused, StackError
from regulars.stack.plan import Plan
from regulars.stack.services import CONSOLE, SERVICES, own_mail_server
from regulars.stack.state import StackState, address_of, running, state_file

app = App(name="regulars", help="Run and look after Regulars.")
# By name: what these read takes longer than all that `up` does in this process.
app.command("regulars.dead:app", name="dead", help="List, inspect and send back events that a service could not take.")
app.command("regulars.privacy.commands:erase", name="erase", help="Erase a customer in every service, for ever.")
app.command("regulars.privacy.commands:export", name="export", help="Write all that is kept of a customer to a file.")
app.command("regulars.privacy.commands:share", name="share", help="Write what a partner is given, under pseudonyms.")
app.command("regulars.reconciling:reconcile", name="reconcile", help="Compare a shop's list of orders with ours.")
app.command("regulars.importing:import_file", name="import", help="Send a file of history, and follow it.")
app.command("regulars.asking:ask", name="ask", help="Ask those who attended an activity for their feedback.")
app.command("regulars.issuing:issue", name="coupons", help="Issue coupons of an offer to everybody in a segment.")
app.command("regulars.backups.commands:backup", name="backup", help="Write every database and topic into a folder.")
app.command("regulars.backups.commands:restore", name="restore", help="Fill an empty stack from such a folder.")
app.command("regulars.backups.redoing:redo", name="redo", help="Erase and opt out again who was after that instant.")
app.command("regulars.simulation.command:simulate", name="simulate", help="Tell of a made-up shop, seeded.")
app.command("regulars.simulation.typed:compare_types", name="compare-types", help="Buyer types beside the truth.")
app.command("regulars.demo:main", name="demo", help="Run a real shop's eighteen months through the whole stack.")
app.command("regulars.demo:twice", name="twice", help="Run the demo twice and count the rows that differ.")

Folder = Annotated[Path, Parameter(env_var="REGULARS_RUN", help="Where the stack keeps its data, logs and secrets.")]
Names = Annotated[tuple[str, ...], Parameter(name="--service", negative="", help="Only this service; may be repeated.")]
Role = Literal["owner", "marketer", "agent", "operator", "viewer"]
_RUN = Path(".run")
_console = Console(highlight=False, soft_wrap=True)


@app.command
def up(
    *,
    folder: Folder = _RUN,
    service: Names = (),
    processes: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=20))] = 1,
    set_clock: bool = False,
    foreground: bool = False,
    log_level: Annotated[str, Parameter(env_var="LOG_LEVEL")] = "INFO",
) -> None:
    """Start PostgreSQL, Kafka, a mail sink, the services and the console; print addresses and an API key.

    Until the console has its first owner, a link is printed by which somebody becomes it, once. With --service no
    console is started: it asks all services.

    DATABASE_URL (a role that may create databases and roles), KAFKA_BOOTSTRAP_SERVERS and SMTP_HOST, where set, are
    used instead of starting a server. With SMTP_HOST go SMTP_PORT, SMTP_TLS, SMTP_USER, SMTP_PASSWORD and the others
    that docs/sending.md names: then mails leave this machine.

    Parameters
    ----------
    processes
        So many processes of each service, which share its work.
    set_clock
        The services' clock stands still until it is moved, as a replay needs it.
    foreground
        Stay in the terminal, show what the parts say, and stop at Ctrl-C.
    log_level
        How much the services log: DEBUG, INFO, WARNING or ERROR.
    """
    plan = Plan(
        folder.resolve(),
        operating.chosen(service),
        set_clock,
        log_level,
        os.environ.get("DATABASE_URL"),
        os.environ.get("KAFKA_BOOTSTRAP_SERVERS"),
        own_mail_server(os.environ),
        processes=processes,
        console=not service,
    )
    if foreground:
        operating.serve_here(plan, lambda line: _console.print(line, markup=False))
        return
    state = operating.up(plan, lambda phase: _console.print(phase, style="dim"))
    show(state, plan.folder)
    show_console(state)
    commands = first_commands(state)
    if commands:
        _console.print("\nTo try: set up a shop, tell a completed order, read what the customer has of it")
    for command in commands:
        _console.print(command, markup=False)


@app.command
def down(*, folder: Folder = _RUN, purge: bool = False) -> None:
    """End the stacks of this folder and of its demo, and what a killed one left running.

    Parameters
    ----------
    purge
        Also delete the data, the logs and the secrets.
    """
    ended = operating.down(folder.resolve(), purge=purge)
    for stack in ended.stacks:
        _console.print(f"stopped the stack of {stack}")
    if not ended.stacks:
        _console.print(f"nothing ran from {folder.resolve()}")
    if ended.killed:
        _console.print(f"{ended.killed} processes did not end by themselves and were killed")


@app.command
def status(*, folder: Folder = _RUN) -> None:
    """Print what runs: each part and its process, the demo's stack too; the addresses and the API key."""
    stacks = operating.stacks_in(folder.resolve())
    for stack in stacks:
        _show_parts(stack)
    if folder.resolve() in stacks or not stacks:
        show(running(folder.resolve()), folder.resolve())


def _show_parts(folder: Path) -> None:
    state = StackState.load(state_file(folder))
    if state is None:
        return
    phase = (
        state.phase if state.supervisor.is_alive() else "its supervisor is gone; end what is left with: regulars down"
    )
    table = Table(title=f"{folder}: {phase}", title_justify="left", box=None, show_header=False, pad_edge=False)
    for name, process in {"supervisor": state.supervisor, **state.processes}.items():
        table.add_row(name, str(process.pid), "runs" if process.is_alive() else "ended")
    _console.print(table)


@app.command
def invite(*, shop: str, role: Role = "owner", folder: Folder = _RUN) -> None:
    """Print a link by which one more person comes into the console of the running stack, once.

    Parameters
    ----------
    shop
        The shop that the person is to see.
    role
        What the person may do there.
    """
    _console.print(operating.invitation(running(folder.resolve()), shop, role), markup=False)


@app.command
def recover(*, name: str, folder: Folder = _RUN) -> None:
    """Print a link by which somebody who lost the password, or the second factor, comes into the console again, once.

    Parameters
    ----------
    name
        The name by which the person signs in.
    """
    _console.print(operating.recovery(running(folder.resolve()), name), markup=False)


@app.command
def migrate(*, folder: Folder = _RUN, service: Names = ()) -> None:
    """Bring the databases of the running stack up to date."""
    sys.exit(operating.run_in_services(folder.resolve(), "migrate", operating.chosen(service)))


@app.command
def verify(*, folder: Folder = _RUN, service: Names = (), known: str | None = None) -> None:
    """Fold everything anew in each service and compare with what is stored; exits non-zero at a difference.

    Of all: the console's record of who looked at what and changed what is followed, before them.

    Parameters
    ----------
    known
        How far the console's record went, as an earlier verify printed it: its entries up to there are still there.
    """
    if service and known is not None:
        raise StackError("--known is of the console's record, which is not followed with --service: leave one out")
    code = 0 if service else operating.verify_console(folder.resolve(), known)
    sys.exit(max(code, operating.run_in_services(folder.resolve(), "verify", operating.chosen(service))))


@app.command
def republish(*, folder: Folder = _RUN, service: Names = ()) -> None:
    """Have the services send every fact again that their outboxes still hold: all of the last OUTBOX_DAYS (3) days.

    A reader that has read it before drops the repeat. New facts wait meanwhile. Interrupted, a service that began goes
    on by itself; run again, the command shows how far it is and begins the others.
    """
    sys.exit(operating.run_in_services(folder.resolve(), "republish", operating.chosen(service)))


@app.command
def rebuild(service: str, *, folder: Folder = _RUN, keep: bool = False, trust_topics: bool = False) -> None:
    """Rebuild a service of the running stack from the topics, compare it with the live one, and switch to it.

    The service works on meanwhile; for the last seconds its API answers 503. The old database is kept under another
    name. Interrupted, it goes on when it is called again. Exits non-zero, and switches nothing, where rows differ.

    Parameters
    ----------
    keep
        Compare, and leave the live database as it is.
    trust_topics
        Switch though rows differ: the live database is what is wrong. Look at the differences first, with --keep.
    """
    (chosen,) = operating.chosen((service,))
    say = partial(_console.print, markup=False)
    sys.exit(rebuilding.rebuild(folder.resolve(), chosen, keep=keep, trust_topics=trust_topics, say=say))


def show(state: StackState, folder: Path) -> None:
    """Print where everything is."""
    table = Table(box=None, show_header=False, pad_edge=False)
    purposes = {service.name: service.purpose for service in SERVICES}
    for name, settings in state.services.items():
        table.add_row(name, f"{settings['PUBLIC_URL']}/docs  {purposes.get(name, '')}")
        for other, its in list(state.of_service(name).items())[1:]:
            table.add_row(other, address_of(its))
    if state.console:
        table.add_row(CONSOLE.name, f"{state.console['PUBLIC_URL']}  {CONSOLE.purpose}")
    kept = f"{folder}/mails.jsonl, SMTP {state.smtp}"
    table.add_row("mails", kept if state.mails_url else f"handed to your own server, SMTP {state.smtp}")
    table.add_row("Kafka", state.kafka)
    table.add_row("API key", state.api_key)
    table.add_row("logs", f"{folder}/logs")
    _console.print(table)


def show_console(state: StackState) -> None:
    """Print how to become the console's first owner, while there is none."""
    link = operating.first_invitation(state)
    if link is not None:
        _console.print(
            f"\nTo look at it in a browser, become the console's first owner (the link counts once):\n{link}"
        )


def first_commands(state: StackState) -> list[str]:
    """Lines for a shell that show this stack at work; none without the two services that they speak to."""
    if not {"orders-ingest", "membership"} <= state.services.keys():
        return []
    shop = state.services["orders-ingest"]["PUBLIC_URL"] + "/v1/shops/teahouse"
    members = state.services["membership"]["PUBLIC_URL"] + "/v1/shops/teahouse/members"
    curl = f"curl -s -H 'Authorization: Bearer {state.api_key}'"
    order = {
        "id": "order-1001-completed",
        "type": "order.completed",
        "subject": "ann",
        "data": {"order_id": "1001", "state": "completed", "currency": "EUR", "goods_paid": 12900},
    }
    settings = {"zone": "Europe/Berlin", "currency": "EUR"}
    sent = "-H 'Content-Type: application/json' -d"
    # The member is there as soon as membership has read the order: until then curl asks again.
    return [
        f"{curl} -X PUT {sent} '{json.dumps(settings)}' {shop}/settings",
        f"{curl} {sent} '{json.dumps(order)}' {shop}/events",
        f"{curl} --fail --retry 30 --retry-delay 1 --retry-all-errors {members}/ann",
    ]


def main() -> None:
    """Run the command that was typed; what the operator can mend is one sentence and not a stack trace."""
    try:
        app()
    except (StackError, Refused) as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"{place}{error.strerror or error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
