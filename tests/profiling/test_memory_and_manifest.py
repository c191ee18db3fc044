import gc
import platform

import numpy as np
import psutil
import pytest
import torch

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.profiling import peak_memory, read_manifest, resolve_device

MIB = 1024**2


def test_the_peak_is_that_of_the_block_alone():
    resident = psutil.Process().memory_info().rss
    with peak_memory("cpu") as large:
        block = np.ones(200 * MIB, np.uint8)
        del block
    gc.collect()
    with peak_memory("cpu") as small:
        pass
    assert large.rss == pytest.approx(resident + 200 * MIB, abs=30 * MIB)
    assert small.rss < large.rss - 150 * MIB
    assert large.vram is None
    assert large.reasons["peak_vram"] == large.reasons["process_vram"] == "no CUDA device"


def test_an_error_inside_leaves_the_figures():
    with pytest.raises(KeyError), peak_memory("cpu") as peak:
        raise KeyError
    assert peak.rss > 0


@pytest.mark.parametrize("asked", ["gpu", "cuda:x", "tpu", ""])
def test_a_device_that_is_none_is_refused(asked):
    with pytest.raises(ValidationError):
        resolve_device(asked)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_machine_without_a_gpu_says_so():
    assert resolve_device("auto") in {"cpu", "mps"}
    with pytest.raises(ValidationError, match="no device cuda:1"):
        resolve_device("cuda:1")


def test_the_manifest_is_of_this_machine():
    manifest = read_manifest("cpu", "fp32")
    assert manifest.packages["torch"] == torch.__version__
    assert manifest.packages["numpy"] == np.__version__
    assert manifest.python == platform.python_version()
    assert manifest.memory_gb == pytest.approx(psutil.virtual_memory().total / 1024**3, abs=0.01)
    assert manifest.threads == torch.get_num_threads()
    assert manifest == read_manifest("cpu", "fp32")
    assert manifest.id != read_manifest("cpu", "bf16").id
