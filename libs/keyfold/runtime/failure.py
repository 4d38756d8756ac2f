"""Failures that any part may raise, named for what the caller must do."""


class StopProcess(Exception):
    """This process cannot go on; the one-line message tells an operator why and what to do.

    The supervisor logs the message without a traceback and exits non-zero.
    """


class TryLater(Exception):
    """The same call may succeed later: something outside is away or overloaded.

    Over HTTP it becomes a 503 problem with ``Retry-After``; only the log has its message.
    """
