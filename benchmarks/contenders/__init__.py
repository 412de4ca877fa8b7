"""What is compared: the catalogue, and one small file for each reference app."""
