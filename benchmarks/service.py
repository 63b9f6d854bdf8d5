"""What the way over HTTP costs: the server on one core, the client on another, 1000 Si atoms.

`overhead_ms_p50`: a MessagePack request of 1000 atoms from call to Prediction, less the time that the service spent
evaluating the potential (p50). `md_ratio`: a step of ASE molecular dynamics with the remote calculator over the same
step with `local=True`, measured in turns. Potential: 8 radial and 24 wide angular functions, committee of 4
(32-20-20-1), cutoff 6.0 Å, float32, one thread.
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conditions import conditions

sys.path.remove(str(Path(__file__).resolve().parent))  # this file is called like the package that it measures

import ase.build
import torch
from ase import Atoms, units
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet

from models_store import database
from models_store.home import Home
from nnp.core.label import Frame
from nnp.core.structure import Structure
from nnp.learn import angular, export, network, potential, radial, symmetry_functions
from nnp_client.calculator import NNPCalculator
from nnp_client.client import Client
from service import testing
from service.parts import close_parts, open_parts
from service.settings import Settings

PROPERTIES = ("energy", "forces", "stress")
CUTOFF = 6.0
START_SECONDS = 60.0


def silicon() -> Atoms:
    """1000 atoms, a = 5.431 Å, rattled by 0.1 Å."""
    atoms = ase.build.bulk("Si", "diamond", a=5.431, cubic=True) * (5, 5, 5)
    atoms.rattle(0.1, seed=0)
    return atoms


def onnx_file() -> bytes:
    """The potential of the measurement, with random weights."""
    etas = [0.01 * 1.7**index for index in range(8)]
    functions = symmetry_functions.SymmetryFunctions(
        elements=("Si",),
        cutoff=CUTOFF,
        radial=tuple(radial.Radial(eta=eta, shift=0.0) for eta in etas),
        angular=angular.WideAngular(channels=tuple(radial.Radial(eta=eta, shift=0.0) for eta in etas[:4])),
    )
    generator = torch.Generator().manual_seed(0)
    heads = [
        potential.Head([network.Network.random(functions.size, (32, 20, 20), generator=generator)]) for _ in range(4)
    ]
    scale = torch.full((1, functions.size), 0.05)
    made = potential.Potential(symmetry_functions=functions, shift=torch.zeros_like(scale), scale=scale, members=heads)
    return export.to_onnx(made, export.describe(made, "float32", name="benchmark"))


@contextlib.contextmanager
def server(home: Path, core: int) -> Iterator[str]:
    """The service as a process of its own on one core; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["-m", "uvicorn", "service.main:app", "--port", str(port), "--no-access-log", "--log-level", "warning"]
    environment = {**os.environ, "NNPD_HOME": str(home), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, *arguments], env=environment)
    os.sched_setaffinity(process.pid, {core})
    url = f"http://127.0.0.1:{port}"
    try:
        with Client(url, patience_seconds=START_SECONDS) as client:
            client.health()
        yield url
    finally:
        process.terminate()
        process.wait(30)


def request_overhead(client: Client, atoms: Atoms, repeats: int) -> tuple[float, float]:
    """Medians in ms: of a request less the evaluation, and of the evaluation."""
    overheads, evaluations = [], []
    for index in range(repeats + 10):
        begin = time.perf_counter()
        _, used = client.predict_with_version(atoms, potential="benchmark:1", properties=PROPERTIES, deterministic=True)
        elapsed = time.perf_counter() - begin
        assert used.model_seconds is not None
        if index >= 10:  # the first ones fill caches
            overheads.append(elapsed - used.model_seconds)
            evaluations.append(used.model_seconds)
    return 1000 * statistics.median(overheads), 1000 * statistics.median(evaluations)


def dynamics(client: Client, *, local: bool) -> VelocityVerlet:
    """Molecular dynamics at 300 K, ready to step."""
    atoms = silicon()
    atoms.calc = NNPCalculator("benchmark:1", client=client, local=local, properties=PROPERTIES, threads=1)
    thermalize_momenta(atoms, 300.0)
    steps = VelocityVerlet(atoms, 0.5 * units.fs)
    steps.run(5)
    return steps


def step_times(client: Client, repeats: int) -> tuple[float, float]:
    """Medians in ms of a step in process and of a remote one, taken in turns so that both see the same machine."""
    inside, outside = dynamics(client, local=True), dynamics(client, local=False)
    times: dict[int, list[float]] = {id(inside): [], id(outside): []}
    for _ in range(repeats):
        for steps in (inside, outside):
            begin = time.perf_counter()
            steps.run(1)
            times[id(steps)].append(time.perf_counter() - begin)
    return 1000 * statistics.median(times[id(inside)]), 1000 * statistics.median(times[id(outside)])


def measure(repeats: int) -> dict[str, float]:
    """All figures."""
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        home = Home.at(Path(folder) / "home").create()
        database.migrate(home.database_url)
        parts = open_parts(Settings(home=home.path))
        testing.register(parts, "benchmark", {"float32": onnx_file()})
        close_parts(parts)
        with server(home.path, cores[-1]) as url, Client(url) as client:
            os.sched_setaffinity(0, {cores[0]})
            overhead, evaluation = request_overhead(client, silicon(), repeats)
            inside, outside = step_times(client, repeats)
            os.sched_setaffinity(0, cores)
    return {
        "atoms": 1000,
        "overhead_ms_p50": round(overhead, 3),
        "model_ms_p50": round(evaluation, 3),
        "md_step_ms_in_process": round(inside, 3),
        "md_step_ms_remote": round(outside, 3),
        "md_ratio": round(outside / inside, 4),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--repeats", type=int, default=200, help="requests and steps of each kind")
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, Any] = measure(options.repeats)
    structures = [Frame(structure=Structure.from_atoms(silicon()))]
    seeds = {"rattle": 0, "weights": 0}
    figures["conditions"] = conditions(split=[structures], seeds=seeds, repeats=options.repeats)
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:24} {value}")


if __name__ == "__main__":
    main()
