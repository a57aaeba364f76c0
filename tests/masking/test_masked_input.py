"""What is shown is the image, what is hidden the baseline or what is painted in."""

import torch

from masking.scenes import fresh, scene
from med_cam.masking.masked_input import masked_input
from med_cam.masking.samplers import baseline


def test_a_masked_input_over_grey_is_the_papers_product():
    s, mask = scene(), torch.rand(1, 1, 20, 30)
    e = masked_input(s.x, mask, baseline("grey", s, fresh()))
    torch.testing.assert_close(e, mask * s.x)


def test_a_masked_input_shows_the_image_inside_and_the_baseline_outside():
    s = scene()
    mask = (torch.rand(1, 1, 20, 30) > 0.5).float()
    e = masked_input(s.x, mask, s.others[:1])
    inside = mask.bool().expand_as(e)
    assert torch.equal(e[inside], s.x[inside])
    assert torch.equal(e[~inside], s.others[:1][~inside])


def test_what_is_painted_in_goes_on_as_what_is_shown_and_leaves_it_as_it_is():
    s = scene(16, 16)
    x = torch.full_like(s.x, 0.7)
    x[..., 8:] = -0.4
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 6:10, 1:15] = 1.0
    shown = masked_input(x, mask, baseline("inpainted", s, fresh()))
    assert torch.equal(shown * mask, x * mask)
    assert shown[0, 0, 5, 3] > 0.4  # beside the one half
    assert shown[0, 0, 5, 12] < -0.1  # beside the other
    assert -0.1 < shown[0, 0, 0].mean() < 0.4  # far from both: something of both
    assert shown.amin() >= -0.4 - 1e-5
    assert shown.amax() <= 0.7 + 1e-5


def test_nothing_of_what_is_hidden_is_painted_in():
    s = scene(16, 20)
    mask = (torch.rand(1, 1, 16, 20, generator=fresh()) > 0.5).float()
    drawn = baseline("inpainted", s, fresh())
    other = torch.where(mask.bool(), s.x, torch.rand_like(s.x))
    assert torch.equal(masked_input(s.x, mask, drawn), masked_input(other, mask, drawn))
    assert masked_input(s.x, 0 * mask, drawn).eq(0).all()


def test_a_gradient_reaches_the_mask_through_what_is_painted_in():
    s = scene(8, 8)
    mask = torch.full((1, 1, 8, 8), 0.5, requires_grad=True)
    masked_input(s.x, mask, baseline("inpainted", s, fresh())).square().sum().backward()
    assert mask.grad.isfinite().all()
    assert mask.grad.abs().sum() > 0
