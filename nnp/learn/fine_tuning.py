"""Reference energies of a parent potential moved to labels of another method."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from nnp.core.label import Frame, Label
from nnp.learn import batches, portions, reference_energies, stacks, weights


def references(parent: weights.Weights, frames: Sequence[Frame]) -> reference_energies.ReferenceEnergies:
    """The parent's reference energies plus the change per element that best explains what the labels differ by.

    Two methods differ mostly by a constant per atom and element; the networks keep what the parent knows of the rest.
    Where the compositions leave a direction free, the parent's value stays along it.

    Args:
        parent: definition and members.
        frames: labelled frames to train on, minus the parent's baseline.
    """
    known = parent.definition.references
    elements = tuple(sorted({symbol for frame in frames for symbol in frame.structure.elements}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        change = reference_energies.fit(list(_differences(parent, frames)), elements)
    moved = {element: value + change.energies.get(element, 0.0) for element, value in known.energies.items()}
    return replace(known, energies=moved)


def _differences(parent: weights.Weights, frames: Sequence[Frame]) -> Iterator[Frame]:
    """The frames with what the parent does not explain as their energies."""
    definition = parent.definition
    members = weights.members_of(parent)
    for part in portions.portions([frame for frame in frames if frame.label is not None]):
        batch = batches.prepare(
            part,
            [range(len(part))],
            functions=definition.functions,
            scaled=definition.scaled,
            references=definition.references,
            unit=definition.unit,
            weigh=lambda _: 1.0,
            weigh_atoms=lambda frame: frame.structure.numbers * 0.0,
            room=0,
        )[0]
        with torch.no_grad():
            atomic = stacks.evaluate(members, batch, slopes=False)[0].mean(0)
        total = torch.zeros(len(part)).index_add(0, batch.structure, atomic)
        for frame, network, labelled, atoms in zip(part, total, batch.energies, batch.atoms, strict=True):
            assert frame.label is not None
            energy = float(labelled * atoms - network) * definition.unit
            yield replace(frame, label=Label(energy=energy))
