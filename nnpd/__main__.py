"""`python -m nnpd`."""

from nnpd.cli import main

if __name__ == "__main__":
    main()
