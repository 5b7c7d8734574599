"""One's own images: layouts, sizes, colours, and what is refused."""

from __future__ import annotations

import io
import shutil
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from d2lcnn.data import load_data_cifar10, load_data_folder
from d2lcnn.data.loaders import cifar10_images


def picture(value, size=(6, 4), mode="RGB", form="PNG", **kwargs):
    """The bytes of an evenly coloured image; size is width, height as PIL has it."""
    stream = io.BytesIO()
    Image.new(mode, size, value).save(stream, form, **kwargs)
    return stream.getvalue()


def tree(prefix="", splits=("train/", "test/"), per_class=3, **kwargs):
    return {
        f"{prefix}{split}{label}/{i}.png": picture((i, c, s), **kwargs)
        for s, split in enumerate(splits)
        for c, label in enumerate(("cat", "dog"))
        for i in range(per_class)
    }


@pytest.fixture(params=["folder", "zip"])
def store(request, tmp_path):
    """Writes names and contents to a folder or a zip, and gives its path."""

    def write(files, name="pictures"):
        if request.param == "zip":
            path = tmp_path / f"{name}.zip"
            with zipfile.ZipFile(path, "w") as archive:
                for member, content in files.items():
                    archive.writestr(member, content)
            return path
        path = tmp_path / name
        for member, content in files.items():
            target = path / member
            if member.endswith("/"):
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        return path

    return write


def load(path, batch_size=4, *args, **kwargs):
    return load_data_folder(path, batch_size, *args, device="cpu", **kwargs)


CLUTTER = {
    "__MACOSX/train/cat/._0.png": b"x",
    ".DS_Store": b"x",
    "README.txt": b"x",
    "docs/a.png": picture(0),
}


@pytest.mark.parametrize("prefix", ["", "wrapped/"])
@pytest.mark.parametrize("test", ["test/", "val/"])
@pytest.mark.parametrize("clutter", [False, True])
def test_train_and_test_folders(store, prefix, test, clutter):
    files = tree(prefix, ("train/", test))
    if clutter:
        files |= {
            (name if name.startswith("_") else prefix + name): content for name, content in CLUTTER.items()
        }
    train_iter, test_iter = load(store(files))
    for s, batches in enumerate((train_iter, test_iter)):
        assert batches.images.shape == (6, 3, 4, 6)
        assert batches.images[:, :, 0, 0].tolist() == [[i, c, s] for c in range(2) for i in range(3)]
        assert batches.labels.tolist() == [0, 0, 0, 1, 1, 1]
        assert batches.classes == ("cat", "dog")
        assert not batches.fast
    assert (train_iter.shuffle, test_iter.shuffle) == (True, False)
    assert train_iter.name.startswith("pictures")


@pytest.mark.parametrize("prefix", ["", "wrapped/"])
def test_without_a_split_a_fifth_of_each_class_is_set_aside_always_the_same(store, prefix):
    path = store(tree(prefix, ("",), per_class=10))
    train_iter, test_iter = load(path)
    assert train_iter.labels.tolist() == [0] * 8 + [1] * 8
    assert test_iter.labels.tolist() == [0] * 2 + [1] * 2
    pixels = [tuple(image[:, 0, 0].tolist()) for part in (train_iter, test_iter) for image in part.images]
    assert sorted(pixels) == sorted((i, c, 0) for i in range(10) for c in range(2))
    again = load(path)
    assert torch.equal(test_iter.images, again[1].images)


def test_fast_mode_leaves_own_images_alone(store, monkeypatch):
    monkeypatch.setenv("D2LCNN_FAST", "1")
    train_iter, _ = load(store(tree()), 100)
    assert (train_iter.fast, train_iter.batch_size, train_iter.num_examples) == (False, 100, 6)


def test_a_subset_is_read_and_the_rest_is_not(store):
    files = tree(per_class=10)
    train_iter, test_iter = load(path := store(files), subset=5)
    assert (train_iter.num_examples, test_iter.num_examples) == (5, 20)
    read = []
    for name in [name for name in files if name.startswith("train/")]:
        try:
            load(
                store(files | {name: b"broken"}, f"without-{len(read)}-{name.replace('/', '-')}"),
                subset=5,
            )
        except ValueError:
            read.append(name)
    assert len(read) == 5  # a broken image matters only where it is read
    assert train_iter.num_classes == 2
    with pytest.raises(ValueError, match="subset must be between 1 and 20; got 21"):
        load(path, subset=21)


def test_unequal_sizes_need_a_size(store):
    files = tree()
    files["train/dog/1.png"] = picture((1, 1, 0), (9, 9))
    path = store(files)
    with pytest.raises(
        ValueError, match=r"differ in size: train/cat/0.png has \(4, 6\).*dog/1.png \(9, 9\).*resize="
    ):
        load(path)
    train_iter, test_iter = load(path, resize=(5, 7))
    assert train_iter.images.shape == test_iter.images.shape == (6, 3, 5, 7)
    assert train_iter.images[:, :, 0, 0].tolist() == [[i, c, 0] for c in range(2) for i in range(3)]


def test_large_images_are_kept_small_and_small_ones_as_they_are(store):
    path = store(tree(size=(60, 40)))
    assert load(path, resize=8)[0].images.shape == (6, 3, 8, 8)
    assert load(path, resize=80)[0].images.shape == (6, 3, 40, 60)
    assert next(iter(load(path, resize=80)[0]))[0].shape == (4, 3, 80, 80)


def test_grey_stays_grey_until_a_colour_image_comes(store):
    files = {name: picture(7, mode="L") for name in tree()}
    assert load(store(files, "grey"))[0].images.shape == (6, 1, 4, 6)
    files["test/dog/0.png"] = picture((1, 2, 3))
    train_iter, test_iter = load(store(files, "mixed"))
    assert train_iter.images[0, :, 0, 0].tolist() == [7, 7, 7]
    assert test_iter.images[3, :, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("mode", "form", "value", "expected"),
    [
        ("1", "PNG", 1, [255]),
        ("RGBA", "PNG", (1, 2, 3, 255), [1, 2, 3]),
        ("L", "TIFF", 9, [9]),
        ("RGB", "BMP", (4, 5, 6), [4, 5, 6]),
        ("RGB", "WEBP", (200, 100, 50), [200, 100, 50]),
        ("CMYK", "JPEG", (0, 0, 0, 0), [255, 255, 255]),
    ],
)
def test_kinds_of_images(store, mode, form, value, expected):
    content = picture(value, mode=mode, form=form)
    files = {name.replace("png", form.lower()): content for name in tree()}
    images = load(store(files))[0].images
    assert images.shape[2:] == (4, 6)
    lossy = form == "WEBP"
    assert images[0, :, 0, 0].tolist() == pytest.approx(expected, abs=4 * lossy)


def test_a_palette_gives_its_colours(store):
    image = Image.new("P", (6, 4), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    stream = io.BytesIO()
    image.save(stream, "GIF")
    images = load(store({name.replace("png", "gif"): stream.getvalue() for name in tree()}))[0].images
    assert images[0, :, 0, 0].tolist() == [10, 200, 30]


def test_photographs_stand_upright(store):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter: what it took for the left is above
    image = Image.new("L", (16, 8), 255)
    image.paste(0, (0, 0, 8, 8))
    stream = io.BytesIO()
    image.save(stream, "JPEG", exif=exif)
    files = {name.replace("png", "jpg"): stream.getvalue() for name in tree()}
    images = load(store(files))[0].images
    assert images.shape[2:] == (16, 8)
    assert images[0, 0, :8].max() < 60
    assert images[0, 0, 8:].min() > 195


def png_with_16_bits():
    stream = io.BytesIO()
    Image.fromarray(np.full((4, 6), 40000, dtype=np.uint16)).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot"),
        (b"not an image", "cannot identify"),
        (picture((1, 2, 3))[:50], "truncated"),
        (picture((1, 2, 3), (50, 50), form="JPEG")[:-200], "truncated"),
        (png_with_16_bits(), "more than 8 bits"),
    ],
    ids=["empty", "text", "cut PNG", "cut JPEG", "16 bits"],
)
def test_a_broken_image_is_named(store, content, message):
    with pytest.raises(ValueError, match=rf"(?si)pictures.*train/dog/1\.png.*{message}"):
        load(store(tree() | {"train/dog/1.png": content}))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.txt": b"x"}, "holds no image"),
        (tree() | {"train/bird/": b""}, "no image in the folder of bird"),
        (tree() | {"train/bird/a.txt": b""}, "no image in the folder of bird"),
        (tree(splits=("",)) | {"bird/": b""}, "no image in the folder of bird"),
        (tree() | {"test/bird/0.png": picture(0)}, "only one has bird"),
        (tree() | {"train/bird/0.png": picture(0)}, "only one has bird"),
        (tree() | {"train/0.png": picture(0)}, "lies in no class folder"),
        ({"0.png": picture(0), "1.png": picture(0)}, "lies in no class folder"),
        (tree(splits=("train/",)), "only one of train/ and test/"),
        (tree(splits=("test/",)), "only one of train/ and test/"),
        (tree(splits=("",), per_class=1), "too few images"),
        (
            {f"{label}/{i}.png": picture(0) for label, n in (("cat", 20), ("fox", 2)) for i in range(n)},
            "too few images of fox: a fifth",
        ),
        (tree(splits=("",)) | {"train/0.png": picture(0)}, r"no class may be called train or test"),
    ],
)
def test_bad_layouts_are_refused(store, files, message):
    with pytest.raises(ValueError, match=message):
        load(store(files))


def test_broken_and_dangerous_zips_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in tree().items():
            archive.writestr(name, content)
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(ValueError, match="neither a folder nor an intact zip"):
        load(path)
    at = good.index(b"IDAT") + 6
    path.write_bytes(good[:at] + bytes([good[at] ^ 255]) + good[at + 1 :])
    with pytest.raises(ValueError, match=r"train/cat/0\.png: .*CRC"):
        load(path)
    for name in ("../../evil/0.png", "/etc/evil/0.png", "train\\..\\..\\0.png"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, picture(0))
        with pytest.raises(ValueError, match="points outside"):
            load(path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def test_a_missing_path_and_bad_numbers(tmp_path, store):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load(tmp_path / "nowhere")
    path = store(tree())
    for batch_size, resize, message in (
        (0, None, "batch_size"),
        (4, 0, "resize"),
        (4, -1, "resize"),
        (4, 1.5, "resize"),
    ):
        with pytest.raises(ValueError, match=message):
            load(path, batch_size, resize)


def test_cifar10_as_a_zip_or_folder_of_images(root, store):
    names = [f"c{i}" for i in range(10)]
    files = {f"{s}/{c}/0.png": picture((1, 2, 3), (32, 32)) for s in ("train", "test") for c in names}
    path = store(files, "cifar10-images")
    path.rename(root / path.name)
    train_iter, _ = load_data_cifar10(4, device="cpu")
    assert (train_iter.num_examples, train_iter.name) == (10, f"CIFAR-10 (images in {path.name})")
    shutil.move(root / path.name, path)
    wrong_size = {name: picture(0, (31, 32)) for name in files}
    other = store(tree(size=(32, 32)), "cifar100")
    other.rename(root / other.name)
    assert cifar10_images(root) is None
    shutil.move(root / other.name, other)
    for i, wrong in enumerate((tree(size=(32, 32)), wrong_size)):
        other = store(wrong, f"cifar10-other{i}")
        other.rename(root / other.name)
        with pytest.raises(ValueError, match="is named like CIFAR-10 but holds"):
            load_data_cifar10(4, device="cpu")
        shutil.move(root / other.name, other)
