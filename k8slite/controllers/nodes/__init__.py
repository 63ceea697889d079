"""Controllers of nodes, and of pods whose nodes are gone or tainted."""
