"""How the app meets a server, one module a way."""
