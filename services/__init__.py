"""The processes of Keyfold, one package each."""
