"""The ways to serve the app, one module for each."""
