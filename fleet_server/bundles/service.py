"""Models, their versions, and what the server reads out of a bundle."""

import threading
from collections.abc import Sequence
from operator import eq
from pathlib import Path

from sqlmodel import col, or_, select

from device_contract.baseline import Baseline, decode_baseline
from device_contract.bundle import Bundle
from device_contract.canonical import canonical_json
from device_contract.manifest import Manifest, decode_manifest
from device_contract.names import is_name
from fleet_server.audit.service import AuditService
from fleet_server.bundles.store import BundleStore
from fleet_server.bundles.tables import BaselineRow, BundleRow, ModelRow
from fleet_server.bundles.verification import bundle_path, check_signature, open_bundle, parse_keys
from fleet_server.clock import Clock
from fleet_server.db import Database, bounds, existing
from fleet_server.errors import ConflictError, InvalidRequestError, NotFoundError
from fleet_server.trust.repository import Repository
from fleet_server.trust.roles import Release


class BundleService:
    """The catalogue of models.

    Args:
        database: Where it is kept.
        store: Where the bundles are.
        repository: Makes a bundle known to the devices.
        audit: Is told of every change.
        clock: Gives the present.
    """

    def __init__(
        self, database: Database, store: BundleStore, repository: Repository, audit: AuditService, clock: Clock
    ) -> None:
        self._database = database
        self._store = store
        self._repository = repository
        self._audit = audit
        self._clock = clock
        self._publishing = threading.Lock()
        self._baselines: dict[str, Baseline] = {}
        self._origins: dict[str, tuple[str, str, str]] = {}

    def create_model(self, actor: str, name: str, public_keys: Sequence[str], threshold: int) -> ModelRow:
        """Allow the holders of these keys to release versions of a new model.

        Raises:
            InvalidRequestError: The name, a key or the threshold is not allowed.
            ConflictError: The model exists.
        """
        keys = parse_keys(public_keys)
        if not is_name(name) or name == "fleet":
            raise InvalidRequestError(f"model name {name[:80]!r}: use a-z, 0-9 and . _ -, at most 64; 'fleet' is taken")
        if len(set(public_keys)) != len(keys) or not 1 <= threshold <= len(keys):
            raise InvalidRequestError(f"threshold {threshold} does not fit {len(set(public_keys))} different keys")
        row = ModelRow(
            name=name,
            public_keys=[key.public_bytes_raw().hex() for key in keys],
            threshold=threshold,
            created_ms=self._clock(),
        )
        with self._publishing, self._database.session() as session:
            if session.get(ModelRow, name) is not None:
                raise ConflictError(f"model {name!r} exists", code="model_exists")
            self._repository.add_model(name, keys, threshold)
            session.add(row)
            self._audit.record(session, actor, "model.create", name, public_keys=row.public_keys, threshold=threshold)
        return row

    def models(self, *, limit: int, after: str | None = None) -> Sequence[ModelRow]:
        """Return models in order of name."""
        query = select(ModelRow).order_by(col(ModelRow.name)).where(col(ModelRow.name) > (after or ""))
        with self._database.reading() as session:
            return session.exec(query.limit(limit)).all()

    def model(self, name: str) -> ModelRow:
        """Return a model.

        Raises:
            NotFoundError: There is no such model.
        """
        with self._database.reading() as session:
            return existing(session, ModelRow, name, "model")

    def check(self, model: str, version: str | None) -> None:
        """See that a model, or one of its versions, is there: a wrong name shall not look like an empty answer.

        Raises:
            NotFoundError: It is not.
        """
        if version is None:
            self.model(model)
        else:
            self.variants(model, version)

    def role(self, model: str) -> bytes:
        """Return the model's TUF role as CI last signed it.

        Raises:
            NotFoundError: There is no such model, or it has no release yet.
        """
        self.model(model)
        data = self._repository.role(model)
        if data is None:
            raise NotFoundError(f"model {model!r} has no release yet", code="no_release")
        return data

    def add_version(
        self, actor: str, model: str, path: Path, *, signature: bytes, role: bytes
    ) -> tuple[BundleRow, bool]:
        """Verify an uploaded bundle, store it, and make it known to the devices.

        Args:
            actor: For the audit log.
            model: The model that it must be of.
            path: The uploaded file.
            signature: DSSE envelope by one of the model's keys.
            role: The model's TUF role that lists the bundle, signed by CI.

        Returns:
            The version, and whether it is new; the same bytes again are not.

        Raises:
            NotFoundError: There is no such model.
            InvalidRequestError: The bundle, its signature or the role is refused.
            ConflictError: The version exists with other bytes.
        """
        keys = parse_keys(self.model(model).public_keys)
        bundle = open_bundle(path, model)
        check_signature(bundle, signature, keys)
        release = Release(bundle_path(bundle), bundle.sha256, bundle.size_bytes, bundle.manifest.profile)
        with self._publishing:
            held = self._held(release.target_path)
            if held is not None and held.sha256 != bundle.sha256:
                raise ConflictError(
                    f"{held.target_path} is published with other bytes ({held.sha256[:12]}); give it a new version",
                    code="version_exists",
                )
            # Should this stop half way, the role does not list the bundle yet: CI publishes again, and it is completed.
            row = held or self._insert(actor, bundle, self._repository.check(role, release), signature)
            self._store.add(path, bundle.sha256)
            self._repository.publish(role, release)
        return row, held is None

    def versions(self, model: str, *, limit: int, after: tuple[int, str] | None = None) -> Sequence[BundleRow]:
        """Return a model's bundles in the order of their release, the newest first.

        Args:
            model: The model.
            limit: Most rows.
            after: Release counter and digest of the last row of the page before.

        Raises:
            NotFoundError: There is no such model.
        """
        query = select(BundleRow).where(BundleRow.model == model)
        if after is not None:
            counter, sha256 = after
            same = (col(BundleRow.release_counter) == counter) & (col(BundleRow.sha256) > sha256)
            query = query.where(or_(col(BundleRow.release_counter) < counter, same))
        query = query.order_by(col(BundleRow.release_counter).desc(), col(BundleRow.sha256)).limit(limit)
        with self._database.reading() as session:
            existing(session, ModelRow, model, "model")
            return session.exec(query).all()

    def variants(self, model: str, version: str) -> Sequence[BundleRow]:
        """Return the bundles of one version: at most one for each profile, and a portable one.

        Raises:
            NotFoundError: There is no such version.
        """
        query = select(BundleRow).where(BundleRow.model == model, BundleRow.version == version)
        with self._database.reading() as session:
            rows = session.exec(query.order_by(col(BundleRow.target_path))).all()
        if not rows:
            raise NotFoundError(f"no version {version[:80]!r} of model {model[:80]!r}")
        return rows

    def bundle(self, sha256: str) -> BundleRow | None:
        """Return a bundle by its digest."""
        with self._database.reading() as session:
            return session.get(BundleRow, sha256)

    def manifest(self, sha256: str) -> Manifest | None:
        """Return the manifest of a bundle."""
        row = self.bundle(sha256)
        return decode_manifest(row.manifest) if row is not None else None

    def schema(self, model: str, version: str) -> Manifest:
        """Return a manifest of a version: its bundles share their features and outputs.

        Raises:
            NotFoundError: There is no such version.
        """
        return decode_manifest(self.variants(model, version)[0].manifest)

    def origin(self, sha256: str) -> tuple[str, str, str] | None:
        """Return model, version and baseline's digest of a bundle; remembered, since every report names one."""
        if sha256 not in self._origins:
            row = self.bundle(sha256)
            if row is None:
                return None
            self._origins[sha256] = (row.model, row.version, row.baseline_sha256)
        return self._origins[sha256]

    def baseline(self, sha256: str) -> Baseline | None:
        """Return a baseline by its own digest; remembered, since every report needs one."""
        if sha256 not in self._baselines:
            with self._database.reading() as session:
                row = session.get(BaselineRow, sha256)
            if row is None:
                return None
            self._baselines[sha256] = decode_baseline(row.data)
        return self._baselines[sha256]

    def streams(self, model: str | None) -> set[str]:
        """Return the names of the features and outputs of a model's versions; None: of every model's."""
        query = select(BundleRow.baseline_sha256).where(*bounds((BundleRow.model, eq, model))).distinct()
        with self._database.reading() as session:
            digests = session.exec(query).all()
        baselines = map(self.baseline, digests)
        return {stream.name for baseline in baselines if baseline is not None for stream in baseline.streams}

    def file(self, sha256: str) -> Path:
        """Return the file of a bundle.

        Raises:
            NotFoundError: The bundle is not in the store.
            UnavailableError: It is corrupt on disk.
        """
        return self._store.open_path(sha256)

    def target_file(self, path: str) -> Path:
        """Return the file of a target by the path that TUF clients ask for, with the hash in its name.

        Raises:
            NotFoundError: There is no such target.
            UnavailableError: The bundle is corrupt on disk.
        """
        small = self._repository.fleet_target_file(path)
        if small is not None:
            return small
        folder, _, name = path.rpartition("/")
        sha256, _, stem = name.partition(".")
        row = self.bundle(sha256)
        if row is None or row.target_path != f"{folder}/{stem}":
            raise NotFoundError(f"no target {path[:200]!r}")
        return self._store.open_path(sha256)

    def _held(self, path: str) -> BundleRow | None:
        with self._database.reading() as session:
            return session.exec(select(BundleRow).where(BundleRow.target_path == path)).first()

    def _insert(self, actor: str, bundle: Bundle, counter: int, signature: bytes) -> BundleRow:
        manifest = bundle.manifest
        row = BundleRow(
            sha256=bundle.sha256,
            model=manifest.model,
            version=manifest.version,
            profile=manifest.profile,
            target_path=bundle_path(bundle),
            size_bytes=bundle.size_bytes,
            release_counter=counter,
            baseline_sha256=manifest.baseline.sha256,
            manifest=canonical_json(manifest),
            signature=signature,
            published_ms=self._clock(),
            published_by=actor,
        )
        with self._database.session() as session:
            if session.get(BaselineRow, row.baseline_sha256) is None:
                data = bytes(bundle.files[manifest.baseline.path])
                session.add(BaselineRow(sha256=row.baseline_sha256, data=data))
                session.flush()
            session.add(row)
            self._audit.record(session, actor, "bundle.publish", row.target_path, sha256=row.sha256)
        return row
