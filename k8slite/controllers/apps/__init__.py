"""Controllers of apps/v1, of ReplicationControllers and of disruption budgets."""
