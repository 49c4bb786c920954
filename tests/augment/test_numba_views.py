"""Compiled views against those of `apply_views`, which other tests compare with slow steps; runs that use them."""

import inspect
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from batches import noise_batch
from clips import Clip
from hypothesis import given, settings
from hypothesis import strategies as st
from running import pretrain_on as pretrain
from view_batches import TO_RGB, Given, any_batches, planes

from unreel.augment import ViewDraws, apply_views, draw_views, numba_views
from unreel.augment.backend import view_maker
from unreel.augment.numba_views import apply_views_compiled
from unreel.augment.triton_views import apply_views_fused
from unreel.errors import MissingExtraError, SettingsError
from unreel.methods.classifier import Classifier
from unreel.settings.augmentation import AugmentationSettings
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.hdc import HDCSettings
from unreel.settings.model import AnySettings
from unreel.training import finetune
from unreel.training.pretrain import check_method
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare

pytest.importorskip("numba")


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _batch(clips: int) -> Given:
    ids = [str(number) for number in range(clips)]
    draws = draw_views(AugmentationSettings(), seed=0, epoch=0, ids=ids, view="o")
    return *planes(clips, 5, 64, 64), TO_RGB[0].expand(clips, 3, 4), draws


@given(batch=any_batches(), size=st.integers(1, 48), threads=st.integers(1, 3))
def test_a_view_is_that_of_apply_views(batch: Given, size: int, threads: int) -> None:
    with _threads(threads):
        view = apply_views_compiled(*batch, size)
    torch.testing.assert_close(view, apply_views(*batch, size), atol=1e-5, rtol=0)


@settings(max_examples=20)
@given(code=st.integers(0, 255), contrast=st.floats(0, 2))
def test_the_mean_of_a_flat_clip_of_many_frames_is_its_colour(code: int, contrast: float) -> None:
    # the worst case of a sum: every rounding the same way
    luma, chroma = (torch.full(shape, code, dtype=torch.uint8) for shape in ((1, 64, 128, 128), (1, 64, 2, 64, 64)))
    jitter = torch.tensor([[1.0, contrast, 1.0, 0.0]])
    draws = ViewDraws(torch.tensor([[0.1, 0.2, 0.66]]), torch.ones(1), jitter, torch.tensor([[-1]]))
    colour = (TO_RGB[0] @ torch.tensor([code, code, code, 1.0])).double()
    mean = colour @ torch.tensor([0.299, 0.587, 0.114]).double()
    expected = (2 * (contrast * colour + (1 - contrast) * mean) - 1).clamp(-1, 1).float()
    view = apply_views_compiled(luma, chroma, TO_RGB[0][None], draws, 8)
    torch.testing.assert_close(view, expected.view(1, 3, 1, 1, 1).expand_as(view), atol=1e-5, rtol=0)


@pytest.mark.parametrize("clips", [1, 7])
def test_the_number_of_threads_changes_nothing(clips: int) -> None:
    views = []
    for count in (1, 2, 3, 50):
        with _threads(count):
            views.append(apply_views_compiled(*_batch(clips), 56))
    assert all(torch.equal(view, views[0]) for view in views)


def test_planes_of_any_layout_will_do() -> None:
    luma, chroma, to_rgb, draws = _batch(2)
    expected = apply_views_compiled(luma, chroma, to_rgb, draws, 56)
    assert torch.equal(apply_views_compiled(luma.contiguous(), chroma.contiguous(), to_rgb, draws, 56), expected)
    assert torch.equal(apply_views_compiled(luma.mT.contiguous().mT, chroma, to_rgb, draws, 56), expected)


def test_several_threads_may_call_at_once() -> None:
    expected = apply_views(*_batch(4), 56)
    with _threads(2), ThreadPoolExecutor(8) as callers:
        calls = [callers.submit(apply_views_compiled, *_batch(4), 56) for _ in range(32)]
        for call in calls:
            torch.testing.assert_close(call.result(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("rows", "clips"), [(32, 2), (30, 3)])
def test_what_does_not_fit_never_reaches_the_kernels(rows: int, clips: int, monkeypatch: pytest.MonkeyPatch) -> None:
    luma, chroma, to_rgb, _ = _batch(3)
    monkeypatch.setattr(numba_views, "_share_out", lambda *_: pytest.fail("it did"))
    with pytest.raises(AssertionError):  # that of the function itself, without the checks of the tests
        inspect.unwrap(apply_views_compiled)(luma, chroma[..., :rows, :], to_rgb, _batch(clips)[3], 56)


FORKED = """
import os, torch
from unreel.augment.numba_views import apply_views_compiled
from unreel.augment import centre_draws
torch.set_num_threads(2)
luma, chroma = (torch.arange(256).byte().expand(shape) for shape in ((1, 4, 256, 256), (1, 4, 2, 128, 256)))
given = luma, chroma[..., ::2], torch.eye(3, 4)[None] / 255, centre_draws(1, 0.875), 224
view = apply_views_compiled(*given)
child = os.fork()
if child == 0:
    os._exit(0 if torch.equal(apply_views_compiled(*given), view) else 1)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks")
def test_a_fork_has_threads_of_its_own() -> None:
    ended = subprocess.run([sys.executable, "-c", FORKED], timeout=100, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture
def compiled_anew() -> Iterator[None]:
    numba_views._compiled.cache_clear()
    yield
    numba_views._compiled.cache_clear()


@pytest.mark.usefixtures("compiled_anew")
def test_what_was_compiled_is_kept_for_later_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    for found in (0, 1):
        numba_views._compiled.cache_clear()
        apply_views_compiled(*_batch(2), 56)
        stats = [numba_views._compiled(kernel).stats for kernel in (numba_views._means, numba_views._frames)]  # type: ignore[attr-defined]
        assert [sum(each.cache_hits.values()) for each in stats] == [found, found]


@pytest.mark.usefixtures("compiled_anew")
def test_without_a_folder_for_it_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    caching = pytest.importorskip("numba.core.caching")
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    view = apply_views_compiled(*_batch(2), 56)
    torch.testing.assert_close(view, apply_views(*_batch(2), 56), atol=1e-5, rtol=0)
    assert numba_views._compiled(numba_views._frames).stats.cache_path is None  # type: ignore[attr-defined]


@pytest.mark.usefixtures("compiled_anew")
def test_a_missing_numba_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingExtraError, match=r"no package 'numba'.*pip install 'unreel\[compiled\]'$"):
        apply_views_compiled(*_batch(1), 56)


def _settings(kind: type[AnySettings], folder: Path = Path("in"), **changes: object) -> AnySettings:
    small = {"width": 0.0625, "size": 32, "batch_size": 2, "steps": 1, "loader_workers": 0, "accelerator": "cpu"}
    values = {"folder": folder, "out": folder / "run", "compiled_views": True, **small, **changes}
    return kind.model_validate(values)


def test_a_run_begins_only_where_it_can_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    missing = r"no package 'numba'.*pip install 'unreel\[compiled\]'$"
    with pytest.raises(MissingExtraError, match=missing):
        check_method(_settings(HDCSettings))
    with pytest.raises(MissingExtraError, match=missing):
        finetune.resolved(_settings(FinetuneSettings))
    check_method(_settings(HDCSettings, compiled_views=False))
    finetune.resolved(_settings(FinetuneSettings, compiled_views=False))


@pytest.mark.parametrize("accelerator", ["mps", "auto"])
def test_another_gpu_is_skipped(accelerator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    words = rf"compiled_views makes .* accelerator is '{accelerator}', here Apple's GPU\. Leave .* cpu\.$"
    with pytest.raises(SettingsError, match=words):
        check_method(_settings(HDCSettings, accelerator=accelerator))
    with pytest.raises(SettingsError, match=words):
        finetune.resolved(_settings(FinetuneSettings, accelerator=accelerator))
    assert view_maker(False, accelerator) is apply_views
    assert view_maker(True, "cpu") is apply_views_compiled


@pytest.mark.parametrize("accelerator", ["cuda", "auto"])
def test_an_nvidia_gpu_has_its_own(accelerator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    maker = view_maker(True, accelerator, "bf16-mixed")
    assert isinstance(maker, partial)
    assert (maker.func, maker.keywords) == (apply_views_fused, {"precision": torch.bfloat16})
    assert view_maker(False, accelerator) is apply_views
    monkeypatch.setitem(sys.modules, "triton", None)
    with pytest.raises(MissingExtraError, match=r"no package 'triton'.*pip install 'unreel\[fused\]'$"):
        check_method(_settings(HDCSettings, accelerator=accelerator))


def test_where_there_is_no_gpu_auto_is_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    for backend in (torch.cuda, torch.backends.mps):
        monkeypatch.setattr(backend, "is_available", lambda: False)
    assert view_maker(True, "auto") is apply_views_compiled


def test_a_classifier_is_shown_them(monkeypatch: pytest.MonkeyPatch) -> None:
    shared_out = Mock(wraps=numba_views._share_out)
    monkeypatch.setattr(numba_views, "_share_out", shared_out)
    batch, views = noise_batch(), []
    for chosen in (False, True):
        classifier = Classifier(_settings(FinetuneSettings, compiled_views=chosen), ("one", "other"), {})
        views.append(classifier.view(batch))
        assert shared_out.called == chosen
    torch.testing.assert_close(*views, atol=1e-5, rtol=0)


def test_a_run_goes_on_as_it_began(tmp_path: Path) -> None:
    for number in range(2):
        Clip(width=48, height=40).write(tmp_path / "videos" / f"{number}.mp4")
    manifest = prepare(tmp_path / "videos", tmp_path / "prepared", PrepareOptions(38))
    settings = _settings(HDCSettings, tmp_path)
    pretrain(settings, manifest)
    longer = {"steps": 2, "compiled_views": False}
    with pytest.raises(
        SettingsError, match=r"(?s)never resumed with others:\n  compiled_views: True in the run, False now\n"
    ):
        pretrain(settings.model_copy(update=longer), manifest)
    pretrain(settings.model_copy(update={"steps": 2}), manifest)
    assert [path.name for path in sorted((settings.out / "checkpoints").iterdir())] == ["step-000001", "step-000002"]
