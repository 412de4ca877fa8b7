"""Shows why, on the workshop page: where requests spend time, a loop step by step, and two keywords side by side."""
