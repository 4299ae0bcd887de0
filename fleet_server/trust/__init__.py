"""What devices and people trust: certificates, TUF metadata, assignments, download grants."""
