"""Weights and checkpoints on disk: safetensors that describe themselves, and JSON; no pickle is ever loaded."""

from unreel.checkpoint.shipped import place_of
from unreel.checkpoint.state import TrainingState, load_checkpoint, save_checkpoint
from unreel.checkpoint.weights import (
    LoadedEncoder,
    Weights,
    WeightsHeader,
    baseline_encoder,
    load_encoder,
    publish,
    read_weights,
    save_weights,
    untrained_encoder,
)

__all__ = [
    "LoadedEncoder",
    "TrainingState",
    "Weights",
    "WeightsHeader",
    "baseline_encoder",
    "load_checkpoint",
    "load_encoder",
    "place_of",
    "publish",
    "read_weights",
    "save_checkpoint",
    "save_weights",
    "untrained_encoder",
]
