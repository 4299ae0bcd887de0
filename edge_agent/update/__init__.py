"""How a device comes from one bundle to the next: a table, its events, its journal."""
