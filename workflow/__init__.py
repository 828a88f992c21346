"""The stages wired together, for the command line, the web page and Python alike."""
