"""A trained model in, a signed bundle out."""
