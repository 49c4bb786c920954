"""Run folders as training leaves them, made up, with results and tables of embeddings."""

import json
from pathlib import Path

import torch
from reporting_fixtures import made_up_score, made_up_test
from retrievals import EMPTY, changed

from unreel import models
from unreel.checkpoint import WeightsHeader, save_weights
from unreel.evaluation.recognition import write_recognition
from unreel.evaluation.results import Neighbour, Retrieval, write_retrievals
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.hdc import HDCSettings
from unreel.settings.model import written
from unreel.training.metrics import Metrics
from unreel.video.collection.manifest import Manifest


def as_prepared(manifest: Manifest) -> Manifest:
    """The same with what makes its folder one of prepared videos."""
    (manifest.root / "prepared.json").write_text(json.dumps({"format": "unreel-prepared-4", "side": 48}))
    manifest.write()
    return manifest


def _begin(run: Path, settings: HDCSettings | FinetuneSettings, figures: dict[str, float]) -> None:
    run.mkdir(parents=True)
    (run / "settings.yaml").write_text(written(settings))
    (run / "versions.json").write_text(json.dumps({"command": f"unreel … --out {run.name}", "torch": "2"}))
    metrics = Metrics(run / "metrics.csv")
    for step in (10, 20):
        metrics.write(step, {name: value / step for name, value in figures.items()} | {"seconds/step": 6.0})
    metrics.close()


def pretrained_run(run: Path, manifest: Manifest, recipe: str = "hdc", seed: int = 0, shift: int = 1) -> Path:
    """A run of 20 steps, evaluated: the nearest of each video is the one `shift` places after it."""
    values = {"folder": manifest.root, "out": run, "recipe": recipe, "steps": 20, "seed": seed, "width": 0.0625}
    settings = HDCSettings.model_validate({**values, "size": 32})
    _begin(run, settings, {"loss": 5.0, "knn/action": 0.5})
    torch.manual_seed(seed)
    encoder = models.build_from(settings.encoder_settings)
    state = {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    save_weights(run / "weights.safetensors", state, WeightsHeader(settings.encoder_settings, recipe, seed), step=20)
    (run / "evaluation").mkdir()
    trained = made_up_retrieval(recipe, manifest, shift)
    write_retrievals(run / "evaluation" / "retrieval.json", [made_up_retrieval("untrained", manifest, 2), trained])
    return run


def finetuned_run(run: Path, manifest: Manifest, wrong: int = 4) -> Path:
    """A run of 20 steps, tested."""
    values = {"folder": manifest.root, "out": run, "steps": 20, "width": 0.0625, "size": 32, "split": "1"}
    _begin(run, FinetuneSettings.model_validate(values), {"loss": 2.0, "test/video/top1": 9.0})
    write_recognition(run / "recognition.json", made_up_test(manifest, wrong))
    return run


def made_up_retrieval(encoder: str, manifest: Manifest, shift: int) -> Retrieval:
    """Every video finds the videos that follow it, first the one `shift` places after it."""
    ids = [record.id for record in manifest.usable]
    neighbours = {
        query: tuple(Neighbour(ids[(row + shift + place) % len(ids)], 0.9 - 0.01 * place) for place in range(6))
        for row, query in enumerate(ids)
    }
    rate = 0.25 if encoder == "untrained" else 0.5
    return changed(
        EMPTY,
        encoder=encoder,
        checkpoint=f"{encoder}-hash",
        collection=str(manifest.root),
        split="leave one video out",
        seen=len(ids),
        expected=len(ids),
        scores=tuple(made_up_score(label, rate, ids) for label in ("action", "person")),
        neighbours=neighbours,
    )
