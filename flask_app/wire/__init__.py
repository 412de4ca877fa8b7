"""Say exactly which JSON marshmallow's fields send and accept.

The contract enforces it for views and clients, and the document is generated from it, so the two always agree.
"""
