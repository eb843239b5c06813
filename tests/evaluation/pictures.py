"""Pictures with known statistics."""

import torch


def noise(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def smooth(*shape, seed=0, power=1):
    """Noise with amplitudes of 1/f^power, which looks the same everywhere."""
    H, W = shape[-2:]
    f = torch.hypot(torch.fft.fftfreq(H)[:, None], torch.fft.rfftfreq(W)[None])
    f[0, 0] = torch.inf
    picture = torch.fft.irfft2(torch.fft.rfft2(noise(*shape, seed=seed)) / f**power, s=(H, W))
    return picture / picture.abs().max()
