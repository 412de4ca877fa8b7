"""The field: one app a framework with the health contract, each as the framework's own documentation writes it.

They are stock: nothing is tuned unless the file says so, and the garbage collector works as it does by default. All but
Flask and FastAPI come with the extra ``frameworks``, so only a contender's own server imports its module.
"""
