"""The option that all verbs have which open weights."""

from unreel.settings.model import Settings


class EncoderCode(Settings):
    """Where the code of an encoder lies that unreel does not know; `parse` has it trusted."""

    encoder: str | None = None
    """Code of the encoder, FILE.py:CLASS, where the weights are of one that is neither unreel's nor installed."""
