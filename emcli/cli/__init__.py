"""The command line: one thin file a command; it only reads options, calls, and prints."""
