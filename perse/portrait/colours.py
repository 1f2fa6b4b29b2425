"""Small Gaussian mixtures over colour, fitted by k-means: deterministic and fast enough for one picture."""

from functools import reduce

import cv2
import numpy as np


class ColourModel:
    """Mixture of full-covariance Gaussians over (N,3) CIE Lab colours.

    Args:
        samples: (N,3) float32, at least 8 of them.
        clusters: number of Gaussians.
        spread: standard deviation per channel, in Lab units, that is added to every Gaussian: how far colours may
            stray from those sampled.
    """

    def __init__(self, samples: np.ndarray, clusters: int, spread: tuple[float, float, float]):
        if len(samples) > 6000:
            samples = samples[:: len(samples) // 6000 + 1]
        samples = np.ascontiguousarray(samples, np.float32)
        clusters = max(1, min(clusters, len(samples) // 8))
        cv2.setRNGSeed(0)
        criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.3)
        _, labels, self.means = cv2.kmeans(samples, clusters, None, criteria, 1, cv2.KMEANS_PP_CENTERS)
        self.precisions, self.log_norms = [], []
        for i in range(clusters):
            own = samples[labels[:, 0] == i]
            covariance = np.diag(np.square(spread)).astype(np.float64)
            if len(own) > 3:
                covariance += np.cov(own.T)
            share = (len(own) + 1) / (len(samples) + clusters)
            self.precisions.append(np.linalg.inv(covariance).astype(np.float32))
            log_determinant = np.linalg.slogdet(covariance)[1]
            self.log_norms.append(np.float32(np.log(share) - 0.5 * log_determinant - 1.5 * np.log(2 * np.pi)))

    def cost(self, colours: np.ndarray) -> np.ndarray:
        """Negative log density (H,W) of colours (H,W,3); the best Gaussian stands for the mixture."""

        def cost(mean, precision, log_norm) -> np.ndarray:
            offset = colours - mean
            return 0.5 * np.einsum("hwi,ij,hwj->hw", offset, precision, offset, optimize=True) - log_norm

        return reduce(np.minimum, (cost(*gaussian) for gaussian in zip(self.means, self.precisions, self.log_norms)))
