"""A GPU that gives the same bits again, in float32 as a CPU has it.

By itself torch lets a GPU add in any order and round the factors of convolutions to 10 bits
(TF32): the same seed then gives another mask, and probabilities differ in the fourth digit.
"""

import os

import torch

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def repeatable_gpu() -> None:
    """Set torch up so that the same image and seed give the same mask on the same GPU.

    For the whole process, and for good: no thread can have it for itself. Call it before anything
    has run on the GPU. `med-cam` does; in Python it is yours to call. What a classifier runs that
    torch has no repeatable form of is named by a warning of torch.
    """
    os.environ.setdefault(WORKSPACE, ":4096:8")  # cuBLAS reads it when it is first used
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    # Attention in one kernel adds its gradient in any order, whatever the line above says.
    for swift in ("flash", "mem_efficient", "cudnn"):
        getattr(torch.backends.cuda, f"enable_{swift}_sdp")(enabled=False)
