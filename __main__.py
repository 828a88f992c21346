"""Run the command line: `python -m virality`."""

from virality.cli import main

if __name__ == "__main__":
    main()
