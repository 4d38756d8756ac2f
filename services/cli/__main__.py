"""`python -m services.cli` is `keyfold`."""

from services.cli import main

main()
