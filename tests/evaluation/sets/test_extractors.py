"""Networks as extractors: Inception as clean-fid feeds it, refusals of what is not Inception, scorers and DINO."""

import numpy as np
import pytest
import torch
from cleanfid.fid import fid_from_feats, get_folder_features
from cleanfid.fid import kernel_distance as clean_kid
from cleanfid.resize import build_resizer
from safetensors.torch import load_file, save_file

from evaluation.networks.clip import load_scorer
from evaluation.sets import Reference, Settings, check_extractor, extract, frechet, load_extractor, score_set
from evaluation.sets.pictures import pictures_in, read
from evaluation.sets.resizing import bilinear, resized
from tests.evaluation.sets.conftest import picture
from zoomlib.errors import InvalidInputError
from zoomlib.images import from_pil


@pytest.fixture(scope="module")
def inception(inception_file):
    return load_extractor(f"inception:{inception_file}")


@pytest.mark.parametrize("size", [(40, 48), (299, 299), (640, 310), (700, 900)])
def test_pictures_are_resized_as_clean_fid_resizes_them(size):
    given = picture(1, size)
    expected = build_resizer("clean")(np.asarray(given)).transpose(2, 0, 1)
    assert np.abs(resized(from_pil(given)).numpy() - expected).max() <= 1e-4 * 255
    assert resized(from_pil(given)).shape == (3, 299, 299)


def test_resizing_does_not_round_to_8_bits():
    values = resized(from_pil(picture(2, (80, 80))))
    assert (values - values.round()).abs().max() > 0.4


def test_making_smaller_takes_in_all_pixels():
    """A fine chequerboard is grey from afar; without antialiasing it would stay black and white."""
    board = (torch.arange(897)[:, None] + torch.arange(897)) % 2 * 2.0 - 1
    inner = resized(board.expand(3, -1, -1))[:, 5:-5, 5:-5]
    assert (inner - 127.5).abs().max() < 32


def test_layers_in_their_order_are_torch_fidelitys_network(inception_file):
    from evaluation.sets.inception import load_inception

    network, _ = load_inception(inception_file)
    pictures = torch.from_numpy(np.stack([np.asarray(picture(k, (299, 299))) for k in range(2)])).movedim(-1, 1)
    with torch.no_grad():
        expected = network.network(pictures.contiguous())
        found = network(pictures.float())
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_fid_and_kid_of_two_folders_are_clean_fids(inception, folder, tmp_path):
    """clean-fid's own reading, resizing and distances, with our network in place of the one that it downloads."""
    other = tmp_path / "others"
    other.mkdir()
    for k in range(12):
        picture(100 + k, (300, 200)).save(other / f"{k}.png")

    def model(batch):
        return inception.embed(batch)[0]

    sets = [
        get_folder_features(str(path), model, num_workers=0, batch_size=4, device="cpu", verbose=False)
        for path in (folder, other)
    ]
    ours = [extract(pictures_in(path), read, inception, batch=5) for path in (folder, other)]
    for theirs, mine in zip(sets, ours, strict=True):  # clean-fid lists by suffix, then by name; so do we
        assert np.abs(theirs - mine.values.numpy()).max() <= 1e-4 * np.abs(theirs).max()
    scores = score_set(ours[0], Reference(ours[1]), inception, settings=Settings(resamples=0))
    rows = {score.score: score.value for score in scores}
    assert rows["kid"] == pytest.approx(clean_kid(sets[0], sets[1], num_subsets=1), abs=1e-4)
    # Of 12 pictures 2,048 features have no full rank, which scipy's square root gives up on; a few of them have.
    few = np.argsort(np.concatenate(sets).var(0))[-4:]
    expected = fid_from_feats(*(theirs[:, few].astype(float) for theirs in sets))
    found = frechet.frechet_distance(*(frechet.fit(one.values[:, few]) for one in ours))
    assert found == pytest.approx(expected, abs=1e-4)


def test_only_inceptions_distances_are_fid_and_kid(inception, scorer_folder, folder):
    for extractor, expected in (
        (inception, {"fid", "kid", "inception_score"}),
        (load_extractor(str(scorer_folder)), {"frechet_distance", "kernel_distance"}),
    ):
        seen = extract(pictures_in(folder), read, extractor)
        rows = score_set(seen, Reference(seen), extractor, settings=Settings(resamples=0))
        measured = {row.score for row in rows} - {"set_images", "set_stories", "reference_images", "rank_deficient"}
        assert measured == expected
        assert {(row.scorer, row.scorer_revision) for row in rows} == {(extractor.name, extractor.revision)}


def test_a_scorers_folder_called_inception_is_no_inception(scorer_folder, tmp_path):
    named = tmp_path / "inception"
    named.symlink_to(scorer_folder)
    extractor = load_extractor(str(named))
    assert not extractor.is_inception
    assert extractor.frechet == "frechet_distance"


def test_a_scorers_features_are_its_embeddings(scorer_folder):
    scorer = load_scorer(str(scorer_folder))
    extractor = load_extractor(str(scorer_folder))
    images = torch.stack([from_pil(picture(k)) for k in range(3)])
    found, logits = extractor.embed(torch.stack([extractor.prepare(image) for image in images]))
    assert logits is None
    unit = found / found.norm(dim=1, keepdim=True)
    torch.testing.assert_close(unit, scorer.embed_images(images), rtol=1e-5, atol=1e-5)


def test_weights_that_are_not_inceptions_are_refused(inception_file, tmp_path):
    def refused(tensors, message):
        save_file(tensors, tmp_path / "w.safetensors")
        with pytest.raises(InvalidInputError, match=message):
            load_extractor(f"inception:{tmp_path / 'w.safetensors'}")

    whole = load_file(inception_file)
    refused({"a": torch.zeros(3)}, "nothing that it measures is FID")
    refused({**whole, "fc.weight": torch.zeros(1000, 2048)}, "nothing that it measures is FID")
    refused({name: value for name, value in whole.items() if name != "fc.bias"}, "nothing that it measures is FID")
    refused({**whole, "fc.bias": torch.full((1008,), torch.nan)}, "not finite")
    refused({n: torch.zeros_like(v) if n.endswith("running_mean") else v for n, v in whole.items()}, "never trained")


def test_files_that_cannot_be_read_are_refused_with_the_way_to_get_them(tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"pickle")
    (tmp_path / "damaged.safetensors").write_bytes(b"nothing")
    for name, message in (("weights.pth", "safetensors"), ("missing.safetensors", "There is no file")):
        with pytest.raises(InvalidInputError, match=message):
            check_extractor(f"inception:{tmp_path / name}")
    with pytest.raises(InvalidInputError, match="damaged"):
        load_extractor(f"inception:{tmp_path / 'damaged.safetensors'}")
    with pytest.raises(InvalidInputError, match=r"config\.json"):
        check_extractor(f"dino:{tmp_path}")
    with pytest.raises(InvalidInputError, match="No scorer"):
        load_extractor("no-such-thing")


def test_weights_from_before_batches_were_counted_are_taken(inception_file, tmp_path):
    old = {name: value for name, value in load_file(inception_file).items() if "num_batches_tracked" not in name}
    save_file(old, tmp_path / "old.safetensors")
    image = [torch.zeros(3, 32, 32)]
    found = [
        extract(image, lambda one: one, load_extractor(f"inception:{file}")).values
        for file in (inception_file, tmp_path / "old.safetensors")
    ]
    torch.testing.assert_close(*found)


def test_a_dino_folder_is_an_extractor(tmp_path):
    from transformers import ViTConfig, ViTModel

    ViTModel(
        ViTConfig(hidden_size=24, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32),
        add_pooling_layer=False,
    ).save_pretrained(tmp_path / "vit")
    extractor = load_extractor(f"dino:{tmp_path / 'vit'}")
    seen = extract([picture(k) for k in range(3)], from_pil, extractor)
    assert seen.values.shape == (3, 24)
    assert (extractor.name, extractor.frechet) == ("vit", "frechet_distance")


def test_bilinear_resizing_is_the_identity_at_the_same_size_and_as_published_above_it():
    image = torch.rand(3, 32, 32) * 2 - 1
    assert bilinear(image, (32, 32), antialias=False) is image
    large = torch.nn.functional.interpolate(image[None], (125, 125), mode="bilinear", align_corners=True)[0]
    torch.testing.assert_close(bilinear(large, (32, 32), antialias=False), image, rtol=0, atol=1e-5)
