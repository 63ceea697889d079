"""The command line, as a user's shell runs it."""
