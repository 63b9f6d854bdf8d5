"""Datasets: upload, find, look into, download, derive, withdraw."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from nnp_client import downloads
from nnp_client.calls import base
from nnp_client.wire import datasets as wire
from nnp_client.wire import frames as wire_frames
from nnp_client.wire import versions as wire_versions


class DatasetCalls(base.Calls):
    """The calls under /v1/datasets."""

    def upload(
        self,
        path: Path | str,
        *,
        name: str,
        progress: Callable[[int, int], None] | None = None,
        **options: Any,
    ) -> wire.Upload:
        """Upload a file of labelled structures; the service reads it in a job.

        Args:
            path: The file; its name tells the format unless `format` is given.
            name: Name of the dataset.
            progress: Called with bytes sent and bytes in all.
            options: Further fields of `wire.datasets.UploadOptions`: energy_key, method, on_error, test_fraction, ...

        Returns:
            The job and the dataset version that it will fill.

        Raises:
            OSError: The file cannot be read.
            pydantic.ValidationError: An option has no possible value.
            ClientError: See `nnp_client.errors`.
        """
        path = Path(path)
        asked = wire.UploadOptions(name=name, **{"filename": path.name, **options})
        size = path.stat().st_size
        return base.parse(
            wire.Upload,
            self._transport.upload(
                "/v1/datasets",
                _pieces(path, size, progress),
                params=asked.model_dump(mode="json"),
                headers={"Content-Type": "application/octet-stream", "Content-Length": str(size)},
            ),
        )

    def datasets(self, *, elements: Sequence[str] = (), text: str = "") -> list[wire.DatasetOut]:
        """Datasets whose newest version has all `elements`, with `text` in the name."""
        params = {"element": list(elements) or None, "text": text or None}
        return list(self._pages(wire.DatasetOut, "/v1/datasets", params))

    def dataset(self, name: str) -> wire.DatasetOut:
        """A dataset with its newest version."""
        return base.parse(wire.DatasetOut, self._transport.request("GET", f"/v1/datasets/{name}"))

    def dataset_version(self, reference: str) -> wire.DatasetVersionOut:
        """A dataset version such as "si-pbe:2"."""
        return base.parse(wire.DatasetVersionOut, self._transport.request("GET", base.dataset_path(reference)))

    def frames(self, reference: str, **filters: Any) -> Iterator[wire_frames.FrameOut]:
        """Frames of a dataset version, without arrays; filters as the query parameters in docs/api.md."""
        return self._pages(wire_frames.FrameOut, base.dataset_path(reference) + "/frames", filters)

    def download_dataset(self, reference: str, target: Path | str, **filters: Any) -> Path:
        """Write a dataset version, or the frames that pass the filters, as extended XYZ."""
        return downloads.to_file(
            self._transport, base.dataset_path(reference) + "/extxyz", Path(target), params=filters
        )

    def exclude(
        self, reference: str, *, positions: Iterable[int] = (), groups: Iterable[str] = (), note: str = ""
    ) -> wire.DatasetVersionOut:
        """Make a new dataset version without some frames."""
        body = {"positions": list(positions), "groups": list(groups), "note": note}
        made = self._transport.request("POST", base.dataset_path(reference) + "/exclude", body=body)
        return base.parse(wire.DatasetVersionOut, made)

    def compare(self, before: str, after: str) -> wire.Comparison:
        """What changed from one dataset version to another."""
        found = self._transport.request("GET", base.dataset_path(before) + "/compare", params={"after": after})
        return base.parse(wire.Comparison, found)

    def withdraw_dataset(self, reference: str, *, reason: str) -> wire.DatasetVersionOut:
        """Withdraw a dataset version."""
        done = self._transport.request("POST", base.dataset_path(reference) + "/withdraw", body={"reason": reason})
        return base.parse(wire.DatasetVersionOut, done)

    def dataset_lineage(self, reference: str) -> wire_versions.Lineage:
        """Where a dataset version comes from, and what came of it."""
        found = self._transport.request("GET", base.dataset_path(reference) + "/lineage")
        return base.parse(wire_versions.Lineage, found)

    def delete_dataset(self, reference: str, *, dry_run: bool = True) -> wire_versions.Deletion:
        """Delete a dataset version that nothing descends from; a dry run only says what would go."""
        params = {"dry_run": str(dry_run).lower()}
        done = self._transport.request("DELETE", base.dataset_path(reference), params=params)
        return base.parse(wire_versions.Deletion, done)


def _pieces(path: Path, size: int, progress: Callable[[int, int], None] | None) -> Iterator[bytes]:
    sent = 0
    with path.open("rb") as file:
        while piece := file.read(2**18):
            yield piece
            sent += len(piece)
            if progress is not None:
                progress(sent, size)
