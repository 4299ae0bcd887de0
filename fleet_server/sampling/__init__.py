"""Raw rows that devices send by leave: who may send which, what came, and why a row was scored so."""
