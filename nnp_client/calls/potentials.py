"""Potentials: find, look at, download, promote, withdraw, delete."""

from collections.abc import Sequence

from nnp_client import downloads
from nnp_client.calls import base
from nnp_client.wire import potentials as wire
from nnp_client.wire import versions as wire_versions


class PotentialCalls(base.Calls):
    """The calls under /v1/potentials."""

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
        self, name: str, version: int, *, alias: str = "production", expected: int | None, reason: str = ""
    ) -> wire.AliasOut:
        """Point an alias at a version.

        Args:
            name: The potential.
            version: Number of the version.
            alias: The alias.
            expected: The number it points at now, as you saw it; None if there is no such alias.
            reason: Why.

        Raises:
            ConflictError: The gates do not allow it, or somebody moved the alias.
            ClientError: See `nnp_client.errors`.
        """
        body = {"version": version, "expected": expected, "reason": reason}
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
