"""A local AWS with real containers behind it, for the unchanged playbooks. Not part of the built collection."""
