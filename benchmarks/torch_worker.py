"""Model G in torch, in a process and an environment of its own; ``benchmarks.peers.torch`` speaks with it.

One line in, one line out, for each of::

    prepare BATCHES.npy         float32 (n_batches, n_rows, 6, 128)
    run CALLS                   answers the processor's seconds
    score ROWS.npy SCORES.npy   float32 (n_rows, 6, 128) in, (n_rows, 4) out
"""

import sys
from pathlib import Path

import numpy as np
import torch

from benchmarks.timing import Stretch, stopwatch


def network(weights: Path) -> torch.nn.Module:
    """Build the module that ``benchmarks.convolution`` draws."""
    given = {name: torch.from_numpy(value) for name, value in np.load(weights).items()}
    layers: list[torch.nn.Module] = []
    for index in ("0", "4"):
        filters, channels, width = given[f"{index}.weight"].shape
        layers += [
            torch.nn.Conv1d(channels, filters, width, padding=width // 2),
            torch.nn.BatchNorm1d(filters),
            torch.nn.ReLU(),
            torch.nn.MaxPool1d(2),
        ]
    classes, features = given["10.weight"].shape
    layers += [torch.nn.AdaptiveAvgPool1d(1), torch.nn.Flatten(), torch.nn.Linear(features, classes)]
    module = torch.nn.Sequential(*layers, torch.nn.Softmax(dim=1))
    module.load_state_dict(given, strict=False)  # batch norm counts its training steps too
    return module.eval()


def main() -> None:
    """Answer the lines of standard input."""
    torch.set_num_threads(1)
    module = network(Path(sys.argv[1]))
    stretch: Stretch | None = None
    with torch.inference_mode():
        for line in sys.stdin:
            command, *arguments = line.split()
            answer = "done"
            if command == "prepare":
                stretch = stopwatch(module, [torch.from_numpy(batch) for batch in np.load(arguments[0])])
            elif command == "run" and stretch is not None:
                answer = repr(stretch(int(arguments[0])))
            elif command == "score":
                np.save(arguments[1], module(torch.from_numpy(np.load(arguments[0]))).numpy())
            print(answer, flush=True)


if __name__ == "__main__":
    main()
