"""What the registry is told by its environment."""

from libs.runtime.settings import AuthSettings, PostgresSettings, ServiceSettings


class RegistrySettings(ServiceSettings, PostgresSettings, AuthSettings):
    """Where it listens, where the ledger is, and whose tokens it believes."""
