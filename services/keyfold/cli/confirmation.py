"""The answer to `--wait`: a command is in force everywhere, or that is not confirmed."""

from __future__ import annotations

from dataclasses import replace

from keyfold.cli.screen import Details, Ending, Listing, Shown, Tone, Toned


def add_confirmation(shown: Shown, wait_s: int) -> Shown:
    """Return the view with whether it is in force, and with its own exit status if that is not confirmed."""
    match shown:
        case Details(item={"enforced": True}):
            return replace(shown, lines={**shown.lines, "enforced": Toned("yes", Tone.GOOD)})
        case Details(item={"enforced": False}):
            lines = {**shown.lines, "enforced": Toned(f"not confirmed within {wait_s} s", Tone.DOUBTFUL)}
            return _warn_unconfirmed(replace(shown, lines=lines), wait_s)
        case Listing(item={"enforced": True}):
            return replace(shown, note="It is enforced.")
        case Listing(item={"enforced": False}):
            return _warn_unconfirmed(shown, wait_s)
    return shown


def _warn_unconfirmed(shown: Details | Listing, wait_s: int) -> Details | Listing:
    warning = (
        f"It is done, and not confirmed within {wait_s} s to be in force: "
        "some gatekeeper may go by what was before for a while."
    )
    # A failure keeps its status, which is the more urgent one.
    ending = Ending.UNCONFIRMED if shown.ending is Ending.DONE else shown.ending
    return replace(shown, warnings=(*shown.warnings, warning), ending=ending)
