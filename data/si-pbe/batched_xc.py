"""GPAW's PAW correction to a spin-paired GGA, with the 50 points on the sphere in one array instead of a Python loop.

The numbers are those of `gpaw.xc.gga.GGARadialExpansion` (see `check.py kernel`); in cells as small as these a quarter
of the time goes into that loop. Nothing of GPAW is changed before `install` is called.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from gpaw.sphere.lebedev import Y_nL, weight_n
from gpaw.xc import gga
from gpaw.xc.pawcorrection import rnablaY_nLv

Array = npt.NDArray[np.float64]

loop_over_points = gga.GGARadialExpansion.__call__
"""GPAW's own version: kept for two spins, for meta-GGA and for the comparison."""


def install() -> None:
    """Let GPAW use the batched version in this process."""
    gga.GGARadialExpansion.__call__ = all_points


def all_points(self: Any, rgd: Any, D_sLq: Array, n_qg: Array, nc0_sg: Array) -> tuple[float, Array]:
    """Energy (Hartree) and its derivative by the density matrix, shape (1, Q, L); the names are GPAW's."""
    if len(D_sLq) != 1 or self.args or type(self.rcalc) is not gga.GGARadialCalculator:
        return loop_over_points(self, rgd, D_sLq, n_qg, nc0_sg)
    n_Lg = D_sLq[0] @ n_qg
    n_Lg[0] += np.reshape(nc0_sg, (-1, n_Lg.shape[1]))[0]
    count, points = len(n_Lg), len(weight_n)
    Y_nl, gradient_vnL = Y_nL[:, :count], rnablaY_nLv[:, :count].transpose(2, 0, 1)

    n_ng, a_ng = Y_nl @ n_Lg, Y_nl @ derivative(rgd, n_Lg)
    b_vng = (gradient_vnL.reshape(3 * points, count) @ n_Lg).reshape(3, points, -1)
    sigma_ng = b_vng[0] ** 2 + b_vng[1] ** 2 + b_vng[2] ** 2
    sigma_ng[:, 1:] /= rgd.r_g[1:] ** 2
    sigma_ng[:, 0] = sigma_ng[:, 1]
    sigma_ng += a_ng**2

    e_ng, dedn_ng, dedsigma_ng = np.zeros_like(n_ng), np.zeros_like(n_ng), np.zeros_like(n_ng)
    flat = [rows.reshape(1, -1) for rows in (n_ng, dedn_ng, sigma_ng, dedsigma_ng)]
    self.rcalc.kernel.calculate(e_ng, *flat)

    correction_ng = adjoint_derivative(rgd, -2 * rgd.dv_g * dedsigma_ng * a_ng)
    correction_ng[:, 1:] /= rgd.dv_g[1:]
    correction_ng[:, 0] = correction_ng[:, 1]
    weighted_nl = weight_n[:, None] * Y_nl
    dEdD_Lg = weighted_nl.T @ (rgd.dv_g * (dedn_ng + correction_ng))
    scaled_ng = 8 * np.pi * weight_n[:, None] * rgd.dr_g * dedsigma_ng
    for gradient_nL, b_ng in zip(gradient_vnL, b_vng, strict=True):
        dEdD_Lg += gradient_nL.T @ (scaled_ng * b_ng)
    return float(rgd.integrate(weight_n @ e_ng)), (n_qg @ dEdD_Lg.T)[None]


def derivative(rgd: Any, n_xg: Array) -> Array:
    """`rgd.derivative` for every row."""
    slope_xg = np.empty_like(n_xg)
    slope_xg[:, 0] = n_xg[:, 1] - n_xg[:, 0]
    slope_xg[:, 1:-1] = 0.5 * (n_xg[:, 2:] - n_xg[:, :-2])
    slope_xg[:, -1] = n_xg[:, -1] - n_xg[:, -2]
    return slope_xg / rgd.dr_g


def adjoint_derivative(rgd: Any, a_xg: Array) -> Array:
    """`rgd.derivative2` for every row."""
    c_xg = a_xg / rgd.dr_g
    b_xg = np.empty_like(c_xg)
    b_xg[:, 0] = 0.5 * c_xg[:, 1] + c_xg[:, 0]
    b_xg[:, 1:-1] = 0.5 * (c_xg[:, 2:] - c_xg[:, :-2])
    b_xg[:, -2] = c_xg[:, -1] - 0.5 * c_xg[:, -3]
    b_xg[:, -1] = -c_xg[:, -1] - 0.5 * c_xg[:, -2]
    return b_xg
