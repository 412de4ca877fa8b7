"""One module an exercise: tries an answer as its users would, and yields what it finds."""
