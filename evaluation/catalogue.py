"""Every score by name: of what it is, which way is better, in which unit. The one list that tables, plots, pages and
documentation take their words from."""

from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower", "one", None]
"""Which way is better; "one" means near to 1, None that the score describes and does not judge."""


@dataclass(frozen=True)
class Entry:
    """One score. title: its short name for people. scope: level, pair, video or set. about: what it is, a sentence."""

    name: str
    title: str
    scope: str
    better: Better
    unit: str
    about: str


_DISTANCES = (("fid", "FID"), ("kid", "KID"), ("frechet_distance", "Fréchet"), ("kernel_distance", "Kernel"))

ENTRIES = (
    Entry("clip_score", "Text", "level", "higher", "", "100 cos of the picture and its own prompt, not below 0"),
    Entry("clip_margin", "Text margin", "level", "higher", "", "own prompt's cosine less the best other level's"),
    Entry("clip_rank", "Text rank", "level", "lower", "", "rank of the own prompt among the story's; 1 is best"),
    Entry("prompt_tokens", "Tokens", "level", None, "tokens", "length of the prompt in the scorer's tokens"),
    Entry("prompt_truncated", "Truncated", "level", None, "", "1 where the scorer read only the prompt's beginning"),
    Entry("aesthetic", "Aesthetic", "level", "higher", "", "a head on the normalised CLIP embedding, about 1 to 10"),
    Entry("clip_iqa", "CLIP-IQA", "level", "higher", "", 'share of "Good photo." against "Bad photo." for the scorer'),
    Entry("blur", "Blur", "level", "lower", "", "perceptual blur, 0 sharp to 1 (Crete et al. 2007)"),
    Entry(
        "quality_arniqa_koniq10k",
        "ARNIQA",
        "level",
        "higher",
        "",
        "quality without a reference, 0 to 1 as in KonIQ-10k",
    ),
    Entry("quality_arniqa_kadid10k", "ARNIQA, KADID", "level", "higher", "", "the same, as in KADID-10k"),
    Entry("spectrum_slope", "Spectrum", "level", None, "", "slope of log power over log frequency; blur steepens it"),
    Entry("seam", "Seam", "level", "one", "", "step across the window's border over the step beside it"),
    Entry("seam_top", "Seam, top", "level", "one", "", "the same on one side"),
    Entry("seam_bottom", "Seam, bottom", "level", "one", "", "the same on one side"),
    Entry("seam_left", "Seam, left", "level", "one", "", "the same on one side"),
    Entry("seam_right", "Seam, right", "level", "one", "", "the same on one side"),
    Entry("seam_worst", "Worst seam", "level", "one", "", "the same on the worst side"),
    Entry("colour_step", "Colour step", "level", "lower", "ΔE", "difference of the mean colours beside that border"),
    Entry(
        "colour_drift", "Colour drift", "level", "lower", "ΔE", "colour steps as vectors, summed from the deepest out"
    ),
    Entry("kept_change", "Kept change", "level", "lower", "/255", "largest change of pixels that were to be kept"),
    Entry("window_psnr", "Windows", "pair", "higher", "dB", "the window against the next level, at the window's size"),
    Entry("window_ssim", "Windows, SSIM", "pair", "higher", "", "structural similarity of the same pair"),
    Entry("window_lpips", "Windows, LPIPS", "pair", "lower", "", "perceptual distance of the same pair"),
    Entry("window_dino", "Windows, DINO", "pair", "higher", "", "cosine of the pair's DINO embeddings"),
    Entry("estimate_psnr", "Agreement", "pair", "higher", "dB", "the same of the model's own last estimates"),
    Entry("delta_e", "Colour", "pair", "lower", "ΔE", "mean colour difference of the pair, CIE 1976"),
    Entry("delta_e_sum", "Colour, summed", "pair", "lower", "ΔE", "the same, summed from level 0"),
    Entry("log_speed_sd", "Speed, planned", "video", "lower", "", "unevenness of the zoom by the camera's plan"),
    Entry("log_speed_sd_measured", "Speed", "video", "lower", "", "unevenness of the zoom, from decoded frames"),
    Entry("flicker", "Flicker", "video", "lower", "/255", "frames warped by the known zoom against the next ones"),
    Entry("keyframe_pop", "Pop", "video", "lower", "", "the same where levels change, over the median"),
    Entry("loop_error", "Loop error", "video", "lower", "/255", "the same from the last frame to the first"),
    Entry("fid", "FID", "set", "lower", "", "Fréchet distance of Inception features"),
    Entry("kid", "KID", "set", "lower", "", "kernel distance of Inception features"),
    Entry("inception_score", "IS", "set", "higher", "", "exp of the mean divergence of Inception's classes"),
    Entry("frechet_distance", "Fréchet", "set", "lower", "", "as FID, by the features of the extractor that is named"),
    Entry("kernel_distance", "Kernel", "set", "lower", "", "as KID, by the features of the extractor that is named"),
    *(
        Entry(f"scaleinv_{of}_{n}x", f"ScaleInv {title}, {n}x", "set", "lower", "", about)
        for of, title in _DISTANCES
        for n, about in (
            (1, "the same of pictures of the training size"),
            *((n, f"the same of pictures {n} times the training size, made as small") for n in (2, 4, 8)),
        )
    ),
    *(
        Entry(f"{way}_{of}", f"{what} {title}", "set", "lower", "", about)
        for way, what, about in (
            (
                "ext2",
                "2x extended",
                "the same of pictures of the training pictures' size, about twice a patch",
            ),
            ("spatial", "Spatial", "the same of 4 x 4 parts of each picture, whose features stand behind each other"),
        )
        for of, title in _DISTANCES
    ),
    Entry("set_images", "Pictures", "set", None, "", "pictures of the set"),
    Entry("set_stories", "Stories", "set", None, "", "stories that they are of; intervals draw these anew"),
    Entry("reference_images", "Reference", "set", None, "", "pictures that the set is compared with"),
    Entry("rank_deficient", "Too few", "set", None, "", "1 where FID depends on the number of pictures: read KID"),
)

CATALOGUE = {entry.name: entry for entry in ENTRIES}
