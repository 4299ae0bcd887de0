"""Truth that arrives later: labels, the performance that they show, and what is estimated until they come."""
