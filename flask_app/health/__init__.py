"""The health endpoint and its twins."""
