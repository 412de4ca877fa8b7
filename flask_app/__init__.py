"""The service that a workshop studies."""
