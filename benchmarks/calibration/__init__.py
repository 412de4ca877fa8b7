"""Scripts that hold the instrument itself to account: against wrk, and with known costs."""
