"""Say exactly which JSON marshmallow's fields send and accept.

The contract holds views and clients to it, and the document is made of it: neither can say what the other does not.
"""
