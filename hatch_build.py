"""Puts the pages' script into the wheel."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageScripts(BuildHookInterface[Any]):
    """Fetches what a wheel holds and a checkout does not."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch it before the files are gathered; an editable install has none."""
        if version == "editable":
            return
        script = runpy.run_path(str(Path(self.root) / "services" / "keyfold" / "console" / "page_scripts.py"))
        script["ensure"]()
        build_data["artifacts"].append("services/keyfold/console/static/vendor/*.js")
