"""`python -m perse …`: build, look at, render, film, export and measure avatars."""

import argparse
import json
import sys
import time
from pathlib import Path

from .controls import Controls
from .errors import BuildCancelled, PerseError


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 on success, 2 with one line on standard error for bad input."""
    try:
        args = _parser().parse_args(argv)
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


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="perse", description="An editable 3D Gaussian head avatar from one portrait.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    build = commands.add_parser("build", help="photo(s) -> avatar file(s)")
    build.add_argument("photos", nargs="+", metavar="PHOTO")
    build.add_argument("-o", "--output", required=True, help="avatar file, or a folder for several photos")
    build.add_argument("--synthesizer", default="auto", help="auto, procedural or diffusion")
    build.add_argument("--budget", type=float, help="seconds a build may take")
    build.add_argument("--device", default="auto", help="auto, cpu or cuda")
    build.add_argument("--seed", type=int, default=0)
    build.set_defaults(run=_build)

    info = commands.add_parser("info", help="what an avatar offers, as JSON")
    info.add_argument("avatar")
    info.set_defaults(run=_info)

    render = commands.add_parser("render", help="one picture")
    _edits(render)
    render.add_argument("--framing", default="head", help="head or source")
    render.set_defaults(run=_render)

    video = commands.add_parser("video", help="a video")
    _edits(video)
    from .motion.presets import PRESETS
    video.add_argument("--motion", help="one of: " + ", ".join(PRESETS))
    video.add_argument("--drive", metavar="CLIP", help="a video whose face drives the avatar")
    video.add_argument("--from", dest="start", metavar="JSON", help="controls at the start, JSON text or file")
    video.add_argument("--to", dest="end", metavar="JSON", help="controls half-way; the clip returns to the start")
    video.add_argument("--fps", type=float)
    video.add_argument("--seconds", type=float)
    video.add_argument("--framing", default="head", help="head or source")
    video.add_argument("--csv", metavar="FILE", help="also write the motion as a table")
    video.set_defaults(run=_video)

    export = commands.add_parser("export", help="Gaussians for other viewers (.ply or .html)")
    _edits(export)
    export.set_defaults(run=_export)

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

    bench = commands.add_parser("bench", help="measure this machine, as JSON")
    bench.add_argument("--photo", help="portrait to build (default: scikit-image's astronaut)")
    bench.add_argument("--budget", type=float)
    bench.set_defaults(run=_bench)
    return parser


def _edits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("avatar")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an attribute, expression or control")
    parser.add_argument("--style", action="append", default=[], metavar="CATEGORY=STYLE[:AMOUNT]")
    parser.add_argument("--controls", metavar="JSON", help="a whole Controls object, JSON text or file")
    for name in ("yaw", "pitch", "roll"):
        parser.add_argument(f"--{name}", type=float, default=0.0, metavar="D")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--background", default="grey", help="white, black, grey, transparent, original or #rrggbb")


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise PerseError(f"{what} must be a number, not {text!r}.") from None
    return value


def _read_controls(text: str) -> Controls:
    if not text.lstrip().startswith("{"):
        try:
            text = Path(text).read_text()
        except (OSError, UnicodeDecodeError):
            raise PerseError(f"Cannot read the controls file {text!r}.") from None
    return Controls.from_json(text)


def controls_from(args, avatar) -> Controls:
    """Controls of --controls, --set, --style and the view options; PerseError for unknown names and bad numbers."""
    data = json.loads((_read_controls(args.controls) if args.controls else Controls()).to_json())
    attributes = {a.name for c in avatar.space.categories.values() for a in c.axes}
    expressions = set(avatar.expressions())
    for item in args.set:
        name, equals, value = item.partition("=")
        if not equals:
            raise PerseError(f"--set takes NAME=VALUE, not {item!r}.")
        value = _number(value, name)
        if name in attributes:
            data["attributes"][name] = value
        elif name in expressions:
            data["expression"][name] = value
        elif name in data and isinstance(data[name], (int, float)):
            data[name] = value
        else:
            raise PerseError(f"Unknown attribute or expression {name!r}; `info` lists them.")
    for item in args.style:
        category, equals, style = item.partition("=")
        style, colon, amount = style.partition(":")
        if not equals or not style:
            raise PerseError(f"--style takes CATEGORY=STYLE[:AMOUNT], not {item!r}.")
        data["styles"].setdefault(category, {})[style] = _number(amount, item) if colon else 1.0
    for name in ("yaw", "pitch", "roll"):
        if getattr(args, name):
            data[name] = getattr(args, name)
    controls = Controls.from_json(data)
    avatar.state(controls)  # unknown names are told before anything is rendered
    return controls


def _pipeline(device: str = "cpu", synthesizer: str = "auto"):
    from .pipeline import PersePipeline
    return PersePipeline.from_pretrained(synthesizer, device)


def _build(args) -> None:
    from .pipeline import DEFAULT_BUDGET, check_budget
    pipeline = _pipeline(args.device, args.synthesizer)
    budget = DEFAULT_BUDGET if args.budget is None else args.budget
    check_budget(budget)
    output = Path(args.output)
    several = len(args.photos) > 1 or output.is_dir() or args.output.endswith("/")
    if several:
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError:
            raise PerseError(f"Cannot make the folder {args.output!r}.") from None
    elif not output.parent.is_dir():
        raise PerseError(f"There is no folder {str(output.parent)!r}.")
    results, failures = [], []
    for photo in args.photos:
        target = output / f"{Path(photo).stem}.safetensors" if several else output
        try:
            results.append(_build_one(pipeline, photo, target, budget, args.seed))
        except PerseError as error:
            if not several:
                raise
            failures.append({"photo": photo, "error": str(error)})
            print(f"perse: {photo}: {error}", file=sys.stderr)
    print(json.dumps({"avatars": results, "failed": failures} if several else results[0], indent=1))
    if failures:
        raise PerseError(f"{len(failures)} of {len(args.photos)} photos could not be built.")


def _build_one(pipeline, photo: str, target: Path, budget: float, seed: int) -> dict:
    start = time.monotonic()
    portrait = pipeline.prepare(photo)
    for hint in portrait.quality:
        print(f"perse: note: {hint.message}", file=sys.stderr)
    shown = [None]

    def progress(share, text, preview=None):
        if sys.stderr.isatty() and text != shown[0] or share == 1.0:
            shown[0] = text
            print(f"perse: {100 * share:3.0f} % {text}", file=sys.stderr)

    avatar = pipeline.build(portrait, budget, seed, progress)
    pipeline.save(avatar, target)
    return {"avatar": str(target), "seconds": round(time.monotonic() - start, 1), "bytes": target.stat().st_size,
            **avatar.report.build, "quality": avatar.report.quality}


def _info(args) -> None:
    pipeline = _pipeline()
    info = pipeline.info(pipeline.load(args.avatar))
    info["bytes"] = Path(args.avatar).stat().st_size
    print(json.dumps(info, indent=1))


def _render(args) -> None:
    from .files import write_atomically
    from .pipeline import encode_picture
    pipeline = _pipeline()
    avatar = pipeline.load(args.avatar)
    controls = controls_from(args, avatar)
    picture = pipeline.render(avatar, controls, args.size, args.background, args.framing)
    write_atomically(args.output, encode_picture(picture, Path(args.output).suffix))


def _video(args) -> None:
    from .files import write_atomically
    from .motion.motion import between
    from .motion.presets import PRESETS, preset_motion
    from .motion.table import motion_csv
    pipeline = _pipeline()
    avatar = pipeline.load(args.avatar)
    edit = controls_from(args, avatar)
    ways = [bool(args.motion), bool(args.drive), bool(args.start or args.end)]
    if sum(ways) != 1:
        raise PerseError("Choose one of --motion, --drive, or --from with --to.")
    if args.seconds is not None and not 0.1 <= args.seconds <= 600:
        raise PerseError(f"The length must lie between 0.1 and 600 seconds, not {args.seconds:g}.")
    if args.fps is not None and not 1 <= args.fps <= 60:
        raise PerseError(f"The frame rate must lie between 1 and 60, not {args.fps:g}.")
    fps = args.fps or 25.0
    if args.motion:
        if args.motion not in PRESETS:
            raise PerseError(f"Unknown motion {args.motion!r}; known are: {', '.join(PRESETS)}.")
        motion = preset_motion(args.motion, edit, args.seconds, fps)
    elif args.drive:
        from .motion.drive import drive
        motion = drive(avatar, args.drive, edit, args.fps, args.seconds)
    else:
        from .motion.motion import overlay
        ends = [overlay(edit, _read_controls(text)) if text else edit for text in (args.start, args.end)]
        for end in ends:
            avatar.state(end)
        motion = between(*ends, args.seconds or 4.0, fps)
    pipeline.video(avatar, motion, args.output, args.size, args.background, args.framing)
    if args.csv:
        write_atomically(args.csv, motion_csv(motion).encode())


def _export(args) -> None:
    pipeline = _pipeline()
    avatar = pipeline.load(args.avatar)
    pipeline.export(avatar, controls_from(args, avatar), args.output)


def _sheet(args) -> None:
    from .files import write_atomically
    from .pipeline import encode_picture
    from .sheet import contact_sheet
    picture = contact_sheet(_pipeline().load(args.avatar), args.size)
    write_atomically(args.output, encode_picture(picture, Path(args.output).suffix))


def _evaluate(args) -> None:
    from .evaluate import evaluate
    print(json.dumps(evaluate(_pipeline(args.device), args.clip, args.size, args.budget, args.seed), indent=1))


def _bench(args) -> None:
    from .bench import run
    print(json.dumps(run(args.photo, args.budget), indent=1))
