"""Which architectures can have a removal inside the network: layer masking or dropped tokens.

    python benchmarks/architectures.py [--nets resnet18,...]

Networks of timm with random weights, none of them zero, so that no layer is without effect. Each
is put to the test of exactness that every explanation makes, under both removals. The table has
a row for each family, with what its networks can have; below it why others can have none.
"""

import argparse
from collections.abc import Iterable, Iterator

import torch
from command import parser_of, printed
from removal_cost import network
from torch import Generator, Tensor, nn

from med_cam.errors import ClassifierError
from med_cam.removal.exactness import refuse_inexact
from med_cam.removal.hidden import Hidden
from med_cam.removal.masked_pass import MODES, masked_pass
from med_cam.report.text_table import aligned

FAMILIES = {
    "ResNet": "resnet18 resnet50 resnet50d seresnet18 ecaresnet26t skresnet18 resnest14d "
    "resnext50_32x4d wide_resnet50_2 res2net50_14w_8s resnetrs50 resnetv2_50 resnetv2_50x1_bit "
    "resnet50_gn resnetblur18 cspresnet50 nf_resnet26",
    "DenseNet, DPN": "densenet121 dpn48b rdnet_tiny",
    "VGG": "vgg11 vgg16_bn repvgg_a0",
    "MobileNet": "mobilenetv1_100 mobilenetv2_050 mobilenetv3_small_050 mobilenetv3_large_075 "
    "mobilenetv4_conv_small mobileone_s0 mnasnet_small semnasnet_075 fbnetc_100 lcnet_050 "
    "hardcorenas_a spnasnet_100",
    "EfficientNet": "efficientnet_b0 efficientnet_lite0 tf_efficientnet_b0 tf_efficientnetv2_b0 "
    "efficientnetv2_rw_t tinynet_e mixnet_s rexnet_100",
    "Inception, Xception": "inception_v3 inception_v4 inception_resnet_v2 xception41 "
    "legacy_xception inception_next_atto",
    "ConvNeXt": "convnext_atto convnext_tiny convnextv2_atto convmixer_768_32",
    "RegNet, DLA, HRNet and others": "regnetx_002 regnety_002 regnetz_b16 dla34 hrnet_w18_small "
    "selecsls42 vovnet39a ese_vovnet19b_dw cspdarknet53 ghostnet_050 gernet_s dm_nfnet_f0 "
    "hgnet_tiny starnet_s1 fasternet_t0 mambaout_femto focalnet_tiny_srf poolformer_s12 "
    "convformer_s18 fastvit_t8 repvit_m0_9",
    "ViT, DeiT, BEiT, DINO": "vit_tiny_patch16_224 deit_tiny_patch16_224 "
    "deit_tiny_distilled_patch16_224 deit3_small_patch16_224 beit_base_patch16_224 "
    "beitv2_base_patch16_224 eva02_tiny_patch14_224 vit_small_patch14_reg4_dinov2 "
    "vit_small_patch16_dinov3 vit_base_patch16_clip_224 vit_base_patch16_siglip_224 "
    "vit_relpos_small_patch16_224",
    "transformers of windows and pyramids": "swin_tiny_patch4_window7_224 swinv2_cr_tiny_224 "
    "pvt_v2_b0 twins_svt_small nest_tiny hiera_tiny_224 xcit_nano_12_p16_224 crossvit_tiny_240 "
    "cait_xxs24_224 volo_d1_224 tnt_s_patch16_224 coat_lite_tiny",
    "convolutions with attention": "mobilevit_xxs mobilevitv2_050 edgenext_xx_small "
    "efficientformer_l1 efficientvit_b0 levit_128s maxvit_rmlp_pico_rw_256 coatnet_pico_rw_224 "
    "caformer_s18 mobilenetv4_hybrid_medium visformer_tiny tiny_vit_5m_224 nextvit_small "
    "vit_tiny_r_s16_p8_224",
    "layers across all places": "mixer_s32_224 resmlp_12_224 gmlp_ti16_224",
}
WITHOUT_EFFECT = 1e-3  # spread of weights that hardly do anything, as of a scale that begins small
LARGEST = 224  # a side, where the architecture takes several


def main() -> int:
    """Test, print the table."""
    parser = parser_of(__doc__)
    parser.add_argument("--nets", help="names of timm; by default the families of the table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    return printed(parser, lambda: report(options))


def report(options: argparse.Namespace) -> str:
    """The table, and what was said of those that can have none."""
    families = {"asked for": options.nets.replace(",", " ")} if options.nets else FAMILIES
    rows, said = [], []
    for family, names in families.items():
        found = {name: dict(tried(name)) for name in names.split()}
        can = {removal: [n for n, why in found.items() if not why[removal]] for removal in MODES}
        neither = [n for n, why in found.items() if all(why.values())]
        counts = (str(len(can[removal])) for removal in MODES)
        rows.append((family, str(len(found)), *counts, ", ".join(neither) or "-"))
        said += [f"{n}: {why}." for n in neither for why in telling(found[n].values())]
    head = ("family", "networks", *MODES, "neither")
    return "\n".join([aligned((head, *rows), left=(0, 4)), "", *said]).rstrip()


def telling(reasons: Iterable[str]) -> list[str]:
    """Why, without the removal that is for another kind of network."""
    return [why for why in reasons if "it is for" not in why]


def tried(name: str) -> Iterator[tuple[str, str]]:
    """Each removal, and why the network cannot have it; empty where it can."""
    net, x = with_effect(name)

    @torch.no_grad()
    def logits(images: Tensor, hidden: Hidden | None = None) -> Tensor:
        return net(images) if hidden is None else masked_pass(net, images, hidden)

    for removal in MODES:
        try:
            refuse_inexact(removal, logits, x, logits(x))
        except ClassifierError as error:
            yield removal, str(error)
        else:
            yield removal, ""


def with_effect(name: str) -> tuple[nn.Module, Tensor]:
    """An architecture of timm with weights that all do something, and an image for it."""
    net, side = network(name)
    generator = Generator().manual_seed(3)
    for values in net.parameters():
        if values.numel() > 1 and values.std() < WITHOUT_EFFECT:
            around = 1 if values.mean().abs() > 1 / 2 else 0
            drawn = torch.randn(values.shape, generator=generator)
            values.data = around + drawn / 10
    side = side if net.pretrained_cfg.get("fixed_input_size") else min(side, LARGEST)
    return net, torch.randn(1, 3, side, side, generator=generator)


if __name__ == "__main__":
    raise SystemExit(main())
