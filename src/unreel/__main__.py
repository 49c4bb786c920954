"""`python -m unreel` is `unreel`."""

from unreel.cli import main

main()
