"""Shows why: records single requests on real servers, and a tiny event loop step by step; serves the workshop page.

``lab compare`` measures how much; a recording shows where the time goes. It is made on a real server by hooks that only
the apps in ``recorded`` have: what is measured has none.
"""
