"""Connections, errors, migrations, roles, locks and notifications: what every wing of the store stands on."""
