"""Tries answers as their users would: a function an exercise, of its name, yields what it finds."""
