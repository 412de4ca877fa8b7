"""The probes, one function each; a module of this folder is found by itself."""
