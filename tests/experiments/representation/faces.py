"""Small made faces in the layout of Extended Yale B: people differ in shape, lights in side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

LIGHTS = tuple((a, e) for a in (-60, -25, 0, 25, 60) for e in (-20, 0, 35))
PEOPLE = tuple(f"yaleB{k:02d}" for k in range(1, 7))


def render(person: int, azimuth: float, elevation: float, *, height: int = 32, width: int = 28):
    """An ellipsoid with eyes under a distant light."""
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    wide = 0.75 + 0.04 * person
    depth = 1 - (rows / 0.95) ** 2 - (columns / wide) ** 2
    face = depth > 0
    depth = np.sqrt(np.clip(depth, 0, None))
    normal = np.stack([columns / wide**2, rows / 0.95**2, depth])
    normal /= np.linalg.norm(normal, axis=0) + 1e-9
    a, e = np.radians([azimuth, elevation])
    light = np.array([np.sin(a) * np.cos(e), -np.sin(e), np.cos(a) * np.cos(e)])
    shade = np.clip(np.tensordot(light, normal, 1), 0, 1) * face
    eyes = (np.abs(np.abs(columns) - 0.3) < 0.04 + 0.012 * person) & (np.abs(rows + 0.2) < 0.08)
    return (255 * np.clip(0.08 + 0.85 * shade * np.where(eyes, 0.3, 1), 0, 1)).astype(np.uint8)


def write_faces(folder: Path) -> Path:
    """Write every person under every light, one Ambient and one bad file beside them."""
    for number, person in enumerate(PEOPLE):
        place = folder / person
        place.mkdir(parents=True)
        for azimuth, elevation in LIGHTS:
            name = f"{person}_P00A{azimuth:+04d}E{elevation:+03d}.pgm"
            Image.fromarray(render(number, azimuth, elevation)).save(place / name)
        Image.fromarray(render(number, 0, 0)).save(place / f"{person}_P00_Ambient.pgm")
    bad = folder / PEOPLE[0] / f"{PEOPLE[0]}_P00A+095E+00.pgm.bad"
    bad.write_bytes(b"")
    return folder
