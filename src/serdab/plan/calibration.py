"""Coefficients of speed, fitted by `python tools/calibrate.py FOLDER`: do not edit by hand.

Sources: llama.cpp discussions and benches (2025-11 to 2026-09), kyuz0/amd-strix-halo-toolboxes (2026-08),
XiongjieDai/GPU-Benchmarks-on-LLM-Inference (2024-05, llama.cpp of that month), NVIDIA TensorRT-Edge-LLM 0.8.0 (2026),
LocalScore (2025, llamafile), localmaxxing and llmfit's community (2026), ai-dynamo/aiconfigurator's silicon sample
(2026-08; vLLM 0.12-0.19, SGLang 0.5, TensorRT-LLM 1.0-1.3). Measured rows stay where they are; these are fits to them.
"""

from __future__ import annotations

from datetime import date

from serdab.plan.decoding import DecodeModel
from serdab.plan.first_token import FirstTokenModel
from serdab.plan.prefill import PrefillModel

FITTED_ON = date(2026, 11, 21)

DECODE = DecodeModel(
    common=(1.13319, 1.09967, 1.19491, 0.23617, 0.58698, 0.06249, 0.07198, 0.41891),
    differences={
        "class amd_rdna": (-0.00642, -0.00039, -0.17881, -0.0757, 0.02768, -0.01696, -0.00012, -0.0003),
        "class amd_unified": (-0.00819, 0.01482, 0.02139, 0.07115, 0.07703, 0.04641, -0.00052, 0.00674),
        "class apple": (-0.00829, 0.00908, 0.22764, 0.01661, 0.00093, 0.00071, 0.00112, 0.00828),
        "class cpu": (0.0022, 0.0, 0.00409, 0.0, 0.0, 0.0, 1e-05, 0.0),
        "class intel_arc": (0.01411, 0.00045, 0.21558, 0.0, 0.0, 0.0, 0.00161, 0.00036),
        "class jetson": (0.00355, -0.00167, -0.03356, -0.15176, -0.14104, -0.03423, -0.00136, -0.0008),
        "class nvidia_gddr": (-0.01957, -0.04955, -0.23502, 0.0815, -0.00372, -0.00967, -0.00989, 0.03165),
        "class nvidia_hbm": (0.03876, 0.00053, 0.22245, 0.0, 0.0, 0.0, 0.01985, 0.00192),
        "class nvidia_unified": (-0.00285, 0.01415, -0.07004, 0.00474, -0.01414, 0.00436, -0.00019, 0.00687),
        "edge-llm on jetson": (0.00128, -0.0006, -0.01208, -0.05463, -0.05078, -0.01232, -0.00049, -0.00029),
        "edge-llm on nvidia": (0.00128, -0.0006, -0.01208, -0.05463, -0.05078, -0.01232, -0.00049, -0.00029),
        "engine edge-llm": (0.00355, -0.00167, -0.03356, -0.15176, -0.14104, -0.03423, -0.00136, -0.0008),
        "engine llama.cpp": (-0.01003, -0.03557, -0.19239, 0.10481, 0.1236, -0.01596, 0.00455, 0.02701),
        "engine llama.cpp 2024": (-0.00937, 0.02401, 0.32614, 0.0, 0.0, 0.0, 0.0057, 0.02856),
        "engine llama.cpp vulkan": (0.00151, 0.00074, -0.23669, 0.02847, -0.01067, 0.04236, -0.00138, 1e-05),
        "engine llamafile": (0.02805, 0.0, 0.3599, 0.0, 0.0, 0.0, 0.00311, 0.0),
        "engine lmstudio": (-0.00012, -0.0, -0.00101, 0.0, -0.00049, 0.0, -2e-05, -0.0),
        "engine mlx": (4e-05, 4e-05, -3e-05, -0.00213, -0.00016, -0.00046, -0.0, 3e-05),
        "engine vllm": (-0.00032, -0.00012, -0.04864, -0.03284, -0.02449, -0.00108, -0.0001, -7e-05),
        "llama.cpp 2024 on apple": (0.00415, 0.00316, 0.09004, 0.0, 0.0, 0.0, 0.00162, 0.00296),
        "llama.cpp 2024 on nvidia": (-0.00752, 0.00549, 0.02737, 0.0, 0.0, 0.0, 0.00044, 0.00733),
        "llama.cpp 2024 on nvidia_gddr": (-0.02149, 0.0053, -0.04992, 0.0, 0.0, 0.0, -0.00668, 0.00663),
        "llama.cpp 2024 on nvidia_hbm": (0.01397, 0.00019, 0.0773, 0.0, 0.0, 0.0, 0.00712, 0.00069),
        "llama.cpp on amd": (-0.00127, 0.00509, 0.08782, -0.01189, 0.04154, -0.00464, 0.00074, 0.00245),
        "llama.cpp on amd_rdna": (0.00536, 0.00012, 0.09227, -0.02725, 0.00996, -0.00611, 0.00117, 0.00019),
        "llama.cpp on amd_unified": (-0.00664, 0.00497, -0.00445, 0.01537, 0.03157, 0.00146, -0.00042, 0.00226),
        "llama.cpp on apple": (-0.01335, 0.0001, -0.06944, 0.00675, 0.00057, 0.00042, -0.00161, 2e-05),
        "llama.cpp on nvidia": (0.01101, -0.018, -0.08764, 0.04287, 0.00239, -0.00152, 0.0025, 0.00726),
        "llama.cpp on nvidia_gddr": (0.01204, -0.02309, -0.06242, 0.04116, 0.00748, -0.00309, 0.00257, 0.00479),
        "llama.cpp on nvidia_unified": (-0.00103, 0.00509, -0.02521, 0.00171, -0.00509, 0.00157, -7e-05, 0.00247),
        "llama.cpp vulkan on amd": (-0.00458, 0.00011, -0.16435, 0.01025, -0.00384, 0.01525, -0.00109, -0.00013),
        "llama.cpp vulkan on amd_rdna": (-0.00827, -0.00026, -0.1765, 0.0, 0.0, 0.0, -0.00132, -0.0003),
        "llama.cpp vulkan on amd_unified": (0.00369, 0.00037, 0.01215, 0.01025, -0.00384, 0.01525, 0.00024, 0.00017),
        "llama.cpp vulkan on intel": (0.00508, 0.00016, 0.07761, 0.0, 0.0, 0.0, 0.00058, 0.00013),
        "llama.cpp vulkan on intel_arc": (0.00508, 0.00016, 0.07761, 0.0, 0.0, 0.0, 0.00058, 0.00013),
        "llama.cpp vulkan on nvidia": (5e-05, 0.0, 0.00153, 0.0, 0.0, 0.0, 1e-05, 0.0),
        "llama.cpp vulkan on nvidia_gddr": (5e-05, 0.0, 0.00153, 0.0, 0.0, 0.0, 1e-05, 0.0),
        "llamafile on amd": (0.0006, 0.0, 0.01986, 0.0, 0.0, 0.0, 0.00011, 0.0),
        "llamafile on amd_rdna": (0.0006, 0.0, 0.01986, 0.0, 0.0, 0.0, 0.00011, 0.0),
        "llamafile on apple": (0.00625, 0.0, 0.06173, 0.0, 0.0, 0.0, 0.0004, 0.0),
        "llamafile on cpu": (0.00079, 0.0, 0.00147, 0.0, 0.0, 0.0, 0.0, 0.0),
        "llamafile on nvidia": (0.00246, 0.0, 0.0465, 0.0, 0.0, 0.0, 0.0006, 0.0),
        "llamafile on nvidia_gddr": (0.00247, 0.0, 0.04371, 0.0, 0.0, 0.0, 0.00058, 0.0),
        "llamafile on nvidia_hbm": (-2e-05, 0.0, 0.00279, 0.0, 0.0, 0.0, 2e-05, 0.0),
        "lmstudio on apple": (-4e-05, -0.0, -0.00036, 0.0, -0.00017, 0.0, -1e-05, -0.0),
        "maker amd": (-0.01462, 0.01443, -0.15742, -0.00455, 0.10471, 0.02946, -0.00064, 0.00644),
        "maker apple": (-0.00829, 0.00908, 0.22764, 0.01661, 0.00093, 0.00071, 0.00112, 0.00828),
        "maker cpu": (0.0022, 0.0, 0.00409, 0.0, 0.0, 0.0, 1e-05, 0.0),
        "maker intel": (0.01411, 0.00045, 0.21558, 0.0, 0.0, 0.0, 0.00161, 0.00036),
        "maker nvidia": (0.01989, -0.03654, -0.11617, -0.06552, -0.1589, -0.03954, 0.0084, 0.03964),
        "memory gddr": (-0.01188, -0.04949, -0.19825, 0.0058, 0.02396, -0.02663, -0.0084, 0.03171),
        "memory hbm": (0.03876, 0.00053, 0.22245, 0.0, 0.0, 0.0, 0.01985, 0.00192),
        "memory shared": (-0.01358, 0.03637, 0.14953, -0.05925, -0.07721, 0.01725, -0.00095, 0.02109),
        "mlx on apple": (1e-05, 1e-05, -1e-05, -0.00077, -6e-05, -0.00017, -0.0, 1e-05),
        "vllm on nvidia": (-0.00012, -4e-05, -0.01751, -0.01182, -0.00882, -0.00039, -4e-05, -3e-05),
        "vllm on nvidia_gddr": (-0.00012, -4e-05, -0.01751, -0.01182, -0.00882, -0.00039, -4e-05, -3e-05),
    },
)

#: Logarithms by which 80 of 100 measured speeds lie below and above estimates, device left out.
DECODE_SPAN = (0.3492, 0.08728)

#: Rows behind each group.
DECODE_ROWS = {
    "memory shared": 483,
    "maker amd": 284,
    "class amd_unified": 215,
    "engine llama.cpp": 590,
    "llama.cpp on amd": 205,
    "llama.cpp on amd_unified": 146,
    "maker nvidia": 661,
    "class nvidia_unified": 55,
    "llama.cpp on nvidia": 296,
    "llama.cpp on nvidia_unified": 55,
    "maker apple": 199,
    "class apple": 199,
    "llama.cpp on apple": 178,
    "memory gddr": 645,
    "class nvidia_gddr": 574,
    "llama.cpp on nvidia_gddr": 241,
    "engine llama.cpp vulkan": 75,
    "llama.cpp vulkan on nvidia": 2,
    "llama.cpp vulkan on nvidia_gddr": 2,
    "class amd_rdna": 69,
    "llama.cpp vulkan on amd": 71,
    "llama.cpp vulkan on amd_rdna": 2,
    "maker intel": 2,
    "class intel_arc": 2,
    "llama.cpp vulkan on intel": 2,
    "llama.cpp vulkan on intel_arc": 2,
    "engine llama.cpp 2024": 187,
    "llama.cpp 2024 on nvidia": 171,
    "llama.cpp 2024 on nvidia_gddr": 156,
    "memory hbm": 21,
    "class nvidia_hbm": 21,
    "llama.cpp 2024 on nvidia_hbm": 15,
    "llama.cpp 2024 on apple": 32,
    "llama.cpp vulkan on amd_unified": 69,
    "llama.cpp on amd_rdna": 59,
    "engine vllm": 38,
    "vllm on nvidia": 38,
    "vllm on nvidia_gddr": 38,
    "engine mlx": 5,
    "mlx on apple": 10,
    "engine lmstudio": 1,
    "lmstudio on apple": 2,
    "engine llamafile": 242,
    "llamafile on nvidia": 143,
    "llamafile on nvidia_gddr": 137,
    "llamafile on apple": 176,
    "llamafile on nvidia_hbm": 6,
    "maker cpu": 3,
    "class cpu": 3,
    "llamafile on cpu": 6,
    "llamafile on amd": 8,
    "llamafile on amd_rdna": 8,
    "class jetson": 11,
    "engine edge-llm": 11,
    "edge-llm on nvidia": 11,
    "edge-llm on jetson": 11,
}

PREFILL = PrefillModel(
    common=(-0.97161, -0.04655, -0.04315, -0.45547),
    differences={
        "class amd_rdna": 0.12955,
        "class amd_unified": -0.12059,
        "class apple": 0.24436,
        "class intel_arc": -0.31183,
        "class nvidia_gddr": 0.13859,
        "class nvidia_hbm": -0.05142,
        "class nvidia_unified": -0.03794,
        "engine llama.cpp": 0.04918,
        "engine llama.cpp 2024": 0.11578,
        "engine llama.cpp vulkan": -0.17424,
        "has int8": 0.826,
        "llama.cpp 2024 on apple": 0.17861,
        "llama.cpp 2024 on nvidia": -0.06283,
        "llama.cpp 2024 on nvidia_gddr": -0.01141,
        "llama.cpp 2024 on nvidia_hbm": -0.05142,
        "llama.cpp on amd": -0.05357,
        "llama.cpp on amd_rdna": -0.13565,
        "llama.cpp on amd_unified": 0.08209,
        "llama.cpp on apple": 0.06575,
        "llama.cpp on nvidia": 0.037,
        "llama.cpp on nvidia_gddr": 0.07493,
        "llama.cpp on nvidia_unified": -0.03794,
        "llama.cpp vulkan on amd": 0.06252,
        "llama.cpp vulkan on amd_rdna": 0.2652,
        "llama.cpp vulkan on amd_unified": -0.20268,
        "llama.cpp vulkan on intel": -0.31183,
        "llama.cpp vulkan on intel_arc": -0.31183,
        "llama.cpp vulkan on nvidia": 0.07506,
        "llama.cpp vulkan on nvidia_gddr": 0.07506,
        "maker amd": 0.00896,
        "maker apple": 0.24436,
        "maker intel": -0.31183,
        "maker nvidia": 0.04923,
        "memory gddr": -0.04369,
        "memory hbm": -0.05142,
        "memory shared": 0.08583,
    },
)

PREFILL_SPAN = (0.38276, 0.34739)

PREFILL_ROWS = 311

#: By `serving.DENSE_FEATURES`.
DENSE_STEPS = (0.93544, 1.18208, 1.14344, 0.70312, 0.29167, 64.45493)

DENSE_SPAN = (0.15874, 0.24391)

DENSE_ROWS = 567

#: By `serving.EXPERT_FEATURES`.
EXPERTS_STEPS = (0.91809, 1.57508, 19.2721, 4.09325, 0.50553, 0.5011, 0.0, 0.0, 1.24825, 0.76259, 0.0, 0.0)

EXPERTS_SPAN = (0.34046, 0.43619)

EXPERTS_ROWS = 1790

FIRST_TOKEN = FirstTokenModel(
    wait=(
        1.47932,
        0.74633,
        0.26544,
        0.11759,
        -0.15607,
        0.27411,
        0.00781,
        0.06762,
        0.18098,
        -0.12217,
        0.01187,
        0.03651,
        -0.04778,
        0.17297,
        0.17364,
    ),
    spread=(
        -1.20702,
        0.02023,
        0.08122,
        -0.03407,
        -0.04625,
        0.05206,
        -0.00685,
        0.03868,
        0.10089,
        -0.04851,
        -0.00483,
        0.02358,
        -0.05399,
        0.01498,
        0.01975,
    ),
    below=1.8774,
    above=2.3319,
)
