"""Who may do what: tokens with roles, stored as hashes, expiring."""

from fleet_server.auth.service import AuthService, Principal, Role

__all__ = ["AuthService", "Principal", "Role"]
