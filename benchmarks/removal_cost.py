"""What a pass under a removal inside the network costs, beside a plain pass.

    python benchmarks/removal_cost.py [--nets mobilenetv2_100,...] [--batches 1,16] [--rounds 5]
        [--backward] [--threads 1]

Networks of timm with random weights, under smooth random masks of half of the image, a mask for
each image. Each round makes a plain pass and a masked one in turn, so that whatever else runs on
the machine slows both; what is counted is processor time, which waiting does not lengthen. The
table has the fastest of each in milliseconds, and their quotient. With --backward also forward
and backward: the plain pass with the gradient to the image, the masked one with that to the mask,
as the search makes them.
"""

import argparse
import time
from collections.abc import Callable

import torch
from command import parser_of, printed
from torch import Generator, Tensor, nn

from med_cam.classifiers.compat import import_timm
from med_cam.removal.hidden import Hidden
from med_cam.removal.masked_pass import masked_pass
from med_cam.report.text_table import aligned

NETS = {
    "mobilenetv2_100": "layer_masking",
    "mobilenetv3_large_100": "layer_masking",
    "resnet18": "layer_masking",
    "densenet121": "layer_masking",
    "efficientnet_b0": "layer_masking",
    "convnext_tiny": "layer_masking",
    "inception_v3": "layer_masking",
    "deit_tiny_patch16_224": "dropped_tokens",
    "vit_medium_patch16_reg4_gap_256": "dropped_tokens",
}
CELLS = 5  # a side of the random masks


def main() -> int:
    """Measure, print the table."""
    parser = parser_of(__doc__)
    parser.add_argument("--nets", default=",".join(NETS))
    parser.add_argument("--batches", default="1,16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backward", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return printed(parser, lambda: report(options))


def report(options: argparse.Namespace) -> str:
    """The table: a row for each network, batch and direction."""
    directions = (False, True) if options.backward else (False,)
    rows = [
        row(net, int(batch), backward=backward, rounds=options.rounds)
        for net in options.nets.split(",")
        for batch in options.batches.split(",")
        for backward in directions
    ]
    head = ("network", "removal", "batch", "passes", "plain", "masked", "times")
    return aligned((head, *rows), left=(0, 1, 3))


def row(name: str, batch: int, *, backward: bool, rounds: int) -> tuple[str, ...]:
    """One network at one size of batches."""
    net, side = network(name)
    x = torch.randn(batch, 3, side, side, generator=Generator().manual_seed(1))
    masks = smooth_masks(batch, side)
    removal = NETS[name]

    def plain() -> None:
        given = x.clone().requires_grad_(backward)
        ended(net(given), backward=backward)

    def masked() -> None:
        given = masks.clone().requires_grad_(backward)
        ended(masked_pass(net, x, Hidden(removal, given)), backward=backward)

    with torch.enable_grad() if backward else torch.no_grad():
        alone, under = alternating((plain, masked), rounds)
    passes = "forward + backward" if backward else "forward"
    figures = f"{1000 * alone:.1f} ms", f"{1000 * under:.1f} ms", f"{under / alone:.2f}"
    return name, removal, str(batch), passes, *figures


def ended(logits: Tensor, *, backward: bool) -> None:
    """The way back, if it is wanted."""
    if backward:
        logits.logsumexp(dim=1).sum().backward()


def alternating(calls: tuple[Callable[[], None], ...], rounds: int) -> tuple[float, ...]:
    """The least processor time of each call, in seconds; the first round only warms up."""
    least = [float("inf")] * len(calls)
    for number in range(rounds + 1):
        for i, call in enumerate(calls):
            begun = time.process_time()
            call()
            if number:
                least[i] = min(least[i], time.process_time() - begun)
    return tuple(least)


def network(name: str) -> tuple[nn.Module, int]:
    """An architecture of timm without weights, and the side of its images."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        net: nn.Module = import_timm().create_model(name, num_classes=4)
    return net.eval().requires_grad_(requires_grad=False), net.pretrained_cfg["input_size"][-1]


def smooth_masks(count: int, side: int) -> Tensor:
    """Masks of half of the image in smooth shapes."""
    field = torch.randn(count, 1, CELLS, CELLS, generator=Generator().manual_seed(0))
    raised = nn.functional.interpolate(field, (side, side), mode="bicubic", align_corners=False)
    return (raised > raised.flatten(1).median(dim=1).values.view(-1, 1, 1, 1)).float()


if __name__ == "__main__":
    raise SystemExit(main())
