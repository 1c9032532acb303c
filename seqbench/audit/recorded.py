"""An audit that the catalog holds is not made again."""

from dataclasses import asdict, dataclass
from datetime import datetime

from seqbench.audit.audit import audit_opened, resolved
from seqbench.audit.settings import METHOD, AuditSettings
from seqbench.catalog import Catalog
from seqbench.catalog.audit_records import AuditRecord
from seqbench.core.progress import Reporter
from seqbench.datasets.dataset import open_dataset
from seqbench.datasets.spec import DatasetSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """An audit, and whether it was there before."""

    record: AuditRecord
    recorded_at: datetime | None
    """When it was recorded, UTC without a time zone; None where it was made now, and is not recorded yet."""


def audit_once(
    catalog: Catalog | None,
    spec: DatasetSpec,
    settings: AuditSettings,
    reporter: Reporter,
    *,
    again: bool = False,
) -> Audited:
    """Take an audit of the same files with the same settings from the catalog, or make it.

    Args:
        catalog: Where it may be; None: nowhere.
        spec: Where the data set lies.
        settings: What is compared how.
        reporter: Shows a bar, in letters.
        again: Make it in any case.

    Raises:
        DataError: As of `audit_dataset`.
        ConfigError: As of `audit_dataset`.
        CatalogError: The catalog can't be read.
    """
    dataset = open_dataset(spec, reporter=reporter)
    wanted = resolved(dataset, settings)
    known = None if catalog is None or again else catalog.known_audit(spec.name, dataset.sha256)
    if known is not None:
        record, recorded_at = known
        if record.method == METHOD and record.settings == asdict(wanted):
            return Audited(record=record, recorded_at=recorded_at)
    return Audited(record=audit_opened(dataset, wanted, reporter), recorded_at=None)
