"""Shows why: records what happens to single requests on real servers, and a tiny event loop step by step.

What ``lab compare`` measures says how much; what is recorded here says where the time goes. A recording is of a real
server, made by hooks that only the apps in ``recorded`` carry: what is measured carries none of it.
"""
