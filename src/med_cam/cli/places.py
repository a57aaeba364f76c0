"""What a run explains: each image whole, a region of each slide, or its tiles."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from med_cam.classifiers.slide_scale import unscaled
from med_cam.cli.inputs import Ready
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.private import Place
from med_cam.cli.run import Failure, failure_of, report
from med_cam.cli.screen import Screen, row
from med_cam.errors import ConfigError, MedCamError
from med_cam.images.find import result_names
from med_cam.images.part import Part, Region, region_of
from med_cam.images.slide import opened, refuse_beyond_edge, scale_of
from med_cam.images.slide_tiles import SlideTiles, tiles_of


def refuse_unfit_region(options: ExplainOptions) -> None:
    """Check what is asked for of slides, before anything is loaded.

    Raises:
        ConfigError: the region is none, or a resolution is given without one.
    """
    if options.region is not None:
        region_of(options.region)
    given = options.mpp is not None or options.slide_mpp is not None
    if given and options.region is None and not options.tiles:
        raise ConfigError(
            "--mpp and --slide-mpp are of slides; say what is to be read of them with --region "
            "X,Y,W,H or --tiles, or leave them out"
        )


def places_of(
    options: ExplainOptions, ready: Ready, paths: Sequence[Path], screen: Screen
) -> tuple[list[Place], list[Failure]]:
    """What is to be explained, and the slides that cannot be read."""
    names = result_names(paths, options.images or ())
    images = [Place(path, name, ready.part) for path, name in zip(paths, names, strict=True)]
    if options.region is None and not options.tiles:
        return images, []
    found: list[Place] = []
    failures: list[Failure] = []
    with row(screen.bar, "looking at the slides"):
        for image in images:
            try:
                found += regions_of(options, ready, image, screen)
            except MedCamError as error:
                failures.append(failure_of(error, where=str(image.path)))
                report(failures[-1], screen)
    return found, failures


def regions_of(
    options: ExplainOptions, ready: Ready, image: Place, screen: Screen
) -> Iterator[Place]:
    """The region of a slide that was named, or its tiles.

    Raises:
        ImageError: there is no such region, or no tile that shows tissue.
    """
    name, region = str(image.path), None if options.region is None else region_of(options.region)
    with opened(image.path) as slide:
        part = replace(
            image.part,
            region=region or (0, 0, *slide.dimensions),
            mpp=options.mpp,
            slide_mpp=options.slide_mpp,
        )
        if options.tiles:
            tiles = tiles_of(slide, part, unscaled(ready.classifier), name)
            screen.say(tiles_line(name, tiles))
            regions, downsample = tiles.regions, tiles.downsample
        else:
            refuse_beyond_edge(slide, part.region or region_of(""), name)
            regions = (part.region,) if part.region else ()
            downsample = sum(scale_of(slide, part, name).downsample) / 2
    for one in regions:
        yield placed(image, replace(part, region=one), one, downsample)


def placed(image: Place, part: Part, region: Region, downsample: float) -> Place:
    """One region of a slide, called as QuPath calls tiles."""
    x, y, width, height = region
    scaled = f"d={f'{downsample:.5f}'.rstrip('0').rstrip('.')}," if downsample != 1 else ""
    tile = f"[{scaled}x={x},y={y},w={width},h={height}]"
    return replace(image, stem=f"{image.stem} {tile}", part=part, tile=tile)


def tiles_line(name: str, tiles: SlideTiles) -> str:
    """How many tiles there are, of which size, and what was left out."""
    width, height = tiles.side
    at = "" if tiles.mpp is None else f", {tiles.mpp:g} microns per pixel"
    glass = tiles.count - len(tiles.regions)
    columns, rows = tiles.rest
    rest = (
        f"; {columns:,} columns and {rows:,} rows at the edge fill none" if any(tiles.rest) else ""
    )
    return (
        f"{name}: {tiles.count:,} tiles of {width:,} x {height:,} pixels of the full resolution"
        f"{at}; {glass:,} left out that show only glass{rest}."
    )
