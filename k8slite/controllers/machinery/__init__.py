"""Controllers of the API itself: namespaces, garbage, quotas, definitions, policies."""
