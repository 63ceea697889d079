"""Controllers of Services: who is behind them, and out of which ranges their addresses come."""
