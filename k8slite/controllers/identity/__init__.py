"""Controllers of accounts, tokens, certificates and roles."""
