"""What is signed of the ledger: seals by the key in force, and checkpoints."""
