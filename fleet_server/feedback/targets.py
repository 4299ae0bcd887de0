"""What each published version predicts, remembered: a version never changes."""

from fleet_server.bundles.service import BundleService
from fleet_server.errors import NotFoundError
from fleet_server.feedback.target import Target, target_of


class Targets:
    """The targets of published versions.

    Args:
        bundles: The catalogue.
    """

    def __init__(self, bundles: BundleService) -> None:
        self._bundles = bundles
        self._known: dict[tuple[str, str], Target] = {}

    def find(self, model: str, version: str) -> Target | None:
        """Return what a version predicts; None if there is no such version."""
        place = model, version
        if place not in self._known:
            found = self._read(model, version)
            if found is None:
                return None
            self._known[place] = found
        return self._known[place]

    def knows(self, model: str) -> bool:
        """Tell whether there is such a model."""
        try:
            self._bundles.model(model)
        except NotFoundError:
            return False
        return True

    def _read(self, model: str, version: str) -> Target | None:
        try:
            variants = self._bundles.variants(model, version)
        except NotFoundError:
            return None
        # the first that was published: a variant that comes later must not move the pivot of sums
        first = min(variants, key=lambda row: (row.published_ms, row.sha256))
        manifest, baseline = self._bundles.manifest(first.sha256), self._bundles.baseline(first.baseline_sha256)
        return target_of(manifest, baseline) if manifest is not None and baseline is not None else None
