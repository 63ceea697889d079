"""Controllers of claims to devices (resource.k8s.io)."""
