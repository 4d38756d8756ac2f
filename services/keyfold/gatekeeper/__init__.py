"""The gatekeeper: decides from memory whether a request may pass, and journals that before it answers."""
