"""A reconstruction run without a training: photographs, softened as each loss softens them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import ndimage
from skimage import data
from skimage.metrics import structural_similarity

from snellen.reports import ReportInput

PHOTOGRAPHS = (
    "astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel", "moon",
    "rocket", "immunohistochemistry", "hubble_deep_field",
)  # fmt: skip
# Blur in pixels, noise in levels, and gain of contrast: what a loss does to a reconstruction.
CHARACTER = {"mse": (2.1, 1.5, 0.98), "mae": (2.3, 1.5, 0.97), "ms-ssim": (1.75, 4.0, 1.04)}


def photograph(name: str, channels: int) -> np.ndarray:
    picture = getattr(data, name)()
    if picture.ndim == 2:
        picture = np.stack([picture] * 3, axis=-1)
    picture = picture[..., :3].transpose(2, 0, 1)
    if channels == 1:
        luma = np.tensordot([0.299, 0.587, 0.114], picture.astype(float), 1)
        return np.rint(luma).astype(np.uint8)[None]
    return picture


def crops(count: int, size: int, channels: int, names=PHOTOGRAPHS):
    rng = np.random.default_rng(7)
    pixels, titles, sources = [], [], []
    for index in range(count):
        name = names[index % len(names)]
        whole = photograph(name, channels)
        scale = rng.uniform(1.2, 2.0)
        side = min(int(size * scale), *whole.shape[1:])
        top, left = (int(rng.integers(0, extent - side + 1)) for extent in whole.shape[1:])
        part = whole[:, top : top + side, left : left + side].astype(float)
        part = ndimage.zoom(part, (1, size / side, size / side), order=1, mode="nearest")
        pixels.append(np.clip(np.rint(part[:, :size, :size]), 0, 255).astype(np.uint8))
        titles.append(f"{name} {1 + index // len(names)}")
        sources.append(name)
    return np.stack(pixels), titles, sources


def reconstruct(pixels: np.ndarray, loss: str, seed: int) -> np.ndarray:
    sigma, noise, gain = CHARACTER.get(loss, (2.0, 2.0, 1.0))
    rng = np.random.default_rng(seed + 100 * len(loss))
    soft = ndimage.gaussian_filter(pixels.astype(float), (0, 0, sigma, sigma))
    mean = soft.mean((2, 3), keepdims=True)
    drift = rng.normal(0, noise, (len(pixels), 1, 1, 1))
    made = mean + gain * (soft - mean) + drift + rng.normal(0, 1.2, pixels.shape)
    return np.clip(np.rint(made), 0, 255).astype(np.uint8)


def measure(preds: np.ndarray, target: np.ndarray):
    """Measures of each picture and the SSIM maps, by other means than ours."""
    error = (preds.astype(float) - target) / 255
    mse, mae = (error**2).mean((1, 2, 3)), np.abs(error).mean((1, 2, 3))
    ssim, maps = [], []
    for made, original in zip(preds, target, strict=True):
        value, full = structural_similarity(
            made, original, channel_axis=0, data_range=255, gaussian_weights=True, full=True
        )
        ssim.append(value)
        maps.append(full.mean(0))
    ssim = np.array(ssim)
    fine = np.abs(np.diff(preds.astype(float), axis=-1)).mean((1, 2, 3))
    there = np.abs(np.diff(target.astype(float), axis=-1)).mean((1, 2, 3))
    found = {
        "mse": mse,
        "mae": mae,
        "psnr": -10 * np.log10(mse),
        "ssim": ssim,
        "ms_ssim": ssim**0.5,
        "edge_f": np.clip(fine / np.maximum(there, 1e-9), 0, 1),
    }
    return found, np.array(maps, dtype=np.float32)


def limits(values: np.ndarray) -> dict[str, float]:
    values = np.atleast_2d(values).mean(0)
    half = 1.96 * values.std() / len(values) ** 0.5
    return {"mean": values.mean(), "low": values.mean() - half, "high": values.mean() + half}


def octaves_of(preds: np.ndarray, target: np.ndarray):
    entries = []
    for low in (0.25, 0.125, 0.0625, 0.03125):
        keep = np.hypot(np.fft.fftfreq(target.shape[2])[:, None], np.fft.rfftfreq(target.shape[3]))
        keep = (keep >= low) & (keep < 2 * low)
        wrong = (np.abs(np.fft.rfft2(preds.astype(float) - target)) ** 2)[..., keep].sum((1, 2))
        right = (np.abs(np.fft.rfft2(target.astype(float))) ** 2)[..., keep].sum((1, 2)) + 1
        band = f"1/{round(1 / low)}–1/{round(0.5 / low)}"
        error = limits(10 * np.log10(wrong / right))
        entries.append({"band": band, "low": low, "high": 2 * low, "error": error})
    return entries


def curve_rows(losses, seeds: int):
    rng = np.random.default_rng(3)
    for place, loss in enumerate(losses):
        for seed in range(seeds):
            for step in range(20, 1001, 20):
                value = np.exp(-step / 180) + 0.15 + 0.02 * rng.normal()
                yield {"loss": loss, "seed": seed, "step": step, "kind": "train", "value": value}
            for step in range(100, 1001, 100):
                ssim = 0.7 - 0.3 * np.exp(-step / 300) + 0.02 * place + 0.003 * rng.normal()
                psnr = 25 - 5 * np.exp(-step / 300) - 0.2 * place + 0.05 * rng.normal()
                yield {
                    "loss": loss, "seed": seed, "step": step, "kind": "validation",
                    "value": value, "ssim": ssim, "psnr": psnr, "ms_ssim": ssim + 0.1,
                }  # fmt: skip


def results_of(losses, per_picture, octaves, *, count, sources, size, channels, seeds):
    first = losses[0]
    keys = per_picture[first]
    found = {}
    for loss in losses:
        found[loss] = {key: limits(per_picture[loss][key]) for key in keys}
        found[loss]["ms_ssim"]["levels"] = 4
        found[loss] |= {"octaves": octaves[loss], "train_seconds": 71.3, "learning_rate": 1e-3}
    return {
        "format": 1,
        "snellen": "0.1.0",
        "experiment": "reconstruction",
        "command": f"snellen reconstruct --losses {','.join(losses)} --seeds {seeds}",
        "date": "2026-11-23T14:02:11+00:00",
        "seconds": 252.4,
        "hardware": {"cpu": "AMD EPYC 9R14", "threads": 2},
        "commit": "4f0c2a9b7d1e",
        "config": {
            "data": "builtin", "losses": list(losses), "network": "conv-autoencoder",
            "widths": [32, 64, 128], "size": size, "channels": channels, "code_size": 128,
            "steps": 1000, "batch_size": 64, "seeds": seeds, "precision": "bf16",
            "schedule": "cosine",
        },
        "data": {
            "spec": "builtin", "pictures": 14, "sources": sources, "train_sources": sources,
            "held_out_sources": sources, "held_out_pictures": count,
            "skipped": {"smaller than 96 pixels": 2}, "folds": 4,
        },
        "measures": {"edge_f": "Canny edges, within 1 pixel.", "octaves": "In dB."},
        "losses": found,
        "differences": {
            loss: {key: limits(per_picture[loss][key] - per_picture[first][key]) for key in keys}
            for loss in losses[1:]
        },
        "code_size": 128,
    }  # fmt: skip


def with_sweep(report: ReportInput) -> ReportInput:
    """The same run at three code sizes."""
    sweep = []
    for size, shift in ((64, -0.05), (128, 0.0), (256, 0.04)):
        losses = {}
        for loss, found in report.results["losses"].items():
            losses[loss] = dict(found)
            for key in ("ssim", "ms_ssim", "edge_f"):
                losses[loss][key] = {k: found[key][k] + shift for k in ("mean", "low", "high")}
            losses[loss]["psnr"] = {
                k: found["psnr"][k] + 40 * shift for k in ("mean", "low", "high")
            }
        entry = {"code_size": size, "losses": losses}
        sweep.append({**entry, "differences": report.results["differences"]})
    return dataclasses.replace(report, results={**report.results, "sweep": sweep})


def make_report(
    losses=("mse", "mae", "ms-ssim"), *, count=36, size=96, channels=1, seeds=2, names=PHOTOGRAPHS
) -> ReportInput:
    """A run as `snellen reconstruct` leaves it."""
    pixels, titles, sources = crops(count, size, channels, names)
    made = {loss: [reconstruct(pixels, loss, seed) for seed in range(seeds)] for loss in losses}
    measured = {loss: [measure(found, pixels) for found in made[loss]] for loss in losses}
    per_picture = {
        loss: {
            key: np.stack([found[key] for found, _ in measured[loss]])
            for key in measured[loss][0][0]
        }
        for loss in losses
    }
    octaves = {loss: octaves_of(made[loss][0], pixels) for loss in losses}
    results = results_of(
        losses, per_picture, octaves, count=count, sources=len(set(sources)), size=size,
        channels=channels, seeds=seeds,
    )  # fmt: skip
    return ReportInput(
        results=results,
        pixels=pixels,
        reconstructions={loss: made[loss][0] for loss in losses},
        names=titles,
        sources=sources,
        per_picture=per_picture,
        curves=list(curve_rows(losses, seeds)),
        ssim_maps={loss: measured[loss][0][1] for loss in losses},
    )


@pytest.fixture(scope="session")
def build():
    return make_report


@pytest.fixture(scope="session")
def add_sweep():
    return with_sweep


@pytest.fixture(scope="session")
def report():
    return make_report()


@pytest.fixture(scope="module")
def browser(playwright, chromium):
    found = playwright.chromium.launch(**chromium)
    yield found
    found.close()
