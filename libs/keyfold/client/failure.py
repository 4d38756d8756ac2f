"""Why a command fails."""


class CommandFailed(Exception):
    """A command failed; the message is one sentence for whoever typed it. The process exits with 1."""


class WrongUsage(CommandFailed):
    """What was typed can never work. The process exits with 2."""
