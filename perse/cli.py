"""`python -m perse …`: build, look at, render, film, export and measure avatars."""

import argparse
import json
import sys
import threading
import time
from pathlib import Path

from .edit_options import add_edit_options, controls_from
from .errors import BuildCancelled, PerseError
from .terminal import print_anything
from .video_options import TABLES, add_video_options, planned


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 on success, 2 with one line on standard error for bad input."""
    print_anything()
    try:
        args = parser().parse_args(argv)
        args.run(args)
        return 0
    except PerseError as error:
        print(f"perse: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, BuildCancelled):
        print("perse: stopped.", file=sys.stderr)
        return 130


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line, without the usage."""

    def error(self, message: str):
        raise PerseError(f"{message} (see {self.prog} --help).")


def parser() -> argparse.ArgumentParser:
    """Every command with its options; PerseError for a line that does not fit."""
    whole = _Parser(prog="perse", description="An editable 3D Gaussian head avatar from one portrait.")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    build = commands.add_parser("build", help="photo(s) -> avatar file(s); `accelerate launch -m perse build …` spreads them over GPUs")
    build.add_argument("photos", nargs="+", metavar="PHOTO")
    build.add_argument("-o", "--output", required=True, help="avatar file, or a folder for several photos")
    build.add_argument("--synthesizer", default="auto", help="auto, procedural or diffusion")
    build.add_argument(
        "--budget", type=float, help="seconds a build takes at most (default 25), beside those few that a face cannot do without"
    )
    build.add_argument("--device", default="auto", help="auto, cpu or cuda")
    build.add_argument("--seed", type=int, default=0)
    build.add_argument(
        "--describe",
        action="append",
        default=[],
        metavar="[CATEGORY:]WORDS",
        help='one more style in your own words, for example "curly red hair" (diffusion synthesizer)',
    )
    build.add_argument(
        "--face", type=int, metavar="N", help="of several faces in a photo, counted from left to right (default: the largest)"
    )
    build.add_argument("--again", action="store_true", help="several photos: build also those whose avatar is complete")
    build.add_argument("--no-interpolation", action="store_true", help="train without interpolated faces, to measure what they do")
    build.set_defaults(run=_build)

    info = commands.add_parser("info", help="what an avatar offers, as JSON")
    info.add_argument("avatar")
    info.set_defaults(run=_info)

    render = commands.add_parser("render", help="one picture")
    add_edit_options(render)
    render.add_argument("--framing", default="head", help="head or source")
    render.set_defaults(run=_render)

    video = commands.add_parser("video", help="a video")
    add_edit_options(video)
    add_video_options(video)
    video.set_defaults(run=_video)

    export = commands.add_parser(
        "export",
        help="for other viewers: .ply, .glb (a mesh with ARKit's shapes), .html (a page that needs nobody) or .live (what it reads)",
    )
    add_edit_options(export)
    export.add_argument(
        "--all-properties", action="store_true", help=".ply: with 45 zeros a Gaussian, 62 properties, which some readers demand"
    )
    export.add_argument("--y-up", action="store_true", help=".ply: upright where y points up (Blender, three.js); without it y points down")
    export.set_defaults(run=_export)

    look = commands.add_parser("look", help="keep edits as a look: a JSON file for --look and for the page")
    add_edit_options(look)
    look.set_defaults(run=_look)

    sheet = commands.add_parser("sheet", help="a contact sheet: views, expressions, styles")
    sheet.add_argument("avatar")
    sheet.add_argument("-o", "--output", required=True)
    sheet.add_argument("--size", type=int, default=256, help="side of one picture")
    sheet.set_defaults(run=_sheet)

    evaluate = commands.add_parser("evaluate", help="self-reenactment of a real clip, as JSON")
    evaluate.add_argument("clip", metavar="CLIP", help="its first frame is the portrait, the rest drives it")
    evaluate.add_argument("--size", type=int, help="longer side at which pictures are compared (default: the clip's)")
    evaluate.add_argument("--budget", type=float, help="seconds the build may take")
    evaluate.add_argument("--device", default="auto", help="auto, cpu or cuda")
    evaluate.add_argument("--seed", type=int, default=0)
    evaluate.set_defaults(run=_evaluate)

    weights = commands.add_parser("weights", help="pretrained files from the Hub: what, fetch, check, as JSON")
    weights.add_argument(
        "action",
        choices=("list", "fetch", "verify", "check", "preload"),
        help="list; fetch what is missing; verify: hash what is here; check: try small networks on an example; preload: lines for a GPU Space",
    )
    weights.add_argument("names", nargs="*", metavar="NAME", help="models (default: all)")
    weights.set_defaults(run=_weights)

    bench = commands.add_parser("bench", help="measure this machine, as JSON")
    bench.add_argument("--photo", help="portrait to build (default: scikit-image's astronaut)")
    bench.add_argument("--budget", type=float)
    bench.add_argument("--compare", nargs="+", metavar="FILE", help="beside an earlier measurement; with two files nothing is measured")
    bench.add_argument(
        "--attributes",
        action="store_true",
        help="measure the attribute space instead: an avatar with interpolated faces beside one without, built from the photo unless given",
    )
    bench.add_argument("--avatar", metavar="FILE", help="with --attributes: measure this avatar")
    bench.add_argument("--against", metavar="FILE", help="with --avatar: and this one beside it")
    bench.add_argument("--categories", metavar="A,B", help="with --attributes: only these")
    bench.add_argument("--size", type=int, default=256, help="with --attributes: side of the pictures")
    bench.set_defaults(run=_bench)
    return whole


def _pipeline(device: str = "cpu", synthesizer: str = "auto"):
    from .pipeline import PersePipeline

    return PersePipeline.from_pretrained(synthesizer, device)


def _build(args) -> None:
    from .apart import Calls, Died
    from .compile_ahead import libraries
    from .many_portraits import Crew, build_many, take_card
    from .pipeline import PATIENCE, check_budget, choose_device
    from .settings import DEFAULT_BUDGET

    budget = DEFAULT_BUDGET if args.budget is None else args.budget
    check_budget(budget)
    more = {"interpolate": not args.no_interpolation, "describe": args.describe, "patience": PATIENCE if args.budget is None else 1.0}
    output = Path(args.output)
    several = len(args.photos) > 1 or output.is_dir() or args.output.endswith("/")
    if several:
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError:
            raise PerseError(f"Cannot make the folder {args.output!r}.") from None
    elif not output.parent.is_dir():
        raise PerseError(f"There is no folder {str(output.parent)!r}.")
    if not several:
        if args.device != "cpu":
            take_card()
        crew = Crew(cpu=choose_device(args.device).type == "cpu")
        with crew.first_alone():  # what has to be loaded or compiled is, once for each machine
            pipeline = _pipeline(args.device, args.synthesizer)
        threading.Thread(target=libraries, name="perse-libraries").start()  # while the first photo is read
        if crew.rank == 0:
            print(json.dumps(_build_one(pipeline, args.photos[0], output, budget, args.seed, more, {}, args.face), indent=1))
        crew.gather([])
        return
    crew = Crew(cpu=True)  # this process only shares out: the card is for the one that builds
    build = Calls(builder, args.device, args.synthesizer, budget, args.seed, more, args.face)
    try:
        with crew.first_alone():
            synthesizer = build(None)
        settings = {
            "budget": budget,
            "seed": args.seed,
            "synthesizer": synthesizer,
            "interpolated": not args.no_interpolation,
            "described": args.describe,
        }
        summary = build_many(args.photos, output, settings, build, crew, args.again)
    except Died as died:
        raise PerseError(f"The process that builds {died.how}, before it had begun.") from None
    finally:
        build.close()
    if summary is not None:
        print(json.dumps(summary, indent=1))
        if summary["failed"]:
            raise PerseError(f"{len(summary['failed'])} of {len(args.photos)} photos could not be built.")


def builder(device: str, synthesizer: str, budget: float, seed: int, options: dict, face: int | None):
    """What builds one portrait after the other in a process of its own (`apart.Calls`): a job of `many_portraits` -> its row; None -> the
    synthesizer's name, once all is loaded."""
    from .compile_ahead import libraries
    from .many_portraits import take_card

    if device != "cpu":
        take_card()
    pipeline = _pipeline(device, synthesizer)
    threading.Thread(target=libraries, name="perse-libraries").start()  # while the first photo is read

    def build(job):
        if job is None:
            return pipeline.synthesizer.name
        return _build_one(pipeline, job.photo, job.target, budget, seed, options, {"settings": job.settings}, face)

    return build


def _build_one(pipeline, photo: str, target: Path, budget: float, seed: int, options: dict, told: dict, face: int | None) -> dict:
    """options: further arguments of `PersePipeline.build`; told: further entries of the build report."""
    start = time.monotonic()
    portrait = pipeline.prepare(photo, face=face)
    if len(portrait.faces) > 1:
        print(
            f"perse: note: face {portrait.chosen + 1} of {len(portrait.faces)}, from left to right; --face N takes another.",
            file=sys.stderr,
        )
    for hint in portrait.quality:
        print(f"perse: note: {hint.message}", file=sys.stderr)
    avatar = pipeline.build(portrait, budget, seed, _progress_lines(), **options)
    avatar.report.build |= told
    pipeline.save(avatar, target)
    return {
        "avatar": str(target),
        "seconds": round(time.monotonic() - start, 1),
        "bytes": target.stat().st_size,
        **avatar.report.build,
        "quality": avatar.report.quality,
    }


def _progress_lines():
    """progress(share, text, preview=None) for a person at a terminal: a line when something else is done, and one at the end."""
    shown = [None]

    def progress(share, text, preview=None):
        if sys.stderr.isatty() and text != shown[0] or share == 1.0:
            shown[0] = text
            print(f"perse: {100 * share:3.0f} % {text}", file=sys.stderr)

    return progress


def _info(args) -> None:
    pipeline = _pipeline()
    info = pipeline.info(pipeline.load(args.avatar))
    info["bytes"] = Path(args.avatar).stat().st_size
    print(json.dumps(info, indent=1))


def _render(args) -> None:
    from .files import write_atomically
    from .render.picture import encode_picture

    pipeline = _pipeline()
    avatar = pipeline.load(args.avatar)
    controls = controls_from(args, avatar)
    picture = pipeline.render(avatar, controls, args.size, _background(args), args.framing)
    write_atomically(args.output, encode_picture(picture, Path(args.output).suffix))


def _video(args) -> None:
    from .files import write_atomically

    pipeline = _pipeline()
    avatar = pipeline.load(args.avatar)
    motion = planned(args, avatar, controls_from(args, avatar), _progress_lines())
    for note in pipeline.video(avatar, motion, args.output, args.size, _background(args), args.framing):
        print(f"perse: note: {note}", file=sys.stderr)
    if args.csv:
        write_atomically(args.csv, TABLES[args.csv_format](motion).encode())


def _background(args) -> str:
    """What was asked for, or what goes with the framing: in the photo's own frame the photo."""
    return args.background or ("original" if args.framing == "source" else "grey")


def _export(args) -> None:
    pipeline = _pipeline()
    avatar = pipeline.load(args.avatar)
    pipeline.export(avatar, controls_from(args, avatar), args.output, args.all_properties, args.y_up)


def _look(args) -> None:
    from .controls import write_look

    write_look(controls_from(args, _pipeline().load(args.avatar)), args.output)


def _sheet(args) -> None:
    from .bench.sheet import contact_sheet
    from .files import write_atomically
    from .render.picture import encode_picture

    picture = contact_sheet(_pipeline().load(args.avatar), args.size)
    write_atomically(args.output, encode_picture(picture, Path(args.output).suffix))


def _evaluate(args) -> None:
    from .evaluate import evaluate

    print(json.dumps(evaluate(_pipeline(args.device), args.clip, args.size, args.budget, args.seed), indent=1))


def _weights(args) -> None:
    from . import hub, pretrained

    models = [pretrained.find(name) for name in args.names] or list(pretrained.MODELS)
    if args.action == "preload":
        print("\n".join(["preload_from_hub:", *(f"  - {line}" for line in pretrained.preload(models if args.names else None))]))
    elif args.action == "check":
        print(json.dumps(_checked([m.name for m in models]), indent=1))
    elif args.action == "list":
        print(
            json.dumps(
                [
                    {
                        "name": m.name,
                        "repo": m.repo,
                        "revision": m.revision,
                        "files": len(m.files),
                        "bytes": m.size,
                        "licence": m.licence,
                        "purpose": m.purpose,
                        "used_by": m.used_by,
                        "doubts": m.doubts,
                        "small": m.small,
                        "here": str(here) if (here := hub.local(m)) else None,
                    }
                    for m in models
                ],
                indent=1,
            )
        )
    elif args.action == "fetch":
        print(json.dumps([{"name": m.name, "folder": str(hub.fetch(m)), "bytes": m.size} for m in models], indent=1))
    else:
        found = [hub.verify(m) for m in models]
        print(json.dumps(found, indent=1))
        if bad := [f["name"] for f in found if f["problems"]]:
            raise PerseError(f"Missing or damaged: run `python -m perse weights fetch {' '.join(bad)}`.")


def _checked(names: list[str]) -> list[dict]:
    """What the small networks that are here show on the example."""
    from .portrait import networks

    found = [(name, networks.tried(name)) for name in names if name in networks.KINDS]
    return [
        {"name": name, "here": t is not None}
        | (
            {}
            if t is None
            else {"serves": t.network is not None, "told": t.told, "figures": {k: round(v, 3) for k, v in t.figures.items()}}
        )
        for name, t in found
    ]


def _bench(args) -> None:
    if not args.attributes:
        from .bench import bench

        earlier = [bench.read(path) for path in args.compare or ()]
        if len(earlier) > 2:
            raise PerseError("Two measurements can be compared, not more.")
        told = earlier[1] if len(earlier) == 2 else bench.run(args.photo, args.budget)
        if earlier:
            compared = bench.compare(earlier[0], told)
            print(bench.lines(compared), file=sys.stderr)
            told = compared if len(earlier) == 2 else {**told, "compared": compared}
        print(json.dumps(told, indent=1))
        return
    from .evaluate.side_by_side import side_by_side

    categories = args.categories.split(",") if args.categories else None
    print(json.dumps(side_by_side(_pipeline(), args.photo, args.budget, args.avatar, args.against, categories, args.size), indent=1))
