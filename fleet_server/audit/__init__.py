"""The audit log: who changed what, and when; rows are added, never changed, and forgotten after years."""
