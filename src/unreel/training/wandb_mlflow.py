"""Trackers of other makers. Each goes on with the run it began before and takes no figure twice.

Their own environment variables hold, before anything said here: WANDB_MODE, WANDB_PROJECT, WANDB_DIR …,
MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME …
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from time import time
from typing import Any, final

from unreel.extras import require
from unreel.training.run_summary import flattened

NAME = "unreel"
"""Project or experiment where none is named."""
FINISH_SECONDS = 600
"""How long the end of a run waits for W&B's uploads; the rest stays on disk, for `wandb sync`."""
_PARAMETERS_AT_ONCE = 100  # MLflow takes no more

Figures = Mapping[str, float]


@final
class WeightsAndBiases:
    """A W&B run. W&B itself passes over steps before its last one, so a run that goes on from earlier is not doubled.

    Offline every start writes a folder RUN/wandb/offline-run-…; the last one holds all figures of the run.
    """

    def __init__(self, run: Path, settings: Mapping[str, Any], identity: str | None) -> None:
        wandb = require("wandb", "wandb")
        self._run = wandb.init(
            id=identity,
            resume="allow",
            reinit="create_new",
            project=os.environ.get("WANDB_PROJECT", NAME),
            name=os.environ.get("WANDB_NAME", run.resolve().name),
            dir=os.environ.get("WANDB_DIR", run),
            config=dict(settings),
            allow_val_change=True,
            settings={"finish_timeout": float(os.environ.get("WANDB_FINISH_TIMEOUT", FINISH_SECONDS))},
        )
        self.identity = str(self._run.id)

    @staticmethod
    def failures() -> tuple[type[Exception], ...]:
        """No network or key; a bad environment variable; its service process gone, in a call or while waiting."""
        wandb, mailbox = require("wandb", "wandb"), require("wandb.sdk.mailbox", "wandb")
        return OSError, wandb.Error, ValueError, mailbox.MailboxClosedError, mailbox.HandleAbandonedError

    def write(self, step: int, figures: Figures) -> None:
        """Log the figures of a step, if W&B still takes them."""
        if step >= self._run.step:
            self._run.log(dict(figures), step=step)

    def close(self, finished: bool) -> None:
        """End the run, as failed where training is to go on later."""
        self._run.finish(exit_code=0 if finished else 1)


@final
class MLflow:
    """An MLflow run. What it holds of a figure is asked for once, and only later steps are added."""

    def __init__(self, run: Path, settings: Mapping[str, Any], identity: str | None) -> None:
        self._client = require("mlflow", "mlflow").MlflowClient()
        self._entities = require("mlflow.entities", "mlflow")
        self._last: dict[str, int] = {}
        if identity is not None and self._goes_on(identity):
            self.identity = identity
            self._client.update_run(identity, status="RUNNING")
        else:
            self.identity = self._begin(run.resolve().name, settings)

    @staticmethod
    def failures() -> tuple[type[Exception], ...]:
        """Whatever the server or the store on disk cannot do."""
        return OSError, require("mlflow.exceptions", "mlflow").MlflowException

    def write(self, step: int, figures: Figures) -> None:
        """Log those figures of a step that the run does not hold."""
        now = int(1000 * time())
        named = {re.sub(r"[^\w\-. /:]", "_", name): value for name, value in figures.items()}
        new = {name: value for name, value in named.items() if step > self._last_step(name)}
        if new:
            metrics = [self._entities.Metric(name, value, now, step) for name, value in new.items()]
            self._client.log_batch(self.identity, metrics=metrics)
            self._last |= dict.fromkeys(new, step)

    def close(self, finished: bool) -> None:
        """End the run."""
        self._client.set_terminated(self.identity, "FINISHED" if finished else "KILLED")

    def _goes_on(self, identity: str) -> bool:
        """Whether this store knows the run; a run folder that was moved may have come to another one."""
        try:
            self._client.get_run(identity)
        except require("mlflow.exceptions", "mlflow").MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        return True

    def _begin(self, name: str, settings: Mapping[str, Any]) -> str:
        run = self._client.create_run(self._experiment(), run_name=name)
        identity = str(run.info.run_id)
        parameters = [self._entities.Param(key, str(value)) for key, value in flattened(settings).items()]
        for first in range(0, len(parameters), _PARAMETERS_AT_ONCE):
            self._client.log_batch(identity, params=parameters[first : first + _PARAMETERS_AT_ONCE])
        return identity

    def _experiment(self) -> str:
        if "MLFLOW_EXPERIMENT_ID" in os.environ:
            return os.environ["MLFLOW_EXPERIMENT_ID"]
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", NAME)
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found else self._client.create_experiment(name))

    def _last_step(self, name: str) -> int:
        if name not in self._last:
            history = self._client.get_metric_history(self.identity, name)
            self._last[name] = max((metric.step for metric in history), default=-1)
        return self._last[name]
