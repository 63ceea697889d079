"""Controllers of volumes and claims: bind, make, grow, attach, protect."""
