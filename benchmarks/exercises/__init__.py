"""Exercises that check themselves: a small folder with a task each, judged by what the app in it does."""
