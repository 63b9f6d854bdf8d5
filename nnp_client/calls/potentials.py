"""Potentials: import, find, look at, download, promote, withdraw, delete."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnp_client import downloads, foreign_files
from nnp_client.calls import base
from nnp_client.wire import imports, jobs
from nnp_client.wire import potentials as wire
from nnp_client.wire import versions as wire_versions


class PotentialCalls(base.Calls):
    """The calls under /v1/potentials."""

    def import_potential(self, source: Path | str, *, name: str, **options: Any) -> jobs.JobOut:
        """Import a potential of n2p2, RuNNer or SIMPLE-NN; the service reads it in a job.

        Args:
            source: The folder with input.nn, scaling.data and weights.*.data, or with potential_saved; or that file.
            name: Name of the potential.
            options: Further fields of `wire.imports.ImportOptions`: units, replicas_from, authors, ...

        Returns:
            The job; its result names the version.

        Raises:
            OSError: A file cannot be read.
            ValueError: The folder has no file of a potential, or an option has no possible value.
            ClientError: See `nnp_client.errors`.
        """
        source = Path(source)
        asked = imports.ImportOptions(name=name, **{"filename": f"{source.resolve().name}.tar", **options})
        archive = foreign_files.pack(source)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(archive))}
        params = asked.model_dump(mode="json")
        return base.parse(
            jobs.JobOut, self._transport.upload("/v1/potentials", [archive], params=params, headers=headers)
        )

    def potentials(self, *, elements: Sequence[str] = (), text: str = "") -> list[wire.PotentialOut]:
        """Potentials with a version that covers all `elements`, with `text` in the name."""
        params = {"element": list(elements) or None, "text": text or None}
        found = self._transport.request("GET", "/v1/potentials", params=params)
        return [base.parse(wire.PotentialOut, item) for item in found]

    def potential(self, name: str) -> wire.PotentialOut:
        """A potential with its aliases."""
        return base.parse(wire.PotentialOut, self._transport.request("GET", f"/v1/potentials/{name}"))

    def potential_versions(self, name: str) -> list[wire.PotentialVersionOut]:
        """The versions of a potential, newest first."""
        found = self._transport.request("GET", f"/v1/potentials/{name}/versions")
        return [base.parse(wire.PotentialVersionOut, item) for item in found]

    def potential_version(self, reference: str) -> wire.PotentialVersionOut:
        """The version that "Si:3" or "Si@production" names."""
        found = self._transport.request("GET", "/v1/resolve", params={"reference": reference})
        return base.parse(wire.PotentialVersionOut, found)

    def card(self, reference: str) -> wire.Card:
        """What a user should know before using a version."""
        path = base.version_path(self.potential_version(reference).reference)
        return base.parse(wire.Card, self._transport.request("GET", path + "/card"))

    def lineage(self, reference: str) -> wire_versions.Lineage:
        """Where a version comes from."""
        path = base.version_path(self.potential_version(reference).reference)
        return base.parse(wire_versions.Lineage, self._transport.request("GET", path + "/lineage"))

    def onnx(self, reference: str, *, dtype: str = "float32") -> bytes:
        """The ONNX file of a version, verified by its SHA-256 and kept in the cache folder."""
        version = self.potential_version(reference)
        return downloads.onnx(self._transport, version, dtype)

    def promote(
        self,
        name: str,
        version: int,
        *,
        alias: str = "production",
        expected: int | None,
        accept_limits: Sequence[str] = (),
        reason: str = "",
    ) -> wire.AliasOut:
        """Point an alias at a version.

        Args:
            name: The potential.
            version: Number of the version.
            alias: The alias.
            expected: The number it points at now, as you saw it; None if there is no such alias.
            accept_limits: Codes of the version's limits that you can live with.
            reason: Why.

        Raises:
            ConflictError: The gates do not allow it, a limit is not accepted, or somebody moved the alias.
            ClientError: See `nnp_client.errors`.
        """
        body = {"version": version, "expected": expected, "accept_limits": list(accept_limits), "reason": reason}
        moved = self._transport.request("PUT", f"/v1/potentials/{name}/aliases/{alias}", body=body)
        return base.parse(wire.AliasOut, moved)

    def alias_history(self, name: str, alias: str = "production") -> list[wire.AliasMove]:
        """The moves of an alias, newest first."""
        found = self._transport.request("GET", f"/v1/potentials/{name}/aliases/{alias}/history")
        return [base.parse(wire.AliasMove, item) for item in found]

    def withdraw(self, reference: str, *, reason: str) -> wire.PotentialVersionOut:
        """Withdraw a potential version."""
        done = self._transport.request("POST", base.version_path(reference) + "/withdraw", body={"reason": reason})
        return base.parse(wire.PotentialVersionOut, done)

    def delete(self, reference: str, *, dry_run: bool = True) -> wire_versions.Deletion:
        """Delete a potential version that was never promoted; a dry run only says what would go."""
        params = {"dry_run": str(dry_run).lower()}
        done = self._transport.request("DELETE", base.version_path(reference), params=params)
        return base.parse(wire_versions.Deletion, done)
