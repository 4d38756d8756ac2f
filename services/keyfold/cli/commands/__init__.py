"""The commands, a file for each noun."""

from __future__ import annotations

import typer

from keyfold.cli.commands import tokens
from keyfold.cli.commands.accounts import accounts
from keyfold.cli.commands.activity.group import activity
from keyfold.cli.commands.invitations import invitations
from keyfold.cli.commands.keys.group import keys
from keyfold.cli.commands.ledger import state
from keyfold.cli.commands.ledger.group import ledger
from keyfold.cli.commands.logins import logins
from keyfold.cli.commands.operating import enforcement, gatekeeper, migrate, replay, shadow, status
from keyfold.cli.commands.operating.audit import audit
from keyfold.cli.commands.operating.dead_letters import dead_letters
from keyfold.cli.commands.operating.routes import routes
from keyfold.cli.commands.operating.topics import topics
from keyfold.cli.commands.vendors.group import vendors


def add_commands(app: typer.Typer) -> None:
    """Add every command but `up`."""
    app.add_typer(accounts, name="account")
    app.add_typer(vendors, name="vendor")
    app.add_typer(keys, name="key")
    app.add_typer(invitations, name="invitation")
    app.add_typer(logins, name="login")
    app.add_typer(activity, name="activity")
    app.add_typer(audit, name="audit")
    app.add_typer(ledger, name="ledger")
    app.add_typer(dead_letters, name="dead-letter")
    app.add_typer(routes, name="routes")
    app.add_typer(topics, name="topics")
    for each in (tokens, status, enforcement, shadow, state, migrate, replay, gatekeeper):
        each.register(app)
