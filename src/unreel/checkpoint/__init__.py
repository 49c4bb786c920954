"""Weights on disk: safetensors that describe themselves; no pickle is ever loaded."""

from unreel.checkpoint.weights import LoadedEncoder, load_encoder, save_weights, untrained_encoder

__all__ = ["LoadedEncoder", "load_encoder", "save_weights", "untrained_encoder"]
