"""Why a command ends without having done what it was asked for."""


class CommandFailed(Exception):
    """The message is one sentence for whoever typed the command; the process exits with 1."""


class WrongUsage(CommandFailed):
    """What was typed can never work; the process exits with 2."""
