"""Thin-plate splines: training frames moved so that their landmarks lie on given ones.

A thin-plate spline is the smoothest map of the plane that takes some points to others (Bookstein, 1989). It runs from
the wanted picture back to the training frame, so that every wanted pixel knows where to read.

Shapes: b batch, r references, k control points, h x w pixels.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from difftalker.face.topology import MOUTH

_CONTROL = np.concatenate([np.arange(17), [31, 33, 35], MOUTH])  # contour, nose base, mouth: what speech moves
_BORDER = torch.tensor([[x, y] for y in (0.0, 0.5, 1.0) for x in (0.0, 0.5, 1.0) if (x, y) != (0.5, 0.5)])
_STIFFNESS = 0.003  # of the spline against points that contradict each other: closed lips meet, open ones do not
_CELLS = 32  # the map is computed on a grid of so many cells a side and interpolated


def control_points(landmarks: Tensor) -> Tensor:
    """The points that a warp takes from place to place, with eight fixed ones on the crop's border.

    Args:
        landmarks: (n, 68, 2) over the crop size.

    Returns:
        (n, k, 2) float64.
    """
    border = _BORDER.to(landmarks.device, torch.float64).expand(len(landmarks), -1, -1)
    return torch.cat([landmarks[:, _CONTROL].double(), border], dim=1)


def warp_map(wanted: Tensor, given: Tensor, first_row: float) -> Tensor:
    """Where in the references each place of the wanted pictures is found.

    Args:
        wanted: control points of the wanted pictures (b, k, 2).
        given: control points of the references (r, k, 2).
        first_row: the map begins at this height of the crop, in [0, 1).

    Returns:
        (b, r, rows, columns, 2) float32: x and y over the crop size, on a grid of cell borders, from `first_row` to 1.
    """
    b, k = wanted.shape[:2]
    system = torch.zeros(b, k + 3, k + 3, dtype=wanted.dtype, device=wanted.device)
    system[:, :k, :k] = _kernel(wanted, wanted) + _STIFFNESS * torch.eye(k, dtype=wanted.dtype, device=wanted.device)
    system[:, :k, k] = system[:, k, :k] = 1.0
    system[:, :k, k + 1 :] = wanted
    system[:, k + 1 :, :k] = wanted.transpose(1, 2)
    shift = given[None] - wanted[:, None]  # (b, r, k, 2)
    values = torch.zeros(b, k + 3, 2 * len(given), dtype=wanted.dtype, device=wanted.device)
    values[:, :k] = shift.permute(0, 2, 1, 3).flatten(2)
    weights = torch.linalg.solve(system, values)  # (b, k + 3, 2r)
    rows = round(_CELLS * (1.0 - first_row)) + 1
    y = torch.linspace(first_row, 1.0, rows, dtype=wanted.dtype, device=wanted.device)
    x = torch.linspace(0.0, 1.0, _CELLS + 1, dtype=wanted.dtype, device=wanted.device)
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).reshape(1, -1, 2)  # (1, rows * columns, 2)
    terms = torch.cat([_kernel(grid, wanted), torch.ones_like(grid[..., :1]).expand(b, -1, -1),
                       grid.expand(b, -1, -1)], dim=-1)  # fmt: skip
    found = grid[:, :, None] + (terms @ weights).unflatten(-1, (len(given), 2))  # (b, rows * columns, r, 2)
    return found.permute(0, 2, 1, 3).unflatten(2, (rows, _CELLS + 1)).float()


def warp(images: Tensor, where: Tensor, height: int) -> Tensor:
    """Read references through a map.

    Args:
        images: references (r, c, size, size).
        where: `warp_map`'s result (b, r, rows, columns, 2).
        height: rows of the result, of the `size` that the whole crop has.

    Returns:
        (b, r, c, height, size); beyond a reference's border its outermost pixels are repeated.
    """
    b, r = where.shape[:2]
    size = images.shape[-1]
    # Values at cell borders to values at pixel centres: pixel i's centre lies at (i + 0.5) / size.
    rows = (torch.arange(height, device=where.device) + 0.5) / height * 2 - 1
    columns = (torch.arange(size, device=where.device) + 0.5) / size * 2 - 1
    centres = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1).expand(b * r, -1, -1, -1)
    planes = where.flatten(0, 1).permute(0, 3, 1, 2)  # (b * r, 2, rows, columns)
    fine = F.grid_sample(planes, centres, mode="bilinear", padding_mode="border", align_corners=True)
    fine = fine.permute(0, 2, 3, 1) * 2 - 1  # (b * r, height, size, 2)
    repeated = images.expand(b, -1, -1, -1, -1).flatten(0, 1)  # (b * r, c, size, size)
    read = F.grid_sample(repeated, fine, mode="bilinear", padding_mode="border", align_corners=False)
    return read.unflatten(0, (b, r))


def _kernel(first: Tensor, second: Tensor) -> Tensor:
    """r^2 log r^2 of the distances between points (b, m, 2) and (b, k, 2): (b, m, k)."""
    squared = (first[:, :, None] - second[:, None]).square().sum(-1)
    return squared * squared.clamp_min(1e-12).log()
