"""The instrument: starts contenders, measures them fairly, judges the tutorial's claims, tells the result."""
