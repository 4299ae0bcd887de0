"""The centre: versions, staged rollouts and drift of each device."""
