"""How long things may last, in seconds, in the API and on the command line alike."""

_DAY_S = 86_400

OVERLAP_MAX_S = 7 * _DAY_S
"""How long a replaced secret may work on beside the new one."""
INVITATION_MIN_S = 60
INVITATION_MAX_S = 30 * _DAY_S
"""How long an invitation may be open."""
