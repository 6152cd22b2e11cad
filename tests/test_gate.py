"""Which frames are worth the detector's energy, on real pictures; laws of light and motion by property."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.boxes import Image
from edge.cameras import Frame
from edge.cameras.pictures import read_picture
from edge.cameras.pixels import small_luma
from edge.config import GateTable, Mode
from edge.gate import (
    GateState,
    Look,
    Skip,
    has_colour,
    hinders,
    is_same_scene,
    is_worth_a_look,
    moved_share,
    sharpness_of,
)
from tests.clocks import SetClock

FRAMES = Path(__file__).parent / "data" / "frames"
CONFIG = GateTable()
LEAF_BGR = read_picture(FRAMES / "rice_bug_on_weed.jpg")
LEAF = small_luma(LEAF_BGR, 320, 240)
OTHER = small_luma(read_picture(FRAMES / "whitefly.jpg"), 320, 240)
HEIGHT_PX, WIDTH_PX = LEAF.shape


def frame_of(luma: Image, at_s: float = 0.0) -> Frame:
    instant = replace(SetClock().now(), monotonic_s=at_s)
    return Frame(np.zeros((2, 2, 3), np.uint8), luma.copy(), instant, "test", 0)


def answer(luma: Image, state: GateState | None = None, at_s: float = 0.0, mode: Mode = "live") -> Look | Skip:
    return is_worth_a_look(frame_of(luma, at_s), state or GateState(), CONFIG, mode)[0]


def judged(image: Image, config: GateTable = CONFIG) -> Look | Skip:
    """Of the whole picture, with its colours."""
    return is_worth_a_look(replace(frame_of(small_luma(image, 320, 240)), image=image), GateState(), config)[0]


def seen(luma: Image, at_s: float = 0.0) -> GateState:
    verdict, state = is_worth_a_look(frame_of(luma, at_s), GateState(), CONFIG)
    assert verdict == Look()
    return state


def lit(luma: Image, light: float) -> Image:
    return np.clip(luma * light, 0, 255).astype(np.uint8)


def blurred(luma: Image, sigma_px: float) -> Image:
    return np.asarray(cv2.GaussianBlur(luma, (0, 0), sigma_px), np.uint8)


def test_the_first_picture_of_a_leaf_is_looked_at() -> None:
    assert answer(LEAF) == Look()


def test_night_is_dark() -> None:
    assert answer(lit(LEAF, 0.05)) == Skip("dark")


@pytest.mark.parametrize("name", sorted(path.name for path in FRAMES.glob("*.jpg")))
def test_a_picture_from_a_camera_s_infrared_is_colourless_under_its_coloured_clock_too(name: str) -> None:
    image = read_picture(FRAMES / name)
    grey = np.asarray(cv2.cvtColor(small_luma(image, *image.shape[1::-1]), cv2.COLOR_GRAY2BGR), np.uint8)
    cv2.putText(grey, "2026-11-28 18:00:00", (8, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 255, 255), 2)
    infrared = cv2.imdecode(cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)
    assert judged(infrared) == Skip("colourless")
    assert judged(image) == Look()


def test_a_fog_in_which_the_white_balance_is_off_by_a_hundredth_has_colour() -> None:
    fog = LEAF[..., None] * 0.2 + 150
    assert judged(np.asarray(fog * (0.99, 1.0, 1.01), np.uint8)) == Look()


@pytest.mark.parametrize("size_px", [(24, 3200), (3200, 24), (1, 200), (1, 1)])
def test_a_picture_however_narrow_is_asked_for_its_colour(size_px: tuple[int, int]) -> None:
    grey = np.full((*size_px, 3), 128, np.uint8)
    assert has_colour(grey + np.array((0, 0, 50), np.uint8), CONFIG.colourless_levels)
    assert not has_colour(grey, CONFIG.colourless_levels)


def test_a_flash_that_lights_a_coloured_twentieth_of_the_night_gives_a_picture_in_colour() -> None:
    night = np.full((240, 320, 3), 12, np.uint8)  # so dark that its own channels tell of no colour
    night[:, :16] = LEAF_BGR[:240, :16]
    assert has_colour(night, CONFIG.colourless_levels)


def test_a_monochrome_camera_works_once_colour_is_not_asked_for() -> None:
    grey = np.repeat(LEAF[..., None], 3, axis=2)
    assert judged(grey, GateTable(colourless_levels=0.0)) == Look()


def test_a_trap_does_without_colour_until_it_has_seen_some() -> None:
    grey, coloured = (replace(frame_of(LEAF), image=image) for image in (np.repeat(LEAF[..., None], 3, 2), LEAF_BGR))
    verdicts, state = [], GateState()
    for frame in (grey, grey, coloured, grey, grey, coloured):
        verdict, state = is_worth_a_look(frame, state, CONFIG, "trap")
        verdicts.append(verdict)
    assert verdicts == [Look(), Look(), Look(), Skip("colourless"), Skip("colourless"), Look()]


def test_the_sun_in_the_lens_is_overexposed() -> None:
    assert answer(np.maximum(LEAF, 240) + np.uint8(10)) == Skip("overexposed")


@pytest.mark.parametrize("grey", [40, 128, 220])
def test_a_covered_lens_is_blocked_though_it_is_not_dark(grey: int) -> None:
    noise = np.random.default_rng(1).normal(grey, 2, LEAF.shape)
    assert answer(noise.clip(0, 255).astype(np.uint8)) == Skip("blocked")


def test_a_scene_in_which_nothing_moved_is_still() -> None:
    assert answer(LEAF, seen(LEAF), at_s=1) == Skip("still")


def test_sensor_noise_is_not_motion() -> None:
    noisy = LEAF + np.random.default_rng(2).normal(0, 4, LEAF.shape)
    assert answer(noisy.clip(0, 255).astype(np.uint8), seen(LEAF), at_s=1) == Skip("still")


def test_an_insect_that_arrived_is_motion() -> None:
    with_insect = LEAF.copy()
    with_insect[100:120, 60:90] = 20
    assert answer(with_insect, seen(LEAF), at_s=1) == Look()


def test_a_still_scene_is_looked_at_now_and_then_so_that_its_zero_has_effort() -> None:
    state = seen(LEAF, at_s=1000)
    assert answer(LEAF, state, at_s=1000 + CONFIG.always_every_s - 1) == Skip("still")
    assert answer(LEAF, state, at_s=1000 + CONFIG.always_every_s) == Look()


def test_nothing_is_still_while_it_is_undecided_who_came_or_left_and_what_is_dark_stays_dark() -> None:
    state = seen(LEAF)
    assert is_worth_a_look(frame_of(LEAF, 1), state, CONFIG, undecided=True)[0] == Look()
    assert is_worth_a_look(frame_of(lit(LEAF, 0.05), 1), state, CONFIG, undecided=True)[0] == Skip("dark")


@pytest.mark.parametrize("mode", ["trap", "leaf"])
def test_a_card_or_a_canopy_is_looked_at_without_motion(mode: Mode) -> None:
    assert answer(LEAF, seen(LEAF), at_s=1, mode=mode) == Look()


@pytest.mark.parametrize("mode", ["live", "trap", "leaf"])
def test_dew_on_the_lens_is_blurred(mode: Mode) -> None:
    assert answer(blurred(LEAF, 4), seen(LEAF), at_s=CONFIG.always_every_s, mode=mode) == Skip("blurred")


def test_dew_is_told_on_a_plant_that_the_wind_has_moved_too() -> None:
    moved = np.roll(LEAF, 12, axis=1)
    assert answer(blurred(moved, 4), seen(LEAF), at_s=CONFIG.always_every_s) == Skip("blurred")


def test_a_scene_with_less_texture_is_another_scene_and_not_a_blurred_one() -> None:
    soft = blurred(OTHER, 2)
    assert sharpness_of(soft, soft.mean()) < CONFIG.blurred_share * sharpness_of(LEAF, LEAF.mean())
    assert answer(soft, seen(LEAF), at_s=1) == Look()


def test_another_scene_sets_its_own_standard_and_is_looked_at_again() -> None:
    soft = blurred(OTHER, 2)
    verdict, state = is_worth_a_look(frame_of(soft, 1), seen(LEAF), CONFIG)
    assert verdict == Look()
    assert answer(soft, state, at_s=1 + CONFIG.always_every_s) == Look()


def test_dew_is_told_however_long_the_node_has_been_up() -> None:
    up_s = 10 * 86400.0
    assert answer(blurred(LEAF, 4), seen(LEAF, at_s=up_s), at_s=up_s + CONFIG.always_every_s) == Skip("blurred")


def test_a_lens_that_gets_softer_with_each_look_does_not_take_its_standard_along() -> None:
    state = seen(LEAF)
    for second, sigma_px in enumerate(np.linspace(0.3, 2, 400), start=1):
        verdict, state = is_worth_a_look(frame_of(blurred(LEAF, float(sigma_px)), second), state, CONFIG, "trap")
    assert verdict == Skip("blurred")


def test_a_picture_that_comes_a_day_late_is_held_against_no_higher_standard() -> None:
    assert answer(LEAF, seen(LEAF, at_s=2 * 86400), at_s=86400, mode="trap") == Look()


def test_half_the_light_is_not_half_the_focus() -> None:
    assert answer(lit(LEAF, 0.5), seen(LEAF), at_s=CONFIG.always_every_s) == Look()


def test_sharpness_is_the_same_in_a_fifth_of_the_light() -> None:
    tiles = np.kron(np.indices((15, 20)).sum(axis=0) % 2, np.ones((16, 16))).astype(np.uint8) * 100 + 100
    dim = lit(tiles, 0.2)
    assert sharpness_of(dim, float(dim.mean())) == pytest.approx(sharpness_of(tiles, float(tiles.mean())))


def test_a_sharp_picture_of_any_scene_is_not_blurred_in_less_light_either_and_out_of_focus_it_is() -> None:
    pictures = [small_luma(read_picture(path), 1280, 1280) for path in sorted(FRAMES.glob("*.jpg"))]
    assert len(pictures) > 5
    assert {hinders(luma, CONFIG) for luma in pictures} == {None}
    assert {hinders(luma // 4, CONFIG) for luma in pictures} == {None}
    assert {hinders(cv2.GaussianBlur(luma, (0, 0), 0.02 * max(luma.shape)), CONFIG) for luma in pictures} == {"blurred"}


@pytest.mark.parametrize(("grey", "reason"), [(5, "dark"), (120, None), (250, "overexposed")])
def test_of_a_bare_wall_the_light_alone_is_told(grey: int, reason: str | None) -> None:
    assert hinders(np.full((480, 640), grey, np.uint8), CONFIG) == reason


def test_a_lens_that_stays_soft_is_looked_through_again_after_a_night() -> None:
    state = seen(LEAF)
    assert answer(blurred(LEAF, 2), state, at_s=3600) == Skip("blurred")
    assert answer(blurred(LEAF, 4), state, at_s=6 * 3600) == Skip("blurred")
    assert answer(blurred(LEAF, 2), state, at_s=24 * 3600) == Look()


def grainy(luma: Image, grain: float) -> Image:
    noise = np.random.default_rng(3).normal(0, grain, luma.shape)
    return (luma + noise).clip(0, 255).astype(np.uint8)


def test_one_picture_full_of_rain_does_not_set_the_standard_for_those_after_it() -> None:
    rain = grainy(LEAF, 8)
    assert sharpness_of(LEAF, LEAF.mean()) < CONFIG.blurred_share * sharpness_of(rain, rain.mean())
    verdict, after = is_worth_a_look(frame_of(rain, 1), seen(LEAF), CONFIG, "trap")
    assert verdict == Look()
    assert answer(LEAF, after, at_s=2, mode="trap") == Look()


def test_an_evening_full_of_grain_sets_no_standard_for_the_morning() -> None:
    dusk, state = grainy(lit(LEAF, 0.2), 3), seen(LEAF)
    assert sharpness_of(LEAF, LEAF.mean()) < CONFIG.blurred_share * sharpness_of(dusk, dusk.mean())
    for minute in range(60):
        verdict, state = is_worth_a_look(frame_of(dusk, minute * 60), state, CONFIG, "trap")
        assert verdict == Look()
    assert answer(LEAF, state, at_s=3600, mode="trap") == Look()


def test_a_skipped_frame_is_not_what_the_next_is_compared_with() -> None:
    state = seen(LEAF)
    for luma in (lit(LEAF, 0.05), np.full_like(LEAF, 128), LEAF, blurred(LEAF, 4)):
        verdict, after = is_worth_a_look(frame_of(luma, 1), state, CONFIG)
        assert isinstance(verdict, Skip)
        assert after is state


def test_a_camera_that_changed_its_size_is_looked_at() -> None:
    assert answer(np.ascontiguousarray(LEAF[:120, :160]), seen(LEAF), at_s=1) == Look()
    upright = np.ascontiguousarray(LEAF[:120])
    assert answer(np.ascontiguousarray(upright.T), seen(upright), at_s=1) == Look()  # turned by a quarter


@given(light=st.floats(0.4, 1.15))
@settings(deadline=None, max_examples=40)
def test_a_cloud_that_passes_is_not_motion(light: float) -> None:
    darker = LEAF // 2 + 30  # so that 1.15 of it does not clip
    assert moved_share(lit(darker, light), darker) <= CONFIG.moved_share


def test_the_grain_of_a_dark_picture_is_not_motion_beside_a_bright_one() -> None:
    dark = grainy(lit(LEAF, 0.3), 3)
    assert moved_share(dark, LEAF) <= CONFIG.moved_share
    assert moved_share(LEAF, dark) <= CONFIG.moved_share


@given(
    left=st.integers(0, WIDTH_PX - 24),
    top=st.integers(0, HEIGHT_PX - 24),
    light=st.floats(0.6, 1.1),
    step=st.sampled_from([-70, 70]),
)
@settings(deadline=None, max_examples=40)
def test_what_covers_enough_pixels_is_motion_wherever_it_is_and_whatever_the_light(
    left: int, top: int, light: float, step: int
) -> None:
    scene = LEAF // 2 + 60
    changed = scene.astype(np.int16)
    changed[top : top + 24, left : left + 24] += step
    assert moved_share(lit(changed.clip(0, 255), light), scene) > CONFIG.moved_share


def test_an_insect_hardly_darker_than_its_leaf_is_motion() -> None:
    leaf = np.full((HEIGHT_PX, WIDTH_PX), 120, np.uint8)
    with_insect = leaf.copy()
    with_insect[100:108, 60:68] -= 18
    assert moved_share(with_insect, leaf) > CONFIG.moved_share


@given(light=st.floats(0.3, 1.0), sigma_px=st.floats(0.5, 8))
@settings(deadline=None, max_examples=30)
def test_a_scene_is_known_again_in_other_light_and_out_of_focus(light: float, sigma_px: float) -> None:
    assert is_same_scene(blurred(lit(LEAF, light), sigma_px), LEAF)


def test_two_scenes_are_told_apart() -> None:
    pictures = [small_luma(read_picture(path), 320, 240) for path in sorted(FRAMES.glob("*.jpg"))]
    alike = [(i, j) for i, a in enumerate(pictures) for j, b in enumerate(pictures) if i < j and is_same_scene(a, b)]
    assert alike == []


@given(sigma_px=st.floats(0.5, 8))
@settings(deadline=None, max_examples=30)
def test_blur_never_sharpens(sigma_px: float) -> None:
    assert sharpness_of(blurred(LEAF, sigma_px), LEAF.mean()) <= sharpness_of(LEAF, LEAF.mean())
