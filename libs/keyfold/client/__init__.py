"""A client of Keyfold's services over HTTP, for the command line and the local stack."""
