"""The arguments that a classifier folder may give to an architecture of a model zoo.

The zoos take more: files and addresses to load weights from, layers and functions by name. So
those that only shape the network are listed here, and their values are numbers, words, and short
lists of them. Whoever needs another one writes a factory, whose code is seen to be code.
"""

import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from med_cam.errors import ClassifierError

TIMM = frozenset(
    re.findall(
        r"\w+",
        """
    num_classes in_chans global_pool img_size patch_size output_stride
    drop_rate drop_path_rate proj_drop_rate attn_drop_rate pos_drop_rate patch_drop_rate
    drop_block_rate head_drop_rate
    embed_dim embed_dims dims depth depths num_heads head_dim mlp_ratio mlp_ratios width widths
    channels layers stages width_mult width_factor depth_mult channel_multiplier channel_divisor
    num_features head_hidden_size stem_size stem_width stem_type stem_chs base_width cardinality
    groups reduction bottle_ratio expand_ratio kernel_size kernel_sizes
    window_size window_ratio mask_unit_size always_partition strict_img_size
    dynamic_img_size dynamic_img_pad class_token no_embed_class reg_tokens num_reg_tokens
    qkv_bias qkv_fused qk_norm init_values ls_init_value layer_scale_init_value head_init_scale
    fc_norm use_fc_norm final_norm pre_norm head_norm head_norm_first norm_eps
    swiglu_mlp scale_mlp scale_mlp_norm use_abs_pos_emb use_rel_pos_bias use_rot_pos_emb
    pos_embed rope_type rope_temperature rel_pos_type
    pad_type bn_eps bn_momentum bn_tf fix_stem fix_init zero_init_last weight_init
    conv_bias head_bias avg_down replace_stem_pool distilled deploy use_lab
    act_layer norm_layer aa_layer aux_logits
    """,
    )
)
TORCHVISION = frozenset(
    re.findall(
        r"\w+",
        """
    num_classes image_size input_size patch_size hidden_dim mlp_dim num_layers num_heads
    dropout attention_dropout stochastic_depth_prob representation_size
    width_mult depth_mult growth_rate bn_size drop_rate num_init_features memory_efficient
    groups width_per_group zero_init_residual replace_stride_with_dilation
    aux_logits transform_input init_weights version round_nearest reduced_tail dilated
    layer_scale embed_dim depths window_size mlp_ratio head_dim partition_size
    """,
    )
)
LARGEST = 2**16  # of a number; no architecture has layers that wide
LONGEST = 64  # letters of a word, entries of a list
WORD = re.compile(rf"[A-Za-z0-9_]{{0,{LONGEST}}}")


def checked(arguments: Mapping[str, Any], *, known: frozenset[str], zoo: str) -> dict[str, Any]:
    """The arguments, all of which shape the network and load nothing.

    Raises:
        ClassifierError: if one is not known to, or its value is not a number, a word, or a short
            list of them.
    """
    for key, value in arguments.items():
        if key not in known:
            near = get_close_matches(key, known, n=1)
            instead = f"did you mean {near[0]!r}" if near else "leave it out"
            raise ClassifierError(
                f"The argument {key!r} is not one that a classifier folder may give to {zoo}: "
                f"only those that shape the network are, and none that loads or fetches "
                f'anything; {instead}, or build the module in architecture = "factory:...".'
            )
        if not _plain(value):
            raise ClassifierError(
                f"The argument {key!r} must be a number up to {LARGEST}, a word of letters and "
                f"digits, or a list of up to {LONGEST} of them, got {str(value)[:LONGEST]!r}."
            )
    return dict(arguments)


def _plain(value: object) -> bool:
    """Whether it is a number, a word, or a list of them, which may lie in a list once more."""
    if isinstance(value, list):
        entries = [e for v in value for e in (v if isinstance(v, list) else [v])]
        return len(entries) <= LONGEST and all(_single(entry) for entry in entries)
    return _single(value)


def _single(value: object) -> bool:
    if isinstance(value, str):
        return WORD.fullmatch(value) is not None
    if isinstance(value, int | float):
        return (isinstance(value, int) or math.isfinite(value)) and abs(value) <= LARGEST
    return False
