"""Train everything that is built in, in order: ``python -m training.build [stage ...]``.

Every stage has a budget of training seconds, resumes from its checkpoint under ``.train/`` and can be named alone.
Since the budgets are wall-clock time, another machine or load gives other weights; the seeds fix the data and the
initial weights only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from training import (
    autoencoder,
    contact_sheet,
    decoder,
    denoiser,
    dual_encoder,
    evaluate,
    ladder,
    package,
    text_encoder,
    video_net,
)

STAGES: dict[str, Callable[[], object]] = {
    "text-encoder": lambda: text_encoder.train(120),
    "autoencoder": lambda: autoencoder.train(1200, lr=1.5e-3),
    "shapes-base": lambda: denoiser.train("shapes-base", 2900, lr=4e-3),
    "shapes-small": lambda: denoiser.train("shapes-small", 240, lr=6e-3),
    "decoder": lambda: decoder.train(1500, lr=1.2e-3),
    "package": lambda: [package.package(name) for name in denoiser.SIZES],
    "video-net": lambda: video_net.train(800, lr=3e-3),
    "dual-encoder": lambda: dual_encoder.train(100, lr=2e-3, pool=4800),
    "evaluate": lambda: evaluate.main([]),
    "ladder": lambda: ladder.main(256),
    "contact-sheet": contact_sheet.main,
}


def main() -> None:
    for name in sys.argv[1:] or STAGES:
        print(f"== {name}", flush=True)
        STAGES[name]()


if __name__ == "__main__":
    main()
