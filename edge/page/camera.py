"""The camera and the gate in sentences."""

from collections.abc import Mapping
from datetime import timedelta

from edge.clock import Instant
from edge.page.now.situation import age_s
from edge.page.tones import Line, Said, Tone, line
from edge.page.words import Moments, ago, gettext, listed, ngettext, number
from edge.status import CameraStatus, Snapshot


def camera_line(snapshot: Snapshot, now: Instant, when: Moments, blind: Said | None, *, is_fed: bool) -> Line:
    """The camera and the gate. `blind`: colour, sentence and what to do where it gives none that are of use."""
    camera = snapshot.camera
    states: Mapping[str, tuple[Tone, str]] = {
        "starting": ("wait", gettext("The camera is starting.")),
        "ok": ("calm", gettext("The camera gives pictures.")),
        "stalled": ("stop", gettext("The camera has stopped giving pictures; the node opens it again.")),
        "repeating": ("stop", gettext("The camera repeats one picture; the node opens it again.")),
        "missing": ("stop", gettext("The camera does not answer.")),
        "ended": ("wait", gettext("All pictures of the folder or film have been shown.")),
    }
    tone, sentence = states[camera.state]
    todo = ""
    if blind is not None and camera.state in ("starting", "ok", "missing"):
        tone, sentence, todo = blind
    elif is_fed and tone == "calm" and camera.last_frame is None and not camera.detail:  # its pictures are counted
        sentence = gettext("No new pictures have been copied since %(time)s.", time=when.at(snapshot.started.utc))
    elif tone == "calm" and camera.banded:
        tone, sentence = "look", gettext("Lamps draw dark bands across the picture.")
        todo = gettext("Tell your technician: in the settings, the lamps on mains have to be those of this place.")
    pictures = ngettext(
        "%(count)s picture since the start, %(looked)s looked at",
        "%(count)s pictures since the start, %(looked)s looked at",
        camera.frames,
        count=number(camera.frames),
        looked=number(camera.looked),
    )
    reopened = ""
    if camera.reopened:
        reopened = ngettext(
            "The camera was opened again %(count)s time",
            "The camera was opened again %(count)s times",
            camera.reopened,
            count=number(camera.reopened),
        )
    return line(
        "camera",
        "camera",
        gettext("Camera"),
        tone,
        sentence,
        last_picture(camera, now, when, is_fed=is_fed),
        pictures,
        skipped_sentence(camera.skipped),
        reopened,
        _speed(camera.ms_per_frame),
        detail=camera.detail,
        todo=todo,
    )


def last_picture(camera: CameraStatus, now: Instant, when: Moments, *, is_fed: bool) -> str:
    """The age of the last picture, by the clock that never jumps where it can be had; of a fed one, since it came."""
    if camera.last_frame is None:
        return gettext("No picture yet")
    same_boot = camera.last_frame.boot_id == now.boot_id
    passed = ago(age_s(camera, now)) if same_boot else when.ago(camera.last_frame.utc)
    return age_words(passed, is_fed=is_fed)


def age_words(passed: str, *, is_fed: bool) -> str:
    """How long ago the last picture was taken, or copied into a fed folder."""
    return gettext("Last picture copied %(ago)s", ago=passed) if is_fed else gettext("Last picture %(ago)s", ago=passed)


def taken(camera: CameraStatus, now: Instant, when: Moments) -> str:
    """Date and time of the last picture, for whoever reads the page later; empty before the first."""
    if camera.last_frame is None:
        return ""
    return when.dated(now.utc - timedelta(seconds=age_s(camera, now)), with_year=False)


def skipped_sentence(skipped: Mapping[str, int]) -> str:
    """How many pictures were not looked at, and why."""
    reasons = [f"{number(count)} {reason_word(reason)}" for reason, count in sorted(skipped.items()) if count]
    return gettext("Not looked at: %(reasons)s", reasons=listed(reasons)) if reasons else ""


def reason_word(reason: str) -> str:
    """Why a picture was not looked at. An unknown reason is shown as it is."""
    return reason_words().get(reason, reason)


def reason_words() -> Mapping[str, str]:
    """The word for each known reason."""
    return {
        "still": gettext("nothing moved"),
        "dark": gettext("too dark"),
        "overexposed": gettext("too bright"),
        "colourless": gettext("without colour (infrared)"),
        "blurred": gettext("not sharp"),
        "blocked": gettext("lens covered"),
        "truncated": gettext("incomplete"),
        "damaged": gettext("damaged"),
        "empty": gettext("empty"),
        "format": gettext("in an unknown format"),
        "not_an_image": gettext("no picture at all"),
        "too_large": gettext("too large"),
        "too_small": gettext("too small"),
        "unreadable": gettext("unreadable"),
        "too_late": gettext("came too late"),
        "unmatched": gettext("sticky card not recognised"),
        "board": gettext("calibration board on the card"),
        "no_leaf": gettext("without a green leaf"),
        "not_kept": gettext("memory card takes nothing"),
    }


def _speed(ms_per_frame: float | None) -> str:
    return "" if ms_per_frame is None else gettext("%(ms)s ms for one picture", ms=number(ms_per_frame))
